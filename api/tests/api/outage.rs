//! PostgreSQL goes away and comes back: what cannot be stored is refused in time, and safe to repeat.

use std::{sync::Arc, time::Duration};

use callboard_api::store::{Store, postgres::PostgresStore};
use callboard_testbed::postgres::Postgres;
use http::StatusCode;
use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::service::{Service, Setup, database, eventually};

/// Within which everything is answered while the database is away.
const BOUND: Duration = Duration::from_secs(15);

async fn service(server: &Postgres) -> Service {
    let store = PostgresStore::connect(&database(server).await).unwrap();
    Service::start(Setup {
        store: Some((Arc::new(store), Box::new(()))),
        ..Setup::default()
    })
    .await
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_in_time() {
    let mut server = Postgres::start().await.unwrap();
    let service = service(&server).await;
    let path = service.group(&["alice", "bob"]).await;
    service.send("alice", &path, "2").await;
    let messages = format!("{path}/messages");
    let body = json!({"content": "3", "clientMessageId": "m3"});

    let operations = service.api.operations();
    server.stop().await.unwrap();
    let (sent, listed, checked) = tokio::time::timeout(BOUND, async {
        tokio::join!(
            service.post("alice", &messages, body.clone()),
            service.get("bob", &messages),
            operations.check(),
        )
    })
    .await
    .expect("an answer in time");
    for answer in [sent, listed] {
        answer.problem(503, "unavailable");
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert!(checked.is_err());

    server.restart().await.unwrap();
    eventually("it can be used again", async || {
        operations.check().await.is_ok()
    })
    .await;
    let answer = service.post("alice", &messages, body).await;
    assert_eq!(
        (answer.status, &answer.json()["seq"]),
        (StatusCode::CREATED, &json!(3))
    );
    service.clock.advance(Duration::from_secs(5));
    service.api.start();
    service.finish().await;
}

#[tokio::test]
async fn a_metric_says_that_the_database_is_away() {
    let mut server = Postgres::start().await.unwrap();
    let service = service(&server).await;
    let is_up = async |up: f64| {
        eventually("the metric says so", async || {
            let families = service.registry.gather();
            let mut families = families.iter();
            let gauge = families.find(|family| family.name() == "callboard_database_up");
            gauge.unwrap().get_metric()[0].get_gauge().get_value() == up
        })
        .await;
    };
    service.api.start();
    is_up(1.0).await;
    server.stop().await.unwrap();
    is_up(0.0).await;
    server.restart().await.unwrap();
    is_up(1.0).await;
    service.finish().await;
}

/// Who waits in the same lane for another conversation is not refused with it, nor who goes in the same
/// transaction.
#[tokio::test]
async fn a_locked_conversation_fails_alone() {
    let server = Postgres::start().await.unwrap();
    let settings = database(&server).await;
    let store = PostgresStore::connect(&settings).unwrap();
    let lanes = store.lanes();
    let service = Service::start(Setup {
        store: Some((Arc::new(store), Box::new(()))),
        ..Setup::default()
    })
    .await;
    let service = Arc::new(service);
    let id = |path: &str| path.rsplit('/').next().unwrap().parse::<Uuid>().unwrap();
    let lane = |path: &str| id(path).as_bytes()[15] % lanes;
    let locked = service.group(&["alice"]).await;
    let neighbour = loop {
        let path = service.group(&["alice"]).await;
        if lane(&path) == lane(&locked) {
            break path;
        }
    };

    let url = settings.database_url.unwrap();
    let watcher = PgPool::connect(url.expose_secret()).await.unwrap();
    let mut holder = PgConnection::connect(url.expose_secret()).await.unwrap();
    let mut transaction = holder.begin().await.unwrap();
    sqlx::query("SELECT FROM conversations WHERE id = $1 FOR UPDATE")
        .bind(id(&locked))
        .execute(&mut *transaction)
        .await
        .unwrap();
    let post = |content: &str| {
        let (service, messages) = (service.clone(), format!("{locked}/messages"));
        let body = json!({"content": content});
        async move { service.post("alice", &messages, body).await }
    };
    let first = tokio::spawn(post("2"));
    eventually("it waits", async || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        let waiting: i64 = sqlx::query_scalar(sql).fetch_one(&watcher).await.unwrap();
        waiting > 0
    })
    .await;
    // These two are gathered while the first one waits.
    let (refused, _) = tokio::join!(post("3"), service.send("alice", &neighbour, "2"));
    for answer in [first.await.unwrap(), refused] {
        answer.problem(503, "unavailable");
    }
    transaction.rollback().await.unwrap();
    service.send("alice", &locked, "2").await;
    service.api.start();
    Arc::into_inner(service).unwrap().finish().await;
}

/// Everyone repeats until it is acknowledged; the server is killed in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_loses_and_doubles_nothing() {
    let mut server = Postgres::start().await.unwrap();
    let service = Arc::new(service(&server).await);
    let path = service.group(&["alice"]).await;
    service.api.start();
    let mut senders = JoinSet::new();
    for sender in 0..8 {
        let (service, path) = (service.clone(), format!("{path}/messages"));
        senders.spawn(async move {
            let mut refused = 0;
            for n in 0..50 {
                let mark = format!("{sender}.{n}");
                let body = json!({"content": mark, "clientMessageId": mark});
                while !service
                    .post("alice", &path, body.clone())
                    .await
                    .status
                    .is_success()
                {
                    refused += 1;
                }
            }
            refused
        });
    }
    eventually("some are stored", async || {
        service.last_seq(&path).await > 20
    })
    .await;
    server.kill();
    server.restart().await.unwrap();
    let refused: usize = senders.join_all().await.iter().sum();
    assert!(refused > 0, "nobody noticed");
    assert_eq!(service.last_seq(&path).await, 401);
    service.clock.advance(Duration::from_secs(5));
    Arc::into_inner(service).unwrap().finish().await;
}
