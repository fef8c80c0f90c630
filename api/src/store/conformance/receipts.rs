//! Receipts: cursors that only move forward, and what is told of them.

use callboard_shared::{
    event::EventName,
    id::{ConversationId, MessageId, Seq},
    wire::{MessagesDelivered, MessagesRead},
};

use super::{World, user};
use crate::store::{
    Announcement, OutboxEntry, Range, Receipt,
    ReceiptKind::{Delivered, ReadAll, ReadUpTo},
    ReceiptRequest, Refusal,
};

fn receipt(entries: &[OutboxEntry]) -> &Receipt {
    let [entry] = entries else {
        panic!("{entries:?}")
    };
    let Announcement::Receipt(receipt) = &entry.announcement else {
        panic!("{entry:?}")
    };
    receipt
}

fn read(entries: &[OutboxEntry]) -> MessagesRead {
    assert_eq!(receipt(entries).event, EventName::MessagesRead);
    serde_json::from_str(receipt(entries).data.get()).unwrap()
}

/// And are announced only then.
pub(crate) async fn receipts_only_move_forward(world: World) {
    let id = world.group(&["alice", "bob"]).await;
    let first = world.send(id, "alice", "2").await;
    world.send(id, "alice", "3").await;
    world.send(id, "alice", "4").await;

    let (state, entries) = world.receipt(id, "bob", Delivered(Seq::new(3))).await;
    let state = state.unwrap();
    assert_eq!(
        (state.delivered_seq, state.read_seq, state.unread_count),
        (Seq::new(3), Seq::ZERO, 3)
    );
    let delivered: MessagesDelivered = serde_json::from_str(receipt(&entries).data.get()).unwrap();
    assert_eq!(
        (delivered.delivered_to, delivered.delivered_seq),
        (user("bob"), Seq::new(3))
    );
    assert_eq!(
        (receipt(&entries).event, receipt(&entries).tag),
        (EventName::MessagesDelivered, Seq::new(4))
    );

    let (state, entries) = world.receipt(id, "bob", Delivered(Seq::new(2))).await;
    assert_eq!(
        (state.unwrap().delivered_seq, entries.len()),
        (Seq::new(3), 0)
    );

    let (state, entries) = world.receipt(id, "bob", ReadAll).await;
    let state = state.unwrap();
    assert_eq!(
        (state.delivered_seq, state.read_seq, state.unread_count),
        (Seq::new(4), Seq::new(4), 0)
    );
    assert_eq!(
        read(&entries).read_seq,
        Seq::new(4),
        "reading implies delivery and is told alone"
    );

    let (state, entries) = world.receipt(id, "bob", ReadUpTo(vec![first.id])).await;
    assert_eq!((state.unwrap().read_seq, entries.len()), (Seq::new(4), 0));
    let (state, _) = world.receipt(id, "bob", Delivered(Seq::MAX)).await;
    assert_eq!(
        state.unwrap().delivered_seq,
        Seq::new(4),
        "no further than there is"
    );

    let bob = world.show(id, "alice").await.unwrap().participants[1].clone();
    assert_eq!(
        (bob.read_seq, bob.delivered_seq),
        (Some(Seq::new(4)), Some(Seq::new(4)))
    );
}

/// One's own are never unread, and sending reads nothing.
pub(crate) async fn reading_counts_others_messages(world: World) {
    let id = world.group(&["alice", "bob"]).await;
    let theirs = world.send(id, "alice", "2").await;
    world.send(id, "bob", "3").await;
    let newer = world.send(id, "alice", "4").await;
    world.send(id, "bob", "5").await;
    assert_eq!(world.show(id, "bob").await.unwrap().unread_count, Some(2));
    assert_eq!(world.show(id, "alice").await.unwrap().unread_count, Some(2));

    let (state, entries) = world.receipt(id, "bob", ReadUpTo(vec![theirs.id])).await;
    assert_eq!(state.unwrap().unread_count, 1);
    assert_eq!(read(&entries).message_ids, [theirs.id]);
    let (state, entries) = world
        .receipt(id, "bob", ReadUpTo(vec![newer.id, theirs.id, newer.id]))
        .await;
    assert_eq!(state.unwrap().unread_count, 0);
    assert_eq!(
        read(&entries).message_ids,
        [newer.id],
        "only the newly read"
    );
    assert_eq!(read(&entries).read_by, user("bob"));
}

/// In order.
pub(crate) async fn read_messages_are_named_up_to_the_newest_100(world: World) {
    let id = world.group(&["alice", "bob"]).await;
    let batch = (0..130)
        .map(|n| world.message(id, "alice", &n.to_string()))
        .collect();
    let sent = world.store.send(batch).await.unwrap();
    let ids: Vec<MessageId> = sent
        .into_iter()
        .map(|sent| sent.unwrap().message.id)
        .collect();
    let (_, entries) = world.receipt(id, "bob", ReadAll).await;
    assert_eq!(read(&entries).message_ids, ids[30..]);
}

