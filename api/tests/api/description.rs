//! `/openapi.json`, `/docs` and `/`.

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::Value;

use crate::service::Service;

/// `UPDATE=1 cargo test -p callboard-api` writes the file anew.
#[test]
fn the_description_in_the_repository_is_the_codes() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let described = callboard_api::description().to_pretty_json().unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file, &described).unwrap();
    }
    let written = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        written == described,
        "openapi.json has drifted; run UPDATE=1 cargo test -p callboard-api"
    );
}

#[test]
fn every_operation_says_what_it_answers() {
    let description = serde_json::to_value(callboard_api::description()).unwrap();
    assert_eq!(description["info"]["title"], "Callboard");
    assert_eq!(
        description["components"]["securitySchemes"]["bearer"]["scheme"],
        "bearer"
    );
    let paths = description["paths"].as_object().unwrap();
    let operations: Vec<(&String, &Value)> = paths
        .values()
        .flat_map(|path| path.as_object().unwrap())
        .collect();
    assert_eq!(operations.len(), 13);
    for (method, operation) in operations {
        let answers = operation["responses"].as_object().unwrap();
        for status in ["400", "401", "404", "429", "503"] {
            let schema = &answers[status]["content"]["application/problem+json"]["schema"]["$ref"];
            assert_eq!(
                schema, "#/components/schemas/Problem",
                "{method} {}",
                operation["operationId"]
            );
        }
    }
    let text = description.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(
            description["components"]["schemas"].get(name).is_some(),
            "{name} is not described"
        );
    }
}

#[tokio::test]
async fn the_description_can_be_read_without_a_token() {
    Service::run(async |service| {
        let get = async |path: &str| {
            service
                .request(Request::get(path).body(Body::empty()).unwrap())
                .await
        };
        assert_eq!(
            get("/openapi.json").await.json(),
            serde_json::to_value(callboard_api::description()).unwrap()
        );
        assert_eq!(get("/").await.status, StatusCode::OK);
        for path in ["/docs", "/docs/"] {
            let page = get(path).await;
            assert_eq!(page.status, StatusCode::OK);
            assert!(page.header("content-type").starts_with("text/html"));
            assert!(page.text.contains(r#"<base href="/docs/">"#));
        }
        assert!(
            get("/docs/swagger-initializer.js")
                .await
                .text
                .contains("/openapi.json")
        );
        assert_eq!(
            get("/docs/swagger-ui.css").await.header("content-type"),
            "text/css"
        );
        get("/docs/nothing").await.problem(404, "not_found");
    })
    .await;
}
