//! Messages: their order, that each is sent once, and who may send.

use callboard_shared::id::Seq;
use tokio::task::JoinSet;

use super::{World, user};
use crate::store::{Range, Refusal};

/// However many send at once, to however many conversations.
pub(crate) async fn a_sequence_has_no_gaps_under_concurrent_sends(world: World) {
    let conversations = [
        world.group(&["alice", "bob"]).await,
        world.group(&["alice", "bob"]).await,
    ];
    let mut senders = JoinSet::new();
    for sender in 0..8 {
        let world = world.clone();
        senders.spawn(async move {
            let name = ["alice", "bob"][sender % 2];
            for round in 0..10 {
                let batch = (0..3).map(|n| {
                    let text = format!("{sender}.{round}.{n}");
                    world.message(conversations[(round + n) % 2], name, &text)
                });
                for outcome in world.store.send(batch.collect()).await.unwrap() {
                    assert!(outcome.unwrap().entry.is_some());
                }
            }
        });
    }
    senders.join_all().await;

    for id in conversations {
        assert_eq!(world.sequence(id).await, Vec::from_iter(1..=121));
        let shown = world.show(id, "alice").await.unwrap();
        assert_eq!(shown.last_seq, Seq::new(121));
        assert_eq!(shown.last_message.unwrap().unwrap().seq, Seq::new(121));
    }
}

/// Also within a batch.
pub(crate) async fn a_repetition_is_answered_with_the_first_message(world: World) {
    let id = world.group(&["alice", "bob"]).await;
    let batch = vec![
        world.marked(id, "alice", "first", "m1"),
        world.marked(id, "alice", "other words", "m1"),
        world.marked(id, "alice", "second", "m2"),
    ];
    let sent: Vec<_> = world
        .store
        .send(batch)
        .await
        .unwrap()
        .into_iter()
        .map(Result::unwrap)
        .collect();
    assert_eq!(sent[0].message, sent[1].message);
    assert_eq!(
        [0, 1, 2].map(|n| sent[n].entry.is_some()),
        [true, false, true]
    );
    assert_eq!(
        sent[2].message.seq,
        Seq::new(3),
        "a repetition takes no number"
    );

    let again = world
        .try_send(world.marked(id, "alice", "first", "m1"))
        .await
        .unwrap();
    assert_eq!(again.message, sent[0].message);
    assert!(again.entry.is_none());
    assert_eq!(again.message.client_message_id.as_deref(), Some("m1"));
    assert_eq!(world.sequence(id).await, [1, 2, 3]);
}

/// From whichever connection they come.
pub(crate) async fn concurrent_repetitions_send_one_message(world: World) {
    let id = world.group(&["alice", "bob"]).await;
    let mut senders = JoinSet::new();
    for _ in 0..8 {
        let world = world.clone();
        senders.spawn(async move {
            world
                .try_send(world.marked(id, "alice", "hello", "once"))
                .await
                .unwrap()
        });
    }
    let sent = senders.join_all().await;
    assert_eq!(sent.iter().filter(|sent| sent.entry.is_some()).count(), 1);
    assert!(sent.iter().all(|other| other.message == sent[0].message));
    assert_eq!(world.sequence(id).await, [1, 2]);
}

/// Other people's and other conversations' are no repetitions.
pub(crate) async fn a_client_message_id_counts_for_one_sender_in_one_conversation(world: World) {
    let here = world.group(&["alice", "bob"]).await;
    let there = world.group(&["alice", "bob"]).await;
    for (id, sender) in [(here, "alice"), (here, "bob"), (there, "alice")] {
        let sent = world
            .try_send(world.marked(id, sender, "hello", "m1"))
            .await
            .unwrap();
        assert!(sent.entry.is_some());
    }
}

