//! The conformance suite and what is PostgreSQL's own, on a real server.

use std::sync::{Arc, Weak};

use callboard_testbed::{
    postgres::Postgres,
    proxy::{Cut, FaultProxy},
};
use sqlx::{Executor, PgPool};
use tokio::{sync::Mutex, task::JoinSet};

use super::*;
use crate::store::conformance::{self, World};

/// One server for all tests that run at the same time; each has a database of its own. It ends with
/// the last of them.
static SERVER: Mutex<Weak<Postgres>> = Mutex::const_new(Weak::new());

async fn server() -> Arc<Postgres> {
    let mut shared = SERVER.lock().await;
    if let Some(running) = shared.upgrade() {
        return running;
    }
    let started = Arc::new(Postgres::start().await.unwrap());
    *shared = Arc::downgrade(&started);
    started
}

fn settings(url: String) -> DatabaseSettings {
    DatabaseSettings {
        database_url: Some(url.into()),
        database_connections: 8,
    }
}

/// A store on an empty, migrated database.
async fn subject() -> (Arc<dyn Store>, Arc<Postgres>) {
    let server = server().await;
    let settings = settings(server.create_database().await.unwrap());
    migrate(&settings).await.unwrap();
    (Arc::new(PostgresStore::connect(&settings).unwrap()), server)
}

conformance::suite!(subject());

/// An empty database: its settings, and a connection past the store.
async fn database() -> (DatabaseSettings, PgPool, Arc<Postgres>) {
    let server = server().await;
    let settings = settings(server.create_database().await.unwrap());
    let pool = PgPool::connect_lazy_with(settings.options().unwrap());
    (settings, pool, server)
}

