//! Buses on Redis servers that a test starts.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use callboard_shared::{
    bus::{
        Bus, Epoch, LogLimits, PartitionId,
        conformance::Subject,
        redis::{RedisBus, RedisSettings, functions::LIBRARY},
    },
    clock::{Clock, SystemClock, Timestamp},
    id::ConversationId,
    lifecycle::Lifecycle,
};
use callboard_testbed::redis::Redis;
use redis::{Cmd, cmd};
use tokio::time::{sleep, timeout};

/// How long a test waits for something.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn settings(servers: &[&Redis]) -> RedisSettings {
    let urls: Vec<String> = servers.iter().map(|server| server.url()).collect();
    RedisSettings {
        redis_url: Some(urls.join(",").into()),
        redis_partitions: None,
    }
}

pub(crate) async fn bus(servers: &[&Redis]) -> RedisBus {
    let (limits, lifecycle) = (LogLimits::default(), Lifecycle::new());
    let settings = settings(servers);
    let bus = RedisBus::start(&settings, limits, lifecycle);
    timeout(PATIENCE, bus).await.unwrap().unwrap()
}

/// A conversation that lives in a partition.
pub(crate) fn conversation(bus: &RedisBus, partition: PartitionId) -> ConversationId {
    loop {
        let conversation = ConversationId::new(SystemClock.now());
        if bus.partition_of(conversation) == partition {
            return conversation;
        }
    }
}

/// The epoch of a partition, as soon as it can be told.
pub(crate) async fn epoch(bus: &RedisBus, partition: PartitionId) -> Epoch {
    let mut epoch = None;
    eventually("the epoch", async || {
        epoch = bus.epoch(partition).await.ok();
        epoch.is_some()
    })
    .await;
    epoch.unwrap()
}

pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !condition().await {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("{what} never came"));
}

pub(crate) fn command(words: &str) -> Cmd {
    let mut words = words.split(' ');
    let mut command = cmd(words.next().unwrap());
    words.for_each(|word| {
        command.arg(word);
    });
    command
}

pub(crate) async fn is_master(server: &Redis) -> bool {
    let info: String = server.query(&command("INFO replication")).await.unwrap();
    info.contains("role:master")
}

/// A clock that is ahead by as much as has been made to pass.
pub(crate) struct Ahead(AtomicU64);

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        let ahead = Duration::from_millis(self.0.load(Ordering::SeqCst));
        SystemClock.now().plus(ahead)
    }
}

/// A bus on emptied servers.
pub(crate) struct Emptied<'a> {
    bus: RedisBus,
    clock: Arc<Ahead>,
    servers: &'a [Redis],
}

/// Makes a bus for a part of the suite.
pub(crate) fn emptied<'a>(
    servers: &'a [Redis],
) -> impl Fn(LogLimits, usize) -> std::pin::Pin<Box<dyn Future<Output = Emptied<'a>> + 'a>> {
    let all: Vec<&Redis> = servers.iter().collect();
    emptied_for(servers, settings(&all))
}

/// The same, with other settings than those that lead to these servers.
pub(crate) fn emptied_for<'a>(
    servers: &'a [Redis],
    settings: RedisSettings,
) -> impl Fn(LogLimits, usize) -> std::pin::Pin<Box<dyn Future<Output = Emptied<'a>> + 'a>> {
    move |limits, push_queue| {
        let settings = settings.clone();
        Box::pin(async move {
            for server in servers {
                if is_master(server).await {
                    server.query::<()>(&command("FLUSHALL")).await.unwrap();
                    server
                        .query::<()>(&command("FUNCTION FLUSH"))
                        .await
                        .unwrap();
                }
            }
            // What fails in there is seen when the test fails.
            let _ = tracing_subscriber::fmt().with_test_writer().try_init();
            let bus = RedisBus::start(&settings, limits, Lifecycle::new());
            let bus = timeout(PATIENCE, bus).await.unwrap().unwrap();
            Emptied {
                bus: bus.with_push_queue(push_queue),
                clock: Arc::new(Ahead(AtomicU64::new(0))),
                servers,
            }
        })
    }
}

/// Shortens what all keys have still to live.
const AGE: &str = "
for _, key in ipairs(redis.call('KEYS', '*')) do
  local left = redis.call('PTTL', key)
  if left >= 0 then
    redis.call('PEXPIRE', key, left - ARGV[1])
  end
end";

#[async_trait]
impl Subject for Emptied<'_> {
    fn bus(&self) -> Arc<dyn Bus> {
        Arc::new(self.bus.clone())
    }

    fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// Ages the keys, and puts the functions' clock forward.
    async fn pass(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        let ahead = self.clock.0.fetch_add(millis, Ordering::SeqCst) + millis;
        let library = LIBRARY.replace("local AHEAD = 0", &format!("local AHEAD = {ahead}"));
        assert_ne!(library, LIBRARY);
        for server in self.servers {
            if is_master(server).await {
                let mut load = command("FUNCTION LOAD REPLACE");
                server.query::<()>(load.arg(&library)).await.unwrap();
                let mut age = cmd("EVAL");
                age.arg(AGE).arg(0).arg(millis);
                server.query::<()>(&age).await.unwrap();
            }
        }
    }
}
