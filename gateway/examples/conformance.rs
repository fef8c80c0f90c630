//! The two protocol layers without the product on top, for conformance suites from outside: an
//! Engine.IO server on `/engine.io/` that echoes every message, and a Socket.IO server on
//! `/socket.io/` with the namespaces `/` and `/custom`.
//!
//! ```sh
//! cargo run --release -p callboard-gateway --example conformance -- --listen 127.0.0.1:3000
//! ```

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::routing::get;
use callboard_gateway::{
    engine::{self, CloseReason, Frame, Message, Transport},
    server::{Server, ServerConfig},
    socketio::{self, Arguments, Connection, Incoming, encode},
    worker::{Application, Handle, Handshake, Home, Links, Slot, WorkerConfig},
};
use callboard_shared::{
    config::address,
    id::GatewayId,
    lifecycle::Lifecycle,
    serve::{bind, serve},
};
use clap::Parser;
use prometheus::Registry;
use slotmap::SecondaryMap;

/// A server for conformance suites.
#[derive(Parser)]
struct Options {
    /// Where to listen.
    #[arg(long, env = "LISTEN", value_parser = address, default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let lifecycle = Lifecycle::new();
    lifecycle.drain_on_signal()?;
    let config = ServerConfig {
        worker: WorkerConfig {
            gateway: GatewayId::random(),
            engine: Arc::new(engine::Config {
                ping_interval: Duration::from_millis(300),
                ping_timeout: Duration::from_millis(200),
                max_payload: 1_000_000,
                ..engine::Config::default()
            }),
            send_queue: 10 << 20,
            home: Home::Threads,
        },
        origins: None,
        max_connections: 0,
        max_handshakes_per_second: 0,
        backend: None,
        fleet: None,
    };
    let start_echo = vec![|_: Handle<Echo>| Echo];
    let (echo, _) = Server::start(config.clone(), &Registry::new(), &lifecycle, start_echo)?;
    let start_suite = vec![|_: Handle<Suite>| Suite::new()];
    let (suite, _) = Server::start(config, &Registry::new(), &lifecycle, start_suite)?;

    let listener = bind("LISTEN", options.listen)?;
    println!("listening on http://{}", listener.local_addr()?);
    serve(
        &lifecycle,
        listener,
        echo.router("/engine.io/")
            .merge(suite.router("/socket.io/"))
            .route("/", get(|| async { "conformance\n" })),
    );
    lifecycle.draining().await;
    lifecycle.stop();
    lifecycle.ended().await;
    Ok(())
}

/// Sends every message back.
struct Echo;

impl Application for Echo {
    type Event = ();

    fn opened(&mut self, _: &mut Links, _: Slot, _: Handshake) {}

    fn message(&mut self, links: &mut Links, slot: Slot, message: Message) {
        let frame = match message {
            Message::Text(text) => Frame::message_text(&text),
            Message::Binary(data) => Frame::binary(&data),
        };
        links.send(slot, frame);
    }

    fn due(&mut self, _: &mut Links, _: Slot) {}

    fn closed(&mut self, _: &mut Links, _: Slot, _: Transport, _: CloseReason) {}

    fn event(&mut self, _: &mut Links, (): ()) {}
}

/// What the suites expect of a Socket.IO server.
struct Suite {
    config: Arc<socketio::Config>,
    connections: SecondaryMap<Slot, Connection>,
    next_sid: u64,
}

impl Suite {
    fn new() -> Self {
        let config = socketio::Config {
            namespaces: &["/", "/custom"],
            connect_timeout: Duration::from_secs(1),
            max_attachment_bytes: 10_000_000,
        };
        Self {
            config: Arc::new(config),
            connections: SecondaryMap::new(),
            next_sid: 0,
        }
    }

    fn incoming(&mut self, links: &mut Links, slot: Slot, incoming: Incoming) {
        match incoming {
            Incoming::Connect { namespace, auth } => {
                self.next_sid += 1;
                if self
                    .connections
                    .get_mut(slot)
                    .is_some_and(|connection| connection.accept(namespace))
                {
                    links.send(
                        slot,
                        encode::connect(namespace, &format!("sid-{}", self.next_sid), None),
                    );
                    let auth = auth.as_deref().unwrap_or("{}");
                    links.send(slot, encode::event(namespace, "auth", &[auth]));
                }
            }
            Incoming::Event {
                namespace: "/",
                id,
                name,
                arguments,
            } => {
                for frame in answer(&name, id, &arguments) {
                    links.send(slot, frame);
                }
            }
            Incoming::UnknownNamespace { answer } => links.send(slot, answer),
            Incoming::Event { .. } | Incoming::Ack { .. } | Incoming::Disconnect { .. } => {}
        }
    }
}

fn answer(name: &str, id: Option<u64>, arguments: &Arguments) -> Vec<Frame> {
    let values: Vec<&str> = arguments.iter().collect();
    let attachments = arguments.attachments();
    match (name, id) {
        ("message", _) => encode::binary_event("/", "message-back", &values, attachments),
        ("message-with-ack", Some(id)) => encode::binary_ack("/", id, &values, attachments),
        _ => Vec::new(),
    }
}

impl Application for Suite {
    type Event = ();

    fn opened(&mut self, links: &mut Links, slot: Slot, _: Handshake) {
        let connection = Connection::new(links.now(), &self.config);
        links.set_due(slot, connection.next_deadline());
        self.connections.insert(slot, connection);
    }

    fn message(&mut self, links: &mut Links, slot: Slot, message: Message) {
        let Some(connection) = self.connections.get_mut(slot) else {
            return;
        };
        match connection.receive(message, links.now()) {
            Ok(Some(incoming)) => self.incoming(links, slot, incoming),
            Ok(None) => {}
            Err(error) => links.close(slot, error.label()),
        }
        let deadline = self
            .connections
            .get(slot)
            .and_then(Connection::next_deadline);
        links.set_due(slot, deadline);
    }

    fn due(&mut self, links: &mut Links, slot: Slot) {
        if let Some(Err(error)) = self
            .connections
            .get(slot)
            .map(|connection| connection.tick(links.now()))
        {
            links.close(slot, error.label());
        }
    }

    fn closed(&mut self, _: &mut Links, slot: Slot, _: Transport, _: CloseReason) {
        self.connections.remove(slot);
    }

    fn event(&mut self, _: &mut Links, (): ()) {}
}
