//! The outbox: everything that was committed, until it is out.

use callboard_shared::{
    bus::{Place, Publication},
    id::{ConversationId, Seq},
};

use super::{World, travelling};
use crate::store::{OutboxEntry, OutboxId, ReceiptKind};

fn places(entries: &[OutboxEntry]) -> Vec<Place> {
    entries.iter().map(OutboxEntry::place).collect()
}

/// In the order of writing, and as it was handed back.
pub(crate) async fn the_outbox_holds_what_was_committed(world: World) {
    let created = world.create(&["alice", "bob"]).await;
    let id = created.conversation.id;
    let mut handed = vec![created.entry.unwrap()];
    handed.push(
        world
            .try_send(world.marked(id, "alice", "hello", "m1"))
            .await
            .unwrap()
            .entry
            .unwrap(),
    );
    world
        .try_send(world.marked(id, "alice", "hello", "m1"))
        .await
        .unwrap();
    handed.extend(world.receipt(id, "bob", ReceiptKind::ReadAll).await.1);
    handed.push(world.rename(id, "bob", "x").await.unwrap().entry.unwrap());
    handed.push(
        world
            .remove(id, "alice", "bob")
            .await
            .unwrap()
            .entry
            .unwrap(),
    );
    handed.push(world.delete(id, "alice").await.unwrap().entry.unwrap());

    let pending = world.outbox().await;
    assert_eq!(
        places(&pending),
        [
            Place::Sequenced(Seq::new(1)),
            Place::Sequenced(Seq::new(2)),
            Place::Tagged(Seq::new(2)),
            Place::Sequenced(Seq::new(3)),
            Place::Sequenced(Seq::new(4)),
            Place::Sequenced(Seq::new(5)),
        ]
    );
    let same = |(one, other): (&OutboxEntry, &OutboxEntry)| {
        one.id == other.id && travelling(one) == travelling(other)
    };
    assert!(pending.iter().zip(&handed).all(same));
    assert!(pending.iter().all(|entry| entry.conversation() == id));
}

/// Young entries are being published.
pub(crate) async fn the_outbox_is_read_by_age_and_in_pages(world: World) {
    let id = world.group(&["alice"]).await;
    world.send(id, "alice", "2").await;
    let young = world.now();
    world.send(id, "alice", "3").await;

    let page = async |after, limit| {
        let pending = world.store.pending(young, after, limit).await.unwrap();
        assert!(pending.iter().all(|pending| pending.conversation == id));
        pending.iter().map(|pending| pending.id).collect::<Vec<_>>()
    };
    let old = page(OutboxId::default(), 10).await;
    let entries = world.store.entries(&old).await.unwrap();
    assert_eq!(
        places(&entries),
        [Place::Sequenced(Seq::new(1)), Place::Sequenced(Seq::new(2))]
    );
    assert_eq!(world.store.backlog().await.unwrap(), 3, "all are counted");
    assert_eq!(page(old[0], 1).await, [old[1]]);

    world
        .store
        .published(&[old[0], old[0], OutboxId(-1)])
        .await
        .unwrap();
    assert_eq!(page(OutboxId::default(), 10).await, [old[1]]);
    let left = world.store.entries(&old).await.unwrap();
    assert_eq!(places(&left), [Place::Sequenced(Seq::new(2))]);
    assert_eq!(world.store.backlog().await.unwrap(), 2);
}

/// A removal that comes late, or twice, must not hit another entry.
pub(crate) async fn an_outbox_id_is_never_used_again(world: World) {
    let id = world.group(&["alice"]).await;
    let first = world.outbox().await[0].id;
    world.empty_outbox().await;
    world.send(id, "alice", "2").await;
    world.store.published(&[first]).await.unwrap();
    let left = world.outbox().await;
    assert_eq!(places(&left), [Place::Sequenced(Seq::new(2))]);
    assert!(left[0].id > first);
}

/// Receipts have no part in it.
pub(crate) async fn the_floor_is_the_lowest_that_may_be_unpublished(world: World) {
    let id = world.group(&["alice", "bob"]).await;
    world.send(id, "alice", "2").await;
    world.send(id, "alice", "3").await;
    let floor = async || world.store.floor(id).await.unwrap().get();
    assert_eq!(floor().await, 1);
    world
        .store
        .published(&[world.outbox().await[0].id])
        .await
        .unwrap();
    assert_eq!(floor().await, 2);
    world.empty_outbox().await;
    world
        .receipt(id, "bob", ReceiptKind::ReadAll)
        .await
        .0
        .unwrap();
    assert_eq!(floor().await, 4);
    world.group(&["alice"]).await;
    assert_eq!(floor().await, 4, "other conversations have their own");
    assert_eq!(
        world
            .store
            .floor(ConversationId::new(world.now()))
            .await
            .unwrap()
            .get(),
        1
    );
}

/// Byte by byte, whoever has come and gone since.
pub(crate) async fn a_publication_can_be_rebuilt_from_the_store(world: World) {
    let created = world.create(&["alice", "bob", "carol"]).await;
    let id = created.conversation.id;
    let mut handed = vec![created.entry.unwrap()];
    handed.push(
        world
            .try_send(world.message(id, "bob", "2"))
            .await
            .unwrap()
            .entry
            .unwrap(),
    );
    handed.push(
        world
            .remove(id, "alice", "bob")
            .await
            .unwrap()
            .entry
            .unwrap(),
    );
    handed.push(
        world
            .add(id, "carol", &["bob", "dave"])
            .await
            .unwrap()
            .entry
            .unwrap(),
    );
    handed.push(world.remove(id, "bob", "bob").await.unwrap().entry.unwrap());
    handed.push(world.delete(id, "alice").await.unwrap().entry.unwrap());
    world.empty_outbox().await;

    let events = world.store.events_from(id, Seq::ZERO, 100).await.unwrap();
    let rebuilt: Vec<_> = events
        .iter()
        .map(|event| format!("{:?}", Publication::try_from(event).unwrap()))
        .collect();
    assert_eq!(rebuilt, handed.iter().map(travelling).collect::<Vec<_>>());
    let from_4 = world.store.events_from(id, Seq::new(4), 2).await.unwrap();
    assert_eq!(
        from_4
            .iter()
            .map(|event| event.seq.get())
            .collect::<Vec<_>>(),
        [4, 5]
    );
}
