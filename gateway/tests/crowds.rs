//! Much at once: many who want in, and much for somebody who takes it.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use callboard_gateway::{
    engine::{self, CloseReason, Frame, Message, Transport},
    server::{Server, ServerConfig},
    worker::{Application, Handle, Handshake, Home, Links, Slot, WorkerConfig},
};
use callboard_shared::{
    id::GatewayId,
    lifecycle::Lifecycle,
    serve::{bind, serve},
};
use futures::{SinkExt, StreamExt, future::join_all};
use prometheus::Registry;
use tokio::time::timeout;
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Error, Message as Packet},
};

const PATIENCE: Duration = Duration::from_secs(60);

const SEND_QUEUE: usize = 16 << 10;

/// How much is sent in one turn: more than may be queued, and less than the kernel takes at once.
const BURST: usize = 100;

/// Answers a message by a burst.
struct Bursts;

impl Application for Bursts {
    type Event = ();

    fn opened(&mut self, _: &mut Links, _: Slot, _: Handshake) {}

    fn message(&mut self, links: &mut Links, slot: Slot, _: Message) {
        let frame = Frame::message_text(&"x".repeat(1_000));
        for _ in 0..BURST {
            links.send(slot, frame.clone());
        }
    }

    fn due(&mut self, _: &mut Links, _: Slot) {}

    fn closed(&mut self, _: &mut Links, _: Slot, _: Transport, _: CloseReason) {}

    fn event(&mut self, _: &mut Links, (): ()) {}
}

/// A server that takes so many connections.
fn start(max_connections: u32) -> (SocketAddr, Lifecycle) {
    let lifecycle = Lifecycle::new();
    let listener = bind("LISTEN", "127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let config = ServerConfig {
        worker: WorkerConfig {
            home: Home::Threads,
            gateway: GatewayId::random(),
            engine: Arc::new(engine::Config::default()),
            send_queue: SEND_QUEUE,
        },
        origins: None,
        max_connections,
        max_handshakes_per_second: 0,
        backend: None,
        fleet: None,
    };
    let bursts = vec![|_: Handle<Bursts>| Bursts];
    let (server, _) = Server::start(config, &Registry::new(), &lifecycle, bursts).unwrap();
    serve(&lifecycle, listener, server.router("/engine.io/"));
    (address, lifecycle)
}

#[tokio::test]
async fn of_a_crowd_as_many_are_let_in_as_there_is_room_for() {
    let (address, lifecycle) = start(10);
    let url = format!("ws://{address}/engine.io/?EIO=4&transport=websocket");
    let knock = || timeout(PATIENCE, connect_async(url.clone()));
    let outcomes = join_all((0..50).map(|_| knock())).await;
    let outcomes: Vec<_> = outcomes.into_iter().map(Result::unwrap).collect();
    assert_eq!(
        outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
        10
    );
    for refused in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        let Error::Http(answer) = refused else {
            panic!("{refused}");
        };
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
        assert_eq!(answer.headers()["connection"], "close");
    }
    lifecycle.stop();
    lifecycle.ended().await;
}

#[tokio::test]
async fn a_client_that_reads_is_sent_more_than_may_be_queued() {
    let (address, lifecycle) = start(10);
    let url = format!("ws://{address}/engine.io/?EIO=4&transport=websocket");
    let (mut socket, _) = timeout(PATIENCE, connect_async(url))
        .await
        .unwrap()
        .unwrap();
    socket.send(Packet::text("4go")).await.unwrap();
    for packet in 0..=BURST {
        let packet_came = timeout(PATIENCE, socket.next()).await.unwrap();
        let text = packet_came.unwrap().unwrap().into_text().unwrap();
        assert!(
            text.starts_with(if packet == 0 { '0' } else { '4' }),
            "{text}"
        );
    }
    lifecycle.stop();
    lifecycle.ended().await;
}
