//! `/messages/conversations/{id}/participants` and below.

use http::StatusCode;
use serde_json::json;

use crate::service::{Service, Setup};

#[tokio::test]
async fn participants_are_listed_in_the_order_of_joining() {
    Service::run(async |service| {
        let path = service.group(&["alice", "zoe", "bob"]).await;
        let added = service
            .post(
                "bob",
                &format!("{path}/participants"),
                json!({"userIds": ["carol", 7]}),
            )
            .await;
        assert_eq!(
            (added.status, &added.json()["participantCount"]),
            (StatusCode::OK, &json!(5))
        );

        let first = service
            .get("carol", &format!("{path}/participants?limit=2"))
            .await;
        insta::assert_snapshot!("first_page_of_participants", first.shape());
        let cursor = first.json()["nextCursor"].as_str().unwrap().to_owned();
        let rest = service
            .get("carol", &format!("{path}/participants?cursor={cursor}"))
            .await
            .json();
        let names: Vec<_> = rest["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|each| each["userId"].clone())
            .collect();
        assert_eq!(names, [json!("bob"), json!("carol"), json!("7")]);
        assert!(rest.get("nextCursor").is_none());
        service
            .get("mallory", &format!("{path}/participants"))
            .await
            .problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn adding_is_for_participants_of_groups() {
    let mut setup = Setup::default();
    setup.limits.max_participants = 3;
    let service = Service::start(setup).await;
    let path = service.group(&["alice", "bob"]).await;
    let people = format!("{path}/participants");
    service
        .post("mallory", &people, json!({"userIds": ["mallory"]}))
        .await
        .problem(404, "not_found");
    for body in [
        json!({}),
        json!({"userIds": "bob"}),
        json!({"userIds": ["carol", "dave"]}),
    ] {
        let fields = service
            .post("alice", &people, body)
            .await
            .problem(400, "invalid_data");
        assert_eq!(fields, ["userIds"]);
    }
    let nobody_new = service
        .post("alice", &people, json!({"userIds": ["bob", "alice"]}))
        .await;
    assert_eq!(
        (nobody_new.status, &nobody_new.json()["lastSeq"]),
        (StatusCode::OK, &json!(1))
    );

    let body = json!({"participantIds": ["bob"], "kind": "direct"});
    let direct = service
        .post("alice", "/messages/conversations", body)
        .await
        .json();
    let direct = format!(
        "/messages/conversations/{}/participants",
        direct["id"].as_str().unwrap()
    );
    service
        .post("alice", &direct, json!({"userIds": ["carol"]}))
        .await
        .problem(403, "forbidden");
    service
        .delete("alice", &format!("{direct}/alice"))
        .await
        .problem(403, "forbidden");
    service.finish().await;
}

#[tokio::test]
async fn the_creator_removes_and_everyone_leaves() {
    Service::run(async |service| {
        let path = service
            .group(&["alice", "bob", "carol", "user with/odd?id"])
            .await;
        let people = format!("{path}/participants");
        service
            .delete("bob", &format!("{people}/carol"))
            .await
            .problem(403, "forbidden");
        service
            .delete("alice", &format!("{people}/dave"))
            .await
            .problem(404, "not_found");
        service
            .delete("alice", &format!("{people}/{}", "x".repeat(129)))
            .await
            .problem(404, "not_found");
        let removed = service
            .delete("alice", &format!("{people}/user%20with%2Fodd%3Fid"))
            .await;
        assert_eq!(
            (removed.status, removed.text.as_str()),
            (StatusCode::NO_CONTENT, "")
        );
        assert_eq!(
            service.delete("bob", &format!("{people}/bob")).await.status,
            StatusCode::NO_CONTENT
        );
        service.get("bob", &path).await.problem(404, "not_found");
        assert_eq!(
            service
                .delete("alice", &format!("{people}/alice"))
                .await
                .status,
            StatusCode::NO_CONTENT
        );
        let left = service.get("carol", &path).await.json();
        assert_eq!(
            (&left["participantCount"], &left["createdBy"]),
            (&json!(1), &json!("alice"))
        );
    })
    .await;
}
