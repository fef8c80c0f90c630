//! The suite that every bus passes.

use callboard_shared::bus::{conformance::run, redis::RedisSettings};
use callboard_testbed::{
    cluster::RedisCluster,
    redis::{Redis, RedisOptions},
};

use crate::fixture::{emptied, emptied_for, settings};

#[tokio::test(flavor = "multi_thread")]
async fn one_server_conforms() {
    let server = Redis::start(Default::default()).await.unwrap();
    run(emptied(&[server])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_servers_conform() {
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(Redis::start(Default::default()).await.unwrap());
    }
    run(emptied(&servers)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_conforms() {
    let cluster = RedisCluster::start().await.unwrap();
    run(emptied(cluster.nodes())).await;
}

/// What the manual says that a user needs.
fn documented_rights() -> &'static str {
    let manual = include_str!("../../../docs/REDIS.md");
    let (_, rights) = manual.split_once("An ACL user needs `").unwrap();
    rights.split_once('`').unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_rights_are_enough() {
    let rights = documented_rights();
    let user = format!("user callboard on >secret resetchannels -@all {rights}");
    let options = RedisOptions {
        config: vec![user],
        ..Default::default()
    };
    let server = Redis::start(options).await.unwrap();
    let url = format!("redis://callboard:secret@127.0.0.1:{}", server.port());
    let settings = RedisSettings {
        redis_url: Some(url.into()),
        ..settings(&[&server])
    };
    run(emptied_for(&[server], settings)).await;
}
