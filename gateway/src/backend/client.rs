//! Requests to the API: bounded in time and number, repeated where that is safe, and with one eye on
//! whether the API is there at all.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use callboard_shared::{
    backend::READY,
    error::{ErrorCode, Refusal},
    internal::InternalToken,
    lifecycle::Lifecycle,
};
use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER},
    uri::{Authority, Scheme},
};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioTimer,
};
use prometheus::IntCounterVec;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    runtime::Handle,
    sync::{Notify, Semaphore},
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{error, spawn::Spawn};

/// How long connecting may take.
const CONNECT_TIME: Duration = Duration::from_secs(1);

/// How long one attempt at a request may take that can be repeated: another one may find an API
/// process that answers.
const ATTEMPT_TIME: Duration = Duration::from_secs(2);

/// How long a request may take with all its attempts.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// Before the second attempt. Doubled for each further one, up to [`LONGEST_PAUSE`]; half of a pause
/// is by chance.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// How often an API that is away is asked whether it is back; half of it is by chance.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// How many requests are in flight; further ones wait their turn within their time.
const IN_FLIGHT: usize = 64;

/// How long an unused connection is kept: less than the API keeps it, which would otherwise close it
/// under a request.
const IDLE_TIME: Duration = Duration::from_secs(30);

/// The largest answer: [`MAX_QUESTIONS`](callboard_shared::backend::MAX_QUESTIONS) users with a
/// thousand conversations each.
const MAX_ANSWER: usize = 32 << 20;

/// Whether a request may be made again when it is not known what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    Safe,
    /// Only if it cannot have been begun.
    Unsafe,
}

/// Makes requests to one API. Its connections live on one runtime, and so must its callers.
pub(super) struct Client {
    http: legacy::Client<HttpConnector, Full<Bytes>>,
    api: Authority,
    token: HeaderValue,
    in_flight: Semaphore,
    away: AtomicBool,
    /// It has been there.
    found: CancellationToken,
    /// A request has failed: time to look whether the API is there.
    suspected: Notify,
    errors: IntCounterVec,
}

