//! `callboard gateway`: a gateway of a fleet, on Redis and an API elsewhere. It keeps nothing; run as
//! many as you like.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, http::uri::Authority, routing::get};
use callboard_gateway::{
    Gateway, Parts,
    backend::{BackendSettings, HttpBackend},
    server::Server,
    settings::GatewaySettings,
};
use callboard_shared::{
    auth::{AuthSettings, Verifier},
    bus::{
        LogLimits,
        redis::{RedisBus, RedisSettings},
    },
    clock::SystemClock,
    config::OriginSettings,
    internal::InternalSettings,
    lifecycle::{DrainSettings, Lifecycle},
    serve::{ListenSettings, admin, bind, here, reachable, serve},
    telemetry::TelemetrySettings,
};
use clap::Args;

use crate::{
    front::Front,
    role::{self, IN_A_FLEET, Role},
};

/// Where clients find it.
const PATH: &str = "/socket.io/";

/// The settings of `callboard gateway`.
#[derive(Debug, Clone, Args)]
pub struct GatewayRoleSettings {
    #[command(flatten)]
    listen: ListenSettings,
    #[command(flatten)]
    internal: InternalSettings,
    #[command(flatten)]
    origins: OriginSettings,
    #[command(flatten)]
    auth: AuthSettings,
    #[command(flatten)]
    redis: RedisSettings,
    #[command(flatten)]
    backend: BackendSettings,
    #[command(flatten)]
    gateway: GatewaySettings,
    #[command(flatten)]
    drain: DrainSettings,
    #[command(flatten)]
    telemetry: TelemetrySettings,
}

/// A running gateway.
struct GatewayRole {
    server: Server,
    lifecycle: Lifecycle,
}

/// Runs it until it is told to stop.
///
/// # Errors
///
/// If a setting cannot be used.
pub fn run(settings: GatewayRoleSettings) -> anyhow::Result<()> {
    let (telemetry, drain) = (settings.telemetry.clone(), settings.drain.clone());
    role::run(&telemetry, &drain, IN_A_FLEET, async |lifecycle| {
        GatewayRole::start(settings, lifecycle).await
    })
}

impl GatewayRole {
    /// Starts everything; returns once Redis is there and the API has answered.
    async fn start(settings: GatewayRoleSettings, lifecycle: Lifecycle) -> anyhow::Result<Self> {
        settings.redis.check()?;
        let (registry, errors) = role::metrics()?;
        let verifier = Arc::new(Verifier::new(&settings.auth)?);
        let token = settings.internal.token()?;
        let backend = HttpBackend::new(&settings.backend, &token, errors.clone(), &lifecycle)?;
        let backend = Arc::new(backend);
        let public = settings.listen.bind_public(5002)?;
        let public = Front::open(&lifecycle, public, &settings.origins.client_url);
        let inside = settings.internal.internal_listen.unwrap_or(here(0));
        let inside = bind("INTERNAL_LISTEN", inside)?;
        let address = announced(&settings.internal, inside.local_addr()?)?;
        let watched = settings.listen.bind_admin(9465)?;
        serve(
            &lifecycle,
            watched,
            admin(lifecycle.clone(), registry.clone()),
        );

        // How much of the past is kept is for those to say who publish.
        let logs = LogLimits::default();
        let bus = RedisBus::start(&settings.redis, logs, lifecycle.clone()).await?;
        let parts = Parts {
            settings: settings.gateway,
            origins: settings.origins.client_url,
            verifier,
            clock: Arc::new(SystemClock),
            bus: Arc::new(bus),
            backend: backend.clone(),
            fleet: Some((token.clone(), address)),
            metrics: registry,
            errors,
        };
        let server = Gateway::start(parts, &lifecycle).await?;
        serve(
            &lifecycle,
            inside,
            token.guard(server.internal_router(PATH)),
        );
        // A signal that comes before the start is complete ends whatever there is at once, so nobody
        // is let in until then.
        backend.found().await;
        let root = Router::new().route("/", get(|| async { "callboard gateway\n" }));
        public.serve(root.merge(server.router(PATH)));
        Ok(Self { server, lifecycle })
    }
}

impl Role for GatewayRole {
    async fn leave(self, window: Duration) {
        self.lifecycle.end(self.server.leave(window)).await;
    }
}

/// Where the other gateways reach this one.
fn announced(settings: &InternalSettings, listener: SocketAddr) -> anyhow::Result<Authority> {
    if let Some(address) = &settings.internal_addr {
        return Ok(address.clone());
    }
    let address = reachable(listener);
    if address.ip().is_loopback() {
        tracing::warn!(
            %address,
            "INTERNAL_ADDR is not set: other gateways are told an address that only this machine \
             reaches; it is needed when gateways run on several machines"
        );
    }
    Ok(address.to_string().parse()?)
}
