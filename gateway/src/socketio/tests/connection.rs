//! Namespaces, attachments and the time to connect.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::{binary, message, packet_text, text};
use crate::engine::Message;
use crate::socketio::{Arguments, Config, Connection, Incoming, ProtocolError, encode};

pub(super) struct Harness {
    connection: Connection,
    now: Instant,
}

/// A client that has not connected.
#[expect(
    clippy::disallowed_methods,
    reason = "a test needs some instant to start from"
)]
pub(super) fn harness() -> Harness {
    let config = Arc::new(Config {
        namespaces: &["/", "/custom"],
        connect_timeout: Duration::from_millis(1_000),
        max_attachment_bytes: 100,
    });
    let now = Instant::now();
    Harness {
        connection: Connection::new(now, &config),
        now,
    }
}

/// A client that is in `/`.
pub(super) fn connected() -> Harness {
    let mut harness = harness();
    harness.connect("/");
    harness
}

impl Harness {
    pub(super) fn receive(&mut self, message: Message) -> Result<Option<Incoming>, ProtocolError> {
        self.connection.receive(message, self.now)
    }

    fn take(&mut self, message: Message) -> Incoming {
        let incoming = self.receive(message).expect("no violation");
        incoming.expect("something to do")
    }

    fn connect(&mut self, namespace: &str) {
        let incoming = self.take(text(&format!("0{namespace},")));
        assert!(
            matches!(incoming, Incoming::Connect { namespace: found, .. } if found == namespace)
        );
        assert!(self.connection.accept(namespace));
    }

    fn times_out_after(&mut self, milliseconds: u64) {
        let start = self.now;
        let deadline = start + Duration::from_millis(milliseconds);
        assert_eq!(self.connection.next_deadline(), Some(deadline));
        let almost = deadline - Duration::from_millis(1);
        assert_eq!(self.connection.tick(almost), Ok(()));
        let timeout = Err(ProtocolError::ConnectTimeout);
        assert_eq!(self.connection.tick(deadline), timeout);
    }

    fn pass(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
    }
}

fn values(arguments: &Arguments) -> Vec<&str> {
    arguments.iter().collect()
}

