//! A gateway, put together from its parts.

use std::{sync::Arc, thread::available_parallelism};

use axum::http::uri::Authority;
use callboard_shared::{
    auth::Verifier, bus::Bus, clock::Clock, config::Origin, id::GatewayId, internal::InternalToken,
    lifecycle::Lifecycle,
};
use prometheus::{IntCounterVec, Registry as MetricRegistry};
use tokio::sync::mpsc;

use crate::{
    backend::Backend,
    engine,
    forward::Fleet,
    messaging::{Messaging, Shared},
    metrics::Metrics,
    registry::Registry,
    server::{Server, ServerConfig},
    settings::GatewaySettings,
    signals::Signals,
    socketio,
    subscriber::Subscriber,
    typing::Typists,
    worker::{Handle, Home, WorkerConfig},
};

/// What a gateway is made of.
pub struct Parts {
    /// Its limits.
    pub settings: GatewaySettings,
    /// Whose pages may connect.
    pub origins: Vec<Origin>,
    /// Checks tokens.
    pub verifier: Arc<Verifier>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Brings what happens.
    pub bus: Arc<dyn Bus>,
    /// Keeps what lasts.
    pub backend: Arc<dyn Backend>,
    /// What other gateways show it, and the address at which they reach it, if there are any.
    pub fleet: Option<(InternalToken, Authority)>,
    /// Where its metrics go.
    pub metrics: MetricRegistry,
    /// `callboard_errors_total`, which it has in common with the API.
    pub errors: IntCounterVec,
}

/// A gateway.
pub struct Gateway;

impl Gateway {
    /// Starts a gateway: its workers, and the subscriber that feeds them. The server it returns is
    /// the way in.
    ///
    /// # Errors
    ///
    /// If the bus is away, or a thread cannot be had.
    pub async fn start(parts: Parts, lifecycle: &Lifecycle) -> anyhow::Result<Server> {
        let workers = available_parallelism()?.get().min(Subscriber::MAX_WORKERS);
        Self::with_workers(parts, lifecycle, workers, Home::Threads).await
    }

    /// Starts a gateway with so many workers, at most [`MAX_WORKERS`](Subscriber::MAX_WORKERS), at
    /// this place.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub async fn with_workers(
        parts: Parts,
        lifecycle: &Lifecycle,
        workers: usize,
        home: Home,
    ) -> anyhow::Result<Server> {
        let Parts {
            settings,
            origins,
            verifier,
            clock,
            bus,
            backend,
            fleet,
            metrics: registry,
            errors,
        } = parts;
        let metrics = Arc::new(Metrics::new(&registry, errors)?);
        let config = ServerConfig {
            worker: WorkerConfig {
                gateway: GatewayId::random(),
                engine: Arc::new(engine::Config {
                    ping_interval: settings.ping_interval,
                    ping_timeout: settings.ping_timeout,
                    max_payload: settings.max_payload,
                    ..engine::Config::default()
                }),
                send_queue: settings.send_queue,
                home,
            },
            origins: Some(origins),
            max_connections: settings.max_connections,
            max_handshakes_per_second: settings.max_handshakes_per_second,
            backend: Some(Arc::clone(&backend)),
            fleet: fleet.map(|(token, address)| Fleet {
                bus: Arc::clone(&bus),
                token,
                address,
            }),
        };
        let socketio = socketio::Config {
            namespaces: &["/"],
            connect_timeout: settings.connect_timeout,
            max_attachment_bytes: settings.max_payload,
        };
        let (signals, send_signals) = Signals::new(Arc::clone(&bus), Arc::clone(&metrics));
        let typists = Arc::<Typists>::default();
        let shared = Arc::new(Shared {
            settings,
            socketio: Arc::new(socketio),
            verifier,
            clock: Arc::clone(&clock),
            bus: Arc::clone(&bus),
            backend,
            metrics: Arc::clone(&metrics),
            registry: Registry::default(),
            signals,
            typists: Arc::clone(&typists),
            workers: std::sync::OnceLock::new(),
        });

        let (wants, wanted) = mpsc::unbounded_channel();
        let applications = (0..workers).map(|worker| {
            let (shared, wants) = (Arc::clone(&shared), wants.clone());
            move |handle: Handle<Messaging>| Messaging::new(shared, worker, handle, wants)
        });
        let (server, workers) =
            Server::start(config, &registry, lifecycle, applications.collect())?;
        let queues: Vec<_> = workers.into_iter().map(|worker| worker.events).collect();
        // Nobody has connected yet, so nobody has asked for it.
        let _ = shared.workers.set(queues.clone());
        let subscriber = Subscriber::connect(bus, clock, metrics, typists, queues).await?;
        lifecycle.spawn(subscriber.run(wanted));
        lifecycle.spawn(send_signals);
        server.announce().await;
        Ok(server)
    }
}
