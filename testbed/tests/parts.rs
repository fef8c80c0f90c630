//! Each part starts, does what it is for, and leaves nothing behind.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result};
use callboard_testbed::{
    cluster::{RedisCluster, SHARDS},
    haproxy::Haproxy,
    ports::{self, loopback},
    postgres::Postgres,
    process::{Ending, Process, until},
    proxy::{Cut, FaultProxy},
    redis::{Persistence, Redis, RedisOptions},
};
use redis::cmd;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};

const SOON: Duration = Duration::from_secs(20);

fn is_running(id: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}

fn set(key: &str, value: &str) -> redis::Cmd {
    let mut command = cmd("SET");
    command.arg(key).arg(value);
    command
}

fn get(key: &str) -> redis::Cmd {
    let mut command = cmd("GET");
    command.arg(key);
    command
}

#[tokio::test]
async fn postgres_keeps_what_was_committed_through_stop_and_crash() -> Result<()> {
    let mut postgres = Postgres::start().await?;
    let url = postgres.create_database().await?;
    assert_ne!(url, postgres.create_database().await?);
    let database = url.rsplit('/').next().unwrap().to_owned();
    postgres
        .query(&database, "CREATE TABLE numbers (number int)")
        .await?;
    let first = postgres.id().context("it runs")?;
    postgres
        .query(&database, "INSERT INTO numbers VALUES (1)")
        .await?;
    postgres.kill();
    assert!(!is_running(first));
    assert!(postgres.query(&database, "SELECT 1").await.is_err());
    postgres.restart().await?;
    postgres
        .query(&database, "INSERT INTO numbers VALUES (2)")
        .await?;
    postgres.restart().await?;
    let rows = postgres
        .query(&database, "TABLE numbers ORDER BY 1")
        .await?;
    assert_eq!(rows, "1\n2");
    let shown = "SELECT current_setting('fsync'), current_setting('max_connections')";
    assert_eq!(postgres.query(&database, shown).await?, "on|200");
    let last = postgres.id().context("it runs")?;
    drop(postgres);
    assert!(!is_running(last));
    Ok(())
}

#[tokio::test]
async fn redis_keeps_its_data_if_told_to() -> Result<()> {
    let mut kept = Redis::start(RedisOptions {
        persistence: Persistence::AppendOnly,
        config: vec!["maxmemory 64mb".to_owned()],
    })
    .await?;
    kept.query::<()>(&set("key", "value")).await?;
    kept.kill();
    assert!(kept.query::<String>(&get("key")).await.is_err());
    kept.restart(true).await?;
    assert_eq!(kept.query::<String>(&get("key")).await?, "value");
    kept.restart(false).await?;
    assert_eq!(kept.query::<Option<String>>(&get("key")).await?, None);
    let mut policy = cmd("CONFIG");
    policy.arg("GET").arg("maxmemory*");
    let policy = kept.query::<Vec<String>>(&policy).await?;
    assert!(policy.contains(&"noeviction".to_owned()), "{policy:?}");
    assert!(policy.contains(&"67108864".to_owned()), "{policy:?}");

    let mut lost = Redis::start(RedisOptions::default()).await?;
    lost.query::<()>(&set("key", "value")).await?;
    lost.restart(true).await?;
    assert_eq!(lost.query::<Option<String>>(&get("key")).await?, None);

    lost.pause()?;
    assert!(lost.query::<Option<String>>(&get("key")).await.is_err());
    lost.resume()?;
    lost.query::<Option<String>>(&get("key")).await?;
    lost.pause()?;
    let id = lost.id().context("it runs")?;
    drop(lost);
    assert!(!is_running(id));
    Ok(())
}

#[tokio::test]
async fn a_start_that_fails_says_what_the_program_said() -> Result<()> {
    let error = Redis::start(RedisOptions {
        config: vec!["no-such-setting yes".to_owned()],
        ..RedisOptions::default()
    })
    .await
    .unwrap_err();
    assert!(
        format!("{error:#}").contains("no-such-setting"),
        "{error:#}"
    );
    Ok(())
}

#[tokio::test]
async fn a_cluster_fails_over_and_moves_slots() -> Result<()> {
    let mut cluster = RedisCluster::start().await?;
    let nodes: Vec<_> = cluster.nodes().iter().filter_map(Redis::id).collect();
    assert_eq!(nodes.len(), 2 * SHARDS);

    let slot: u16 = cluster.nodes()[0]
        .query(cmd("CLUSTER").arg("KEYSLOT").arg("{a}"))
        .await?;
    let owner = cluster.master_of(slot).await?;
    cluster.node(owner).query::<()>(&set("{a}", "kept")).await?;
    let shard = (owner + 1) % SHARDS;
    cluster.move_slot(slot, shard).await?;
    assert_eq!(cluster.master_of(slot).await?, shard);
    assert_eq!(
        cluster.node(shard).query::<String>(&get("{a}")).await?,
        "kept"
    );
    assert!(
        cluster
            .node(owner)
            .query::<String>(&get("{a}"))
            .await
            .is_err()
    );

    // The replica has it, or the write was not there yet when its master died.
    cluster
        .node(shard)
        .query::<i64>(cmd("WAIT").arg(1).arg(1_000))
        .await?;
    assert_eq!(cluster.fail_over(shard).await?, shard);
    let heir = cluster.master(shard).await?;
    assert_eq!(heir, shard + SHARDS);
    assert_eq!(cluster.master_of(slot).await?, heir);
    assert_eq!(
        cluster.node(heir).query::<String>(&get("{a}")).await?,
        "kept"
    );
    cluster.revive(shard).await?;
    assert_eq!(cluster.fail_over(shard).await?, heir);
    assert_eq!(cluster.master(shard).await?, shard);
    assert_eq!(
        cluster.node(shard).query::<String>(&get("{a}")).await?,
        "kept"
    );

    drop(cluster);
    assert!(!nodes.into_iter().any(is_running));
    Ok(())
}