#[test]
fn a_client_connects_talks_and_leaves() {
    let mut harness = harness();
    let incoming = harness.take(text(r#"0{"token":"123"}"#));
    let Incoming::Connect {
        namespace: "/",
        auth: Some(auth),
    } = incoming
    else {
        panic!("{incoming:?}");
    };
    assert_eq!(&*auth, r#"{"token":"123"}"#);
    assert!(!harness.connection.is_connected("/"));
    assert!(harness.connection.accept("/"));
    assert!(harness.connection.is_connected("/"));

    let incoming = harness.take(text(r#"212["say","hello",1]"#));
    let Incoming::Event {
        namespace: "/",
        id: Some(12),
        name,
        arguments,
    } = incoming
    else {
        panic!("{incoming:?}");
    };
    assert_eq!(&*name, "say");
    assert_eq!(values(&arguments), ["\"hello\"", "1"]);
    assert_eq!((arguments.len(), arguments.is_empty()), (2, false));
    assert_eq!((arguments.get(1), arguments.get(2)), (Some("1"), None));

    let incoming = harness.take(text("37[true]"));
    assert!(matches!(
        incoming,
        Incoming::Ack {
            namespace: "/",
            id: 7,
            ..
        }
    ));

    let incoming = harness.take(text("1"));
    assert!(matches!(incoming, Incoming::Disconnect { namespace: "/" }));
    assert!(!harness.connection.is_connected("/"));
}

#[test]
fn attachments_are_gathered() {
    let mut harness = connected();
    let head = r#"52-3["say",{"_placeholder":true,"num":1},{"_placeholder":true,"num":0}]"#;
    assert!(harness.receive(text(head)).expect("fine").is_none());
    assert!(harness.receive(binary(&[1])).expect("fine").is_none());
    let incoming = harness.take(binary(&[2]));
    let Incoming::Event { id, arguments, .. } = incoming else {
        panic!("{incoming:?}");
    };
    assert_eq!(id, Some(3));
    assert_eq!(arguments.attachments(), [&[1][..], &[2]]);

    let head = r#"61-3[{"_placeholder":true,"num":0}]"#;
    assert!(harness.receive(text(head)).expect("fine").is_none());
    let incoming = harness.take(binary(&[9; 100]));
    assert!(matches!(
        incoming,
        Incoming::Ack { id: 3, arguments, .. } if arguments.attachments() == [&[9; 100][..]]
    ));

    // Announced as binary, but nothing follows: complete as it is.
    let incoming = harness.take(text(r#"50-["say"]"#));
    assert!(matches!(incoming, Incoming::Event { arguments, .. } if arguments.is_empty()));
    harness.take(text(r#"2["say"]"#));
}

#[test]
fn an_unknown_namespace_is_refused_and_the_rest_goes_on() {
    let mut harness = connected();
    let incoming = harness.take(text("0/random"));
    let Incoming::UnknownNamespace { answer } = incoming else {
        panic!("{incoming:?}");
    };
    assert_eq!(
        packet_text(&answer),
        r#"44/random,{"message":"Invalid namespace"}"#
    );
    harness.take(text(r#"2["say"]"#));
}

#[test]
fn namespaces_are_left_one_by_one() {
    let mut harness = connected();
    harness.connect("/custom");
    let incoming = harness.take(text("1/custom"));
    assert!(matches!(
        incoming,
        Incoming::Disconnect {
            namespace: "/custom"
        }
    ));
    assert_eq!(harness.connection.next_deadline(), None);
    let incoming = harness.take(text(r#"2["say"]"#));
    assert!(matches!(incoming, Incoming::Event { namespace: "/", .. }));
    harness.connect("/custom");
    let incoming = harness.take(text(r#"2/custom,["say"]"#));
    assert!(matches!(
        incoming,
        Incoming::Event {
            namespace: "/custom",
            ..
        }
    ));
}

#[test]
fn there_is_a_time_to_connect() {
    let mut harness = harness();
    harness.times_out_after(1_000);
    harness.take(text("0/random"));
    harness.times_out_after(1_000);
    harness.pass(400);
    harness.take(text("0"));
    harness.times_out_after(600);
    assert!(harness.connection.refuse("/", harness.now));
    harness.times_out_after(600);
    harness.connect("/");
    assert_eq!(harness.connection.next_deadline(), None);
    assert_eq!(
        harness
            .connection
            .tick(harness.now + Duration::from_secs(99)),
        Ok(())
    );
}

#[test]
fn the_time_starts_again_with_the_last_namespace() {
    let mut harness = connected();
    harness.connect("/custom");
    harness.pass(5_000);
    harness.take(text("1"));
    assert_eq!(harness.connection.next_deadline(), None);
    assert!(harness.connection.disconnect("/custom", harness.now));
    harness.times_out_after(1_000);
    harness.pass(500);
    harness.connect("/");
    assert_eq!(harness.connection.next_deadline(), None);
    harness.take(text("1"));
    harness.times_out_after(1_000);
}

#[test]
fn decisions_that_nobody_waits_for_change_nothing() {
    let mut harness = harness();
    assert!(!harness.connection.accept("/"));
    assert!(!harness.connection.refuse("/", harness.now));
    assert!(!harness.connection.disconnect("/", harness.now));
    assert!(!harness.connection.accept("/random"));
    harness.times_out_after(1_000);

    // The client gives up before the application has decided.
    harness.take(text("0"));
    let incoming = harness.take(text("1"));
    assert!(matches!(incoming, Incoming::Disconnect { namespace: "/" }));
    assert!(!harness.connection.accept("/"));

    let mut harness = connected();
    assert!(!harness.connection.accept("/"));
    assert!(!harness.connection.refuse("/", harness.now));
    assert!(harness.connection.is_connected("/"));
}

#[test]
fn what_crosses_a_dismissal_is_dropped() {
    let mut harness = connected();
    let head = r#"51-["say",{"_placeholder":true,"num":0}]"#;
    assert!(harness.receive(text(head)).expect("fine").is_none());
    assert!(harness.connection.disconnect("/", harness.now));
    assert!(!harness.connection.disconnect("/", harness.now));
    for message in [
        binary(&[1]),
        text(r#"21["say"]"#),
        text("31[]"),
        text(head),
        binary(&[1]),
    ] {
        assert!(harness.receive(message).expect("no violation").is_none());
    }
    assert!(harness.receive(text("1")).expect("no violation").is_none());
    harness.connect("/");
    harness.take(text(r#"2["say"]"#));
}

#[test]
fn an_echo_is_what_was_sent() {
    let mut harness = connected();
    harness
        .receive(text(
            r#"52-["a",1.0,{"_placeholder":true,"num":0},{"x":{"_placeholder":true,"num":1}}]"#,
        ))
        .expect("fine");
    harness.receive(binary(&[1, 2, 3])).expect("fine");
    let Incoming::Event {
        name, arguments, ..
    } = harness.take(binary(&[4]))
    else {
        panic!("an event");
    };
    let echoed: Vec<_> = arguments.iter().collect();
    let frames = encode::binary_event("/", &name, &echoed, arguments.attachments());
    assert_eq!(
        packet_text(&frames[0]),
        r#"452-["a",1.0,{"_placeholder":true,"num":0},{"x":{"_placeholder":true,"num":1}}]"#
    );
    let mut again = connected();
    for frame in &frames[..2] {
        assert!(again.receive(message(frame)).expect("fine").is_none());
    }
    let Incoming::Event {
        arguments: returned,
        ..
    } = again.take(message(&frames[2]))
    else {
        panic!("an event");
    };
    assert_eq!(values(&returned), values(&arguments));
    assert_eq!(returned.attachments(), arguments.attachments());
}

#[test]
fn an_idle_connection_is_small() {
    let size = size_of::<Connection>();
    assert!(size <= 40, "{size} bytes");
}

fn any_message() -> impl Strategy<Value = Message> {
    prop_oneof![
        8 => prop::sample::select(vec![
            "0", "0{}", "0/custom,", "0/random", "1", "1/custom,", r#"2["a"]"#,
            r#"2/custom,3["a"]"#, "31[]", r#"50-["a"]"#, r#"52-["a"]"#, "61-/custom,1[]",
        ]).prop_map(text),
        2 => prop::collection::vec(any::<u8>(), 0..60).prop_map(|data| binary(&data)),
        1 => ".*".prop_map(|garbage| text(&garbage)),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Receive(Message),
    Accept(&'static str),
    Refuse(&'static str),
    Disconnect(&'static str),
    Pass(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let namespace = || prop::sample::select(vec!["/", "/custom", "/random"]);
    prop_oneof![
        6 => any_message().prop_map(Step::Receive),
        3 => namespace().prop_map(Step::Accept),
        1 => namespace().prop_map(Step::Refuse),
        1 => namespace().prop_map(Step::Disconnect),
        1 => (0..400_u64).prop_map(Step::Pass),
    ]
}

proptest! {
    #[test]
    fn the_application_hears_only_of_clients_it_let_in(
        steps in prop::collection::vec(any_step(), 0..60),
    ) {
        let mut harness = harness();
        let mut members = Vec::new();
        for step in steps {
            match step {
                Step::Receive(message) => match harness.receive(message) {
                    Ok(Some(Incoming::Event { namespace, .. } | Incoming::Ack { namespace, .. })) => {
                        prop_assert!(members.contains(&namespace));
                    }
                    Ok(Some(Incoming::Connect { namespace, .. })) => {
                        prop_assert!(!members.contains(&namespace));
                    }
                    Ok(Some(Incoming::Disconnect { namespace })) => {
                        members.retain(|member| *member != namespace);
                    }
                    // A violation ends a session; the state must not mind going on.
                    Ok(Some(Incoming::UnknownNamespace { .. }) | None) | Err(_) => {}
                },
                Step::Accept(namespace) => {
                    if harness.connection.accept(namespace) {
                        members.push(namespace);
                    }
                }
                Step::Refuse(namespace) => {
                    let refused = harness.connection.refuse(namespace, harness.now);
                    prop_assert!(!(refused && members.contains(&namespace)));
                }
                Step::Disconnect(namespace) => {
                    let left = harness.connection.disconnect(namespace, harness.now);
                    prop_assert_eq!(left, members.contains(&namespace));
                    members.retain(|member| *member != namespace);
                }
                Step::Pass(milliseconds) => harness.pass(milliseconds),
            }
            for namespace in ["/", "/custom", "/random"] {
                let is_member = members.contains(&namespace);
                prop_assert_eq!(harness.connection.is_connected(namespace), is_member);
            }
            prop_assert_eq!(harness.connection.next_deadline().is_none(), !members.is_empty());
        }
    }
}
