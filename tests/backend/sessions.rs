//! Sessions that go from gateway to gateway.

use std::{net::SocketAddr, time::Duration};

use callboard_gateway::Gateway;
use callboard_shared::{
    bus::{Bus, Channel},
    clock::{Clock, SystemClock, Timestamp},
    event::{Takeover, VERSION},
    id::ConversationId,
    serve::{bind, serve},
};
use futures::StreamExt;
use prometheus::{Registry, proto::MetricFamily};
use tokio::time::timeout;

use super::{
    gateway::{client, parts},
    service::{Service, anywhere, eventually},
    support::{Client, PATIENCE, Seen},
};

/// One of several gateways.
struct Node {
    address: SocketAddr,
    metrics: Registry,
}

impl Node {
    async fn start(service: &Service) -> Self {
        let metrics = Registry::new();
        let [outside, inside] = [(); 2].map(|()| bind("LISTEN", anywhere()).unwrap());
        let mut parts = parts(service, metrics.clone());
        let internal = inside.local_addr().unwrap().to_string().parse().unwrap();
        parts.fleet = Some((service.token.clone(), internal));
        let server = Gateway::start(parts, &service.lifecycle).await.unwrap();
        let address = outside.local_addr().unwrap();
        serve(&service.lifecycle, outside, server.router("/socket.io/"));
        let routes = service.token.guard(server.internal_router("/socket.io/"));
        serve(&service.lifecycle, inside, routes);
        Self { address, metrics }
    }

    /// How many connections were closed because their session goes on elsewhere.
    fn replaced(&self) -> u64 {
        let families = self.metrics.gather();
        let closed = families
            .iter()
            .filter(|family| family.name() == "callboard_connections_closed_total")
            .flat_map(MetricFamily::get_metric)
            .filter(|metric| {
                metric
                    .get_label()
                    .iter()
                    .any(|label| label.value() == "replaced")
            });
        closed
            .map(|metric| metric.get_counter().get_value() as u64)
            .sum()
    }
}

/// Lets a session go on at another gateway while its connection still stands; returns when that
/// connection is closed.
async fn move_to(client: &mut Client, node: &Node) {
    let mut old = client.stream.take().unwrap();
    client.address = node.address;
    assert!(client.connect().await.unwrap(), "it was not recovered");
    timeout(PATIENCE, async {
        while let Some(Ok(_)) = old.next().await {}
    })
    .await
    .unwrap();
}

async fn hears(client: &mut Client, service: &Service, group: ConversationId) {
    let sent = service.send("bob", group).await.seq.get();
    let id = group.to_string();
    client
        .until(|client, _, _| client.last_seq(&id) == sent)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_old_connection_of_a_session_is_ended_wherever_it_lives() {
    let service = Service::start().await;
    let (one, other) = (Node::start(&service).await, Node::start(&service).await);
    let group = service.group(&["alice", "bob"]).await;
    let mut alice = client(&service, one.address, "alice");
    alice.connect().await.unwrap();
    hears(&mut alice, &service, group).await;
    move_to(&mut alice, &other).await;
    assert_eq!((one.replaced(), other.replaced()), (1, 0));
    hears(&mut alice, &service, group).await;
    move_to(&mut alice, &one).await;
    move_to(&mut alice, &one).await;
    assert_eq!((one.replaced(), other.replaced()), (2, 1));
    hears(&mut alice, &service, group).await;
    assert_eq!(
        alice.seen[&group.to_string()],
        (2..=4).map(Seen::Event).collect::<Vec<_>>()
    );
    assert_eq!((alice.recovered, alice.expired), (3, 0));
}

/// Takes what comes until the connection is closed.
async fn ends(client: &mut Client) {
    client.until(|_, _, _| false).await.unwrap_err();
    assert!(client.stream.is_none(), "it was not closed");
}

/// No stock client gives its session to another; an application that does so has two that close each
/// other for as long as both come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clients_of_one_session_take_turns_and_each_hears_everything_once() {
    let service = Service::start().await;
    let (one, other) = (Node::start(&service).await, Node::start(&service).await);
    let group = service.group(&["alice", "bob"]).await;
    let id = group.to_string();
    let mut alice = client(&service, one.address, "alice");
    alice.connect().await.unwrap();
    hears(&mut alice, &service, group).await;
    let mut copy = client(&service, other.address, "alice");
    (copy.pid, copy.offset) = (alice.pid.clone(), alice.offset.clone());
    let (mut here, mut there) = (alice, copy);
    for turn in 1..=6 {
        assert!(there.connect().await.unwrap(), "turn {turn}");
        ends(&mut here).await;
        hears(&mut there, &service, group).await;
        (here, there) = (there, here);
    }
    there.connect().await.unwrap();
    let (alice, copy) = (&here.seen[&id], &there.seen[&id]);
    let all: Vec<_> = (2..=8).map(Seen::Event).collect();
    assert_eq!((&copy[..], &alice[..]), (&all[1..], &all[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_word_of_an_older_connection_spares_the_newest() {
    let service = Service::start().await;
    let node = Node::start(&service).await;
    let group = service.group(&["alice", "bob"]).await;
    let before = SystemClock.now();
    let mut alice = client(&service, node.address, "alice");
    alice.connect().await.unwrap();
    let pid = alice.pid.clone().unwrap();
    let say = async |at: Timestamp| {
        let takeover = Takeover {
            v: VERSION,
            pid: pid.clone(),
            connection_id: "another".to_owned(),
            at,
        };
        let channel = Channel::User("alice".parse().unwrap());
        service
            .bus
            .signal(&channel, takeover.encode().unwrap())
            .await
            .unwrap();
    };
    say(before.minus(Duration::from_secs(1))).await;
    hears(&mut alice, &service, group).await;
    assert_eq!(node.replaced(), 0);
    say(SystemClock.now().plus(Duration::from_secs(1))).await;
    eventually(|| node.replaced() == 1).await;
}
