//! Sessions on a WebSocket.

use bytes::Bytes;

use super::harness::{Harness, Received};
use crate::engine::{CloseReason, Frame, Session, Transport};

fn open() -> Harness {
    Harness::open(Transport::WebSocket)
}

#[test]
fn the_open_packet_offers_no_upgrade() {
    let harness = open();
    assert_eq!(
        harness.received,
        [r#"0{"sid":"an-id","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":64}"#.into()]
    );
}

#[test]
fn messages_come_in_as_they_are() {
    let mut harness = open();
    harness.frame("4héllo");
    harness.frame_binary(&[1, 2]);
    assert_eq!(
        harness.messages,
        ["héllo".into(), Received::Binary(vec![1, 2])]
    );
}

#[test]
fn malformed_packets_close() {
    for frame in ["", "abc", "7", "2", "2probe"] {
        let mut harness = open();
        harness.frame(frame);
        assert_eq!(harness.closed, Some(CloseReason::ParseError), "{frame:?}");
        assert!(harness.transport_closed);
    }
}

#[test]
fn a_client_may_close() {
    let mut harness = open();
    harness.frame("1");
    assert_eq!(harness.closed, Some(CloseReason::ClientClose));
    assert!(harness.transport_closed);
}

#[test]
fn a_lost_transport_is_the_end_but_not_closed_again() {
    let mut harness = open();
    harness.send(vec![Frame::message_text("a")]);
    harness.lose_transport();
    assert_eq!(harness.closed, Some(CloseReason::TransportClose));
    assert!(!harness.transport_closed);
    assert_eq!(harness.session.queued_bytes(), 0);
}

#[test]
fn what_is_queued_can_go_out_after_the_end() {
    let mut harness = open();
    harness.received.clear();
    harness.send(vec![Frame::message_text("last")]);
    harness.close();
    harness.send(vec![Frame::message_text("too late")]);
    assert_eq!(harness.closed, Some(CloseReason::Application("drain")));
    let control = Frame::control(Bytes::from_static(&[0x88, 0]));
    harness.session.queue(control);
    assert_eq!(harness.session.queued_bytes(), 2 + 5 + 2);
    harness.session.advance(7);
    assert_eq!(harness.session.queued_bytes(), 2);
}

#[test]
fn frames_go_out_byte_by_byte() {
    let mut harness = open();
    harness.received.clear();
    let sent = vec![
        Frame::message_text("a"),
        Frame::binary(&[0; 200]),
        Frame::text("4b"),
    ];
    harness.send(sent.clone());
    let total: usize = sent.iter().map(Frame::len).sum();
    assert_eq!(harness.session.queued_bytes(), total);
    for _ in 0..total {
        harness.write(1);
    }
    assert_eq!(harness.session.queued_bytes(), 0);
    let sent: Vec<_> = sent.iter().map(super::harness::as_received).collect();
    assert_eq!(harness.received, sent);
}

#[test]
fn an_idle_session_is_small() {
    let size = size_of::<Session>();
    assert!(size < 200, "{size} bytes");
}
