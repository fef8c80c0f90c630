//! Sessions on HTTP long-polling.

use super::harness::{Harness, packets, refused};
use crate::engine::{Answer, CloseReason, Frame, RequestError, Transport};

fn open() -> Harness {
    Harness::open(Transport::Polling)
}

#[test]
fn the_open_packet_says_what_there_is() {
    let harness = open();
    assert_eq!(
        harness.received,
        [r#"0{"sid":"an-id","upgrades":["websocket"],"pingInterval":300,"pingTimeout":200,"maxPayload":64}"#.into()]
    );
}

#[test]
fn a_get_is_answered_at_once_when_something_waits() {
    let mut harness = open();
    harness.send(vec![Frame::message_text("a"), Frame::binary(&[1, 2, 3, 4])]);
    assert_eq!(harness.get(), packets("4a\x1ebAQIDBA=="));
    assert_eq!(harness.get(), None);
}

#[test]
fn a_pending_get_is_answered_by_a_batch_as_a_whole() {
    let mut harness = open();
    assert_eq!(harness.get(), None);
    harness.send(vec![Frame::message_text("a"), Frame::message_text("b")]);
    assert_eq!(harness.answered, packets("4a\x1e4b"));
}

#[test]
fn an_answer_keeps_to_max_payload_but_always_says_something() {
    let mut harness = open();
    let large = "x".repeat(100);
    harness.send(vec![
        Frame::message_text(&"a".repeat(40)),
        Frame::message_text(&"b".repeat(21)),
        Frame::message_text("c"),
        Frame::message_text(&large),
        Frame::message_text("d"),
    ]);
    let mut bodies = Vec::new();
    while let Some(answer) = harness.get() {
        bodies.push(answer.into_body());
    }
    assert_eq!(
        bodies,
        [
            format!("4{}\x1e4{}", "a".repeat(40), "b".repeat(21)),
            "4c".into(),
            format!("4{large}"),
            "4d".into(),
        ]
    );
}

#[test]
fn a_post_hands_up_its_messages_in_order() {
    let mut harness = open();
    assert_eq!(harness.post("4a\x1ebAQID\x1e6\x1e3\x1e4b"), Answer::Ok);
    let expected = [
        "a".into(),
        super::harness::Received::Binary(vec![1, 2, 3]),
        "b".into(),
    ];
    assert_eq!(harness.messages, expected);
}

#[test]
fn a_malformed_post_ends_the_session() {
    for body in [
        &b"abc"[..],
        b"",
        b"4a\x1e",
        b"2",
        b"2probe",
        b"b*",
        b"4\xff",
    ] {
        let mut harness = open();
        assert_eq!(harness.get(), None);
        let answer = harness.post(body);
        assert_eq!(answer, Answer::Error(RequestError::BadRequest), "{body:?}");
        assert_eq!(harness.answered, packets("1"));
        assert_eq!(harness.closed, Some(CloseReason::ParseError));
        assert_eq!(harness.get(), refused(RequestError::UnknownSession));
    }
}

#[test]
fn two_gets_end_the_session() {
    let mut harness = open();
    assert_eq!(harness.get(), None);
    assert_eq!(harness.get(), refused(RequestError::BadRequest));
    assert_eq!(harness.answered, packets("1"));
    assert_eq!(harness.closed, Some(CloseReason::OverlappingRequests));
    assert_eq!(harness.get(), refused(RequestError::UnknownSession));
}

#[test]
fn two_posts_end_the_session() {
    let mut harness = open();
    let answer = harness.post_conflict();
    assert_eq!(answer, Answer::Error(RequestError::BadRequest));
    assert_eq!(harness.closed, Some(CloseReason::OverlappingRequests));
    let first = harness.post("4a");
    assert_eq!(first, Answer::Error(RequestError::UnknownSession));
    assert!(harness.messages.is_empty());
}

#[test]
fn a_post_that_is_too_large_ends_the_session() {
    let mut harness = open();
    assert_eq!(harness.post_too_large().status(), 413);
    assert_eq!(harness.closed, Some(CloseReason::PayloadTooLarge));
}

#[test]
fn a_get_that_is_given_back_is_asked_anew() {
    let mut harness = open();
    harness.give_get_back();
    assert_eq!(harness.answered, None, "none was pending");
    assert_eq!(harness.get(), None);
    harness.give_get_back();
    assert_eq!(harness.answered, packets("6"));
    harness.send(vec![Frame::message_text("a")]);
    assert_eq!(harness.get(), packets("4a"));
    assert_eq!(harness.closed, None);
}

#[test]
fn an_aborted_request_ends_the_session() {
    let mut harness = open();
    harness.abort_get();
    assert_eq!(harness.closed, None, "none was pending");
    assert_eq!(harness.get(), None);
    harness.abort_get();
    assert_eq!(harness.closed, Some(CloseReason::TransportError));
    assert_eq!(harness.answered, None);

    let mut harness = open();
    assert_eq!(harness.get(), None);
    harness.send(vec![Frame::message_text("a")]);
    assert_eq!(harness.answered, packets("4a"));
    harness.lose_answer();
    assert_eq!(
        harness.closed,
        Some(CloseReason::TransportError),
        "a is lost"
    );

    let mut harness = open();
    assert_eq!(harness.get(), None);
    harness.abort_post();
    assert_eq!(harness.closed, Some(CloseReason::TransportError));
    assert_eq!(harness.answered, packets("1"));
}

#[test]
fn a_client_that_closes_gets_its_get_back() {
    let mut harness = open();
    assert_eq!(harness.get(), None);
    assert_eq!(harness.post("4a\x1e1\x1e4b"), Answer::Ok);
    assert_eq!(harness.answered, packets("6"));
    assert_eq!(harness.closed, Some(CloseReason::ClientClose));
    assert_eq!(harness.messages, ["a".into()]);
    assert_eq!(harness.get(), refused(RequestError::UnknownSession));
}

#[test]
fn a_server_close_answers_the_pending_get() {
    let mut harness = open();
    assert_eq!(harness.get(), None);
    harness.close();
    assert_eq!(harness.answered, packets("1"));
    assert_eq!(harness.closed, Some(CloseReason::Application("drain")));
}

#[test]
fn a_server_close_waits_for_the_next_get() {
    let mut harness = open();
    harness.send(vec![Frame::message_text("last")]);
    harness.close();
    harness.send(vec![Frame::message_text("too late")]);
    harness.pass(999);
    assert_eq!(harness.post("4dropped"), Answer::Ok);
    assert_eq!(harness.closed, None);
    // In an answer of its own: a stock client would handle the message after the close.
    assert_eq!(harness.get(), packets("4last"));
    assert_eq!(harness.closed, None);
    assert_eq!(harness.get(), packets("1"));
    assert_eq!(harness.closed, Some(CloseReason::Application("drain")));
    assert!(harness.messages.is_empty());
}

#[test]
fn a_server_close_takes_as_many_answers_as_it_needs() {
    let mut harness = open();
    harness.send(vec![Frame::message_text(&"x".repeat(63))]);
    harness.close();
    harness.get();
    assert_eq!(harness.closed, None);
    assert_eq!(harness.get(), packets("1"));
    assert!(harness.closed.is_some());
}

#[test]
fn a_server_close_does_not_wait_for_ever() {
    let mut harness = open();
    harness.close();
    harness.pass(1_000);
    assert_eq!(harness.closed, Some(CloseReason::Application("drain")));
    assert_eq!(harness.get(), refused(RequestError::UnknownSession));
}

#[test]
fn the_first_reason_to_close_stays() {
    let mut harness = open();
    harness.close();
    harness.post("abc");
    assert_eq!(harness.closed, Some(CloseReason::Application("drain")));
}

#[test]
fn answers_are_http() {
    let kinds = [
        (
            Answer::Packets("4a".into()),
            200,
            "text/plain; charset=UTF-8",
            "4a",
        ),
        (Answer::Ok, 200, "text/html", "ok"),
        (Answer::TooLarge, 413, "text/html", ""),
        (
            Answer::Error(RequestError::Forbidden),
            403,
            "application/json",
            r#"{"code":4,"message":"Forbidden"}"#,
        ),
    ];
    for (answer, status, content_type, body) in kinds {
        assert_eq!(answer.status(), status);
        assert_eq!(answer.content_type(), content_type);
        assert_eq!(answer.into_body(), body);
    }
}
