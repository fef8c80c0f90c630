//! The shapes on the wire and on the bus, pinned: a file each in `golden/`, which clients' tests
//! read too. `UPDATE=1 cargo test -p callboard-shared --test golden` writes them anew.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

use std::{env, fmt::Debug, fs, path::Path};

use callboard_shared::{
    auth::Identity,
    backend::{
        Membership, MembershipAnswer, MembershipRequest, MembershipsAnswer, MembershipsRequest,
        Receipt, ReceiptRequest, ReceiptState, ReceiptsAnswer, ReceiptsRequest, SendMessage,
        SendRequest,
    },
    clock::Timestamp,
    error::{ErrorCode, Refusal},
    event::{
        ConversationEvent, EventName, MembershipChange, MembershipNotice, Signal, SignalName,
        Takeover, VERSION,
    },
    id::{ConversationId, MessageId, Seq, UserId},
    wire,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};

fn pinned<T: Serialize>(name: &str, value: &T) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(format!("{name}.json"));
    let json = serde_json::to_value(value).unwrap();
    if env::var_os("UPDATE").is_some() {
        fs::write(
            &path,
            format!("{}\n", serde_json::to_string_pretty(value).unwrap()),
        )
        .unwrap();
    }
    let golden =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(
        serde_json::from_str::<Value>(&golden).unwrap(),
        json,
        "{name} has changed"
    );
    json
}

/// Pins a shape that is also read.
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) {
    assert_eq!(
        serde_json::from_value::<T>(pinned(name, value)).unwrap(),
        *value
    );
}

fn alice() -> UserId {
    "alice".parse().unwrap()
}

fn conversation_id() -> ConversationId {
    "0199c5a2-9f3e-7cc0-8a34-6d1e1f0b7a55".parse().unwrap()
}

fn message_id() -> MessageId {
    "0199c5a3-0000-7000-8000-000000000001".parse().unwrap()
}

fn at() -> Timestamp {
    Timestamp::from_millis(1_795_441_267_250)
}

fn message() -> wire::Message {
    wire::Message {
        id: message_id(),
        conversation_id: conversation_id(),
        seq: Seq::new(7),
        sender_id: alice(),
        sender_name: Some("Alice".to_owned()),
        content: "Are you free on Friday?".to_owned(),
        client_message_id: None,
        created_at: at(),
    }
}

fn conversation() -> wire::Conversation {
    wire::Conversation {
        id: conversation_id(),
        kind: wire::ConversationKind::Group,
        title: Some("Casting".to_owned()),
        created_by: alice(),
        created_at: at(),
        updated_at: at(),
        last_seq: Seq::new(7),
        participant_count: 1,
        participants: vec![wire::Participant {
            user_id: alice(),
            name: None,
            joined_at: at(),
            read_seq: Some(Seq::new(6)),
            delivered_seq: Some(Seq::new(7)),
        }],
        last_message: Some(Some(message())),
        unread_count: Some(1),
    }
}

#[test]
fn rest() {
    round_trip("message", &message());
    round_trip("conversation", &conversation());
    let empty = wire::Conversation {
        title: None,
        last_message: Some(None),
        unread_count: Some(0),
        ..conversation()
    };
    round_trip("conversation-empty", &empty);
}

#[test]
fn socket_events() {
    let id = conversation_id();
    round_trip(
        "new-message",
        &wire::NewMessage {
            conversation_id: id,
            seq: Seq::new(7),
            message: message(),
        },
    );
    let mut bare = wire::Conversation {
        last_message: None,
        unread_count: None,
        ..conversation()
    };
    for participant in &mut bare.participants {
        (participant.read_seq, participant.delivered_seq) = (None, None);
    }
    let updated = wire::ConversationUpdated {
        conversation_id: id,
        seq: Seq::new(7),
        conversation: bare,
    };
    round_trip("conversation-updated", &updated);
    round_trip(
        "conversation-deleted",
        &wire::ConversationDeleted {
            conversation_id: id,
        },
    );
    let read = wire::MessagesRead {
        conversation_id: id,
        message_ids: vec![message_id()],
        read_by: alice(),
        read_seq: Seq::new(7),
        read_at: at(),
    };
    round_trip("messages-read", &read);
    let delivered = wire::MessagesDelivered {
        conversation_id: id,
        delivered_to: alice(),
        delivered_seq: Seq::new(7),
    };
    round_trip("messages-delivered", &delivered);
    let typing = |user_name| wire::Typing {
        conversation_id: id,
        user_id: alice(),
        user_name,
    };
    round_trip("user-typing", &typing(Some(Some("Alice".to_owned()))));
    round_trip("user-typing-nameless", &typing(Some(None)));
    round_trip("user-stop-typing", &typing(None));
    let notification = wire::Notification {
        kind: "new-message".to_owned(),
        conversation_id: id,
        message_id: message_id(),
        sender_id: alice(),
        sender_name: None,
        preview: "Are you free".to_owned(),
    };
    round_trip("notification", &notification);
    let ready = wire::Ready {
        user_id: alice(),
        connection_id: "c0ffee".to_owned(),
        server_time: at(),
    };
    round_trip("ready", &ready);
}

