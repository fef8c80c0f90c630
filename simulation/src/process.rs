//! The processes of the product, put together from their real parts over what is simulated below
//! them, and how they are killed.

use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    Router,
    body::{Body, Bytes},
    http::{Method, Request},
};
use callboard_api::{
    Api, Parts as ApiParts,
    operations::{Error, Operations},
    settings::ApiLimits,
    store::{self, ReceiptKind},
    values::{ClientMessageId, Content},
};
use callboard_gateway::{
    Gateway, Parts as GatewayParts,
    backend::{Backend, Membership, Receipt, ReceiptRequest, ReceiptState, SendMessage},
    error::Refusal,
    settings::GatewaySettings,
    worker::Home,
};
use callboard_shared::{
    auth::{Identity, Verifier},
    bus::{Bus, HEAD_LIFE, LogLimits, redis::RedisBus},
    clock::Clock,
    error::ErrorCode,
    id::{ConversationId, Seq, UserId},
    lifecycle::Lifecycle,
    random::random,
    telemetry,
};
use http_body_util::BodyExt;
use prometheus::Registry;
use serde_json::value::{RawValue, to_raw_value};
use tokio::task::{AbortHandle, LocalSet, spawn_local};
use tower::ServiceExt;

use crate::{
    clock::VirtualClock,
    network::{Away, Dice, Gate, Line},
    redis::{Fleet, Way},
    store::Database,
};

/// What all processes stand on.
#[derive(Clone)]
pub struct Ground {
    /// Chance.
    pub dice: Dice,
    /// Time.
    pub clock: VirtualClock,
    /// PostgreSQL.
    pub database: Database,
    /// The way to it.
    pub database_gate: Gate,
    /// Redis.
    pub redis: Fleet,
    /// How much of the past the logs keep.
    pub logs: LogLimits,
    /// How many pushes may wait for a subscriber.
    pub push_queue: usize,
    /// Checks tokens.
    pub verifier: Arc<Verifier>,
}

impl Ground {
    fn bus(&self, gate: &Gate, lifecycle: &Lifecycle) -> (Way, Arc<dyn Bus>) {
        let line = Line::new(&self.dice, vec![gate.clone()]);
        let way = Way::new(&self.redis, &self.dice, line, lifecycle);
        let bus = RedisBus::new(
            Arc::new(way.clone()),
            self.logs,
            Arc::new(random::<u64>),
            lifecycle.clone(),
        );
        (way, Arc::new(bus.with_push_queue(self.push_queue)))
    }
}

/// An API process.
#[derive(Clone)]
pub struct ApiProcess {
    /// What it does.
    pub operations: Operations,
    /// Its life.
    pub lifecycle: Lifecycle,
    /// The way from it to Redis.
    pub redis_gate: Gate,
    /// Its picture of Redis.
    pub way: Way,
    line: Line,
}

impl ApiProcess {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// If it cannot be put together.
    pub fn start(ground: &Ground, ahead: Duration) -> anyhow::Result<Self> {
        let lifecycle = Lifecycle::new();
        let registry = Registry::new();
        let redis_gate = Gate::default();
        let (way, bus) = ground.bus(&redis_gate, &lifecycle);
        let line = Line::new(&ground.dice, vec![ground.database_gate.clone()]);
        let clock: Arc<dyn Clock> = Arc::new(ground.clock.ahead(ahead));
        let api = Api::new(ApiParts {
            store: Arc::new(ground.database.connect(line)),
            bus,
            verifier: Arc::clone(&ground.verifier),
            clock,
            limits: limits(),
            origins: Vec::new(),
            departed: HEAD_LIFE,
            lifecycle: lifecycle.clone(),
            registry: &registry,
            errors: telemetry::errors(&registry)?,
        })?;
        api.start();
        Ok(Self {
            operations: api.operations(),
            lifecycle,
            redis_gate,
            way,
            line: Line::new(&ground.dice, Vec::new()),
        })
    }

