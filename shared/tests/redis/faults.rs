//! Connections, servers, masters and slots that go away. Whoever follows is told, and misses nothing
//! but by a new epoch.

use std::time::Duration;

use callboard_shared::bus::{
    Ask, Bus, Channel, PartitionId, Push, Request, Standing, redis::RedisBus,
};
use callboard_testbed::{
    cluster::{RedisCluster, SHARDS},
    redis::{Persistence, Redis, RedisOptions},
};
use futures::future::join_all;
use redis::cmd;
use tokio::time::{Instant, timeout};

use crate::{
    fixture::{PATIENCE, bus, command, epoch, eventually, is_master},
    follower::{Follower, Publisher},
};

async fn one_server() -> (Redis, RedisBus) {
    let options = RedisOptions {
        persistence: Persistence::AppendOnly,
        config: Vec::new(),
    };
    let server = Redis::start(options).await.unwrap();
    let bus = bus(&[&server]).await;
    (server, bus)
}

/// A bus on a cluster, and the slots of its partitions.
async fn cluster() -> (RedisCluster, RedisBus, Vec<u16>) {
    let cluster = RedisCluster::start().await.unwrap();
    let bus = bus(&[&cluster.nodes()[0], &cluster.nodes()[4]]).await;
    let mut slots = Vec::new();
    for partition in 0..bus.partitions() {
        let mut slot = cmd("CLUSTER");
        slot.arg("KEYSLOT").arg(format!("{{p{partition}}}"));
        slots.push(cluster.nodes()[0].query(&slot).await.unwrap());
    }
    (cluster, bus, slots)
}

