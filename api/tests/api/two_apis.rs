//! Two API processes on one PostgreSQL and one bus: as if they were one.

use std::{sync::Arc, time::Duration};

use callboard_api::store::postgres::PostgresStore;
use callboard_shared::{
    bus::{Ask, Bus, Channel, LogLimits, Place, Push, Request, local::LocalBus},
    clock::ManualClock,
    id::{ConversationId, Seq},
};
use http::StatusCode;
use serde_json::json;
use tokio::task::JoinSet;

use crate::service::{NOW, Service, Setup, shared_postgres};

/// Two services, each with a pool of its own, and the bus between them and their gateways.
async fn services() -> (Arc<[Service; 2]>, LocalBus) {
    let bus = LocalBus::new(LogLimits::default(), Arc::new(ManualClock::new(NOW)));
    let (settings, kept) = shared_postgres().await;
    let setup = |kept| {
        let bus = bus.clone();
        let store = PostgresStore::connect(&settings).unwrap();
        Setup {
            store: Some((Arc::new(store), kept)),
            bus: Box::new(|_| Arc::new(bus)),
            ..Setup::default()
        }
    };
    let services = [
        Service::start(setup(kept)).await,
        Service::start(setup(Box::new(()))).await,
    ];
    (Arc::new(services), bus)
}

async fn finish(services: Arc<[Service; 2]>) {
    let [one, other] = Arc::into_inner(services).unwrap();
    // The first one keeps the server.
    other.finish().await;
    one.finish().await;
}

fn id(path: &str) -> ConversationId {
    path.rsplit('/').next().unwrap().parse().unwrap()
}

/// Messages are sent through both at once, each of them twice: once through either.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_has_one_order_whoever_sends() {
    let (services, bus) = services().await;
    let path = services[0].group(&["alice", "bob"]).await;
    let mut link = bus.open();
    let channel = Channel::Conversation(id(&path));
    let ask = |ask| link.requests.send(Request { partition: 0, ask });
    ask(Ask::Subscribe(vec![channel]));

    let mut senders = JoinSet::new();
    for sender in 0..16_usize {
        let (services, path) = (services.clone(), format!("{path}/messages"));
        senders.spawn(async move {
            let mut created = 0;
            for n in 0..20 {
                let user = ["alice", "bob"][sender / 2 % 2];
                let mark = format!("{}.{n}", sender / 2);
                let body = json!({"content": mark, "clientMessageId": mark});
                let answer = services[sender % 2].post(user, &path, body).await;
                created += usize::from(answer.status == StatusCode::CREATED);
            }
            created
        });
    }
    assert_eq!(senders.join_all().await.iter().sum::<usize>(), 160);

    ask(Ask::Position(7));
    let mut next = 2;
    loop {
        match link.pushes.recv().await.unwrap() {
            Push::Entry { entry, .. } => {
                assert_eq!(entry.place, Place::Sequenced(Seq::new(next)));
                next += 1;
            }
            Push::Position { .. } => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(next, 162);
    finish(services).await;
}

/// Both sweep what a third one left behind when it died.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_left_behind_is_published_once() {
    let (services, bus) = services().await;
    let path = services[0].group(&["alice"]).await;
    services[0].published().await;
    for n in 0..50 {
        services[n % 2].commit_only(&path, &n.to_string()).await;
    }
    for service in services.iter() {
        service.clock.advance(Duration::from_secs(5));
        service.api.start();
    }
    services[0].published().await;
    let channel = Channel::Conversation(id(&path));
    let log = bus.read(0, &channel, 0, 1_000);
    let places: Vec<_> = log
        .await
        .unwrap()
        .entries
        .iter()
        .map(|entry| entry.place)
        .collect();
    let expected: Vec<_> = (1..=51)
        .map(|seq| Place::Sequenced(Seq::new(seq)))
        .collect();
    assert_eq!(places, expected);
    finish(services).await;
}
