//! Who takes part: joining, leaving, coming back.

use callboard_shared::id::Seq;

use super::{World, conversations::updated, user, users};
use crate::store::{Action, ParticipantKey, Range, Refusal};

/// Joining and leaving in between does not disturb.
pub(crate) async fn participants_are_paged_in_the_order_of_joining(world: World) {
    let id = world.group(&["zoe", "bob", "alice"]).await;
    world.add(id, "bob", &["yann", "carol"]).await.unwrap();
    let page = async |after: Option<ParticipantKey>| {
        world
            .store
            .participants(&user("bob"), id, after, 2)
            .await
            .unwrap()
            .unwrap()
    };
    let first = page(None).await;
    world.remove(id, "zoe", "zoe").await.unwrap();
    world.add(id, "bob", &["adam"]).await.unwrap();
    let second = page(Some(first[1].key)).await;
    let third = page(Some(second[1].key)).await;
    let names: Vec<_> = [first, second, third]
        .concat()
        .iter()
        .map(|listed| listed.participant.user_id.to_string())
        .collect();
    assert_eq!(names, ["zoe", "bob", "alice", "yann", "carol", "adam"]);
    let gone = world
        .store
        .participants(&user("zoe"), id, None, 2)
        .await
        .unwrap();
    assert_eq!(gone.unwrap_err(), Refusal::NoConversation);
}

/// They may read what came before, but it does not count as unread.
pub(crate) async fn whoever_is_added_starts_at_that_event(world: World) {
    let id = world.group(&["alice", "bob"]).await;
    world.send(id, "alice", "before").await;
    let changed = world
        .add(id, "bob", &["alice", "carol", "dave"])
        .await
        .unwrap();
    let (added, _, data) = updated(&changed.entry.unwrap());
    assert_eq!(added, ["carol", "dave"]);
    assert_eq!(
        (data.seq, data.conversation.participant_count),
        (Seq::new(3), 4)
    );
    world.send(id, "alice", "after").await;

    let shown = world.show(id, "carol").await.unwrap();
    assert_eq!(shown.unread_count, Some(1));
    let carol = shown
        .participants
        .iter()
        .find(|each| each.user_id == user("carol"))
        .unwrap();
    assert_eq!(
        (carol.read_seq, carol.delivered_seq),
        (Some(Seq::new(2)), Some(Seq::new(2)))
    );
    let history = world
        .store
        .messages(&user("carol"), id, Range::default(), 10)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(history.len(), 2);

    let nobody_new = world.add(id, "carol", &["alice", "carol"]).await.unwrap();
    assert!(nobody_new.entry.is_none());
    assert_eq!(nobody_new.conversation.unwrap().last_seq, Seq::new(4));
}

/// Counting only those who are new.
pub(crate) async fn a_conversation_has_a_largest_size(world: World) {
    let id = world.group(&["alice", "bob"]).await;
    let add = async |names: &[&str]| {
        world
            .change(
                id,
                "alice",
                Action::Add {
                    users: users(names),
                    max: 3,
                },
            )
            .await
    };
    assert_eq!(add(&["carol", "dave"]).await.unwrap_err(), Refusal::TooMany);
    add(&["alice", "bob", "carol"]).await.unwrap();
    add(&["carol"]).await.unwrap();
    assert_eq!(add(&["dave"]).await.unwrap_err(), Refusal::TooMany);
}

/// And may come back.
pub(crate) async fn whoever_is_removed_sees_that_event_last(world: World) {
    let id = world.group(&["alice", "bob", "carol"]).await;
    assert_eq!(
        world.remove(id, "bob", "carol").await.unwrap_err(),
        Refusal::CreatorOnly
    );
    assert_eq!(
        world.remove(id, "alice", "dave").await.unwrap_err(),
        Refusal::NoParticipant
    );
    let changed = world.remove(id, "alice", "bob").await.unwrap();
    let (_, removed, data) = updated(&changed.entry.unwrap());
    assert_eq!(
        (removed, data.seq, data.conversation.participant_count),
        (vec!["bob".to_owned()], Seq::new(2), 2)
    );
    assert_eq!(
        world.show(id, "bob").await.unwrap_err(),
        Refusal::NoConversation
    );
    assert_eq!(
        world.remove(id, "alice", "bob").await.unwrap_err(),
        Refusal::NoParticipant
    );

    world.add(id, "carol", &["bob"]).await.unwrap();
    let shown = world.show(id, "bob").await.unwrap();
    assert_eq!(
        shown.participants.last().unwrap().user_id,
        user("bob"),
        "those who come back are the last"
    );
    assert!(
        world
            .remove(id, "carol", "carol")
            .await
            .unwrap()
            .entry
            .is_some(),
        "everyone may leave"
    );
}

/// Null without one.
pub(crate) async fn names_are_those_of_the_last_token(world: World) {
    let id = world.group(&["alice", "bob"]).await;
    let name = async |world: &World| {
        world.show(id, "bob").await.unwrap().participants[0]
            .name
            .clone()
    };
    assert_eq!(name(&world).await, None);
    for (given, shown) in [
        (Some("Alice"), Some("Alice")),
        (Some("Ali\"ce"), Some("Ali\"ce")),
        (None, None),
    ] {
        world.see("alice", given).await;
        assert_eq!(name(&world).await.as_deref(), shown);
    }
}

/// Also when the same one is among them twice.
pub(crate) async fn many_names_are_seen_at_once(world: World) {
    let id = world.group(&["alice", "bob", "carol"]).await;
    world.see("bob", Some("Robert")).await;
    let seen = [
        ("carol", Some("Carol")),
        ("alice", Some("Al")),
        ("bob", None),
        ("alice", Some("Alice")),
    ]
    .map(|(id, name)| (user(id), name.map(Into::into)));
    world.store.see_users(&seen, world.now()).await.unwrap();
    world.store.see_users(&[], world.now()).await.unwrap();
    let people = world.show(id, "alice").await.unwrap().participants;
    let names: Vec<_> = people.iter().map(|person| person.name.as_deref()).collect();
    assert_eq!(names, [Some("Alice"), None, Some("Carol")]);
}
