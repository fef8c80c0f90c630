//! Catching up: stays, gaps, and long absences.

use std::collections::BTreeMap;

use callboard_shared::{
    clock::Timestamp,
    id::{ConversationId, Seq},
};

use super::{World, user, users};
use crate::store::{Backlog, Refusal, SyncRequest};

/// Somebody who left and came back has two.
pub(crate) async fn stays_are_told_apart(world: World) {
    let id = world.group(&["alice", "bob"]).await;
    let before = world.now();
    world.remove(id, "alice", "bob").await.unwrap();
    let between = world.now();
    world.send(id, "alice", "3").await;
    world.add(id, "alice", &["bob"]).await.unwrap();
    world.send(id, "alice", "5").await;

    let stays = async |since: Timestamp| {
        let stays = world.stays("bob", 10, since).await;
        stays
            .iter()
            .map(|stay| {
                (
                    stay.joined_seq.get(),
                    stay.left_seq.map(Seq::get),
                    stay.last_seq.get(),
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(stays(before).await, [(4, None, 5), (1, Some(2), 5)]);
    assert_eq!(
        stays(between).await,
        [(4, None, 5)],
        "the other one is over for too long"
    );
    let current = world
        .store
        .membership(&user("bob"), id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (current.joined_seq, current.last_seq),
        (Seq::new(4), Seq::new(5))
    );
    let stranger = world.store.membership(&user("mallory"), id).await.unwrap();
    assert_eq!(stranger.unwrap_err(), Refusal::NoConversation);
}

/// As many as one asks for.
pub(crate) async fn stays_are_the_most_recently_active_first(world: World) {
    let mut ids = Vec::new();
    for _ in 0..4 {
        ids.push(world.group(&["alice", "bob"]).await);
    }
    world.send(ids[1], "bob", "hello").await;
    let stays = world.stays("alice", 3, world.now()).await;
    let order: Vec<_> = stays.iter().map(|stay| stay.conversation_id).collect();
    assert_eq!(order, [ids[1], ids[3], ids[2]]);
}

/// Strangers have none; the limit is each one's own.
pub(crate) async fn stays_of_many_are_told_in_the_order_of_asking(world: World) {
    let (first, second) = (
        world.group(&["alice", "bob"]).await,
        world.group(&["alice", "carol"]).await,
    );
    let before = world.now();
    world.remove(first, "alice", "bob").await.unwrap();
    let asked = users(&["carol", "mallory", "alice", "bob", "carol"]);
    let stays = world.store.memberships(&asked, 1, before).await.unwrap();
    let told: Vec<Vec<_>> = stays
        .iter()
        .map(|stays| {
            stays
                .iter()
                .map(|stay| (stay.conversation_id, stay.left_seq))
                .collect()
        })
        .collect();
    let expected = [
        vec![(second, None)],
        vec![],
        vec![(first, None)],
        vec![(first, Some(Seq::new(2)))],
        vec![(second, None)],
    ];
    assert_eq!(told, expected);
    assert!(
        world
            .store
            .memberships(&[], 1, before)
            .await
            .unwrap()
            .is_empty()
    );
}

/// For participants only.
pub(crate) async fn a_gap_is_filled_in_order(world: World) {
    let id = world.group(&["alice", "bob"]).await;
    world.send(id, "alice", "2").await;
    world.rename(id, "bob", "3").await.unwrap();
    world.send(id, "alice", "4").await;
    let events = async |after, limit| {
        let events = world
            .store
            .events(&user("bob"), id, Seq::new(after), limit)
            .await
            .unwrap()
            .unwrap();
        events
            .iter()
            .map(|event| (event.seq.get(), event.body.name().as_str()))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        events(1, 2).await,
        [(2, "new-message"), (3, "conversation-updated")]
    );
    assert_eq!(events(3, 2).await, [(4, "new-message")]);
    assert!(events(Seq::MAX.get(), 2).await.is_empty());
    let stranger = world
        .store
        .events(&user("mallory"), id, Seq::ZERO, 2)
        .await
        .unwrap();
    assert_eq!(stranger.unwrap_err(), Refusal::NoConversation);
}

async fn sync(
    world: &World,
    cursors: &[(ConversationId, u64)],
    limits: (usize, usize, usize),
) -> Backlog {
    let cursors: BTreeMap<_, _> = cursors
        .iter()
        .map(|(id, seq)| (*id, Seq::new(*seq)))
        .collect();
    let (events_each, events_in_all, joined) = limits;
    let request = SyncRequest {
        reader: user("bob"),
        cursors,
        events_each,
        events_in_all,
        joined,
    };
    world.store.sync(request).await.unwrap()
}

/// Neither less nor more.
pub(crate) async fn sync_tells_exactly_what_was_missed(world: World) {
    let (behind, current, beyond) = (
        world.group(&["alice", "bob"]).await,
        world.group(&["alice", "bob"]).await,
        world.group(&["bob"]).await,
    );
    let (left, foreign, new) = (
        world.group(&["alice", "bob"]).await,
        world.group(&["alice"]).await,
        world.group(&["alice", "bob"]).await,
    );
    for n in 2..=5 {
        world.send(behind, "alice", &n.to_string()).await;
    }
    world.remove(left, "alice", "bob").await.unwrap();
    let nowhere = ConversationId::new(world.now());

    let cursors = [
        (behind, 2),
        (current, 1),
        (beyond, 99),
        (left, 1),
        (foreign, 1),
        (nowhere, 0),
    ];
    let backlog = sync(&world, &cursors, (2, 100, 10)).await;
    let missed: BTreeMap<_, _> = backlog
        .conversations
        .iter()
        .map(|each| {
            let events: Vec<_> = each.events.iter().map(|event| event.seq.get()).collect();
            (
                each.conversation_id,
                (each.last_seq.get(), events, each.more),
            )
        })
        .collect();
    let expected = [
        (behind, (5, vec![3, 4], true)),
        (current, (1, vec![], false)),
        (beyond, (1, vec![], false)),
    ];
    assert_eq!(missed, BTreeMap::from(expected));
    assert_eq!(
        backlog
            .joined
            .iter()
            .map(|joined| joined.id)
            .collect::<Vec<_>>(),
        [new]
    );
    assert_eq!(backlog.joined[0].unread_count, Some(0));
    let mut gone = [left, foreign, nowhere];
    gone.sort();
    assert_eq!(backlog.left, gone);
}

/// However much there is; what has no room is said to be missing.
pub(crate) async fn sync_is_bounded(world: World) {
    let mut cursors = Vec::new();
    for _ in 0..4 {
        let id = world.group(&["bob"]).await;
        let batch = (0..10)
            .map(|n| world.message(id, "bob", &n.to_string()))
            .collect();
        world.store.send(batch).await.unwrap();
        cursors.push((id, 1));
    }
    for _ in 0..4 {
        world.group(&["bob"]).await;
    }
    let backlog = sync(&world, &cursors, (4, 10, 2)).await;
    let counts: Vec<_> = backlog
        .conversations
        .iter()
        .map(|each| (each.events.len(), each.more))
        .collect();
    assert_eq!(counts, [(4, true), (4, true), (2, true), (0, true)]);
    assert_eq!(backlog.joined.len(), 2);
    assert!(backlog.joined[0].updated_at > backlog.joined[1].updated_at);
}