async fn pair(bus: &RedisBus, partition: PartitionId) -> (Publisher, Follower) {
    let mut publisher = Publisher::new(bus, partition);
    publisher.publish(3).await;
    let mut follower = Follower::new(bus, publisher.conversation).await;
    follower.until_event(3).await;
    (publisher, follower)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_connection_is_a_loss_and_nothing_is_missed() {
    let (server, bus) = one_server().await;
    let (mut publisher, mut follower) = pair(&bus, 0).await;
    for round in 1..=5 {
        let kill = command("CLIENT KILL TYPE pubsub");
        let killed: u32 = server.query(&kill).await.unwrap();
        assert_eq!(killed, 1);
        publisher.publish(20).await;
        follower.until_event(publisher.published).await;
        assert_eq!(follower.losses, round);
    }
    assert_eq!((follower.epochs, follower.seen.len()), (1, 103));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_connection_may_be_killed_at_any_time() {
    let (server, bus) = one_server().await;
    let (mut publisher, mut follower) = pair(&bus, 0).await;
    let publishing = async {
        publisher.publish(300).await;
        publisher.published
    };
    let following = async {
        follower.until_event(303).await;
        follower
    };
    let killing = async {
        for _ in 0..20 {
            for kind in ["normal", "pubsub"] {
                let kill = command(&format!("CLIENT KILL TYPE {kind} SKIPME yes"));
                let _: u32 = server.query(&kill).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (published, follower, ()) = tokio::join!(publishing, following, killing);
    assert_eq!((published, follower.seen.len()), (303, 303));
    assert_eq!(follower.epochs, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_starts_an_epoch_with_or_without_the_data() {
    let (mut server, bus) = one_server().await;
    let (mut publisher, mut follower) = pair(&bus, 0).await;
    for (round, keep_data) in [(2, true), (3, false)] {
        let before = epoch(&bus, 0).await;
        server.restart(keep_data).await.unwrap();
        assert_ne!(epoch(&bus, 0).await, before);
        publisher.publish(2).await;
        follower.until_event(publisher.published).await;
        assert_eq!((follower.losses, follower.epochs), (round - 1, round));
        assert_eq!(follower.seen.len(), 2, "all that is of the new epoch");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_library_that_was_flushed_is_loaded_again() {
    let (server, bus) = one_server().await;
    let (mut publisher, mut follower) = pair(&bus, 0).await;
    let before = epoch(&bus, 0).await;
    server
        .query::<()>(&command("FUNCTION FLUSH"))
        .await
        .unwrap();
    publisher.publish(2).await;
    follower.until_event(5).await;
    assert_eq!(epoch(&bus, 0).await, before);
    assert_eq!(follower.losses, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_fails_calls_in_bounded_time() {
    let (mut server, bus) = one_server().await;
    let (mut publisher, mut follower) = pair(&bus, 0).await;
    server.pause().unwrap();
    let started = Instant::now();
    assert!(!publisher.offer(4).await);
    assert!(bus.epoch(0).await.is_err());
    assert!(started.elapsed() < Duration::from_secs(7), "{started:?}");
    follower
        .until("a loss", |follower| follower.losses > 0)
        .await;
    // More requests than may wait: they are refused, and the partition is lost once more.
    (0..20_000).for_each(|_| follower.ask(Ask::Position(0)));
    let losses = follower.losses;
    follower
        .until("a loss", |follower| follower.losses > losses)
        .await;
    server.resume().unwrap();
    publisher.publish(2).await;
    follower.until_event(5).await;
    assert_eq!((follower.epochs, follower.seen.len()), (1, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_waits_no_longer_than_one_and_breaks_nothing() {
    let (mut server, bus) = one_server().await;
    let (mut publisher, _follower) = pair(&bus, 0).await;
    let channel = Channel::Conversation(publisher.conversation);
    let read = || bus.read(0, &channel, 0, 10);
    // Many more than may await their answers at once.
    server.pause().unwrap();
    let started = Instant::now();
    let asked = join_all((0..5_000).map(|_| bus.epoch(0)));
    let (asked, read_in_vain) = tokio::join!(asked, join_all((0..200).map(|_| read())));
    assert!(asked.iter().all(Result::is_err) && read_in_vain.iter().all(Result::is_err));
    assert!(started.elapsed() < Duration::from_secs(5), "{started:?}");
    server.resume().unwrap();
    publisher.publish(2).await;
    let read = join_all((0..5_000).map(|_| read())).await;
    assert!(read.iter().all(Result::is_ok), "a crowd of readers");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demoted_master_refuses_and_comes_back_in_a_new_epoch() {
    let (first, bus) = one_server().await;
    let second = Redis::start(RedisOptions::default()).await.unwrap();
    let (mut publisher, mut follower) = pair(&bus, 0).await;
    assert_eq!(publisher.standing, Standing::Settled);
    follow_master(&second, &first).await;
    let before = epoch(&bus, 0).await;
    publisher.publish(1).await;
    assert_eq!(publisher.standing, Standing::Unsettled(before));

    // The replica takes over without the master's last words.
    second
        .query::<()>(&command("REPLICAOF NO ONE"))
        .await
        .unwrap();
    publisher.publish(2).await;
    follower.until_event(6).await;
    follow_master(&first, &second).await;
    assert!(!is_master(&first).await);
    assert!(
        !publisher.offer(7).await,
        "a replica has taken a publication"
    );
    assert!(bus.epoch(0).await.is_err());
    follower
        .until("a loss", |follower| follower.losses > 0)
        .await;

    // The same process again, which has forgotten what it said.
    first
        .query::<()>(&command("REPLICAOF NO ONE"))
        .await
        .unwrap();
    assert_ne!(epoch(&bus, 0).await, before);
    publisher.publish(2).await;
    follower.until_event(8).await;
    assert_eq!((follower.epochs, follower.seen.len()), (2, 2));
}

async fn follow_master(replica: &Redis, master: &Redis) {
    let port = master.port();
    let follow = command(&format!("REPLICAOF 127.0.0.1 {port}"));
    replica.query::<()>(&follow).await.unwrap();
    eventually("the replica is in sync", async || {
        let info: String = replica.query(&command("INFO replication")).await.unwrap();
        info.contains("master_link_status:up")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failover_starts_an_epoch() {
    let (mut cluster, bus, slots) = cluster().await;
    let (mut publisher, mut follower) = pair(&bus, 0).await;
    let before = epoch(&bus, 0).await;
    assert_eq!(publisher.standing, Standing::Unsettled(before));
    let shard = cluster.master_of(slots[0]).await.unwrap() % SHARDS;
    let (failed, ()) = tokio::join!(cluster.fail_over(shard), publisher.publish(5));
    failed.unwrap();
    publisher.publish(5).await;
    follower.until_event(13).await;
    assert_ne!(epoch(&bus, 0).await, before);
    assert_eq!(follower.epochs, 2);
    assert!(follower.losses > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_moves_starts_an_epoch_and_the_others_go_on() {
    let (mut cluster, bus, slots) = cluster().await;
    let home = cluster.master_of(slots[0]).await.unwrap() % SHARDS;
    let neighbour = {
        let mut neighbour = None;
        for partition in 1..bus.partitions() {
            let node = cluster
                .master_of(slots[usize::from(partition)])
                .await
                .unwrap();
            if node % SHARDS == home {
                neighbour = Some(partition);
            }
        }
        neighbour.expect("8 partitions on 3 masters")
    };
    let (mut moving, mut follower) = pair(&bus, 0).await;
    let (mut staying, mut undisturbed) = pair(&bus, neighbour).await;
    let before = (epoch(&bus, 0).await, epoch(&bus, neighbour).await);
    let work = async {
        moving.publish(50).await;
        staying.publish(50).await;
    };
    let following = async {
        tokio::join!(follower.until_event(53), undisturbed.until_event(53));
    };
    // One who asks nothing is told as well.
    let mut silent = bus.open();
    let asks = [Ask::Subscribe(Vec::new()), Ask::Position(1)];
    for ask in asks {
        silent.requests.send(Request { partition: 0, ask });
    }
    let first = timeout(PATIENCE, silent.pushes.recv()).await.unwrap();
    assert!(matches!(first, Some(Push::Position { tag: 1, .. })));
    let slot = cluster.move_slot(slots[0], (home + 1) % SHARDS);
    let (moved, (), ()) = tokio::join!(slot, work, following);
    moved.unwrap();
    let last = timeout(PATIENCE, silent.pushes.recv()).await.unwrap();
    assert!(matches!(last, Some(Push::Lost(0))), "{last:?}");
    moving.publish(5).await;
    follower.until_event(58).await;
    assert_ne!(epoch(&bus, 0).await, before.0);
    assert_eq!(epoch(&bus, neighbour).await, before.1);
    assert_eq!(undisturbed.losses, 0);
    assert!(follower.losses > 0);
    assert_eq!(follower.epochs, 2);
}
