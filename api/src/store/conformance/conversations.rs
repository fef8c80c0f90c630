//! Conversations: creating and changing them, and their end.

use std::time::Duration;

use callboard_shared::{clock::Timestamp, id::Seq, wire::ConversationUpdated};
use tokio::task::JoinSet;

use super::{World, user};
use crate::store::{Announcement, EventBody, ListKey, OutboxEntry, Refusal};

/// Who was added and removed by an entry, and what it says of the conversation.
pub(super) fn updated(entry: &OutboxEntry) -> (Vec<String>, Vec<String>, ConversationUpdated) {
    let Announcement::Event(event) = &entry.announcement else {
        panic!("{entry:?}")
    };
    let EventBody::Updated {
        data,
        added,
        removed,
    } = &event.body
    else {
        panic!("{entry:?}")
    };
    let names = |users: &[_]| users.iter().map(ToString::to_string).collect();
    (
        names(added),
        names(removed),
        serde_json::from_str(data.get()).unwrap(),
    )
}

/// Event 1 adds everybody.
pub(crate) async fn a_conversation_begins_with_its_creation(world: World) {
    world.see("bob", Some("Bob")).await;
    let created = world.create(&["carol", "bob", "alice"]).await;
    let conversation = created.conversation;
    let names: Vec<_> = conversation
        .participants
        .iter()
        .map(|each| (each.user_id.as_str(), each.name.as_deref()))
        .collect();
    assert_eq!(
        names,
        [("carol", None), ("bob", Some("Bob")), ("alice", None)]
    );
    assert_eq!(
        (conversation.last_seq, conversation.participant_count),
        (Seq::new(1), 3)
    );
    assert_eq!(
        (conversation.last_message.clone(), conversation.unread_count),
        (Some(None), Some(0))
    );
    assert_eq!(conversation.created_at, conversation.updated_at);

    let (added, removed, data) = updated(&created.entry.unwrap());
    assert_eq!(
        (added, removed),
        (vec!["carol".into(), "bob".into(), "alice".into()], vec![])
    );
    assert_eq!(
        (data.conversation_id, data.seq),
        (conversation.id, Seq::new(1))
    );
    assert_eq!(
        (
            data.conversation.last_message,
            data.conversation.unread_count
        ),
        (None, None)
    );
    assert_eq!(
        (
            data.conversation.participants[0].read_seq,
            data.conversation.participants[0].delivered_seq
        ),
        (None, None)
    );
    assert_eq!(data.conversation.participants.len(), 3);

    for name in ["carol", "bob", "alice"] {
        let shown = world.show(conversation.id, name).await.unwrap();
        assert_eq!(shown.participants[0].read_seq, Some(Seq::ZERO));
    }
    assert_eq!(
        world.show(conversation.id, "mallory").await.unwrap_err(),
        Refusal::NoConversation
    );
}

/// Also by both at once.
pub(crate) async fn a_direct_conversation_is_created_once(world: World) {
    let mut creators = JoinSet::new();
    for n in 0..8 {
        let world = world.clone();
        creators.spawn(async move {
            if n % 2 == 0 {
                world.direct("alice", "bob").await
            } else {
                world.direct("bob", "alice").await
            }
        });
    }
    let created = creators.join_all().await;
    assert_eq!(
        created
            .iter()
            .filter(|created| created.entry.is_some())
            .count(),
        1
    );
    assert!(
        created
            .iter()
            .all(|other| other.conversation.id == created[0].conversation.id)
    );
    assert_ne!(
        world.direct("alice", "carol").await.conversation.id,
        created[0].conversation.id
    );

    let id = created[0].conversation.id;
    assert_eq!(
        world.add(id, "alice", &["carol"]).await.unwrap_err(),
        Refusal::Direct
    );
    assert_eq!(
        world.remove(id, "alice", "alice").await.unwrap_err(),
        Refusal::Direct
    );
    assert_eq!(world.sequence(id).await, [1]);
}

/// Two people who start over get a new one.
pub(crate) async fn a_deleted_direct_conversation_makes_room_for_another(world: World) {
    let first = world.direct("alice", "bob").await.conversation;
    world.delete(first.id, "alice").await.unwrap();
    let second = world.direct("bob", "alice").await;
    assert!(second.entry.is_some());
    assert_ne!(second.conversation.id, first.id);
}

/// Pages neither repeat nor leave out what did not move.
pub(crate) async fn a_list_stays_stable_while_things_change(world: World) {
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(world.group(&["alice"]).await);
    }
    // Two at the same moment are told apart by their ids.
    let mut twins = [0, 1].map(|_| world.new_conversation(Default::default(), &["alice"]));
    twins[1].at = twins[0].at;
    for twin in twins {
        ids.push(world.store.create(twin).await.unwrap().conversation.id);
    }

    let page = async |after: Option<ListKey>| {
        world
            .store
            .conversations(&user("alice"), after, 3)
            .await
            .unwrap()
    };
    let first = page(None).await;
    let keys: Vec<ListKey> = first.iter().map(ListKey::from).collect();
    assert!(keys.is_sorted_by(|a, b| a > b), "{keys:?}");
    world.group(&["alice"]).await;
    world.send(keys[1].id, "alice", "moves to the top").await;
    let second = page(Some(keys[2])).await;
    let third = page(second.last().map(ListKey::from)).await;

    let mut seen: Vec<_> = [first, second, third]
        .concat()
        .iter()
        .map(|conversation| conversation.id)
        .collect();
    seen.sort();
    ids.sort();
    assert_eq!(seen, ids);
    assert!(
        world
            .store
            .conversations(&user("mallory"), None, 3)
            .await
            .unwrap()
            .is_empty()
    );
}

