//! What every request passes on its way to a handler, and its answer on the way back.

use std::{any::Any, num::NonZeroU32, sync::Arc, time::Duration};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use callboard_shared::{
    auth::{AuthError, Verifier, bearer},
    clock::Clock,
    cors::REQUEST_ID,
};
use http::{HeaderValue, Method, StatusCode, header::AUTHORIZATION};
use tokio::time::Instant;
use tracing::Instrument;

use crate::{
    error::Problem,
    limits::RateLimit,
    metrics::{ErrorKind, Metrics},
    operations::Operations,
};

/// How long a request may take; past it, 503. What it has begun to commit is committed all the
/// same.
const TIME_LIMIT: Duration = Duration::from_secs(30);

/// The longest request id that is taken over from the client.
const MAX_REQUEST_ID: usize = 64;

/// Who may come in, and how often.
pub(crate) struct Gate {
    verifier: Arc<Verifier>,
    clock: Arc<dyn Clock>,
    rate: RateLimit,
    operations: Operations,
}

impl Gate {
    pub(crate) fn new(
        verifier: Arc<Verifier>,
        clock: Arc<dyn Clock>,
        per_minute: NonZeroU32,
        operations: Operations,
    ) -> Self {
        Self {
            verifier,
            clock,
            rate: RateLimit::new(per_minute),
            operations,
        }
    }

    pub(crate) fn forget_idle(&self) {
        self.rate.forget_idle();
    }
}

/// Lets in whoever has a valid token, at the rate that is allowed, and tells handlers who it is.
pub(crate) async fn authenticate(
    State(gate): State<Arc<Gate>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let header = request
        .headers()
        .get(AUTHORIZATION)
        .map(HeaderValue::to_str);
    let token = match header {
        Some(Ok(header)) => bearer(header)
            .filter(|token| !token.is_empty())
            .ok_or(AuthError::Missing)?,
        Some(Err(_)) => return Err(AuthError::Invalid.into()),
        None => return Err(AuthError::Missing.into()),
    };
    let identity = gate.verifier.verify(token, gate.clock.now())?;
    gate.rate
        .check(&identity.user_id)
        .map_err(Problem::rate_limited)?;
    gate.operations.see(&identity).await?;
    request.extensions_mut().insert(identity);
    Ok(next.run(request).await)
}

/// Gives the request an id and a span, and counts it and the time it takes.
pub(crate) async fn observe(
    State(metrics): State<Metrics>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("none", MatchedPath::as_str);
    let method = method_name(request.method());
    let span = tracing::info_span!(
        "request",
        request.id = id.to_str().unwrap_or_default(),
        method,
        route
    );

    let mut response = next.run(request).instrument(span.clone()).await;

    let (status, took) = (response.status(), started.elapsed());
    metrics
        .requests
        .with_label_values(&[route, method, status.as_str()])
        .inc();
    metrics
        .request_duration
        .with_label_values(&[route, method])
        .observe(took.as_secs_f64());
    match status {
        StatusCode::SERVICE_UNAVAILABLE => metrics.error(ErrorKind::Unavailable),
        status if status.is_server_error() => metrics.error(ErrorKind::Internal),
        _ => {}
    }
    span.in_scope(|| {
        let latency_ms = took.as_secs_f64() * 1000.0;
        tracing::debug!(status = status.as_u16(), latency_ms, "answered");
    });
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The client's own id for the request, if it is fit for a log, else a new one.
fn request_id(request: &Request) -> HeaderValue {
    let fit = |id: &&HeaderValue| {
        id.len() <= MAX_REQUEST_ID
            && !id.is_empty()
            && id
                .as_bytes()
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
    };
    let given = request.headers().get(REQUEST_ID).filter(fit).cloned();
    given.unwrap_or_else(|| {
        let id = uuid::Uuid::new_v4().to_string();
        HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("none"))
    })
}

/// The method as a label: clients cannot make new ones up.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Ends what takes too long.
pub(crate) async fn limit_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(TIME_LIMIT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::timed_out().into_response(),
    }
}

/// What a handler that panicked answers; the panic itself has been reported by its hook.
pub(crate) fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::internal().into_response()
}