    /// Has something done by it, if it lives so long.
    ///
    /// # Errors
    ///
    /// If it is killed meanwhile: what it did, it did.
    pub async fn call<T>(&self, operation: impl Future<Output = T>) -> Result<T, Away> {
        let call = self.line.there().await?;
        let result = tokio::select! {
            biased;
            () = self.lifecycle.killed() => return Err(Away::NoAnswer),
            result = operation => result,
        };
        self.line.back(call).await?;
        Ok(result)
    }
}

fn limits() -> ApiLimits {
    ApiLimits {
        max_body: 64_000,
        max_participants: 1_000,
        max_requests_per_minute: NonZeroU32::MAX,
    }
}

/// The API processes there are. Cheap to clone.
#[derive(Clone)]
pub struct Apis {
    dice: Dice,
    processes: Arc<Mutex<Vec<ApiProcess>>>,
}

impl Apis {
    /// None yet.
    #[must_use]
    pub fn new(dice: &Dice) -> Self {
        Self {
            dice: dice.clone(),
            processes: Arc::default(),
        }
    }

    /// The processes.
    pub fn lock(&self) -> MutexGuard<'_, Vec<ApiProcess>> {
        self.processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// One of them, as a load balancer chooses.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn any(&self) -> Result<ApiProcess, Away> {
        self.dice.pick(&self.lock()).cloned().ok_or(Away::Refused)
    }

    /// Has something done by one of them.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub async fn call<T, F: Future<Output = T>>(
        &self,
        operation: impl FnOnce(Operations) -> F,
    ) -> Result<T, Away> {
        let api = self.any()?;
        let operation = operation(api.operations.clone());
        api.call(operation).await
    }

    async fn ask<T, F>(&self, operation: impl FnOnce(Operations) -> F) -> Result<T, Refusal>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let unavailable = |_| Refusal::new(ErrorCode::Unavailable, "no answer");
        let answer = self.call(operation).await.map_err(unavailable)?;
        answer.map_err(|error| Refusal::new(error.code(), error.to_string()))
    }
}

#[async_trait]
impl Backend for Apis {
    async fn memberships(
        &self,
        identity: &Identity,
        limit: usize,
    ) -> Result<Vec<Membership>, Refusal> {
        let identity = identity.clone();
        let found = self
            .ask(async |operations| operations.memberships(&[identity], limit).await)
            .await?;
        Ok(found.iter().flatten().map(membership).collect())
    }

    async fn membership(
        &self,
        user: &UserId,
        conversation: ConversationId,
    ) -> Result<Option<(Membership, Seq)>, Refusal> {
        let user = user.clone();
        let found = self
            .ask(async |operations| operations.membership(&user, conversation).await)
            .await?;
        Ok(found.map(|found| (membership(&found), found.last_seq)))
    }

    async fn send_message(
        &self,
        identity: &Identity,
        message: SendMessage,
    ) -> Result<Box<RawValue>, Refusal> {
        let invalid = |_| Refusal::new(ErrorCode::InvalidData, "invalid");
        let content = Content::try_from(message.content).map_err(invalid)?;
        let mark = message.client_message_id.map(ClientMessageId::try_from);
        let mark = mark.transpose().map_err(invalid)?;
        let (identity, conversation) = (identity.clone(), message.conversation_id);
        let (message, _) = self
            .ask(async |operations| {
                operations
                    .send_message(&identity, conversation, content, mark)
                    .await
            })
            .await?;
        to_raw_value(&message).map_err(|error| Refusal::new(ErrorCode::Internal, error.to_string()))
    }

    async fn record_receipts(
        &self,
        receipts: Vec<ReceiptRequest>,
    ) -> Vec<Result<ReceiptState, Refusal>> {
        let count = receipts.len();
        let requests = receipts.into_iter().map(|request| store::ReceiptRequest {
            user_id: request.user_id,
            conversation_id: request.conversation_id,
            kind: match request.receipt {
                Receipt::Read(messages) => ReceiptKind::ReadUpTo(messages),
                Receipt::ReadAll => ReceiptKind::ReadAll,
                Receipt::Delivered(seq) => ReceiptKind::Delivered(seq),
            },
        });
        let requests = requests.collect();
        let recorded = self
            .call(async |operations| operations.record_receipts(requests).await)
            .await;
        let Ok(recorded) = recorded else {
            let unavailable = || Refusal::new(ErrorCode::Unavailable, "no answer");
            return (0..count).map(|_| Err(unavailable())).collect();
        };
        let state = |state: store::ReceiptState| ReceiptState {
            read_seq: state.read_seq,
            delivered_seq: state.delivered_seq,
            unread_count: state.unread_count,
        };
        let refusal = |error: Error| Refusal::new(error.code(), error.to_string());
        let answers = recorded.into_iter();
        answers
            .map(|answer| answer.map(state).map_err(refusal))
            .collect()
    }
}

