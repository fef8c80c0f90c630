//! What was committed goes out: in order, once, and whatever was away in between.

use std::{
    ops::RangeInclusive,
    sync::{Arc, OnceLock, atomic::Ordering},
    time::Duration,
};

use callboard_api::store::{ReceiptKind, ReceiptRequest};
use callboard_shared::{
    bus::{Ask, Bus, Channel, LogEntry, LogLimits, Place, Push, Request, local::LocalBus},
    clock::Clock,
    event::{ConversationEvent, EventName, MembershipChange, MembershipNotice},
    id::{ConversationId, Seq},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::{
    moody::Moody,
    service::{Service, Setup, eventually},
};

/// A service, and its bus.
async fn service() -> (Service, Arc<Moody>) {
    let made = Arc::new(OnceLock::new());
    let bus = {
        let made = made.clone();
        move |clock: Arc<dyn Clock>| -> Arc<dyn Bus> {
            let inner = LocalBus::new(LogLimits::default(), clock);
            made.get_or_init(|| Arc::new(Moody::new(inner))).clone()
        }
    };
    let (store, kept) = super::store().await;
    let service = Service::start(Setup {
        store: Some((store, kept)),
        bus: Box::new(bus),
        ..Setup::default()
    })
    .await;
    (service, made.get().unwrap().clone())
}

fn id(path: &str) -> ConversationId {
    path.rsplit('/').next().unwrap().parse().unwrap()
}

/// What a channel's log holds.
async fn log(bus: &dyn Bus, channel: &Channel) -> Vec<LogEntry> {
    bus.read(0, channel, 0, 10_000).await.unwrap().entries
}

async fn places(bus: &dyn Bus, path: &str) -> Vec<Place> {
    log(bus, &Channel::Conversation(id(path)))
        .await
        .iter()
        .map(|entry| entry.place)
        .collect()
}

fn sequence(numbers: impl IntoIterator<Item = u64>) -> Vec<Place> {
    numbers
        .into_iter()
        .map(|seq| Place::Sequenced(Seq::new(seq)))
        .collect()
}

/// Ends a service once its sweeper has published what was left: all of a conversation is out, and
/// nothing twice.
async fn swept(service: Service, bus: &dyn Bus, path: &str, all: RangeInclusive<u64>) {
    service.clock.advance(Duration::from_secs(5));
    service.api.start();
    service.published().await;
    assert_eq!(places(bus, path).await, sequence(all));
    service.finish().await;
}

#[tokio::test]
async fn what_is_published_is_what_clients_get() {
    let (service, bus) = service().await;
    let path = service.group(&["alice", "bob"]).await;
    let message = service.send("alice", &path, "hello").await;
    service
        .call("bob", Method::PATCH, &format!("{path}/read"), None)
        .await;
    service
        .delete("alice", &format!("{path}/participants/bob"))
        .await;
    service.delete("alice", &path).await;

    let entries = log(&*bus, &Channel::Conversation(id(&path))).await;
    let events: Vec<_> = entries
        .iter()
        .map(|entry| ConversationEvent::decode(&entry.payload).unwrap())
        .collect();
    let names: Vec<_> = events.iter().map(|event| event.event).collect();
    use EventName::{ConversationDeleted, ConversationUpdated, MessagesRead, NewMessage};
    assert_eq!(
        names,
        [
            ConversationUpdated,
            NewMessage,
            MessagesRead,
            ConversationUpdated,
            ConversationDeleted
        ]
    );
    let mut expected = sequence([1, 2, 3, 4]);
    expected.insert(2, Place::Tagged(Seq::new(2)));
    assert_eq!(
        entries.iter().map(|entry| entry.place).collect::<Vec<_>>(),
        expected
    );

    let people = |users: &[callboard_shared::id::UserId]| {
        users.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(people(&events[0].added), ["alice", "bob"]);
    assert_eq!(
        (people(&events[3].removed), events[3].by.as_str()),
        (vec!["bob".to_owned()], "alice")
    );
    let data: Value = serde_json::from_str(events[1].data.get()).unwrap();
    assert_eq!(
        data,
        json!({"conversationId": id(&path), "seq": 2, "message": message})
    );
    let data: Value = serde_json::from_str(events[2].data.get()).unwrap();
    assert_eq!(
        (&data["readBy"], &data["readSeq"], &data["messageIds"]),
        (&json!("bob"), &json!(2), &json!([message["id"]]))
    );

    for (user, last) in [("alice", 4), ("bob", 3)] {
        let notices = log(&*bus, &Channel::User(user.parse().unwrap())).await;
        let changes: Vec<_> = notices
            .iter()
            .map(|entry| MembershipNotice::decode(&entry.payload).unwrap())
            .map(|notice| (notice.conversation_id, notice.change, notice.seq))
            .collect();
        let (joined, left) = (MembershipChange::Joined, MembershipChange::Left);
        assert_eq!(
            changes,
            [
                (id(&path), joined, Seq::new(1)),
                (id(&path), left, Seq::new(last))
            ]
        );
        assert!(
            notices[0].offset < entries[0].offset,
            "gateways hear of the channel before its first event"
        );
    }
    service.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_see_concurrent_sends_in_order() {
    let (service, bus) = service().await;
    let service = Arc::new(service);
    let paths = [
        service.group(&["alice", "bob"]).await,
        service.group(&["alice", "bob"]).await,
    ];
    let mut link = bus.open();
    let channels = paths
        .iter()
        .map(|path| Channel::Conversation(id(path)))
        .collect();
    let ask = |ask| link.requests.send(Request { partition: 0, ask });
    ask(Ask::Subscribe(channels));

    let mut senders = JoinSet::new();
    for sender in 0..16_usize {
        let (service, paths) = (service.clone(), paths.clone());
        senders.spawn(async move {
            for n in 0..10 {
                service
                    .send(["alice", "bob"][sender % 2], &paths[(sender + n) % 2], "x")
                    .await;
            }
        });
    }
    senders.join_all().await;

    ask(Ask::Position(7));
    let mut next = [2, 2];
    loop {
        match link.pushes.recv().await.unwrap() {
            Push::Entry { channel, entry, .. } => {
                let which = usize::from(channel == Channel::Conversation(id(&paths[1])));
                assert_eq!(entry.place, Place::Sequenced(Seq::new(next[which])));
                next[which] += 1;
            }
            Push::Position { .. } => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(next, [82, 82]);
    Arc::into_inner(service).unwrap().finish().await;
}

#[tokio::test]
async fn what_a_crash_left_behind_is_published_before_the_next() {
    let (service, bus) = service().await;
    let path = service.group(&["alice", "bob"]).await;
    for text in ["2", "3", "4"] {
        service.commit_only(&path, text).await;
    }
    service.send("alice", &path, "5").await;
    assert_eq!(
        places(&*bus, &path).await,
        sequence(1..=5),
        "the bus asked for what it lacked"
    );

    swept(service, &*bus, &path, 1..=5).await;
}

#[tokio::test]
async fn more_than_one_page_is_published_before_the_next() {
    let (service, bus) = service().await;
    let path = service.group(&["alice"]).await;
    for n in 0..600 {
        service.commit_only(&path, &n.to_string()).await;
    }
    service.send("alice", &path, "602").await;
    assert_eq!(places(&*bus, &path).await, sequence(1..=602));
    swept(service, &*bus, &path, 1..=602).await;
}

#[tokio::test]
async fn the_sweeper_publishes_what_a_crash_left_behind() {
    let (service, bus) = service().await;
    let path = service.group(&["alice", "bob"]).await;
    service.published().await;
    service.commit_only(&path, "2").await;
    service.commit_only(&path, "3").await;
    swept(service, &*bus, &path, 1..=3).await;
}

#[tokio::test]
async fn a_bus_that_is_away_fails_no_send() {
    let (service, bus) = service().await;
    let path = service.group(&["alice", "bob"]).await;
    service.api.start();
    bus.away.store(true, Ordering::SeqCst);
    let read = service
        .call("bob", Method::PATCH, &format!("{path}/read"), None)
        .await;
    assert_eq!(read.status, StatusCode::OK);
    for text in ["2", "3"] {
        service.send("alice", &path, text).await;
    }
    assert!(service.pending().await >= 3);
    assert_eq!(places(&*bus, &path).await, sequence([1]));

    bus.away.store(false, Ordering::SeqCst);
    service.clock.advance(Duration::from_secs(2));
    service.published().await;
    let mut expected = sequence(1..=3);
    expected.insert(1, Place::Tagged(Seq::new(1)));
    assert_eq!(places(&*bus, &path).await, expected);
    service.send("alice", &path, "4").await;
    let last = places(&*bus, &path).await.pop();
    assert_eq!(last, Some(Place::Sequenced(Seq::new(4))), "at once again");
    service.finish().await;
}

#[tokio::test]
async fn a_partition_that_is_away_holds_up_no_other() {
    let (service, bus) = service().await;
    let mut paths = [None, None];
    while paths.contains(&None) {
        let path = service.group(&["alice"]).await;
        let partition = bus.partition_of(id(&path));
        paths[usize::from(partition)] = Some(path);
    }
    let [lives, dies] = paths.map(Option::unwrap);
    service.published().await;
    bus.half_away.store(true, Ordering::SeqCst);
    // More than a page of the sweeper's, before what can go out.
    for n in 0..1_100 {
        service.commit_only(&dies, &n.to_string()).await;
    }
    service.commit_only(&lives, "2").await;
    service.send("alice", &dies, "last").await;
    service.clock.advance(Duration::from_secs(2));
    service.api.start();
    eventually("the other partition's is out", async || {
        places(&*bus, &lives).await == sequence(1..=2)
    })
    .await;
    service.send("alice", &lives, "3").await;
    assert_eq!(places(&*bus, &lives).await, sequence(1..=3), "at once");
    assert_eq!(places(&*bus, &dies).await, sequence([1]));

    bus.half_away.store(false, Ordering::SeqCst);
    service.published().await;
    let last = places(&*bus, &dies).await.pop();
    assert_eq!(last, Some(Place::Sequenced(Seq::new(1_102))));
    service.finish().await;
}

#[tokio::test]
async fn a_bus_that_does_not_answer_counts_as_away() {
    let (service, bus) = service().await;
    let path = service.group(&["alice", "bob"]).await;
    bus.silent.store(true, Ordering::SeqCst);
    service.send("alice", &path, "2").await;
    bus.silent.store(false, Ordering::SeqCst);
    swept(service, &*bus, &path, 1..=2).await;
}

#[tokio::test]
async fn an_answer_that_was_lost_publishes_nothing_twice() {
    let (service, bus) = service().await;
    let path = service.group(&["alice", "bob"]).await;
    bus.swallow.store(true, Ordering::SeqCst);
    service.send("alice", &path, "2").await;
    assert!(service.pending().await >= 1, "it may not be out");
    swept(service, &*bus, &path, 1..=2).await;
}

#[tokio::test]
async fn a_bus_that_lost_everything_goes_on_where_publishing_stood() {
    let (service, bus) = service().await;
    let path = service.group(&["alice", "bob"]).await;
    service.send("alice", &path, "2").await;
    service.published().await;
    // A head outlives its last event by 24 hours.
    service.clock.advance(Duration::from_secs(25 * 3600));
    service.send("alice", &path, "3").await;
    assert_eq!(
        places(&*bus, &path).await,
        sequence([3]),
        "what went out before is not repeated"
    );

    service.published().await;
    service.clock.advance(Duration::from_secs(25 * 3600));
    service.commit_only(&path, "4").await;
    service.send("alice", &path, "5").await;
    assert_eq!(
        places(&*bus, &path).await,
        sequence([4, 5]),
        "what did not go out is"
    );
    service.clock.advance(Duration::from_secs(2));
    service.api.start();
    service.finish().await;
}

#[tokio::test]
async fn receipts_of_a_batch_are_announced_once_each() {
    let (service, bus) = service().await;
    let path = service.group(&["alice", "bob"]).await;
    service.send("alice", &path, "2").await;
    let request = |kind| ReceiptRequest {
        user_id: "bob".parse().unwrap(),
        conversation_id: id(&path),
        kind,
    };
    let requests = vec![
        request(ReceiptKind::Delivered(Seq::new(2))),
        request(ReceiptKind::Delivered(Seq::new(2))),
        request(ReceiptKind::ReadUpTo(Vec::new())),
        request(ReceiptKind::ReadAll),
    ];
    let outcomes = service.api.operations().record_receipts(requests).await;
    let outcomes: Vec<_> = outcomes
        .iter()
        .map(|outcome| outcome.as_ref().map(|state| state.read_seq.get()).ok())
        .collect();
    assert_eq!(outcomes, [Some(0), Some(0), None, Some(2)]);
    let entries = log(&*bus, &Channel::Conversation(id(&path))).await;
    let names: Vec<_> = entries[2..]
        .iter()
        .map(|entry| ConversationEvent::decode(&entry.payload).unwrap().event)
        .collect();
    assert_eq!(
        names,
        [EventName::MessagesDelivered, EventName::MessagesRead]
    );
    service.finish().await;
}

#[tokio::test]
async fn a_gateway_learns_where_someone_takes_part() {
    let (service, _) = service().await;
    let (here, left) = (
        service.group(&["alice", "bob"]).await,
        service.group(&["alice", "bob"]).await,
    );
    service
        .delete("bob", &format!("{left}/participants/bob"))
        .await;
    let operations = service.api.operations();
    let stays = operations
        .memberships(&[service.identity("bob")], 10)
        .await
        .unwrap();
    let stays: Vec<_> = stays[0]
        .iter()
        .map(|stay| (stay.conversation_id, stay.left_seq.map(Seq::get)))
        .collect();
    assert_eq!(stays, [(id(&here), None), (id(&left), Some(2))]);
    service.clock.advance(Duration::from_secs(121));
    assert_eq!(
        operations
            .memberships(&[service.identity("bob")], 10)
            .await
            .unwrap()[0]
            .len(),
        1
    );

    let bob = "bob".parse().unwrap();
    assert_eq!(
        operations
            .membership(&bob, id(&here))
            .await
            .unwrap()
            .unwrap()
            .last_seq,
        Seq::new(1)
    );
    assert!(
        operations
            .membership(&bob, id(&left))
            .await
            .unwrap()
            .is_none()
    );
    let shown = service.get("alice", &here).await.json();
    assert_eq!(
        shown["participants"][1]["name"], "Bob",
        "connecting tells the name"
    );
    service.finish().await;
}

#[tokio::test]
async fn a_caller_that_goes_away_stops_nothing() {
    let (service, bus) = service().await;
    let path = service.group(&["alice", "bob"]).await;
    let operations = service.api.operations();
    let alice = service.identity("alice");
    let send = operations.send_message(&alice, id(&path), "hello".try_into().unwrap(), None);
    let mut send = Box::pin(send);
    assert!(futures::poll!(&mut send).is_pending());
    drop(send);
    eventually("it is published", async || {
        places(&*bus, &path).await == sequence(1..=2)
    })
    .await;
    service.finish().await;
}
