//! The one route table, and what lies around it.

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    routing::get,
};
use callboard_shared::{config::Origin, cors};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    error::Problem,
    layers::{self, Gate},
    metrics::Metrics,
    operations::Operations,
    routes::{
        conversations, demo,
        dev_token::{self, Minter},
        docs, events, messages, participants, read, sync,
    },
};

/// Every route that is behind authentication.
fn table() -> OpenApiRouter<Operations> {
    OpenApiRouter::with_openapi(docs::Description::openapi())
        .routes(routes!(conversations::create, conversations::list))
        .routes(routes!(
            conversations::show,
            conversations::rename,
            conversations::delete
        ))
        .routes(routes!(participants::list, participants::add))
        .routes(routes!(participants::remove))
        .routes(routes!(messages::send, messages::list))
        .routes(routes!(read::mark))
        .routes(routes!(events::list))
        .routes(routes!(sync::sync))
}

/// The API's description.
#[must_use]
pub fn description() -> utoipa::openapi::OpenApi {
    table().into_openapi()
}

/// What the routes need.
pub(crate) struct Surroundings {
    pub(crate) operations: Operations,
    pub(crate) gate: Arc<Gate>,
    pub(crate) origins: Vec<Origin>,
    pub(crate) max_body: usize,
    pub(crate) metrics: Metrics,
}

/// The routes, without a fallback for unknown paths.
pub(crate) fn router(around: &Surroundings) -> Router {
    let (table, description) = table().split_for_parts();
    let behind_the_gate = table
        .route_layer(from_fn_with_state(
            around.gate.clone(),
            layers::authenticate,
        ))
        .with_state(around.operations.clone());
    let open = Router::new()
        .route("/", get(demo::index))
        .route("/assets/{file}", get(demo::asset))
        .route(
            "/openapi.json",
            get(docs::description).with_state(Arc::new(description)),
        )
        .route("/docs", get(docs::index))
        .route("/docs/", get(docs::index))
        .route("/docs/{file}", get(docs::file));
    let routes = open
        .merge(behind_the_gate)
        .method_not_allowed_fallback(async || Problem::no_method());
    surround(routes, around)
}

/// Where anybody gets a token under any name.
pub(crate) fn entrance(minter: Minter, around: &Surroundings) -> Router {
    let route = Router::new()
        .route(
            "/dev/token",
            get(dev_token::is_open).post(dev_token::mint_token),
        )
        .method_not_allowed_fallback(async || Problem::no_method())
        .with_state(minter);
    surround(route, around)
}

/// What unknown paths answer.
pub(crate) fn fallback(around: &Surroundings) -> Router {
    surround(Router::new().fallback(async || Problem::no_route()), around)
}

/// The outermost layer is the last one.
fn surround(router: Router, around: &Surroundings) -> Router {
    let router = router
        .layer(DefaultBodyLimit::max(around.max_body))
        .layer(from_fn(layers::limit_time))
        .layer(CatchPanicLayer::custom(layers::panicked));
    cors::allow(router, &around.origins)
        .layer(from_fn_with_state(around.metrics.clone(), layers::observe))
}
