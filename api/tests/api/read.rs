//! `/messages/conversations/{id}/read`.

use http::{Method, StatusCode};
use serde_json::json;

use crate::service::Service;

#[tokio::test]
async fn messages_are_marked_as_read() {
    Service::run(async |service| {
        let path = service.group(&["alice", "bob"]).await;
        let id = path.rsplit('/').next().unwrap();
        let read = format!("{path}/read");
        let first = service.send("alice", &path, "one").await;
        service.send("alice", &path, "two").await;
        service.send("bob", &path, "three").await;

        let answer = service
            .patch("bob", &read, json!({"messageIds": [first["id"]]}))
            .await;
        assert_eq!(
            answer.json(),
            json!({"conversationId": id, "readSeq": 2, "unreadCount": 1})
        );
        let nothing = service.call("bob", Method::PATCH, &read, None).await;
        assert_eq!(
            (nothing.status, nothing.json()),
            (
                StatusCode::OK,
                json!({"conversationId": id, "readSeq": 4, "unreadCount": 0})
            )
        );
        let back = service
            .patch("bob", &read, json!({"messageIds": [first["id"]]}))
            .await;
        assert_eq!(back.json()["readSeq"], 4);
        for body in [json!({}), json!({"messageIds": null})] {
            assert_eq!(
                service.patch("alice", &read, body).await.json()["readSeq"],
                4
            );
        }
        let shown = service.get("alice", &path).await.json();
        assert_eq!(
            (
                &shown["participants"][1]["readSeq"],
                &shown["participants"][1]["deliveredSeq"]
            ),
            (&json!(4), &json!(4))
        );
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_read_is_refused() {
    Service::run(async |service| {
        let (path, other) = (
            service.group(&["alice", "bob"]).await,
            service.group(&["alice", "bob"]).await,
        );
        let foreign = service.send("alice", &other, "elsewhere").await;
        let read = format!("{path}/read");
        let many: Vec<_> = (0..1_001).map(|_| foreign["id"].clone()).collect();
        for (body, field) in [
            (json!({"messageIds": []}), "messageIds"),
            (json!({"messageIds": "x"}), "messageIds"),
            (json!({"messageIds": ["x"]}), "messageIds[0]"),
            (json!({"messageIds": [foreign["id"]]}), "messageIds"),
            (json!({"messageIds": many}), "messageIds"),
        ] {
            let answer = service.patch("bob", &read, body).await;
            assert_eq!(answer.problem(400, "invalid_data"), [field]);
        }
        service
            .call("mallory", Method::PATCH, &read, None)
            .await
            .problem(404, "not_found");
    })
    .await;
}