/// Nor those of another conversation.
pub(crate) async fn unknown_messages_cannot_be_read(world: World) {
    let (here, there) = (
        world.group(&["alice", "bob"]).await,
        world.group(&["alice", "bob"]).await,
    );
    let (mine, foreign) = (
        world.send(here, "alice", "here").await,
        world.send(there, "alice", "there").await,
    );
    for ids in [
        vec![foreign.id],
        vec![mine.id, foreign.id],
        vec![mine.id, MessageId::new(world.now())],
    ] {
        let (outcome, entries) = world.receipt(here, "bob", ReadUpTo(ids)).await;
        assert_eq!(
            (outcome.unwrap_err(), entries.len()),
            (Refusal::UnknownMessages, 0)
        );
    }
    assert_eq!(world.show(here, "bob").await.unwrap().unread_count, Some(1));
}

/// They are stored all the same.
pub(crate) async fn receipts_of_large_conversations_are_not_announced(world: World) {
    let names: Vec<String> = (0..101).map(|n| format!("user{n:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    for (people, announced) in [(&names[..100], 1), (&names[..], 0)] {
        let id = world.group(people).await;
        world.send(id, "user000", "hello").await;
        let (state, entries) = world.receipt(id, "user001", ReadAll).await;
        assert_eq!(
            (state.unwrap().read_seq, entries.len()),
            (Seq::new(2), announced)
        );
        let shown = world.show(id, "user002").await.unwrap();
        assert_eq!(shown.participants.len(), 100);
        assert_eq!(shown.participants[1].read_seq, Some(Seq::new(2)));
    }
}

/// One that is refused does not spoil the others.
pub(crate) async fn a_batch_of_receipts_has_an_outcome_for_each(world: World) {
    let id = world.group(&["alice", "bob"]).await;
    world.send(id, "alice", "hello").await;
    let nowhere = ConversationId::new(world.now());
    let request = |who: &str, conversation_id, kind| ReceiptRequest {
        user_id: user(who),
        conversation_id,
        kind,
    };
    let requests = vec![
        request("bob", id, Delivered(Seq::new(1))),
        request("bob", nowhere, ReadAll),
        request("mallory", id, ReadAll),
        request("bob", id, ReadAll),
    ];
    let receipts = world
        .store
        .record_receipts(requests, world.now())
        .await
        .unwrap();
    let outcomes: Vec<_> = receipts
        .outcomes
        .iter()
        .map(|outcome| outcome.map(|state| state.read_seq.get()))
        .collect();
    assert_eq!(
        outcomes,
        [
            Ok(0),
            Err(Refusal::NoConversation),
            Err(Refusal::NoConversation),
            Ok(2)
        ]
    );
    assert_eq!(receipts.entries.len(), 2);
}

/// Whatever happened before.
pub(crate) async fn unread_counts_agree_with_counting(world: World) {
    let id = world.group(&["alice", "bob", "carol"]).await;
    let names = ["alice", "bob", "carol"];
    let mut state = 42_u32;
    let mut random = move |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    for _ in 0..120 {
        let name = names[random(3) as usize];
        match random(6) {
            0..3 => drop(world.send(id, name, "hello").await),
            3 => drop(
                world
                    .rename(id, name, &random(1_000).to_string())
                    .await
                    .unwrap(),
            ),
            4 => {
                let range = Range {
                    after: Some(Seq::new(u64::from(random(60)))),
                    before: None,
                };
                let some = world
                    .store
                    .messages(&user(name), id, range, 1)
                    .await
                    .unwrap()
                    .unwrap();
                let ids: Vec<_> = some.iter().map(|message| message.id).collect();
                if !ids.is_empty() {
                    world.receipt(id, name, ReadUpTo(ids)).await.0.unwrap();
                }
            }
            _ => {
                world.remove(id, "alice", "carol").await.unwrap();
                world.add(id, "alice", &["carol"]).await.unwrap();
            }
        }
        let everything = Range {
            after: Some(Seq::ZERO),
            before: None,
        };
        let messages = world
            .store
            .messages(&user("alice"), id, everything, 1_000)
            .await
            .unwrap()
            .unwrap();
        for reader in names {
            let shown = world.show(id, reader).await.unwrap();
            let me = shown
                .participants
                .iter()
                .find(|each| each.user_id == user(reader))
                .unwrap();
            let unread = messages.iter().filter(|message| {
                Some(message.seq) > me.read_seq && message.sender_id != me.user_id
            });
            assert_eq!(shown.unread_count, Some(unread.count() as u64), "{reader}");
        }
    }
}
