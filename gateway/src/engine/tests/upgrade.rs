//! From long-polling to WebSocket, and what may come in between.

use super::harness::{Harness, Received, packets, refused};
use crate::engine::{Answer, CloseReason, Frame, RequestError, Transport};

fn probing() -> Harness {
    let mut harness = Harness::open(Transport::Polling);
    assert!(harness.open_probe());
    harness
}

#[test]
fn the_probe_takes_over() {
    let mut harness = probing();
    assert_eq!(harness.get(), None);
    harness.probe("2probe");
    assert_eq!(harness.probe_received, ["3probe"]);
    assert_eq!(harness.answered, packets("6"));
    assert_eq!(harness.get(), packets("6"), "and every one after it");
    harness.send(vec![Frame::message_text("one")]);
    assert_eq!(harness.get(), packets("4one"));
    harness.send(vec![Frame::message_text("two"), Frame::binary(&[2])]);
    assert_eq!(harness.post("4up"), Answer::Ok);

    harness.received.clear();
    harness.probe("5");
    assert!(harness.websocket);
    assert_eq!(harness.session.transport(), Some(Transport::WebSocket));
    harness.write(usize::MAX);
    assert_eq!(harness.received, ["4two".into(), Received::Binary(vec![2])]);
    harness.frame("4hello");
    assert_eq!(harness.messages, ["up".into(), "hello".into()]);
}

#[test]
fn polling_goes_on_until_the_probe_is_there() {
    let mut harness = probing();
    assert_eq!(harness.get(), None);
    harness.send(vec![Frame::message_text("one")]);
    assert_eq!(harness.answered, packets("4one"));
    assert_eq!(harness.get(), None);
}

#[test]
fn anything_else_closes_the_probe_and_polling_goes_on() {
    for frames in [
        &["5"][..],
        &["4hello"],
        &["2"],
        &[""],
        &["2probe", "2probe"],
        &["2probe", "6"],
    ] {
        let mut harness = probing();
        for frame in frames {
            harness.probe(frame);
        }
        assert!(!harness.probe_open, "{frames:?}");
        assert_eq!(harness.closed, None);
        assert_eq!(harness.get(), None);
        harness.send(vec![Frame::message_text("one")]);
        assert_eq!(harness.answered, packets("4one"));
        assert!(harness.open_probe(), "it may try again");
    }
    let mut harness = probing();
    harness.probe_binary();
    assert!(!harness.probe_open);
}

#[test]
fn a_probe_has_its_time() {
    for frames in [&[][..], &["2probe"]] {
        let mut harness = probing();
        for frame in frames {
            harness.probe(frame);
        }
        for _ in 0..33 {
            harness.pass(300);
            harness.get();
            harness.post("3");
        }
        assert!(harness.probe_open);
        harness.pass(100);
        assert!(!harness.probe_open);
        assert_eq!(harness.closed, None);
    }
}

#[test]
fn a_probe_that_goes_away_leaves_the_session_alone() {
    let mut harness = probing();
    harness.probe("2probe");
    harness.close_probe();
    assert_eq!(harness.get(), None);
    assert!(harness.open_probe());
}

#[test]
fn there_is_one_probe_at_a_time_and_none_after_the_upgrade() {
    let mut harness = probing();
    assert!(!harness.open_probe());
    harness.probe("2probe");
    harness.probe("5");
    assert!(!harness.open_probe());
    harness.frame("4hello");
    assert_eq!(harness.messages, ["hello".into()]);
}

#[test]
fn an_upgraded_session_refuses_http() {
    let mut harness = Harness::upgraded();
    assert_eq!(harness.get(), refused(RequestError::BadRequest));
    assert_eq!(harness.post("4a"), Answer::Error(RequestError::BadRequest));
    harness.abort_get();
    harness.abort_post();
    assert_eq!(harness.closed, None);
    assert!(harness.messages.is_empty());
}

#[test]
fn the_end_of_the_session_closes_the_probe() {
    let mut harness = probing();
    harness.post("1");
    assert_eq!(harness.closed, Some(CloseReason::ClientClose));
    assert!(!harness.probe_open);
}

#[test]
fn a_server_close_reaches_a_client_that_is_moving() {
    let mut harness = probing();
    harness.probe("2probe");
    harness.close();
    assert_eq!(harness.closed, None);
    harness.probe("5");
    assert!(harness.transport_closed);
    assert_eq!(harness.closed, Some(CloseReason::Application("drain")));

    let mut harness = probing();
    harness.probe("2probe");
    harness.close();
    assert_eq!(harness.get(), packets("1"));
    assert!(!harness.probe_open);
}

#[test]
fn a_session_that_closes_takes_no_probe() {
    let mut harness = Harness::open(Transport::Polling);
    harness.close();
    assert!(!harness.open_probe());
}
