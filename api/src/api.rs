//! The service as a whole: what it is made of, what it serves, what it does in the background.

use std::{sync::Arc, time::Duration};

use axum::Router;
use callboard_shared::{
    auth::{AuthSettings, Verifier},
    bus::Bus,
    clock::Clock,
    config::Origin,
    internal::InternalToken,
    lifecycle::Lifecycle,
};
use prometheus::{IntCounterVec, Registry};

use crate::{
    backend::LocalBackend,
    internal,
    layers::Gate,
    metrics::{ErrorKind, Metrics},
    operations::{Limits, Operations},
    outbox::Sweeper,
    publisher::Publisher,
    router::{self, Surroundings},
    routes::dev_token::Minter,
    settings::ApiLimits,
    store::{Store, StoreError},
};

/// How often the house is kept: rows of deleted conversations, users who are idle.
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(60);

/// How many rows of deleted conversations go in one transaction.
const PURGE_ROWS: usize = 1_000;

/// What an [`Api`] is made of.
pub struct Parts<'a> {
    /// What lasts.
    pub store: Arc<dyn Store>,
    /// Where it publishes.
    pub bus: Arc<dyn Bus>,
    /// Verifies tokens.
    pub verifier: Arc<Verifier>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// What it accepts.
    pub limits: ApiLimits,
    /// Whose pages may call it.
    pub origins: Vec<Origin>,
    /// For how long gateways are still told of someone who left, and rows of deleted conversations
    /// are kept: as long as somebody may come back and has to learn of it.
    pub departed: Duration,
    /// Whose tasks its tasks are.
    pub lifecycle: Lifecycle,
    /// Where its metrics go.
    pub registry: &'a Registry,
    /// `callboard_errors_total`, by `kind`.
    pub errors: IntCounterVec,
}

/// The API. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    publisher: Publisher,
    departed: Duration,
    lifecycle: Lifecycle,
    around: Arc<Surroundings>,
}

impl Api {
    /// Puts the parts together. Nothing runs yet.
    ///
    /// # Errors
    ///
    /// If the registry has metrics of the same names.
    pub fn new(parts: Parts<'_>) -> Result<Self, prometheus::Error> {
        let Parts {
            store,
            bus,
            verifier,
            clock,
            limits,
            origins,
            departed,
            lifecycle,
            registry,
            errors,
        } = parts;
        let metrics = Metrics::new(registry, errors)?;
        let publisher = Publisher::new(store.clone(), bus, &lifecycle, metrics.clone());
        let operations = Operations::new(
            store.clone(),
            clock.clone(),
            publisher.clone(),
            Limits {
                participants: limits.max_participants,
                departed,
            },
            &lifecycle,
            metrics.clone(),
        );
        let gate = Gate::new(
            verifier,
            clock.clone(),
            limits.max_requests_per_minute,
            operations.clone(),
        );
        let gate = Arc::new(gate);
        let around = Surroundings {
            operations,
            gate,
            origins,
            max_body: limits.max_body,
            metrics,
        };
        Ok(Self {
            store,
            clock,
            publisher,
            departed,
            lifecycle,
            around: Arc::new(around),
        })
    }

    /// Everything it serves. Unknown paths are left to [`fallback`](Self::fallback), which is to be
    /// set once on the router that this one is merged into.
    pub fn router(&self) -> Router {
        router::router(&self.around)
    }

    /// Gives anybody a token under any name: for `callboard dev`, where the page asks for nothing
    /// but a name.
    pub fn entrance(&self, auth: AuthSettings) -> Router {
        let minter = Minter {
            auth,
            clock: Arc::clone(&self.clock),
            origins: self.around.origins.clone(),
        };
        router::entrance(minter, &self.around)
    }

    /// Answers 404 to unknown paths: a service for `Router::fallback_service`.
    pub fn fallback(&self) -> Router {
        router::fallback(&self.around)
    }

    /// What gateways ask over HTTP, for a listener of its own.
    pub fn internal_router(&self, token: &InternalToken) -> Router {
        internal::router(&self.around, token)
    }

    /// The operations, for what calls them without a token.
    #[must_use]
    pub fn operations(&self) -> Operations {
        self.around.operations.clone()
    }

    /// What gateways ask, for one in the same process.
    #[must_use]
    pub fn backend(&self) -> LocalBackend {
        LocalBackend::new(self.around.operations.clone())
    }

    /// Publishes what an earlier process has committed and not published. In a process that has its
    /// bus to itself, before anybody has connected: then nobody is sent what they have synced.
    ///
    /// # Errors
    ///
    /// If the store is away.
    pub async fn publish_backlog(&self) -> Result<(), StoreError> {
        self.sweeper()
            .sweep(self.clock.now().plus(Duration::from_millis(1)))
            .await
    }

    /// Starts the sweeper and the housekeeping, until the process stops.
    pub fn start(&self) {
        self.lifecycle.spawn(self.sweeper().run());
        self.lifecycle.spawn(self.clone().keep_house());
    }

    fn sweeper(&self) -> Sweeper {
        Sweeper {
            store: self.store.clone(),
            publisher: self.publisher.clone(),
            clock: self.clock.clone(),
            metrics: self.around.metrics.clone(),
        }
    }

    async fn keep_house(self) {
        loop {
            self.around.gate.forget_idle();
            if let Err(error) = self.purge().await {
                self.around.metrics.error(ErrorKind::Background);
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "deleted conversations stay for now"
                );
            }
            tokio::time::sleep(HOUSEKEEPING_EVERY).await;
        }
    }

    /// Removes what is left of conversations that were deleted long enough ago.
    async fn purge(&self) -> Result<(), StoreError> {
        while self
            .store
            .purge(self.clock.now().minus(self.departed), PURGE_ROWS)
            .await?
        {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}
