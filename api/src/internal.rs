//! The routes that gateways ask on, behind `INTERNAL_TOKEN` and on a listener of their own. Each
//! takes a request of [`callboard_shared::backend`], calls operations, and answers.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use callboard_shared::{
    backend::{
        MEMBERSHIP, MEMBERSHIPS, MESSAGES, MembershipAnswer, MembershipRequest, MembershipsAnswer,
        MembershipsRequest, READY, RECEIPTS, ReceiptsAnswer, ReceiptsRequest, SendRequest,
    },
    internal::InternalToken,
    wire::Message,
};
use futures::stream::{self, StreamExt, TryStreamExt};
use http::StatusCode;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    backend::LocalBackend, error::Problem, extract::Body, layers, operations::Error,
    router::Surroundings,
};

/// How many requests are worked on at once; past it, 503. Gateways gather what they ask, and come
/// again.
const AT_ONCE: usize = 512;

/// How many memberships of one request are looked up at once: a crowd must not take every connection
/// to the database.
const LOOK_UPS_AT_ONCE: usize = 4;

/// The largest body.
const MAX_BODY: usize = 4 << 20;

pub(crate) fn router(around: &Surroundings, token: &InternalToken) -> Router {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let routes = Router::new()
        .route(MEMBERSHIPS, post(memberships))
        .route(MEMBERSHIP, post(membership))
        .route(MESSAGES, post(send))
        .route(RECEIPTS, post(record))
        .layer(from_fn_with_state(room, shed))
        // Outside: an API that has much to do is not away.
        .route(READY, get(ready))
        .with_state(LocalBackend::new(around.operations.clone()))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn(layers::limit_time))
        .layer(CatchPanicLayer::custom(layers::panicked));
    token
        .guard(routes)
        .layer(from_fn_with_state(around.metrics.clone(), layers::observe))
}

/// Refuses what is too much at once.
async fn shed(State(room): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    match room.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => Problem::from(Error::Busy).into_response(),
    }
}

async fn ready(State(backend): State<LocalBackend>) -> Result<StatusCode, Problem> {
    backend.check().await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn memberships(
    State(backend): State<LocalBackend>,
    Body(request): Body<MembershipsRequest>,
) -> Result<Json<MembershipsAnswer>, Problem> {
    let memberships = backend
        .memberships_of(&request.users, request.limit)
        .await?;
    Ok(Json(MembershipsAnswer { memberships }))
}

async fn membership(
    State(backend): State<LocalBackend>,
    Body(request): Body<MembershipRequest>,
) -> Result<Json<MembershipAnswer>, Problem> {
    let answers = request.questions.into_iter().map(|(user, conversation)| {
        let backend = backend.clone();
        async move { backend.current_membership(&user, conversation).await }
    });
    let memberships = stream::iter(answers)
        .buffered(LOOK_UPS_AT_ONCE)
        .try_collect()
        .await?;
    Ok(Json(MembershipAnswer { memberships }))
}

async fn send(
    State(backend): State<LocalBackend>,
    Body(request): Body<SendRequest>,
) -> Result<Json<Message>, Problem> {
    let message = backend.send(&request.sender, request.message).await?;
    Ok(Json(message))
}

async fn record(
    State(backend): State<LocalBackend>,
    Body(request): Body<ReceiptsRequest>,
) -> Json<ReceiptsAnswer> {
    let outcomes = backend.record(request.receipts).await;
    Json(ReceiptsAnswer { outcomes })
}
