//! `/messages/conversations/{id}/events`.

use serde_json::json;

use crate::service::Service;

#[tokio::test]
async fn a_gap_is_filled_in_order() {
    Service::run(async |service| {
        let path = service.group(&["alice", "bob"]).await;
        service.send("alice", &path, "hello").await;
        service
            .patch("bob", &path, json!({"title": "Casting"}))
            .await;
        let all = service.get("bob", &format!("{path}/events")).await;
        insta::assert_snapshot!(all.shape());

        let some = service
            .get("bob", &format!("{path}/events?after=1&limit=1"))
            .await
            .json();
        assert_eq!(some["items"].as_array().unwrap().len(), 1);
        assert_eq!(some["items"][0], all.json()["items"][1]);
        let none = service
            .get("bob", &format!("{path}/events?after=9007199254740991"))
            .await
            .json();
        assert_eq!(none, json!({"items": []}));
        let refused = service
            .get("bob", &format!("{path}/events?after=18446744073709551615"))
            .await;
        assert_eq!(refused.problem(400, "invalid_data"), ["after"]);
        service
            .get("mallory", &format!("{path}/events"))
            .await
            .problem(404, "not_found");
    })
    .await;
}
