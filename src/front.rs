//! The public listener of a role: open from the first moment, while the role still waits for the
//! parts that it needs. Whoever comes meanwhile is told to come back, not kept waiting.

use std::sync::{Arc, OnceLock};

use axum::{
    Router,
    extract::Request,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use callboard_shared::{config::Origin, cors, lifecycle::Lifecycle, serve::serve};
use tokio::net::TcpListener;
use tower::ServiceExt;

/// In seconds: what is missing may be back any moment.
const RETRY_AFTER: &str = "5";

/// A problem as the API describes them.
const STARTING: &str = r#"{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"the service is starting; try again later","code":"unavailable"}"#;

/// A public listener.
pub(crate) struct Front(Arc<OnceLock<Router>>);

impl Front {
    /// Serves the listener: `GET /` has an answer, everything else none yet. Pages of these origins may
    /// read that.
    pub(crate) fn open(lifecycle: &Lifecycle, listener: TcpListener, origins: &[Origin]) -> Self {
        let routes = Arc::<OnceLock<Router>>::default();
        let front = Self(Arc::clone(&routes));
        let waiting = Router::new()
            .route("/", any(|| async { "callboard is starting\n" }))
            .fallback(|| async { starting() });
        let waiting = cors::allow(waiting, origins);
        let answer = move |request: Request| {
            let routes = routes.get().unwrap_or(&waiting).clone();
            async move { routes.oneshot(request).await.into_response() }
        };
        let route = any(answer);
        let router = Router::new()
            .route("/", route.clone())
            .fallback_service(route);
        serve(lifecycle, listener, router);
        front
    }

    /// Serves these routes from now on.
    pub(crate) fn serve(&self, routes: Router) {
        // There is one start, so there is one time.
        let _ = self.0.set(routes);
    }
}

fn starting() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/problem+json"),
        (header::RETRY_AFTER, RETRY_AFTER),
    ];
    (StatusCode::SERVICE_UNAVAILABLE, headers, STARTING).into_response()
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use callboard_shared::serve::{bind, here};
    use serde_json::Value;

    use super::*;

    #[tokio::test]
    async fn whoever_comes_while_a_role_starts_is_told_to_come_back() {
        let lifecycle = Lifecycle::new();
        let listener = bind("LISTEN", here(0)).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let page = callboard_shared::config::origin("http://localhost:3000").unwrap();
        let front = Front::open(&lifecycle, listener, &[page]);
        let client = reqwest::Client::new();
        let ask = async |path: &str| {
            let request = client.get(format!("{origin}{path}"));
            let request = request.header("origin", "http://localhost:3000");
            request.send().await.unwrap()
        };

        assert_eq!(ask("/").await.status(), 200);
        for path in [
            "/socket.io/?EIO=4&transport=polling",
            "/messages/conversations",
            "/there",
        ] {
            let answer = ask(path).await;
            assert_eq!(answer.status(), 503, "{path}");
            assert_eq!(answer.headers()["retry-after"], "5");
            let allowed = &answer.headers()["access-control-allow-origin"];
            assert_eq!(allowed, "http://localhost:3000");
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
            let problem: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
            assert_eq!(problem["code"], "unavailable");
        }

        front.serve(Router::new().route("/there", get(|| async { "here" })));
        assert_eq!(ask("/there").await.text().await.unwrap(), "here");
        assert_eq!(ask("/elsewhere").await.status(), 404);
        lifecycle.stop();
        lifecycle.ended().await;
    }
}
