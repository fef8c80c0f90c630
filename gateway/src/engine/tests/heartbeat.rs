//! Pings, pongs, and what happens without them.

use super::harness::{Harness, packets};
use crate::engine::{CloseReason, Transport};

#[test]
fn the_session_ends_at_interval_plus_timeout() {
    for transport in [Transport::Polling, Transport::WebSocket] {
        let mut harness = Harness::open(transport);
        harness.pass(499);
        assert_eq!(harness.closed, None);
        harness.pass(1);
        assert_eq!(harness.closed, Some(CloseReason::PingTimeout));
        assert_eq!(harness.transport_closed, transport == Transport::WebSocket);
    }
}

#[test]
fn pongs_keep_it_alive_on_polling() {
    let mut harness = Harness::open(Transport::Polling);
    for _ in 0..10 {
        assert_eq!(harness.get(), None);
        harness.pass(300);
        assert_eq!(harness.answered.take(), packets("2"));
        harness.pass(199);
        harness.post("3");
    }
    assert_eq!(harness.closed, None);
}

#[test]
fn pongs_keep_it_alive_on_websocket() {
    let mut harness = Harness::open(Transport::WebSocket);
    harness.received.clear();
    for _ in 0..10 {
        harness.pass(300);
        harness.write(usize::MAX);
        assert_eq!(harness.received, ["2".into()]);
        harness.received.clear();
        harness.frame("3");
    }
    assert_eq!(harness.closed, None);
}

#[test]
fn only_a_pong_counts() {
    let mut harness = Harness::open(Transport::WebSocket);
    harness.pass(300);
    for frame in ["4hello", "6", "0"] {
        harness.frame(frame);
    }
    harness.frame_binary(&[1]);
    harness.pass(200);
    assert_eq!(harness.closed, Some(CloseReason::PingTimeout));
}

#[test]
fn a_pong_before_the_ping_counts_for_nothing() {
    let mut harness = Harness::open(Transport::WebSocket);
    harness.pass(200);
    harness.frame("3");
    harness.pass(300);
    assert_eq!(harness.closed, Some(CloseReason::PingTimeout));
}

#[test]
fn a_pending_get_hears_of_the_timeout() {
    let mut harness = Harness::open(Transport::Polling);
    harness.pass(300);
    assert_eq!(harness.get(), packets("2"));
    assert_eq!(harness.get(), None);
    harness.pass(200);
    assert_eq!(harness.answered, packets("1"));
}

#[test]
fn a_late_tick_leaves_the_client_its_time() {
    let mut harness = Harness::open(Transport::WebSocket);
    harness.now += std::time::Duration::from_millis(5_000);
    harness.tick();
    assert_eq!(harness.closed, None);
    harness.pass(199);
    harness.frame("3");
    harness.pass(299);
    assert_eq!(harness.closed, None);
}
