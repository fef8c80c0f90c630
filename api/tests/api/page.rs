//! The page to chat on, and how one comes in by a name.

use axum::body::Body;
use http::{Method, Request, StatusCode, header::HOST};
use serde_json::json;
use tower::ServiceExt;

use crate::service::{Answer, Service};

async fn get(service: &Service, method: Method, path: &str) -> Answer {
    let request = Request::builder().method(method).uri(path);
    service.request(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_page_is_always_fresh_and_its_parts_are_kept() {
    Service::run(async |service| {
        let page = get(service, Method::GET, "/").await;
        assert_eq!(page.status, StatusCode::OK);
        if page.header("content-type").starts_with("text/plain") {
            assert!(page.text.contains("make page"));
            return;
        }
        assert_eq!(page.header("content-type"), "text/html");
        assert_eq!(page.header("cache-control"), "no-cache");
        assert!(
            page.header("content-security-policy")
                .contains("default-src 'self'")
        );
        let parts: Vec<_> = page
            .text
            .split('"')
            .filter_map(|word| word.strip_prefix("./assets/"))
            .collect();
        assert!(!parts.is_empty());
        for part in parts {
            let part = get(service, Method::GET, &format!("/assets/{part}")).await;
            assert_eq!(part.status, StatusCode::OK);
            assert!(part.header("cache-control").contains("immutable"));
            assert_eq!(part.header("x-content-type-options"), "nosniff");
        }
        let head = get(service, Method::HEAD, "/").await;
        assert_eq!((head.status, head.text.as_str()), (StatusCode::OK, ""));
    })
    .await;
}

#[tokio::test]
async fn nothing_else_is_among_its_parts() {
    Service::run(async |service| {
        for path in [
            "/assets/",
            "/assets/none.js",
            "/assets/..%2F..%2Fpackage.json",
            "/assets/%2Fetc%2Fpasswd",
        ] {
            get(service, Method::GET, path)
                .await
                .problem(404, "not_found");
        }
    })
    .await;
}

#[tokio::test]
async fn tokens_are_given_at_the_entrance_alone_and_to_nobody_elses_page() {
    Service::run(async |service| {
        let ask = |host| {
            let body = json!({ "userId": "dana", "name": "Dana" }).to_string();
            Request::post("/dev/token")
                .header(HOST, host)
                .header("content-type", "application/json")
                .body(Body::from(body))
                .unwrap()
        };
        service
            .request(ask("localhost"))
            .await
            .problem(404, "not_found");
        get(service, Method::GET, "/dev/token")
            .await
            .problem(404, "not_found");
        let entrance = service.entrance();
        let look = Request::get("/dev/token").body(Body::empty()).unwrap();
        let open = entrance.clone().oneshot(look).await.unwrap();
        assert_eq!(open.status(), StatusCode::NO_CONTENT);
        let status = async |host| entrance.clone().oneshot(ask(host)).await.unwrap().status();
        assert_eq!(status("localhost:5001").await, StatusCode::OK);
        assert_eq!(status("stranger.example:5001").await, StatusCode::FORBIDDEN);
    })
    .await;
}
