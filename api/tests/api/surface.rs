//! What all routes have in common: tokens, limits, origins, and problems.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::body::{Body, Bytes};
use callboard_api::{Api, Parts, settings::ApiLimits, store::sqlite::SqliteStore};
use callboard_shared::{
    auth::{AuthSettings, Verifier},
    bus::{LogLimits, local::LocalBus},
    clock::{Clock, Timestamp},
    lifecycle::Lifecycle,
};
use futures::stream;
use http::{Method, Request, StatusCode, header::AUTHORIZATION};
use prometheus::{Encoder, IntCounterVec, Opts, Registry, TextEncoder};
use tokio::sync::Notify;
use tower::ServiceExt;

use crate::service::{Answer, Service, Setup, sqlite};

const LIST: &str = "/messages/conversations";

async fn with_authorization(
    service: &Service,
    method: Method,
    path: &str,
    authorization: &str,
) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(AUTHORIZATION, authorization);
    service.request(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn every_route_under_messages_wants_a_token() {
    Service::run(async |service| {
        let description = serde_json::to_value(callboard_api::description()).unwrap();
        for (path, operations) in description["paths"].as_object().unwrap() {
            for method in operations.as_object().unwrap().keys() {
                let path = path.replace("{id}", "x").replace("{userId}", "x");
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                let request = Request::builder()
                    .method(method)
                    .uri(path)
                    .body(Body::empty())
                    .unwrap();
                let answer = service.request(request).await;
                answer.problem(401, "token_missing");
                assert_eq!(answer.header("www-authenticate"), "Bearer");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_token_that_does_not_count_is_refused() {
    Service::run(async |service| {
        let token = service.token("alice");
        let get = async |authorization: &str| {
            with_authorization(service, Method::GET, LIST, authorization).await
        };
        assert_eq!(get(&format!("bearer {token}")).await.status, StatusCode::OK);
        get("Basic YWxpY2U6eA==")
            .await
            .problem(401, "token_missing");
        get("Bearer ").await.problem(401, "token_missing");
        let forged = get(&format!("Bearer {token}x")).await;
        forged.problem(401, "invalid_token");
        assert_eq!(
            forged.header("www-authenticate"),
            r#"Bearer error="invalid_token""#
        );
        let in_query = service
            .request(
                Request::get(format!("{LIST}?token={token}"))
                    .body(Body::empty())
                    .unwrap(),
            )
            .await;
        in_query.problem(401, "token_missing");
        service.clock.advance(Duration::from_secs(3600));
        get(&format!("Bearer {token}"))
            .await
            .problem(401, "token_expired");
    })
    .await;
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    Service::run(async |service| {
        service
            .get("alice", "/nothing/here")
            .await
            .problem(404, "not_found");
        service
            .get("alice", "/messages")
            .await
            .problem(404, "not_found");
        service
            .call("alice", Method::PUT, LIST, None)
            .await
            .problem(405, "invalid_data");
        service
            .get("alice", "/messages/sync")
            .await
            .problem(405, "invalid_data");
    })
    .await;
}

#[tokio::test]
async fn a_body_must_be_json_and_not_too_large() {
    Service::run(async |service| {
        let post = async |media_type: &str, body: String| {
            let request = Request::post(LIST)
                .header(AUTHORIZATION, format!("Bearer {}", service.token("alice")))
                .header("content-type", media_type)
                .body(Body::from(body));
            service.request(request.unwrap()).await
        };
        let good = r#"{"participantIds": []}"#;
        assert_eq!(
            post("application/json; charset=utf-8", good.to_owned())
                .await
                .status,
            StatusCode::CREATED
        );
        for (media_type, body) in [
            ("text/plain", good),
            ("application/json", ""),
            ("application/json", "{"),
            ("application/json", r#"{"participantIds": []} x"#),
            ("application/json", "\u{0}"),
            ("application/json", r#"{"participantIds": ["\ud800"]}"#),
            ("application/json", "[]"),
            ("application/json", "null"),
        ] {
            assert!(
                post(media_type, body.to_owned())
                    .await
                    .problem(400, "invalid_data")
                    .is_empty(),
                "{body}"
            );
        }
        let padded = |length: usize| format!("{good}{}", " ".repeat(length - good.len()));
        assert_eq!(
            post("application/json", padded(64_000)).await.status,
            StatusCode::CREATED
        );
        post("application/json", padded(64_001))
            .await
            .problem(413, "too_large");
    })
    .await;
}

#[tokio::test]
async fn too_many_requests_have_to_wait() {
    let mut setup = Setup::default();
    setup.limits.max_requests_per_minute = NonZeroU32::new(9).unwrap();
    let service = Service::start(setup).await;
    for _ in 0..3 {
        assert_eq!(service.get("alice", LIST).await.status, StatusCode::OK);
    }
    let refused = service.get("alice", LIST).await;
    refused.problem(429, "rate_limited");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=7).contains(&wait), "{wait}");
    assert_eq!(service.get("bob", LIST).await.status, StatusCode::OK);
    service.finish().await;
}

#[tokio::test]
async fn pages_of_known_origins_may_call() {
    Service::run(async |service| {
        let preflight = async |origin: &str| {
            let request = Request::options(format!("{LIST}/x/messages"))
                .header("origin", origin)
                .header("access-control-request-method", "POST")
                .header(
                    "access-control-request-headers",
                    "authorization,content-type,idempotency-key",
                );
            service.request(request.body(Body::empty()).unwrap()).await
        };
        let allowed = preflight("http://localhost:3000").await;
        assert_eq!(
            (allowed.status, allowed.text.as_str()),
            (StatusCode::NO_CONTENT, "")
        );
        assert_eq!(
            allowed.header("access-control-allow-origin"),
            "http://localhost:3000"
        );
        assert_eq!(allowed.header("access-control-allow-credentials"), "true");
        assert_eq!(
            allowed.header("access-control-allow-methods"),
            "GET,POST,PUT,PATCH,DELETE"
        );
        assert_eq!(
            allowed.header("access-control-allow-headers"),
            "authorization,content-type,idempotency-key"
        );
        assert_eq!(
            preflight("http://evil.example")
                .await
                .header("access-control-allow-origin"),
            ""
        );

        for (path, status) in [(LIST, 401), ("/nothing", 404)] {
            let request = Request::get(path)
                .header("origin", "http://localhost:3000")
                .body(Body::empty())
                .unwrap();
            let problem = service.request(request).await;
            assert_eq!(problem.status.as_u16(), status);
            assert_eq!(
                problem.header("access-control-allow-origin"),
                "http://localhost:3000"
            );
        }
    })
    .await;
}

#[tokio::test]
async fn requests_have_an_id_and_are_counted() {
    Service::run(async |service| {
        let get = async |id: &str| {
            let request = Request::get("/").header("x-request-id", id).body(Body::empty()).unwrap();
            service.request(request).await.header("x-request-id").to_owned()
        };
        assert_eq!(get("trace-1").await, "trace-1");
        let replaced = get("not fit for a log").await;
        assert!(uuid::Uuid::try_parse(&replaced).is_ok(), "{replaced}");
        service.get("alice", &format!("{LIST}/no-uuid")).await;
        service.get("alice", "/made/up").await;

        let mut text = Vec::new();
        TextEncoder::new().encode(&service.registry.gather(), &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        for line in [
            r#"callboard_http_requests_total{method="GET",route="/",status="200"} 2"#,
            r#"callboard_http_requests_total{method="GET",route="/messages/conversations/{id}",status="404"} 1"#,
            r#"callboard_http_requests_total{method="GET",route="none",status="404"} 1"#,
            "callboard_messages_sent_total 0",
            "callboard_outbox_pending 0",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(text.contains("callboard_http_request_duration_seconds_bucket"));
    })
    .await;
}

#[tokio::test]
async fn a_store_that_is_away_is_unavailable() {
    let (store, kept) = sqlite().await;
    let service = Service::start(Setup {
        store: Some((store.clone(), kept)),
        ..Setup::default()
    })
    .await;
    let path = service.group(&["alice"]).await;
    service.published().await;
    store.close().await;
    for answer in [
        service.get("alice", LIST).await,
        service
            .post(
                "alice",
                &format!("{path}/messages"),
                serde_json::json!({"content": "x"}),
            )
            .await,
        service
            .call("alice", Method::PATCH, &format!("{path}/read"), None)
            .await,
        service.get("somebody-new", LIST).await,
    ] {
        answer.problem(503, "unavailable");
        assert_eq!(answer.header("retry-after"), "1");
        for secret in ["sqlite", "sql", "pool", "closed"] {
            assert!(
                !answer.text.to_lowercase().contains(secret),
                "{}",
                answer.text
            );
        }
    }
}

/// A clock that can be broken.
struct Broken(AtomicBool);

impl Clock for Broken {
    fn now(&self) -> Timestamp {
        assert!(!self.0.load(Ordering::Relaxed), "the clock is broken");
        Timestamp::from_secs(1_800_000_000)
    }
}

#[tokio::test]
async fn a_panic_is_an_internal_error() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(Broken(AtomicBool::new(false)));
    let auth = AuthSettings {
        jwt_secret: Some("0123456789abcdef0123456789abcdef".into()),
        jwt_user_claim: None,
        jwt_issuer: None,
        jwt_audience: None,
    };
    let api = Api::new(Parts {
        store: Arc::new(
            SqliteStore::open(&folder.path().join("callboard.db"))
                .await
                .unwrap(),
        ),
        bus: Arc::new(LocalBus::new(LogLimits::default(), clock.clone())),
        verifier: Arc::new(Verifier::new(&auth).unwrap()),
        clock: clock.clone(),
        limits: ApiLimits {
            max_body: 1_000,
            max_participants: 10,
            max_requests_per_minute: NonZeroU32::new(100).unwrap(),
        },
        origins: Vec::new(),
        departed: Duration::from_secs(120),
        lifecycle: Lifecycle::new(),
        registry: &Registry::new(),
        errors: IntCounterVec::new(Opts::new("errors", "Errors."), &["kind"]).unwrap(),
    })
    .unwrap();
    clock.0.store(true, Ordering::Relaxed);
    let request = Request::get(LIST)
        .header(AUTHORIZATION, "Bearer x")
        .body(Body::empty())
        .unwrap();
    let response = api.router().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let body = axum::body::to_bytes(response.into_body(), 10_000)
        .await
        .unwrap();
    let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(problem["code"], "internal");
    assert!(!problem.to_string().contains("clock"));
}

#[tokio::test]
async fn a_request_has_bounded_time() {
    let service = Service::start(Setup::default()).await;
    let waiting = Arc::new(Notify::new());
    let body = {
        let waiting = waiting.clone();
        Body::from_stream(stream::poll_fn(move |_| {
            waiting.notify_one();
            std::task::Poll::<Option<Result<Bytes, std::io::Error>>>::Pending
        }))
    };
    let request = Request::post(LIST)
        .header(AUTHORIZATION, format!("Bearer {}", service.token("alice")))
        .header("content-type", "application/json")
        .body(body)
        .unwrap();
    let (answer, ()) = tokio::join!(service.request(request), async {
        waiting.notified().await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(31)).await;
        tokio::time::resume();
    });
    answer.problem(503, "unavailable");
    service.finish().await;
}
