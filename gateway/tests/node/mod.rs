//! A gateway without the product on top: it echoes every message.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::body::Body;
use callboard_gateway::{
    engine::{self, CloseReason, Frame, Message, Transport},
    forward::Fleet,
    server::{Server, ServerConfig},
    worker::{Application, Handle, Handshake, Home, Links, Slot, WorkerConfig},
};
use callboard_shared::{
    bus::local::LocalBus,
    id::GatewayId,
    internal::InternalSettings,
    lifecycle::Lifecycle,
    serve::{bind, serve},
};
use clap::Parser;
use futures::{SinkExt, StreamExt};
use http::{Method, Request, StatusCode, header::AUTHORIZATION};
use http_body_util::BodyExt;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use prometheus::{Registry, proto::MetricFamily};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message as Packet,
};

pub(crate) const TOKEN: &str = "the-token-of-this-fleet";

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Over how long a gateway leaves.
pub(crate) const WINDOW: Duration = Duration::from_secs(2);

pub(crate) const UNKNOWN_SESSION: &str = r#"{"code":1,"message":"Session ID unknown"}"#;

/// A gateway.
pub(crate) struct Node {
    pub(crate) gateway: GatewayId,
    pub(crate) server: Server,
    pub(crate) public: SocketAddr,
    pub(crate) internal: SocketAddr,
    lifecycle: Lifecycle,
    registry: Registry,
}

#[derive(Parser)]
struct Settings {
    #[command(flatten)]
    internal: InternalSettings,
}

impl Node {
    pub(crate) async fn start(bus: &LocalBus, token: &str) -> Self {
        Self::with_rate(bus, token, 0).await
    }

    /// One that takes so many handshakes a second.
    pub(crate) async fn with_rate(bus: &LocalBus, token: &str, rate: u32) -> Self {
        let settings = ["node", "--internal-token", token];
        let token = Settings::parse_from(settings).internal.token().unwrap();
        let gateway = GatewayId::random();
        let (lifecycle, registry) = (Lifecycle::new(), Registry::new());
        let any = "127.0.0.1:0".parse().unwrap();
        let (outside, inside) = (bind("LISTEN", any).unwrap(), bind("LISTEN", any).unwrap());
        let (public, internal) = (outside.local_addr().unwrap(), inside.local_addr().unwrap());
        let config = ServerConfig {
            worker: WorkerConfig {
                home: Home::Threads,
                gateway,
                engine: Arc::new(engine::Config::default()),
                send_queue: 1 << 20,
            },
            origins: None,
            max_connections: 0,
            max_handshakes_per_second: rate,
            backend: None,
            fleet: Some(Fleet {
                bus: Arc::new(bus.clone()),
                token: token.clone(),
                address: internal.to_string().parse().unwrap(),
            }),
        };
        let echo = vec![|_: Handle<Echo>| Echo];
        let (server, _) = Server::start(config, &registry, &lifecycle, echo).unwrap();
        serve(&lifecycle, outside, server.router("/engine.io/"));
        let inner = token.guard(server.internal_router("/engine.io/"));
        serve(&lifecycle, inside, inner);
        server.announce().await;
        Self {
            gateway,
            server,
            public,
            internal,
            lifecycle,
            registry,
        }
    }

    /// Ends as a crash does: without a word to anybody.
    pub(crate) async fn kill(&self) {
        self.lifecycle.stop();
        self.lifecycle.ended().await;
    }

    fn url(&self, sid: &str) -> String {
        format!(
            "http://{}/engine.io/?EIO=4&transport=polling{sid}",
            self.public
        )
    }

    /// Asks for a session.
    pub(crate) async fn begin(&self) -> (StatusCode, String) {
        request(Method::GET, &self.url(""), "", None).await
    }

    /// A new session on long-polling.
    pub(crate) async fn open(&self) -> String {
        let (status, open) = self.begin().await;
        assert_eq!(status, StatusCode::OK, "{open}");
        let open: serde_json::Value = serde_json::from_str(&open[1..]).unwrap();
        open["sid"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn poll(&self, sid: &str) -> (StatusCode, String) {
        request(Method::GET, &self.url(&format!("&sid={sid}")), "", None).await
    }

    pub(crate) async fn post(&self, sid: &str, body: &str) -> (StatusCode, String) {
        request(Method::POST, &self.url(&format!("&sid={sid}")), body, None).await
    }

    /// Moves a session to a WebSocket.
    pub(crate) async fn upgrade(&self, sid: &str) -> WebSocketStream<MaybeTlsStream<TcpStream>> {
        let url = format!(
            "ws://{}/engine.io/?EIO=4&transport=websocket&sid={sid}",
            self.public
        );
        let (mut socket, _) = timeout(PATIENCE, connect_async(url))
            .await
            .unwrap()
            .unwrap();
        socket.send(Packet::text("2probe")).await.unwrap();
        let pong = timeout(PATIENCE, socket.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        assert_eq!(pong, Packet::text("3probe"));
        socket.send(Packet::text("5")).await.unwrap();
        socket
    }

    /// How many requests were passed on with this outcome.
    pub(crate) fn forwarded(&self, outcome: &str) -> u64 {
        let families = self.registry.gather();
        let requests = families
            .iter()
            .filter(|family| family.name() == "callboard_forwarded_requests_total")
            .flat_map(MetricFamily::get_metric)
            .filter(|metric| metric.get_label()[0].value() == outcome);
        requests
            .map(|metric| metric.get_counter().get_value() as u64)
            .sum()
    }

    /// How many requests and WebSockets are being passed on.
    pub(crate) fn passes_on(&self) -> usize {
        self.server.passes_on()
    }

    /// Waits until nothing is left of any session.
    pub(crate) async fn empties(&self) {
        eventually(|| self.server.pool().is_idle()).await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.lifecycle.stop();
    }
}

/// Makes a request on a connection of its own.
pub(crate) async fn request(
    method: Method,
    url: &str,
    body: &str,
    authorization: Option<&str>,
) -> (StatusCode, String) {
    let mut request = Request::builder().method(method).uri(url);
    if let Some(authorization) = authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let answer = timeout(PATIENCE, client.request(request))
        .await
        .unwrap()
        .unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.into()).unwrap())
}

/// Waits for something to become true.
pub(crate) async fn eventually<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    let wait = async {
        while !is_so().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap();
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