fn reason(result: Result<(), StoreError>) -> String {
    match result {
        Err(StoreError::Unavailable(source)) => source.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_older_schema_is_not_ready_until_it_is_migrated() {
    let (settings, _, _server) = database().await;
    let store = PostgresStore::connect(&settings).unwrap();
    let told = reason(store.check().await);
    assert!(told.contains("run `callboard migrate`"), "{told}");
    let floor = store.floor(ConversationId::from_bytes([0; 16])).await;
    assert!(matches!(floor, Err(StoreError::Unavailable(_))));

    migrate(&settings).await.unwrap();
    store.check().await.unwrap();
    migrate(&settings).await.unwrap();
    store.check().await.unwrap();
}

#[tokio::test]
async fn several_may_migrate_at_once() {
    let (settings, _, _server) = database().await;
    let mut migrations = JoinSet::new();
    for _ in 0..4 {
        let settings = settings.clone();
        migrations.spawn(async move { migrate(&settings).await });
    }
    for migrated in migrations.join_all().await {
        migrated.unwrap();
    }
}

#[tokio::test]
async fn a_newer_schema_is_worked_with_until_it_lacks_something() {
    let (settings, pool, _server) = database().await;
    migrate(&settings).await.unwrap();
    let store = PostgresStore::connect(&settings).unwrap();
    pool.execute("INSERT INTO _sqlx_migrations VALUES (99, 'later', now(), TRUE, '', 0)")
        .await
        .unwrap();
    store.check().await.unwrap();
    let refused = migrate(&settings).await.unwrap_err();
    assert!(matches!(refused, MigrationError::Newer(99)), "{refused:?}");

    pool.execute("UPDATE compatibility SET oldest = 99")
        .await
        .unwrap();
    let told = reason(store.check().await);
    assert!(told.contains("run a newer release"), "{told}");
}

#[tokio::test]
async fn every_connection_has_its_time_outs() {
    let (settings, _, _server) = database().await;
    let store = PostgresStore::connect(&settings).unwrap();
    let sql = "SELECT current_setting('statement_timeout') || ' ' || current_setting('lock_timeout') || ' ' ||
        current_setting('idle_in_transaction_session_timeout') || ' ' || current_setting('tcp_keepalives_idle')";
    let set: String = sqlx::query_scalar(sql)
        .fetch_one(&store.pool)
        .await
        .unwrap();
    assert_eq!(set, "5s 3s 5s 10");
    let slow = sqlx::query("SELECT pg_sleep(20)")
        .execute(&store.pool)
        .await;
    assert!(matches!(
        StoreError::from(slow.unwrap_err()),
        StoreError::Unavailable(_)
    ));
}

/// A send that waits for the one who removes its sender must not be let through by what it read
/// before; nor may one who waits for the one who adds them see a gap.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_that_waited_sees_what_was_committed_meanwhile() {
    let (settings, pool, _server) = database().await;
    migrate(&settings).await.unwrap();
    let store = Arc::new(PostgresStore::connect(&settings).unwrap());
    let world = World::new(store);
    let id = world.group(&["alice", "bob"]).await;
    let mut holder = pool.begin().await.unwrap();
    let lock = "SELECT FROM conversations FOR UPDATE";
    holder.execute(lock).await.unwrap();

    let sends = [
        ("bob", "m1"),
        ("alice", "m1"),
        ("alice", "m1"),
        ("alice", "m2"),
    ]
    .map(|(sender, mark)| {
        let (world, message) = (world.clone(), world.marked(id, sender, "text", mark));
        tokio::spawn(async move { world.try_send(message).await })
    });
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
    while sqlx::query_scalar::<_, i64>(waiting)
        .fetch_one(&pool)
        .await
        .unwrap()
        < 4
    {
        tokio::task::yield_now().await;
    }
    holder
        .execute("UPDATE participants SET left_seq = 2, left_at = 0 WHERE user_id = 'bob'")
        .await
        .unwrap();
    holder
        .execute("UPDATE conversations SET last_seq = 2, participant_count = 1")
        .await
        .unwrap();
    holder.commit().await.unwrap();

    let mut seqs = Vec::new();
    for (nth, send) in sends.into_iter().enumerate() {
        let outcome = send.await.unwrap();
        assert_eq!(outcome.is_ok(), nth > 0);
        seqs.extend(
            outcome
                .ok()
                .map(|sent| (sent.message.seq.get(), sent.entry.is_some())),
        );
    }
    assert_eq!(seqs[0].0, seqs[1].0, "a repetition");
    seqs.sort_unstable();
    let fresh: Vec<_> = seqs
        .iter()
        .filter(|(_, new)| *new)
        .map(|(seq, _)| *seq)
        .collect();
    assert_eq!(fresh, [3, 4]);
}

/// Ids are handed out before the commit, so a lower one can appear after a higher one was swept.
#[tokio::test]
async fn an_entry_that_appears_late_is_found() {
    let (settings, pool, _server) = database().await;
    migrate(&settings).await.unwrap();
    let world = World::new(Arc::new(PostgresStore::connect(&settings).unwrap()));
    let id = world.group(&["alice"]).await;
    world.empty_outbox().await;
    let mut late = pool.begin().await.unwrap();
    late.execute(
        "INSERT INTO outbox (conversation_id, seq, at) SELECT id, 1, 0 FROM conversations",
    )
    .await
    .unwrap();
    world.send(id, "alice", "2").await;
    assert_eq!(world.outbox().await.len(), 1);
    late.commit().await.unwrap();
    let found = world.outbox().await;
    assert_eq!(found.len(), 2);
    assert!(found[0].id < found[1].id);
}

/// Everything at once on the same few rows: nothing waits in a circle, nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_in_a_circle() {
    let (store, _server) = subject().await;
    let world = World::new(store);
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.group(&["alice", "bob", "carol"]).await);
    }
    let mut work = JoinSet::new();
    for worker in 0..8_usize {
        let (world, mut ids) = (world.clone(), ids.clone());
        ids.rotate_left(worker % 3);
        work.spawn(async move {
            for round in 0..10 {
                match worker % 4 {
                    0 | 1 => {
                        let batch = ids.iter().map(|id| world.message(*id, "alice", "text"));
                        world.store.send(batch.collect()).await.unwrap();
                    }
                    2 => {
                        let mut requests: Vec<_> = ids
                            .iter()
                            .flat_map(|id| {
                                ["bob", "alice", "carol"].map(|name| crate::store::ReceiptRequest {
                                    user_id: conformance::user(name),
                                    conversation_id: *id,
                                    kind: crate::store::ReceiptKind::ReadAll,
                                })
                            })
                            .collect();
                        requests.rotate_left(round);
                        world
                            .store
                            .record_receipts(requests, world.now())
                            .await
                            .unwrap();
                    }
                    _ => {
                        let _ = world.remove(ids[0], "alice", "carol").await;
                        let _ = world.add(ids[0], "alice", &["carol"]).await;
                        let mut pending: Vec<_> =
                            world.outbox().await.iter().map(|entry| entry.id).collect();
                        let middle = round.min(pending.len());
                        pending.rotate_left(middle);
                        world.store.published(&pending).await.unwrap();
                    }
                }
            }
        });
    }
    work.join_all().await;
    for id in ids {
        let last = world.show(id, "alice").await.unwrap().last_seq.get();
        assert_eq!(world.sequence(id).await, Vec::from_iter(1..=last));
    }
}

#[tokio::test]
async fn a_database_that_is_gone_without_a_word_is_unavailable() {
    let server = server().await;
    let url = server.create_database().await.unwrap();
    migrate(&settings(url.clone())).await.unwrap();
    let proxy = FaultProxy::start(([127, 0, 0, 1], server.port()).into())
        .await
        .unwrap();
    let (direct, broken) = (
        format!(":{}/", server.port()),
        format!(":{}/", proxy.address().port()),
    );
    let store = PostgresStore::connect(&settings(url.replace(&direct, &broken))).unwrap();
    store.check().await.unwrap();

    proxy.cut(Cut::Blackhole);
    // It waits on the connection that is there, then for a new one.
    for bound in [STEP_TIMEOUT, ACQUIRE_TIMEOUT] {
        let check = tokio::time::timeout(bound + Duration::from_secs(3), store.check());
        let told = check.await.expect("an answer in time");
        assert!(matches!(told, Err(StoreError::Unavailable(_))));
    }
    proxy.heal();
    let back = async {
        while store.check().await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(STEP_TIMEOUT, back)
        .await
        .expect("it is used again");
}

#[tokio::test]
async fn a_store_that_is_closed_is_unavailable() {
    let (settings, _, _server) = database().await;
    let store = PostgresStore::connect(&settings).unwrap();
    store.close().await;
    assert!(matches!(
        store.check().await,
        Err(StoreError::Unavailable(_))
    ));
}