/// Even to a repetition of what they sent before.
pub(crate) async fn a_removed_sender_finds_no_conversation(world: World) {
    let id = world.group(&["alice", "bob"]).await;
    world
        .try_send(world.marked(id, "bob", "hello", "m1"))
        .await
        .unwrap();
    world.remove(id, "alice", "bob").await.unwrap();
    for message in [
        world.marked(id, "bob", "hello", "m1"),
        world.message(id, "bob", "still here?"),
    ] {
        assert_eq!(
            world.try_send(message).await.unwrap_err(),
            Refusal::NoConversation
        );
    }
    let stranger = world.try_send(world.message(id, "mallory", "hello")).await;
    assert_eq!(stranger.unwrap_err(), Refusal::NoConversation);
    assert_eq!(world.sequence(id).await, [1, 2, 3]);

    world.add(id, "alice", &["bob"]).await.unwrap();
    let again = world
        .try_send(world.marked(id, "bob", "hello", "m1"))
        .await
        .unwrap();
    assert_eq!(
        again.message.seq,
        Seq::new(2),
        "once back, a repetition is known again"
    );
}

/// A batch is no unit to those who sent it.
pub(crate) async fn a_refused_send_leaves_the_rest_of_its_batch_alone(world: World) {
    let id = world.group(&["alice"]).await;
    let batch = vec![
        world.message(id, "alice", "one"),
        world.message(id, "mallory", "two"),
        world.message(id, "alice", "three"),
    ];
    let outcomes = world.store.send(batch).await.unwrap();
    assert_eq!(
        outcomes.iter().map(Result::is_ok).collect::<Vec<_>>(),
        [true, false, true]
    );
    assert_eq!(world.sequence(id).await, [1, 2, 3]);
}

/// Whatever people write.
pub(crate) async fn text_comes_back_as_it_was(world: World) {
    let id = world
        .group(&[
            "alice",
            "o'brien; DROP TABLE messages",
            "\"quoted\" \\ name",
        ])
        .await;
    let texts = [
        "'); --",
        "\u{1F3AC}\u{200D}\u{1F525}",
        " \n\t ",
        "\u{FEFF}\u{202E}x",
        "%_\\",
    ];
    for text in texts {
        let sent = world.send(id, "o'brien; DROP TABLE messages", text).await;
        assert_eq!(sent.content, text);
    }
    let range = Range {
        after: Some(Seq::ZERO),
        before: None,
    };
    let stored = world
        .store
        .messages(&user("alice"), id, range, 100)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        stored
            .iter()
            .map(|message| message.content.as_str())
            .collect::<Vec<_>>(),
        texts
    );
    assert_eq!(
        stored[0].sender_name.as_deref(),
        Some("O'BRIEN; DROP TABLE MESSAGES")
    );
    let people = world.show(id, "alice").await.unwrap().participants;
    assert_eq!(people[2].user_id.as_str(), "\"quoted\" \\ name");
}

/// Newest first, oldest first after a number, and never what is named.
pub(crate) async fn messages_are_paged_by_number(world: World) {
    let id = world.group(&["alice", "bob"]).await;
    for n in 2..=6 {
        world.send(id, "alice", &n.to_string()).await;
    }
    world
        .rename(id, "alice", "an event that is no message")
        .await
        .unwrap();
    world.send(id, "alice", "8").await;

    let page = async |after: Option<u64>, before: Option<u64>, limit| {
        let range = Range {
            after: after.map(Seq::new),
            before: before.map(Seq::new),
        };
        let page = world
            .store
            .messages(&user("bob"), id, range, limit)
            .await
            .unwrap()
            .unwrap();
        page.iter()
            .map(|message| message.seq.get())
            .collect::<Vec<_>>()
    };
    assert_eq!(page(None, None, 3).await, [8, 6, 5]);
    assert_eq!(page(None, Some(5), 3).await, [4, 3, 2]);
    assert_eq!(page(Some(0), None, 3).await, [2, 3, 4]);
    assert_eq!(page(Some(4), None, 100).await, [5, 6, 8]);
    assert_eq!(page(Some(2), Some(6), 100).await, [3, 4, 5]);
    assert!(page(Some(8), None, 100).await.is_empty());
    let stranger = world
        .store
        .messages(&user("mallory"), id, Range::default(), 3)
        .await
        .unwrap();
    assert_eq!(stranger.unwrap_err(), Refusal::NoConversation);
}
