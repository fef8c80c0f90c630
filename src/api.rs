//! `callboard api`: an API process of a fleet, on PostgreSQL and Redis. Run as many as you like.

use std::{sync::Arc, time::Duration};

use callboard_api::{
    Api, Parts,
    settings::ApiLimits,
    store::{
        Store,
        postgres::{DatabaseSettings, PostgresStore},
    },
};
use callboard_shared::{
    auth::{AuthSettings, Verifier},
    bus::{
        HEAD_LIFE, RecoverySettings,
        redis::{RedisBus, RedisSettings},
    },
    clock::SystemClock,
    config::OriginSettings,
    internal::InternalSettings,
    lifecycle::{DrainSettings, Lifecycle},
    serve::{ListenSettings, admin, bind, here, serve},
    telemetry::TelemetrySettings,
};
use clap::Args;
use tokio::time::sleep;

use crate::{
    front::Front,
    role::{self, IN_A_FLEET, Role},
};

/// How long to wait before a database that is away, or not migrated, is tried again.
const START_RETRY: Duration = Duration::from_secs(1);

/// The settings of `callboard api`.
#[derive(Debug, Clone, Args)]
pub struct ApiSettings {
    #[command(flatten)]
    listen: ListenSettings,
    #[command(flatten)]
    internal: InternalSettings,
    #[command(flatten)]
    origins: OriginSettings,
    #[command(flatten)]
    auth: AuthSettings,
    #[command(flatten)]
    database: DatabaseSettings,
    #[command(flatten)]
    redis: RedisSettings,
    #[command(flatten)]
    limits: ApiLimits,
    #[command(flatten)]
    recovery: RecoverySettings,
    #[command(flatten)]
    drain: DrainSettings,
    #[command(flatten)]
    telemetry: TelemetrySettings,
}

/// A running API process.
struct ApiRole {
    store: Arc<PostgresStore>,
    lifecycle: Lifecycle,
}

/// Runs it until it is told to stop.
///
/// # Errors
///
/// If a setting cannot be used.
pub fn run(settings: ApiSettings) -> anyhow::Result<()> {
    let (telemetry, drain) = (settings.telemetry.clone(), settings.drain.clone());
    role::run(&telemetry, &drain, IN_A_FLEET, async |lifecycle| {
        ApiRole::start(settings, lifecycle).await
    })
}

impl ApiRole {
    /// Starts everything; returns once it can work.
    async fn start(settings: ApiSettings, lifecycle: Lifecycle) -> anyhow::Result<Self> {
        settings.redis.check()?;
        let store = Arc::new(PostgresStore::connect(&settings.database)?);
        let verifier = Arc::new(Verifier::new(&settings.auth)?);
        let token = settings.internal.token()?;
        let public = settings.listen.bind_public(5001)?;
        let public = Front::open(&lifecycle, public, &settings.origins.client_url);
        let inside = settings.internal.internal_listen.unwrap_or(here(5011));
        let inside = bind("INTERNAL_LISTEN", inside)?;
        let watched = settings.listen.bind_admin(9464)?;
        let (registry, errors) = role::metrics()?;
        serve(
            &lifecycle,
            watched,
            admin(lifecycle.clone(), registry.clone()),
        );

        let logs = settings.recovery.log_limits();
        let bus = RedisBus::start(&settings.redis, logs, lifecycle.clone()).await?;
        until_usable(&store, &settings.database.place()?).await;
        let api = Api::new(Parts {
            store: Arc::clone(&store) as Arc<dyn Store>,
            bus: Arc::new(bus),
            verifier,
            clock: Arc::new(SystemClock),
            limits: settings.limits,
            origins: settings.origins.client_url,
            // As in `dev`: as long as the bus knows a channel.
            departed: HEAD_LIFE,
            lifecycle: lifecycle.clone(),
            registry: &registry,
            errors,
        })?;
        api.start();
        let routes = api.router().fallback_service(api.fallback());
        public.serve(routes);
        serve(&lifecycle, inside, api.internal_router(&token));
        Ok(Self { store, lifecycle })
    }
}

/// Waits for the database, and for a schema that this build can work with.
async fn until_usable(store: &PostgresStore, place: &str) {
    let mut said = String::new();
    while let Err(error) = store.check().await {
        let error = anyhow::Error::from(error);
        let why = format!("{error:#}");
        if why != said {
            tracing::warn!(
                error = why,
                database = place,
                "the database cannot be used yet; trying again"
            );
            said = why;
        }
        sleep(START_RETRY).await;
    }
}

impl Role for ApiRole {
    async fn leave(self, _: Duration) {
        // Nobody stays connected to it.
        self.lifecycle.end(async {}).await;
        self.store.close().await;
    }
}
