//! `/messages/conversations` and `/messages/conversations/{id}`.

use http::StatusCode;
use serde_json::json;

use crate::service::{Service, Setup};

const PATH: &str = "/messages/conversations";

#[tokio::test]
async fn a_group_is_created() {
    Service::run(async |service| {
        let body = json!({"participantIds": ["bob", 42, "bob", "alice"], "title": "Casting", "unknown": true});
        let answer = service.post("alice", PATH, body).await;
        insta::assert_snapshot!(answer.shape());
    })
    .await;
}

#[tokio::test]
async fn a_direct_conversation_is_created_once() {
    Service::run(async |service| {
        let body = json!({"participantIds": ["bob"], "kind": "direct"});
        let first = service.post("alice", PATH, body).await;
        assert_eq!(first.status, StatusCode::CREATED);
        let body = json!({"participantIds": ["alice", "bob"], "kind": "direct", "title": "x"});
        let again = service.post("bob", PATH, body).await;
        assert_eq!(again.status, StatusCode::OK);
        assert_eq!(again.json()["id"], first.json()["id"]);
        assert_eq!(again.json()["title"], json!(null));
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_created_is_refused_by_field() {
    let mut setup = Setup::default();
    setup.limits.max_participants = 3;
    let service = Service::start(setup).await;
    for (body, field) in [
        (json!({}), "participantIds"),
        (json!({"participantIds": "bob"}), "participantIds"),
        (json!({"participantIds": ["bob", ""]}), "participantIds[1]"),
        (json!({"participantIds": ["bob", 1.5]}), "participantIds[1]"),
        (json!({"participantIds": ["a\u{0}b"]}), "participantIds[0]"),
        (
            json!({"participantIds": ["b".repeat(129)]}),
            "participantIds[0]",
        ),
        (
            json!({"participantIds": ["bob", "carol", "dave"]}),
            "participantIds",
        ),
        (json!({"participantIds": ["bob"], "title": ""}), "title"),
        (
            json!({"participantIds": ["bob"], "title": "x".repeat(201)}),
            "title",
        ),
        (
            json!({"participantIds": ["bob"], "title": "a\u{0}b"}),
            "title",
        ),
        (json!({"participantIds": ["bob"], "title": 7}), "title"),
        (json!({"participantIds": ["bob"], "kind": "secret"}), "kind"),
        (
            json!({"participantIds": [], "kind": "direct"}),
            "participantIds",
        ),
        (
            json!({"participantIds": ["alice"], "kind": "direct"}),
            "participantIds",
        ),
        (
            json!({"participantIds": ["bob", "carol"], "kind": "direct"}),
            "participantIds",
        ),
    ] {
        let answer = service.post("alice", PATH, body.clone()).await;
        assert_eq!(answer.problem(400, "invalid_data"), [field], "{body}");
    }
    let alone = service
        .post(
            "alice",
            PATH,
            json!({"participantIds": [], "title": null, "kind": null}),
        )
        .await;
    assert_eq!(alone.status, StatusCode::CREATED);
    service.finish().await;
}

#[tokio::test]
async fn a_conversation_is_shown_as_its_reader_sees_it() {
    Service::run(async |service| {
        let path = service.group(&["alice", "bob"]).await;
        service.send("alice", &path, "hello").await;
        insta::assert_snapshot!(service.get("bob", &path).await.shape());
    })
    .await;
}

#[tokio::test]
async fn strangers_get_the_same_as_for_what_does_not_exist() {
    Service::run(async |service| {
        let path = service.group(&["alice", "bob"]).await;
        let foreign = service.get("mallory", &path).await;
        foreign.problem(404, "not_found");
        let nowhere = format!("{PATH}/0199c5a2-9f3e-7cc0-8a34-6d1e1f0b7a55");
        for path in [&nowhere, &format!("{PATH}/no-uuid"), &format!("{PATH}/%FF")] {
            let answer = service.get("alice", path).await;
            assert_eq!(answer.json(), foreign.json());
        }
        service
            .patch("mallory", &path, json!({"title": "x"}))
            .await
            .problem(404, "not_found");
        service
            .delete("mallory", &path)
            .await
            .problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn the_list_is_paged_by_latest_activity() {
    Service::run(async |service| {
        let mut paths = Vec::new();
        for _ in 0..5 {
            paths.push(service.group(&["alice", "bob"]).await);
        }
        service.group(&["bob"]).await;
        service.send("bob", &paths[1], "hello").await;

        let mut found = Vec::new();
        let mut next = format!("{PATH}?limit=2");
        loop {
            let page = service.get("alice", &next).await.json();
            let items = page["items"].as_array().unwrap();
            found.extend(
                items
                    .iter()
                    .map(|item| format!("{PATH}/{}", item["id"].as_str().unwrap())),
            );
            let Some(cursor) = page["nextCursor"].as_str() else {
                break;
            };
            next = format!("{PATH}?limit=2&cursor={cursor}");
        }
        let order = [1, 4, 3, 2, 0].map(|n| paths[n].clone());
        assert_eq!(found, order);
        let whole = service.get("alice", PATH).await.json();
        assert_eq!(whole["items"].as_array().unwrap().len(), 5);
        assert!(whole.get("nextCursor").is_none());
    })
    .await;
}

#[tokio::test]
async fn a_page_out_of_bounds_is_refused_by_field() {
    Service::run(async |service| {
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=ten", "limit"),
            ("limit=", "limit"),
            ("limit=1&limit=2", "limit"),
            ("cursor=!", "cursor"),
            ("cursor=AAAA", "cursor"),
        ] {
            let answer = service.get("alice", &format!("{PATH}?{query}")).await;
            assert_eq!(answer.problem(400, "invalid_data"), [field], "{query}");
        }
        assert_eq!(
            service
                .get("alice", &format!("{PATH}?limit=100&unknown=1"))
                .await
                .status,
            StatusCode::OK
        );
    })
    .await;
}

#[tokio::test]
async fn any_participant_renames() {
    Service::run(async |service| {
        let path = service.group(&["alice", "bob"]).await;
        let answer = service
            .patch("bob", &path, json!({"title": "Casting"}))
            .await;
        assert_eq!(
            (answer.status, &answer.json()["title"]),
            (StatusCode::OK, &json!("Casting"))
        );
        assert_eq!(answer.json()["lastSeq"], 2);
        for body in [
            json!({}),
            json!({"title": null}),
            json!({"title": ""}),
            json!({"title": "x".repeat(201)}),
        ] {
            let answer = service.patch("bob", &path, body).await;
            assert_eq!(answer.problem(400, "invalid_data"), ["title"]);
        }
    })
    .await;
}

#[tokio::test]
async fn only_its_creator_deletes_it() {
    Service::run(async |service| {
        let path = service.group(&["alice", "bob"]).await;
        service.delete("bob", &path).await.problem(403, "forbidden");
        let answer = service.delete("alice", &path).await;
        assert_eq!(
            (answer.status, answer.text.as_str()),
            (StatusCode::NO_CONTENT, "")
        );
        for user in ["alice", "bob"] {
            service.get(user, &path).await.problem(404, "not_found");
            service
                .get(user, &format!("{path}/messages"))
                .await
                .problem(404, "not_found");
            service
                .get(user, &format!("{path}/events"))
                .await
                .problem(404, "not_found");
        }
        service
            .delete("alice", &path)
            .await
            .problem(404, "not_found");
    })
    .await;
}
