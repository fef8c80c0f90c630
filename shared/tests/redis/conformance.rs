//! The suite that every bus passes.

use callboard_shared::bus::conformance::run;
use callboard_testbed::{cluster::RedisCluster, redis::Redis};

use crate::fixture::emptied;

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