#[test]
fn bus() {
    let data = RawValue::from_string(r#"{"any":1.0}"#.to_owned()).unwrap();
    let event = ConversationEvent {
        v: VERSION,
        event: EventName::ConversationUpdated,
        conversation_id: conversation_id(),
        at: at(),
        by: alice(),
        added: vec![alice()],
        removed: vec!["bob".parse().unwrap()],
        data: &data,
    };
    pinned("bus-conversation-event", &event);
    let payload = event.encode().unwrap();
    let read = ConversationEvent::decode(&payload).unwrap();
    assert_eq!(
        (read.added, read.removed, read.data.get()),
        (event.added, event.removed, r#"{"any":1.0}"#)
    );
    round_trip(
        "bus-membership-notice",
        &MembershipNotice {
            v: VERSION,
            conversation_id: conversation_id(),
            change: MembershipChange::Joined,
            seq: Seq::new(7),
        },
    );
    let signal = Signal {
        v: VERSION,
        signal: SignalName::TypingStart,
        conversation_id: conversation_id(),
        user_id: alice(),
        user_name: Some("Alice".to_owned()),
    };
    round_trip("bus-signal", &signal);
    let takeover = Takeover {
        v: VERSION,
        pid: "p1d".to_owned(),
        connection_id: "c0ffee".to_owned(),
        at: at(),
    };
    round_trip("bus-takeover", &takeover);
}

#[test]
fn internal_requests() {
    let identity = |name: Option<&str>| Identity {
        user_id: alice(),
        name: name.map(Into::into),
        expires_at: at(),
    };
    let membership = |left_seq| Membership {
        conversation_id: conversation_id(),
        joined_seq: Seq::new(3),
        left_seq,
    };
    let users = vec![identity(Some("Alice")), identity(None)];
    let limit = 1_000;
    round_trip(
        "internal-memberships-request",
        &MembershipsRequest { users, limit },
    );
    let current = vec![membership(None), membership(Some(Seq::new(7)))];
    let memberships = vec![current, Vec::new()];
    round_trip(
        "internal-memberships-answer",
        &MembershipsAnswer { memberships },
    );
    let questions = vec![(alice(), conversation_id())];
    round_trip(
        "internal-membership-request",
        &MembershipRequest { questions },
    );
    let memberships = vec![Some((membership(None), Seq::new(7))), None];
    round_trip(
        "internal-membership-answer",
        &MembershipAnswer { memberships },
    );
    let send = SendRequest {
        sender: identity(Some("Alice")),
        message: SendMessage {
            conversation_id: conversation_id(),
            content: "Are you free on Friday?".to_owned(),
            client_message_id: Some("m-1".to_owned()),
        },
    };
    round_trip("internal-send-request", &send);
    let receipt = |receipt| ReceiptRequest {
        user_id: alice(),
        conversation_id: conversation_id(),
        receipt,
    };
    let receipts = vec![
        receipt(Receipt::Read(vec![message_id()])),
        receipt(Receipt::ReadAll),
        receipt(Receipt::Delivered(Seq::new(7))),
    ];
    round_trip("internal-receipts-request", &ReceiptsRequest { receipts });
    let state = ReceiptState {
        read_seq: Seq::new(6),
        delivered_seq: Seq::new(7),
        unread_count: 1,
    };
    let refusal = Refusal::new(ErrorCode::NotFound, "There is no such conversation.");
    let outcomes = vec![Ok(state), Err(refusal)];
    round_trip("internal-receipts-answer", &ReceiptsAnswer { outcomes });
}

#[test]
fn another_version_is_refused() {
    let notice = MembershipNotice {
        v: VERSION + 1,
        conversation_id: conversation_id(),
        change: MembershipChange::Joined,
        seq: Seq::new(7),
    };
    assert!(MembershipNotice::decode(&notice.encode().unwrap()).is_err());
}
