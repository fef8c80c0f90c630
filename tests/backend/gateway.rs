//! A gateway whose API goes away: who is connected stays, receipts wait, nobody is let in who would
//! have to be sent away again.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use callboard_gateway::{Gateway, Parts, settings::GatewaySettings};
use callboard_shared::{
    auth::mint,
    backend::READY,
    bus::Bus,
    clock::{Clock, SystemClock},
    id::ConversationId,
    serve::{bind, serve},
};
use clap::Parser;
use prometheus::Registry;
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{
    service::{Fault, Service, anywhere, errors, eventually, identity},
    support::{Client, PATIENCE, Seen},
};

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    gateway: GatewaySettings,
}

/// What a gateway is made of that asks over HTTP, and counts there.
pub(crate) fn parts(service: &Service, metrics: Registry) -> Parts {
    Parts {
        settings: Settings::parse_from(["test"]).gateway,
        origins: Vec::new(),
        verifier: Arc::clone(&service.verifier),
        clock: Arc::new(SystemClock),
        bus: Arc::new(service.bus.clone()) as Arc<dyn Bus>,
        backend: Arc::new(service.backend()),
        fleet: None,
        metrics,
        errors: errors(),
    }
}

/// Starts a gateway.
async fn start(service: &Service) -> SocketAddr {
    let parts = parts(service, Registry::new());
    let server = Gateway::start(parts, &service.lifecycle).await.unwrap();
    let listener = bind("LISTEN", anywhere()).unwrap();
    let address = listener.local_addr().unwrap();
    serve(&service.lifecycle, listener, server.router("/socket.io/"));
    eventually(|| service.faults.requests(READY) == 1).await;
    address
}

pub(crate) fn client(service: &Service, address: SocketAddr, user: &str) -> Client {
    let (user, life) = (user.parse().unwrap(), Duration::from_secs(3_600));
    let token = mint(&service.auth, &user, None, life, SystemClock.now());
    Client::new(address, &token.unwrap())
}

/// What a handshake is answered: the status, and how long to stay away.
async fn handshake(address: SocketAddr) -> (u16, Option<String>) {
    let url = format!("http://{address}/socket.io/?EIO=4&transport=polling");
    let response = reqwest::get(url).await.unwrap();
    let wait = response.headers().get("retry-after");
    let wait = wait.map(|wait| wait.to_str().unwrap().to_owned());
    (response.status().as_u16(), wait)
}

async fn delivered(service: &Service, user: &str, conversation: ConversationId) -> u64 {
    let (operations, reader) = (service.operations(), identity(user));
    let seen = operations
        .conversation(&reader, conversation)
        .await
        .unwrap();
    let found = seen
        .participants
        .iter()
        .find(|participant| participant.user_id.as_str() == user);
    found.unwrap().delivered_seq.unwrap().get()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_connected_stays_and_receipts_wait_while_the_api_is_away() {
    let service = Service::start().await;
    let address = start(&service).await;
    let group = service.group(&["alice", "bob"]).await;
    let id = group.to_string();
    let (mut alice, mut bob) = (
        client(&service, address, "alice"),
        client(&service, address, "bob"),
    );
    alice.connect().await.unwrap();
    bob.connect().await.unwrap();
    bob.request("join-conversation", json!(id)).await.unwrap();

    service.faults.set(Fault::Busy, usize::MAX);
    // What is committed meanwhile is delivered, and typing goes on.
    let message = service.send("alice", group).await;
    bob.until(|bob, _, _| bob.last_seq(&id) == message.seq.get())
        .await
        .unwrap();
    let typing = alice.request("typing-start", json!(id)).await.unwrap();
    assert_eq!(typing["ok"], true);
    bob.until(|_, name, _| name == "user-typing").await.unwrap();

    let seq = message.seq.get();
    for seq in [seq, seq - 1] {
        let receipt = json!({"conversationId": id, "seq": seq});
        let ack = bob.request("mark-delivered", receipt).await.unwrap();
        assert_eq!(ack["error"]["code"], "unavailable", "{ack}");
    }
    assert_eq!(delivered(&service, "bob", group).await, 0);

    // Whoever comes now is kept out before the handshake; whoever is in stays.
    assert_eq!(handshake(address).await, (503, Some("5".to_owned())));
    alice.cut();
    assert!(alice.connect().await.is_err());

    service.faults.clear();
    // The receipt is recorded without being asked for again, and announced.
    alice_is_back(&mut alice).await;
    bob.until(|_, name, data| name == "messages-delivered" && data["deliveredSeq"] == seq)
        .await
        .unwrap();
    assert_eq!(delivered(&service, "bob", group).await, seq);
    alice.take_all().await.unwrap();
    assert_eq!(alice.seen[&id], [Seen::Event(2)]);
}

/// Connects as soon as it is let in again.
async fn alice_is_back(alice: &mut Client) {
    let wait = async {
        while alice.connect().await.is_err() {
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap();
}
