//! `callboard dev`: API and gateway in one process on one port, on SQLite and the in-process bus.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use callboard_api::{
    Api, Parts as ApiParts,
    settings::ApiLimits,
    store::{Store, sqlite::SqliteStore},
};
use callboard_gateway::{
    Gateway, Parts as GatewayParts, server::Server, settings::GatewaySettings,
};
use callboard_shared::{
    auth::{AuthSettings, Verifier, mint},
    bus::{Bus, HEAD_LIFE, PUSH_QUEUE, RecoverySettings, local::LocalBus},
    clock::{Clock, SystemClock},
    config::{Origin, OriginSettings, origin},
    lifecycle::{DrainSettings, Lifecycle},
    serve::{ListenSettings, admin, reachable, serve},
    telemetry::TelemetrySettings,
};
use clap::Args;

use crate::{
    data::{DataLock, DataSettings},
    role::{self, Role},
};

/// Whom `dev` mints tokens for.
const USERS: [(&str, &str); 3] = [("alice", "Alice"), ("bob", "Bob"), ("carol", "Carol")];

/// How long those tokens are good for.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);

/// The settings of `callboard dev`.
#[derive(Debug, Clone, Args)]
pub struct DevSettings {
    #[command(flatten)]
    listen: ListenSettings,
    #[command(flatten)]
    origins: OriginSettings,
    #[command(flatten)]
    auth: AuthSettings,
    #[command(flatten)]
    data: DataSettings,
    #[command(flatten)]
    gateway: GatewaySettings,
    #[command(flatten)]
    api: ApiLimits,
    #[command(flatten)]
    recovery: RecoverySettings,
    #[command(flatten)]
    drain: DrainSettings,
    #[command(flatten)]
    telemetry: TelemetrySettings,
}

/// Everything in one process.
pub struct Dev {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where `/metrics`, `/healthz` and `/readyz` are.
    pub admin_address: SocketAddr,
    /// Ready-made tokens, by user.
    pub tokens: Vec<(&'static str, String)>,
    server: Server,
    bus: LocalBus,
    store: Arc<SqliteStore>,
    lifecycle: Lifecycle,
    _lock: DataLock,
}

/// Runs it until it is told to stop.
///
/// # Errors
///
/// If a setting cannot be used, or the database.
pub fn run(settings: DevSettings) -> anyhow::Result<()> {
    let (telemetry, drain) = (settings.telemetry.clone(), settings.drain.clone());
    let at_once = (Duration::ZERO, Duration::ZERO);
    role::run(&telemetry, &drain, at_once, async |lifecycle| {
        let dev = Dev::start(settings, lifecycle).await?;
        dev.greet();
        Ok(dev)
    })
}

impl Role for Dev {
    async fn leave(self, window: Duration) {
        self.lifecycle.end(self.server.leave(window)).await;
        self.store.close().await;
    }
}

impl Dev {
    /// Starts everything; returns once it takes connections.
    ///
    /// # Errors
    ///
    /// If a setting cannot be used, or the database.
    pub async fn start(settings: DevSettings, lifecycle: Lifecycle) -> anyhow::Result<Self> {
        Self::with_push_queue(settings, lifecycle, PUSH_QUEUE).await
    }

    /// The same with another bound on what may wait for the bus's subscriber: a small one makes it
    /// lose the partition under load, which must not be seen by anybody.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub async fn with_push_queue(
        settings: DevSettings,
        lifecycle: Lifecycle,
        push_queue: usize,
    ) -> anyhow::Result<Self> {
        let lock = settings.data.lock()?;
        let mut auth = settings.auth;
        settings.data.fill_secret(&mut auth)?;
        let verifier = Arc::new(Verifier::new(&auth)?);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);

        let listener = settings.listen.bind_public(5001)?;
        let admin_listener = settings.listen.bind_admin(9464)?;
        let address = reachable(listener.local_addr()?);
        let mut origins = settings.origins.client_url;
        origins.extend(own_origins(address));

        let (registry, errors) = role::metrics()?;
        let logs = settings.recovery.log_limits();
        let bus = LocalBus::with_push_queue(logs, Arc::clone(&clock), push_queue);
        let store = Arc::new(SqliteStore::open(&settings.data.database()).await?);
        let api = Api::new(ApiParts {
            store: Arc::clone(&store) as Arc<dyn Store>,
            bus: Arc::new(bus.clone()),
            verifier: Arc::clone(&verifier),
            clock: Arc::clone(&clock),
            limits: settings.api,
            origins: origins.clone(),
            // As long as the bus knows a channel: whoever comes back with a cursor of the time before
            // they left has to be told, or to sync.
            departed: HEAD_LIFE,
            lifecycle: lifecycle.clone(),
            registry: &registry,
            errors: errors.clone(),
        })?;
        let gateway = GatewayParts {
            settings: settings.gateway,
            origins,
            verifier,
            clock: Arc::clone(&clock),
            bus: Arc::new(bus.clone()) as Arc<dyn Bus>,
            backend: Arc::new(api.backend()),
            fleet: None,
            metrics: registry.clone(),
            errors,
        };
        api.publish_backlog().await?;
        let server = Gateway::start(gateway, &lifecycle).await?;
        api.start();

        let tokens = USERS.iter().map(|(id, name)| {
            Ok((
                *id,
                mint(&auth, &id.parse()?, Some(name), TOKEN_LIFE, clock.now())?,
            ))
        });
        let tokens = tokens.collect::<anyhow::Result<_>>()?;
        let router = api
            .router()
            .merge(api.entrance(auth))
            .merge(server.router("/socket.io/"))
            .fallback_service(api.fallback());
        let admin_address = admin_listener.local_addr()?;
        serve(&lifecycle, listener, router);
        serve(
            &lifecycle,
            admin_listener,
            admin(lifecycle.clone(), registry),
        );
        Ok(Self {
            address,
            admin_address,
            tokens,
            server,
            bus,
            store,
            lifecycle,
            _lock: lock,
        })
    }

    /// Says where it is and how to get in.
    fn greet(&self) {
        println!("callboard is listening on http://{}", self.address);
        println!("\nTokens, good for 24 hours (`callboard token` makes others):");
        for (user, token) in &self.tokens {
            println!("  {user:<6} {token}");
        }
    }

    /// Whether nothing is left of any connection: in workers, rooms, queues and the bus.
    pub async fn is_idle(&self) -> bool {
        self.server.pool().is_idle().await && self.bus.subscribed_channels() == 0
    }
}

/// The origins of pages that this address serves itself.
fn own_origins(address: SocketAddr) -> impl Iterator<Item = Origin> {
    let port = address.port();
    let own = [
        format!("http://{address}"),
        format!("http://localhost:{port}"),
    ];
    own.into_iter().filter_map(|text| origin(&text).ok())
}
