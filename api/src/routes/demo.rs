//! The page to chat on, which is built from `client/demo` and embedded. Open to everybody.

use axum::{
    extract::Path,
    response::{IntoResponse, Response},
};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use rust_embed::{Embed, EmbeddedFile};

use crate::error::Problem;

/// What the client's build made; nothing where it has not been built.
#[derive(Embed)]
#[folder = "../client/demo/dist"]
#[allow_missing = true]
struct Files;

/// What `/` says where there is no page.
const NO_PAGE: &str = "Callboard's API. Its description is at /docs.\n\n\
    The page to chat on is not in this binary: run `make page`, then build again.\n";

/// All that the page needs is its own, and where it connects to.
const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; \
    style-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// The page, or how to get one.
pub(crate) async fn index() -> Response {
    match Files::get("index.html") {
        Some(file) => serve(file, "no-cache"),
        None => NO_PAGE.into_response(),
    }
}

/// What the page is made of. The name of a file changes with its content.
pub(crate) async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    let file = Files::get(&format!("assets/{name}")).ok_or_else(Problem::no_route)?;
    Ok(serve(file, "public, max-age=31536000, immutable"))
}

fn serve(file: EmbeddedFile, cached: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, file.metadata.mimetype()),
        (CACHE_CONTROL, cached),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, file.data.into_owned()).into_response()
}
