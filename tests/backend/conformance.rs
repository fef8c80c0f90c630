//! What every [`Backend`] has to do, run on the one in the same process and on the one over HTTP.

use callboard_shared::{
    backend::{Backend, Receipt, ReceiptRequest, SendMessage},
    error::ErrorCode,
    id::{ConversationId, MessageId, Seq},
    wire::Message,
};

use super::service::{Service, identity};

macro_rules! suite {
    ($($name:ident),* $(,)?) => {
        mod in_process {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                let service = Service::start().await;
                super::$name(&service, &service.api.backend()).await;
            })*
        }

        mod http {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                let service = Service::start().await;
                super::$name(&service, &service.backend()).await;
            })*
        }
    };
}

suite! {
    memberships_are_the_most_active_and_those_left,
    asking_for_memberships_tells_the_name,
    a_membership_is_current_or_none,
    a_message_is_sent_once,
    a_message_is_refused_with_its_reason,
    receipts_are_answered_each_for_itself,
    many_receipts_are_answered_in_order,
}

async fn memberships_are_the_most_active_and_those_left(service: &Service, backend: &dyn Backend) {
    let alice = identity("alice");
    assert_eq!(backend.memberships(&alice, 10).await.unwrap(), []);
    let mut groups = Vec::new();
    for _ in 0..4 {
        groups.push(service.group(&["bob", "alice"]).await);
    }
    service.send("bob", groups[1]).await;
    service
        .operations()
        .remove_participant(&alice, groups[0], alice.user_id.clone())
        .await
        .unwrap();

    let memberships = backend.memberships(&alice, 2).await.unwrap();
    let current: Vec<ConversationId> = memberships
        .iter()
        .filter(|membership| membership.left_seq.is_none())
        .map(|membership| membership.conversation_id)
        .collect();
    assert_eq!(current, [groups[1], groups[3]]);
    let left: Vec<_> = memberships
        .iter()
        .filter_map(|membership| Some((membership.conversation_id, membership.left_seq?)))
        .collect();
    assert_eq!(left, [(groups[0], Seq::new(2))]);
    assert!(
        memberships
            .iter()
            .all(|membership| membership.joined_seq == Seq::new(1))
    );
}

async fn asking_for_memberships_tells_the_name(service: &Service, backend: &dyn Backend) {
    let group = service.group(&["bob", "alice"]).await;
    backend.memberships(&identity("alice"), 10).await.unwrap();
    let (operations, bob) = (service.operations(), identity("bob"));
    let seen = operations.conversation(&bob, group).await.unwrap();
    let names: Vec<_> = seen
        .participants
        .into_iter()
        .map(|participant| participant.name)
        .collect();
    assert!(names.contains(&Some("Alice".to_owned())), "{names:?}");
}

async fn a_membership_is_current_or_none(service: &Service, backend: &dyn Backend) {
    let group = service.group(&["bob", "alice"]).await;
    service.send("bob", group).await;
    let (alice, carol) = ("alice".parse().unwrap(), "carol".parse().unwrap());
    let (membership, last_seq) = backend.membership(&alice, group).await.unwrap().unwrap();
    assert_eq!(
        (membership.conversation_id, membership.joined_seq, last_seq),
        (group, Seq::new(1), Seq::new(2))
    );
    assert_eq!(backend.membership(&carol, group).await.unwrap(), None);
    let unknown = ConversationId::from_bytes([7; 16]);
    assert_eq!(backend.membership(&alice, unknown).await.unwrap(), None);
}

fn message(conversation_id: ConversationId, content: &str) -> SendMessage {
    SendMessage {
        conversation_id,
        content: content.to_owned(),
        client_message_id: Some("m-1".to_owned()),
    }
}

async fn a_message_is_sent_once(service: &Service, backend: &dyn Backend) {
    let group = service.group(&["alice", "bob"]).await;
    let content = "“Grüße” – \\ \u{1F44B}\n";
    let mut sent = Vec::new();
    for content in [content, "not this"] {
        let answer = backend
            .send_message(&identity("alice"), message(group, content))
            .await
            .unwrap();
        sent.push(serde_json::from_str::<Message>(answer.get()).unwrap());
    }
    assert_eq!(sent[0], sent[1]);
    assert_eq!(
        (
            sent[0].content.as_str(),
            sent[0].sender_name.as_deref(),
            sent[0].seq
        ),
        (content, Some("Alice"), Seq::new(2))
    );
    assert_eq!(service.messages("bob", group).await, 1);
}

async fn a_message_is_refused_with_its_reason(service: &Service, backend: &dyn Backend) {
    let group = service.group(&["alice", "bob"]).await;
    let refused = async |user, message| {
        let refusal = backend.send_message(&identity(user), message).await;
        refusal.unwrap_err()
    };
    let outside = refused("carol", message(group, "Hello")).await;
    assert_eq!(outside.code, ErrorCode::NotFound);
    let empty = refused("alice", message(group, "")).await;
    assert_eq!(empty.code, ErrorCode::InvalidData);
    assert!(empty.message.starts_with("content "), "{}", empty.message);
    let long = SendMessage {
        client_message_id: Some("m".repeat(65)),
        ..message(group, "Hello")
    };
    let long = refused("alice", long).await;
    assert!(
        long.message.starts_with("clientMessageId "),
        "{}",
        long.message
    );
    assert_eq!(service.messages("bob", group).await, 0);
}

fn receipt(user: &str, conversation_id: ConversationId, receipt: Receipt) -> ReceiptRequest {
    ReceiptRequest {
        user_id: user.parse().unwrap(),
        conversation_id,
        receipt,
    }
}

async fn receipts_are_answered_each_for_itself(service: &Service, backend: &dyn Backend) {
    let group = service.group(&["alice", "bob", "carol"]).await;
    let first = service.send("alice", group).await;
    service.send("alice", group).await;
    let outcomes = backend.record_receipts(vec![
        receipt("bob", group, Receipt::Read(vec![first.id])),
        receipt("dave", group, Receipt::ReadAll),
        receipt("carol", group, Receipt::ReadAll),
        receipt("bob", group, Receipt::Delivered(Seq::new(3))),
        receipt(
            "bob",
            group,
            Receipt::Read(vec![MessageId::from_bytes([7; 16])]),
        ),
    ]);
    let outcomes: Vec<_> = outcomes
        .await
        .into_iter()
        .map(|outcome| match outcome {
            Ok(state) => Ok((
                state.read_seq.get(),
                state.delivered_seq.get(),
                state.unread_count,
            )),
            Err(refusal) => Err(refusal.code),
        })
        .collect();
    assert_eq!(
        outcomes,
        [
            Ok((2, 2, 1)),
            Err(ErrorCode::NotFound),
            Ok((3, 3, 0)),
            Ok((2, 3, 1)),
            Err(ErrorCode::InvalidData),
        ]
    );
}

async fn many_receipts_are_answered_in_order(service: &Service, backend: &dyn Backend) {
    let group = service.group(&["alice", "bob"]).await;
    service.send("alice", group).await;
    let receipts = (0..600).map(|index| {
        let user = if index % 3 == 0 { "bob" } else { "carol" };
        receipt(user, group, Receipt::Delivered(Seq::new(2)))
    });
    let outcomes = backend.record_receipts(receipts.collect()).await;
    assert_eq!(outcomes.len(), 600);
    for (index, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_ok(), index % 3 == 0, "{index}: {outcome:?}");
    }
}
