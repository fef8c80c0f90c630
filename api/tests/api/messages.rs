//! `/messages/conversations/{id}/messages`.

use axum::body::Body;
use http::{Request, StatusCode, header::AUTHORIZATION};
use serde_json::{Value, json};

use crate::service::{Answer, Service};

#[tokio::test]
async fn a_message_is_sent_and_listed() {
    Service::run(async |service| {
        let path = service.group(&["alice", "bob"]).await;
        let body = json!({"content": "Hello, Bob", "clientMessageId": "m-1"});
        let sent = service
            .post("alice", &format!("{path}/messages"), body)
            .await;
        insta::assert_snapshot!("a_sent_message", sent.shape());
        service.send("bob", &path, "Hello, Alice").await;
        let list = service.get("bob", &format!("{path}/messages")).await;
        insta::assert_snapshot!("a_list_of_messages", list.shape());
    })
    .await;
}

async fn with_key(service: &Service, path: &str, key: &[u8], body: Value) -> Answer {
    let request = Request::post(format!("{path}/messages"))
        .header(AUTHORIZATION, format!("Bearer {}", service.token("alice")))
        .header("idempotency-key", key)
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()));
    service.request(request.unwrap()).await
}

#[tokio::test]
async fn a_repetition_is_answered_with_the_first_message() {
    Service::run(async |service| {
        let path = service.group(&["alice", "bob"]).await;
        let first = with_key(service, &path, b"k1", json!({"content": "once"})).await;
        assert_eq!(
            (first.status, &first.json()["clientMessageId"]),
            (StatusCode::CREATED, &json!("k1"))
        );
        let again = with_key(service, &path, b"k1", json!({"content": "twice"})).await;
        assert_eq!((again.status, again.json()), (StatusCode::OK, first.json()));
        let body = json!({"content": "again", "clientMessageId": "k1"});
        let by_body = with_key(service, &path, b"other", body).await;
        assert_eq!(
            (by_body.status, by_body.json()),
            (StatusCode::OK, first.json()),
            "the body wins"
        );
        for key in [b"".as_slice(), &[b'x'; 65], b"\xFF"] {
            let refused = with_key(service, &path, key, json!({"content": "x"})).await;
            assert_eq!(refused.problem(400, "invalid_data"), ["Idempotency-Key"]);
        }
        let shown = service.get("bob", &path).await.json();
        assert_eq!(shown["lastSeq"], 2);
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_by_field() {
    Service::run(async |service| {
        let path = service.group(&["alice"]).await + "/messages";
        for (body, field) in [
            (json!({}), "content"),
            (json!({"content": ""}), "content"),
            (json!({"content": null}), "content"),
            (json!({"content": 5}), "content"),
            (json!({"content": "x".repeat(8_001)}), "content"),
            (json!({"content": "a\u{0}b"}), "content"),
            (
                json!({"content": "x", "clientMessageId": ""}),
                "clientMessageId",
            ),
            (
                json!({"content": "x", "clientMessageId": "x".repeat(65)}),
                "clientMessageId",
            ),
            (
                json!({"content": "x", "clientMessageId": 1}),
                "clientMessageId",
            ),
        ] {
            let answer = service.post("alice", &path, body.clone()).await;
            assert_eq!(answer.problem(400, "invalid_data"), [field], "{body}");
        }
        for content in ["é".repeat(8_000), " ".to_owned()] {
            let answer = service
                .post("alice", &path, json!({"content": content}))
                .await;
            assert_eq!(answer.json()["content"], content.as_str());
        }
        service
            .post("mallory", &path, json!({"content": "x"}))
            .await
            .problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn messages_are_paged_by_number() {
    Service::run(async |service| {
        let path = service.group(&["alice", "bob"]).await;
        for n in 2..=6 {
            service.send("alice", &path, &n.to_string()).await;
        }
        let list = async |query: &str| {
            let answer = service
                .get("bob", &format!("{path}/messages?{query}"))
                .await
                .json();
            assert!(answer.get("nextCursor").is_none());
            answer["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["seq"].as_u64().unwrap())
                .collect::<Vec<_>>()
        };
        assert_eq!(list("").await, [6, 5, 4, 3, 2]);
        assert_eq!(list("limit=2").await, [6, 5]);
        assert_eq!(list("limit=2&before=5").await, [4, 3]);
        assert_eq!(list("limit=2&after=0").await, [2, 3]);
        assert_eq!(list("after=2&before=6").await, [3, 4, 5]);
        assert!(list("after=9007199254740991").await.is_empty());
        for (query, field) in [
            ("before=-1", "before"),
            ("after=x", "after"),
            ("after=9007199254740992", "after"),
            ("after=18446744073709551615", "after"),
            ("limit=0", "limit"),
        ] {
            let answer = service
                .get("bob", &format!("{path}/messages?{query}"))
                .await;
            assert_eq!(answer.problem(400, "invalid_data"), [field], "{query}");
        }
    })
    .await;
}