/// Why there is no good answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no connection can be made")]
    Connect(#[source] legacy::Error),
    #[error("the connection broke")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("it does not answer in time")]
    TimedOut,
    #[error("it answers {0}")]
    Busy(StatusCode, Option<Duration>),
    #[error("it does not accept INTERNAL_TOKEN, which must be the same for all parts")]
    Locked,
    #[error("it answers {0}, so API_URL may not be the API's internal listener")]
    Unexpected(StatusCode),
    #[error("what is asked or answered is not the JSON it should be")]
    Unreadable(#[source] serde_json::Error),
    /// The API's own word.
    #[error("{0}")]
    Refused(Refusal),
}

/// What of a problem document makes a refusal.
#[derive(Deserialize)]
struct Problem {
    code: ErrorCode,
    detail: String,
}

impl Client {
    /// A client, and the task that looks after it on `runtime`.
    pub(super) fn start(
        api: Authority,
        token: &InternalToken,
        errors: IntCounterVec,
        lifecycle: &Lifecycle,
        runtime: &Handle,
    ) -> anyhow::Result<Arc<Self>> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIME));
        let http = legacy::Client::builder(Spawn(lifecycle.clone(), runtime.clone()))
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME)
            .pool_max_idle_per_host(IN_FLIGHT)
            .build(connector);
        let client = Arc::new(Self {
            http,
            api,
            token: token.header()?,
            in_flight: Semaphore::new(IN_FLIGHT),
            away: AtomicBool::new(false),
            found: CancellationToken::new(),
            suspected: Notify::new(),
            errors,
        });
        // Settings that are wrong are told at once, not when somebody connects.
        client.suspected.notify_one();
        lifecycle.spawn_on(runtime, Arc::clone(&client).watch());
        Ok(client)
    }

    /// Whether the API is known to be away.
    pub(super) fn is_away(&self) -> bool {
        self.away.load(Ordering::Acquire)
    }

    /// Done once the API has answered for the first time.
    pub(super) async fn found(&self) {
        self.found.cancelled().await;
    }

    /// Asks the API.
    pub(super) async fn ask<A: DeserializeOwned>(
        &self,
        path: &'static str,
        question: &impl Serialize,
        repeat: Repeat,
    ) -> Result<A, Refusal> {
        let answer = match serde_json::to_vec(question) {
            Ok(body) => self.attempts(path, body.into(), repeat).await,
            Err(error) => Err(Failure::Unreadable(error)),
        };
        let read = |body: Bytes| serde_json::from_slice(&body).map_err(Failure::Unreadable);
        match answer.and_then(read) {
            Ok(answer) => Ok(answer),
            Err(Failure::Refused(refusal)) => Err(refusal),
            Err(failure) => {
                self.errors.with_label_values(&["backend"]).inc();
                tracing::debug!(
                    error = &failure as &dyn std::error::Error,
                    path,
                    "not answered"
                );
                Err(error::unavailable())
            }
        }
    }

    async fn attempts(
        &self,
        path: &'static str,
        body: Bytes,
        repeat: Repeat,
    ) -> Result<Bytes, Failure> {
        let deadline = Instant::now() + REQUEST_TIME;
        let place = timeout_at(deadline, self.in_flight.acquire()).await;
        let _place = place.map_err(|_| Failure::TimedOut)?;
        let mut pause = FIRST_PAUSE;
        loop {
            let until = match repeat {
                Repeat::Safe => deadline.min(Instant::now() + ATTEMPT_TIME),
                Repeat::Unsafe => deadline,
            };
            let attempt = self.request(Method::POST, path, body.clone());
            let failure = match timeout_at(until, attempt).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::TimedOut,
            };
            if matches!(failure, Failure::Refused(_)) {
                return Err(failure);
            }
            self.suspected.notify_one();
            let wait = jittered(pause).max(failure.retry_after());
            if !failure.may_repeat(repeat) || Instant::now() + wait >= deadline {
                return Err(failure);
            }
            sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn request(
        &self,
        method: Method,
        path: &'static str,
        body: Bytes,
    ) -> Result<Bytes, Failure> {
        let uri = Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.api.clone())
            .path_and_query(path);
        let request = uri.build().and_then(|uri| {
            Request::builder()
                .method(method)
                .uri(uri)
                .header(AUTHORIZATION, &self.token)
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(Full::new(body))
        });
        let request = request.map_err(|error| Failure::Broken(error.into()))?;
        let response = self.http.request(request).await.map_err(|error| {
            if error.is_connect() {
                Failure::Connect(error)
            } else {
                Failure::Broken(error.into())
            }
        })?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(Failure::Broken)?.to_bytes();
        match head.status {
            status if status.is_success() => Ok(body),
            status @ (StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::BAD_GATEWAY
            | StatusCode::GATEWAY_TIMEOUT) => {
                Err(Failure::Busy(status, retry_after(&head.headers)))
            }
            StatusCode::UNAUTHORIZED => Err(Failure::Locked),
            status => Err(match serde_json::from_slice::<Problem>(&body) {
                Ok(problem) => Failure::Refused(Refusal::new(problem.code, problem.detail)),
                Err(_) => Failure::Unexpected(status),
            }),
        }
    }

    /// Looks whether the API is there whenever a request has failed, and while it is not, until it
    /// is. Says so once each way.
    async fn watch(self: Arc<Self>) {
        loop {
            self.suspected.notified().await;
            while let Err(failure) = self.probe().await {
                if !self.away.swap(true, Ordering::AcqRel) {
                    let error: &dyn std::error::Error = &failure;
                    tracing::warn!(error, api = %self.api, "the API is away");
                }
                sleep(jittered(PROBE_EVERY)).await;
            }
            self.found.cancel();
            if self.away.swap(false, Ordering::AcqRel) {
                tracing::info!(api = %self.api, "the API is back");
            }
        }
    }

    async fn probe(&self) -> Result<(), Failure> {
        let probe = self.request(Method::GET, READY, Bytes::new());
        match timeout_at(Instant::now() + ATTEMPT_TIME, probe).await {
            Ok(answer) => answer.map(drop),
            Err(_) => Err(Failure::TimedOut),
        }
    }
}

impl Failure {
    /// Whether another attempt may help and does no harm.
    fn may_repeat(&self, repeat: Repeat) -> bool {
        match self {
            Self::Connect(_) => true,
            // A send that is answered 503 may have been committed.
            Self::Broken(_) | Self::TimedOut | Self::Busy(..) => repeat == Repeat::Safe,
            Self::Locked | Self::Unexpected(_) | Self::Unreadable(_) | Self::Refused(_) => false,
        }
    }

    /// How long the API wants to be left alone.
    fn retry_after(&self) -> Duration {
        match self {
            Self::Busy(_, Some(wait)) => *wait,
            _ => Duration::ZERO,
        }
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Half of it, and up to as much again.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(f64::midpoint(1.0, callboard_shared::random::random()))
}
