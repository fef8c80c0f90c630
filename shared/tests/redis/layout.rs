//! Everybody divides the bus alike, or does not start.

use callboard_shared::{
    bus::{
        Ask, Bus, LogLimits, Push, Request,
        redis::{RedisBus, RedisSettings},
    },
    config::ConfigError,
    lifecycle::Lifecycle,
};
use callboard_testbed::{cluster::RedisCluster, redis::Redis};
use tokio::time::timeout;

use crate::fixture::{PATIENCE, bus, command, epoch, eventually, settings};

async fn start(settings: RedisSettings) -> Result<u16, ConfigError> {
    let bus = RedisBus::start(&settings, LogLimits::default(), Lifecycle::new());
    timeout(PATIENCE, bus)
        .await
        .unwrap()
        .map(|bus| bus.partitions())
}

fn divided(servers: &[&Redis], partitions: u16) -> RedisSettings {
    RedisSettings {
        redis_partitions: Some(partitions),
        ..settings(servers)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_decides() {
    let one = Redis::start(Default::default()).await.unwrap();
    assert_eq!(start(divided(&[&one], 3)).await.unwrap(), 3);
    assert_eq!(start(settings(&[&one])).await.unwrap(), 3, "as recorded");
    let refused = start(divided(&[&one], 4)).await.unwrap_err().to_string();
    assert!(
        refused.contains("\"3 partitions, server 0 of 1\"") && refused.contains("FLUSHALL"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_keep_their_places() {
    let one = Redis::start(Default::default()).await.unwrap();
    let two = Redis::start(Default::default()).await.unwrap();
    let few = start(divided(&[&one, &two], 1)).await.unwrap_err();
    assert!(few.to_string().starts_with("REDIS_PARTITIONS: "), "{few}");
    assert_eq!(start(settings(&[&one, &two])).await.unwrap(), 2);
    assert!(
        start(settings(&[&two, &one])).await.is_err(),
        "they changed places"
    );
    assert!(start(settings(&[&one])).await.is_err(), "one is missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_found_by_any_of_its_nodes() {
    let cluster = RedisCluster::start().await.unwrap();
    let nodes = cluster.nodes();
    assert_eq!(start(settings(&[&nodes[0]])).await.unwrap(), 8);
    assert_eq!(start(settings(&[&nodes[5], &nodes[1]])).await.unwrap(), 8);
    assert!(start(divided(&[&nodes[3]], 4)).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_to_another_layout_ends() {
    let mut server = Redis::start(Default::default()).await.unwrap();
    let lifecycle = Lifecycle::new();
    let (three, limits) = (divided(&[&server], 3), LogLimits::default());
    let bus = RedisBus::start(&three, limits, lifecycle.clone());
    let bus = timeout(PATIENCE, bus).await.unwrap().unwrap();
    // It comes back first, and nobody else gets in.
    server.restart(false).await.unwrap();
    epoch(&bus, 0).await;
    assert!(start(divided(&[&server], 4)).await.is_err());
    assert!(!lifecycle.has_failed());
    // Another one is there first.
    server.restart(false).await.unwrap();
    assert_eq!(start(divided(&[&server], 4)).await.unwrap(), 4);
    eventually("it ends", async || {
        assert!(bus.epoch(0).await.is_err());
        lifecycle.has_failed()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_emptied_is_told_again() {
    let server = Redis::start(Default::default()).await.unwrap();
    assert_eq!(start(divided(&[&server], 3)).await.unwrap(), 3);
    let mut follower = bus(&[&server]).await.open();
    let mut position = async |tag| {
        let ask = Ask::Position(tag);
        follower.requests.send(Request { partition: 0, ask });
        timeout(PATIENCE, follower.pushes.recv()).await.unwrap()
    };
    let first = position(1).await;
    assert!(matches!(first, Some(Push::Position { tag: 1, .. })));
    // All connections stay open.
    server.query::<()>(&command("FLUSHALL")).await.unwrap();
    let lost = position(2).await;
    assert!(matches!(lost, Some(Push::Lost(0))), "{lost:?}");
    let again = position(3).await;
    assert!(matches!(again, Some(Push::Position { tag: 3, .. })));
    assert!(start(divided(&[&server], 4)).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_let_in_does_not_start() {
    let server = Redis::start(Default::default()).await.unwrap();
    let lock = command("CONFIG SET requirepass hunter2");
    server.query::<()>(&lock).await.unwrap();
    let address = format!("127.0.0.1:{}", server.port());
    for (user, let_in) in [("", false), (":hunter1@", false), (":hunter2@", true)] {
        let settings = RedisSettings {
            redis_url: Some(format!("redis://{user}{address}").into()),
            redis_partitions: None,
        };
        match start(settings).await {
            Ok(_) => assert!(let_in, "{user}"),
            Err(error) => {
                let error = error.to_string();
                assert!(!let_in && error.starts_with("REDIS_URL: "), "{error}");
                assert!(!error.contains("hunter"), "{error}");
            }
        }
    }
}