fn membership(membership: &store::Membership) -> Membership {
    Membership {
        conversation_id: membership.conversation_id,
        joined_seq: membership.joined_seq,
        left_seq: membership.left_seq,
    }
}

/// A gateway process.
#[derive(Clone)]
pub struct GatewayProcess {
    /// Its life.
    pub lifecycle: Lifecycle,
    /// The way from it to Redis.
    pub redis_gate: Gate,
    /// Its picture of Redis.
    pub way: Way,
    /// The way in, once it has started.
    router: Arc<Mutex<Option<Router>>>,
    line: Line,
    tasks: AbortHandle,
}

impl GatewayProcess {
    /// Starts one, with its workers and all their tasks on a `LocalSet` of their own.
    #[must_use]
    pub fn start(ground: &Ground, apis: &Apis, settings: GatewaySettings, workers: usize) -> Self {
        let lifecycle = Lifecycle::new();
        let redis_gate = Gate::default();
        let (way, bus) = ground.bus(&redis_gate, &lifecycle);
        let router = Arc::<Mutex<Option<Router>>>::default();
        let parts = {
            let registry = Registry::new();
            let errors = telemetry::errors(&registry);
            errors.map(|errors| GatewayParts {
                settings,
                origins: Vec::new(),
                verifier: Arc::clone(&ground.verifier),
                clock: Arc::new(ground.clock),
                bus,
                backend: Arc::new(apis.clone()),
                fleet: None,
                metrics: registry,
                errors,
            })
        };
        let (started, life) = (Arc::clone(&router), lifecycle.clone());
        let tasks = spawn_local(async move {
            let here = LocalSet::new();
            here.run_until(async move {
                let server = match parts {
                    Ok(parts) => Gateway::with_workers(parts, &life, workers, Home::Here).await,
                    Err(error) => Err(error.into()),
                };
                if let Ok(server) = server {
                    let router = server.router("/socket.io/");
                    *started.lock().unwrap_or_else(PoisonError::into_inner) = Some(router);
                }
                std::future::pending::<()>().await;
            })
            .await;
        });
        Self {
            lifecycle,
            redis_gate,
            way,
            router,
            line: Line::new(&ground.dice, Vec::new()),
            tasks: tasks.abort_handle(),
        }
    }

    /// Ends it at once; nothing of it has another turn.
    pub fn kill(&self) {
        self.lifecycle.kill();
        self.tasks.abort();
    }

    /// A request of a client: the status and the body of the answer.
    ///
    /// # Errors
    ///
    /// If no answer comes.
    pub async fn request(
        &self,
        method: Method,
        query: &str,
        body: String,
    ) -> Result<(u16, Bytes), Away> {
        let call = self.line.there().await?;
        let router = self
            .router
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let router = router.ok_or(Away::Refused)?;
        let request = Request::builder()
            .method(method)
            .uri(format!("/socket.io/?{query}"))
            .body(Body::from(body))
            .map_err(|_| Away::Refused)?;
        let answer = tokio::select! {
            biased;
            () = self.lifecycle.killed() => return Err(Away::NoAnswer),
            answer = router.oneshot(request) => answer,
        };
        let Ok(answer) = answer;
        let status = answer.status().as_u16();
        let body = answer
            .into_body()
            .collect()
            .await
            .map_err(|_| Away::NoAnswer)?;
        self.line.back(call).await?;
        Ok((status, body.to_bytes()))
    }
}