/// Any participant may rename.
pub(crate) async fn a_new_title_is_an_event_and_the_same_title_is_none(world: World) {
    let id = world.group(&["alice", "bob"]).await;
    let changed = world.rename(id, "bob", "Casting").await.unwrap();
    let (added, removed, data) = updated(&changed.entry.unwrap());
    assert!(added.is_empty() && removed.is_empty());
    assert_eq!(
        (data.seq, data.conversation.title.as_deref()),
        (Seq::new(2), Some("Casting"))
    );
    let conversation = changed.conversation.unwrap();
    assert_eq!(
        (conversation.title.as_deref(), conversation.last_seq),
        (Some("Casting"), Seq::new(2))
    );
    assert_eq!(conversation.updated_at, data.conversation.updated_at);

    let again = world.rename(id, "alice", "Casting").await.unwrap();
    assert!(again.entry.is_none());
    assert_eq!(again.conversation.unwrap().last_seq, Seq::new(2));
    assert_eq!(
        world.rename(id, "mallory", "x").await.unwrap_err(),
        Refusal::NoConversation
    );
}

/// Nobody could come in again.
pub(crate) async fn what_everybody_has_left_is_deleted(world: World) {
    let id = world.group(&["alice", "bob"]).await;
    world.remove(id, "alice", "alice").await.unwrap();
    assert_eq!(world.show(id, "bob").await.unwrap().participant_count, 1);
    assert_eq!(
        world.delete(id, "bob").await.unwrap_err(),
        Refusal::CreatorOnly
    );
    world.remove(id, "bob", "bob").await.unwrap();
    world.empty_outbox().await;
    while world.store.purge(world.now(), 100).await.unwrap() {}
    assert!(world.sequence(id).await.is_empty());
}

/// The event is the last of its sequence.
pub(crate) async fn a_deleted_conversation_is_gone_for_everybody(world: World) {
    let id = world.group(&["alice", "bob"]).await;
    assert_eq!(
        world.delete(id, "bob").await.unwrap_err(),
        Refusal::CreatorOnly
    );
    assert_eq!(
        world.delete(id, "mallory").await.unwrap_err(),
        Refusal::NoConversation
    );
    let changed = world.delete(id, "alice").await.unwrap();
    assert!(changed.conversation.is_none());
    let Announcement::Event(event) = changed.entry.unwrap().announcement else {
        panic!()
    };
    assert_eq!(event.seq, Seq::new(2));
    assert!(matches!(event.body, EventBody::Deleted { .. }));

    for name in ["alice", "bob"] {
        assert_eq!(
            world.show(id, name).await.unwrap_err(),
            Refusal::NoConversation
        );
        assert_eq!(
            world
                .try_send(world.message(id, name, "x"))
                .await
                .unwrap_err(),
            Refusal::NoConversation
        );
        assert!(
            world
                .store
                .conversations(&user(name), None, 10)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(
            world
                .store
                .membership(&user(name), id)
                .await
                .unwrap()
                .is_err()
        );
        let stays = world.stays(name, 10, event.at).await;
        assert_eq!(
            stays[0].left_seq,
            Some(Seq::new(2)),
            "those who come back learn of it"
        );
    }
    assert_eq!(
        world.delete(id, "alice").await.unwrap_err(),
        Refusal::NoConversation
    );
    assert_eq!(world.sequence(id).await, [1, 2]);
}

/// Until the outbox is drained, and as long as one says.
pub(crate) async fn deleted_rows_stay_until_nobody_can_ask_for_them(world: World) {
    let (kept, id) = (
        world.group(&["alice"]).await,
        world.group(&["alice", "bob"]).await,
    );
    for n in 0..20 {
        world.send(id, "alice", &n.to_string()).await;
    }
    world.delete(id, "alice").await.unwrap();
    let later = world.now().plus(Duration::from_secs(3600));
    assert!(
        !world.store.purge(later, 10).await.unwrap(),
        "it may have to be published still"
    );
    world.empty_outbox().await;
    assert!(
        !world
            .store
            .purge(world.now().minus(Duration::from_secs(3600)), 10)
            .await
            .unwrap(),
        "too early"
    );
    assert_eq!(world.sequence(id).await.len(), 22);

    let mut steps = 0;
    while world.store.purge(later, 10).await.unwrap() {
        steps += 1;
    }
    assert!(steps > 3, "in small steps: {steps}");
    assert!(world.sequence(id).await.is_empty());
    let ever = Timestamp::from_millis(0);
    assert!(world.stays("bob", 10, ever).await.is_empty());
    assert_eq!(world.sequence(kept).await, [1]);
}
