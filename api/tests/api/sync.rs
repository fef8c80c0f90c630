//! `/messages/sync`.

use serde_json::json;

use crate::service::Service;

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

#[tokio::test]
async fn a_long_absence_is_made_good() {
    Service::run(async |service| {
        let (known, left) = (
            service.group(&["alice", "bob"]).await,
            service.group(&["alice", "bob"]).await,
        );
        service.send("alice", &known, "hello").await;
        service
            .delete("alice", &format!("{left}/participants/bob"))
            .await;
        service.group(&["alice", "bob"]).await;
        let cursors = json!({id(&known): 1, id(&left): 1});
        let answer = service
            .post("bob", "/messages/sync", json!({"cursors": cursors}))
            .await;
        insta::assert_snapshot!(answer.shape());

        let beyond = service
            .post(
                "bob",
                "/messages/sync",
                json!({"cursors": {id(&known): 77}}),
            )
            .await
            .json();
        assert_eq!(
            beyond["conversations"][0],
            json!({"conversationId": id(&known), "lastSeq": 2, "events": [], "more": false})
        );
        let nothing = service
            .post("bob", "/messages/sync", json!({"cursors": {}}))
            .await
            .json();
        assert_eq!(nothing["joined"].as_array().unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn more_than_100_events_are_said_to_be_missing() {
    Service::run(async |service| {
        let path = service.group(&["alice"]).await;
        for n in 0..101 {
            service.send("alice", &path, &n.to_string()).await;
        }
        let missed = async |after: u64| {
            let body = json!({"cursors": {id(&path): after}});
            let answer = service.post("alice", "/messages/sync", body).await.json();
            let missed = &answer["conversations"][0];
            (
                missed["events"].as_array().unwrap().len(),
                missed["more"].as_bool().unwrap(),
            )
        };
        assert_eq!(missed(1).await, (100, true));
        assert_eq!(missed(2).await, (100, false));
    })
    .await;
}

#[tokio::test]
async fn malformed_cursors_are_refused() {
    Service::run(async |service| {
        let path = service.group(&["alice"]).await;
        let field = format!("cursors.{}", id(&path));
        for (cursors, field) in [
            (json!(null), "cursors"),
            (json!([]), "cursors"),
            (json!({"no-uuid": 1}), "cursors.no-uuid"),
            (json!({id(&path): -1}), &field),
            (json!({id(&path): "1"}), &field),
            (json!({id(&path): 9_007_199_254_740_992_u64}), &field),
        ] {
            let answer = service
                .post("alice", "/messages/sync", json!({"cursors": cursors}))
                .await;
            assert_eq!(answer.problem(400, "invalid_data"), [field], "{cursors}");
        }
        assert_eq!(
            service
                .post("alice", "/messages/sync", json!({}))
                .await
                .problem(400, "invalid_data"),
            ["cursors"]
        );
    })
    .await;
}