/// A server that sends everything back.
async fn echo() -> Result<std::net::SocketAddr> {
    let listener = TcpListener::bind(loopback(0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    Ok(address)
}

async fn round_trip(stream: &mut TcpStream) -> std::io::Result<u8> {
    stream.write_u8(7).await?;
    stream.read_u8().await
}

#[tokio::test]
async fn a_proxy_cuts_and_heals() -> Result<()> {
    let proxy = FaultProxy::start(echo().await?).await?;
    let mut open = TcpStream::connect(proxy.address()).await?;
    assert_eq!(round_trip(&mut open).await?, 7);

    proxy.cut(Cut::Refuse);
    let reset = timeout(SOON, open.read_u8()).await?.unwrap_err();
    assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset);
    until("refusal", || async {
        Ok(TcpStream::connect(proxy.address()).await.is_err())
    })
    .await?;
    proxy.heal();
    until("healing", || async {
        Ok(TcpStream::connect(proxy.address()).await.is_ok())
    })
    .await?;

    let mut hung = TcpStream::connect(proxy.address()).await?;
    assert_eq!(round_trip(&mut hung).await?, 7);
    proxy.cut(Cut::Blackhole);
    let mut new = TcpStream::connect(proxy.address()).await?;
    let quiet = Duration::from_millis(100);
    assert!(timeout(quiet, round_trip(&mut hung)).await.is_err());
    assert!(timeout(quiet, round_trip(&mut new)).await.is_err());
    proxy.heal();
    assert_eq!(timeout(SOON, hung.read_u8()).await??, 7);
    assert_eq!(timeout(SOON, new.read_u8()).await??, 7);

    // A cut that is over before anybody looks resets connections all the same.
    proxy.cut(Cut::Refuse);
    proxy.heal();
    assert!(timeout(SOON, hung.read_u8()).await?.is_err());
    Ok(())
}

#[tokio::test]
async fn a_proxy_delays_and_passes_ends_on() -> Result<()> {
    let proxy = FaultProxy::start(echo().await?).await?;
    let mut stream = TcpStream::connect(proxy.address()).await?;
    let delay = Duration::from_millis(60);
    proxy.delay(delay);
    let before = Instant::now();
    assert_eq!(round_trip(&mut stream).await?, 7);
    assert!(before.elapsed() >= 2 * delay);
    proxy.delay(Duration::ZERO);
    let much = vec![1; 1 << 20];
    let (mut read, mut write) = stream.split();
    let send = async {
        write.write_all(&much).await?;
        write.shutdown().await
    };
    let mut back = Vec::new();
    let (sent, received) = tokio::join!(send, timeout(SOON, read.read_to_end(&mut back)));
    sent?;
    received??;
    assert!(back == much);
    Ok(())
}

#[tokio::test]
async fn haproxy_reloads_without_cutting_anybody_off() -> Result<()> {
    let echo = echo().await?;
    let (mut haproxy, address) = ports::on_spare(1, |ports| async move {
        let address = loopback(ports[0]);
        let sections = format!(
            "defaults\n    mode tcp\n    timeout connect 1s\n    timeout client 1m\n    timeout server 1m\n\
             listen echo\n    bind {address}\n    server one {echo} check\n"
        );
        Ok((Haproxy::start(address, &sections).await?, address))
    })
    .await?;
    let mut before = TcpStream::connect(address).await?;
    assert_eq!(round_trip(&mut before).await?, 7);
    haproxy.reload().await?;
    assert_eq!(round_trip(&mut before).await?, 7);
    let mut after = TcpStream::connect(address).await?;
    assert_eq!(round_trip(&mut after).await?, 7);
    assert!(haproxy.servers().await?["echo/one"].starts_with("UP"));
    let id = haproxy.id();
    drop(haproxy);
    assert!(!is_running(id));
    until("the port's release", || async {
        Ok(TcpStream::connect(address).await.is_err())
    })
    .await
}

/// The name of the environment variable that makes this test binary the victim of the next test.
const VICTIM: &str = "TESTBED_VICTIM";

#[tokio::test]
async fn children_end_with_a_process_that_is_killed() -> Result<()> {
    if std::env::var_os(VICTIM).is_some() {
        let mut sleep = Command::new("sleep");
        sleep.arg("1000");
        let child = Process::spawn("sleep", sleep, Path::new("/dev/null"), Ending::Kill)?;
        println!("\nchild {}", child.id());
        return std::future::pending().await;
    }
    let mut victim = Command::new(std::env::current_exe()?)
        .args([
            "--nocapture",
            "--exact",
            "children_end_with_a_process_that_is_killed",
        ])
        .env(VICTIM, "1")
        .stdout(Stdio::piped())
        .spawn()?;
    let lines = BufReader::new(victim.stdout.take().context("a pipe")?).lines();
    let child = lines.map_while(Result::ok).find_map(|line| {
        line.strip_prefix("child ")
            .and_then(|id| id.parse::<u32>().ok())
    });
    let child = child.context("no child")?;
    assert!(is_running(child));
    victim.kill()?;
    victim.wait()?;
    until("the child's end", || async { Ok(!is_running(child)) }).await
}
