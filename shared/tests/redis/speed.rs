//! What the bus costs: time and memory. Not run by default; docs/REDIS.md has the numbers.

use std::time::Duration;

use bytes::Bytes;
use callboard_shared::{
    bus::{Bus, Channel, Place, Publication, Reply, redis::RedisBus},
    clock::{Clock, SystemClock},
    id::{ConversationId, Seq},
};
use callboard_testbed::redis::Redis;
use futures::future::join_all;
use redis::cmd;
use tokio::time::Instant;

use crate::fixture::{bus, command};

const PAYLOAD: usize = 400;

fn receipt(conversation: ConversationId) -> Publication {
    Publication {
        conversation,
        place: Place::Tagged(Seq::new(1)),
        payload: Bytes::from(vec![b'x'; PAYLOAD]),
        notices: Vec::new(),
        committed_at: SystemClock.now(),
    }
}

/// Publishes into a conversation that the bus may not know.
async fn publish(bus: &RedisBus, publication: &Publication) {
    let mut floor = None;
    while bus.publish(publication, floor).await.unwrap() == Reply::Absent {
        floor = Some(Seq::new(2));
    }
}

async fn crowd(bus: &RedisBus, bare: bool) -> f64 {
    let started = Instant::now();
    let one = async |_| {
        let conversation = ConversationId::new(SystemClock.now());
        let (publication, channel) = (receipt(conversation), Channel::Conversation(conversation));
        let mut count = 0_u32;
        while started.elapsed() < Duration::from_secs(3) {
            if bare {
                let payload = publication.payload.clone();
                bus.signal(&channel, payload).await.unwrap();
            } else {
                publish(bus, &publication).await;
            }
            count += 1;
        }
        count
    };
    let counts = join_all((0..64).map(one)).await;
    f64::from(counts.iter().sum::<u32>()) / started.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn speed() {
    let server = Redis::start(Default::default()).await.unwrap();
    let bus = bus(&[&server]).await;
    let publication = receipt(ConversationId::new(SystemClock.now()));
    publish(&bus, &publication).await;
    let mut lone = Vec::new();
    for _ in 0..3_000 {
        let started = Instant::now();
        publish(&bus, &publication).await;
        lone.push(started.elapsed());
    }
    lone.sort_unstable();
    println!(
        "a lone publish: median {:?}, 99 % {:?}",
        lone[1_500], lone[2_970]
    );
    for _ in 0..2 {
        let (published, bare) = (crowd(&bus, false).await, crowd(&bus, true).await);
        println!("64 at once: {published:.0} publishes/s, {bare:.0} bare SPUBLISH/s");
    }
    let stats: String = server.query(&command("INFO commandstats")).await.unwrap();
    for line in stats.lines() {
        if line.starts_with("cmdstat_fcall:") || line.starts_with("cmdstat_spublish:") {
            println!("inside Redis: {line}");
        }
    }
}

async fn used(server: &Redis) -> u64 {
    let info: String = server.query(&command("INFO memory")).await.unwrap();
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    line.unwrap().trim().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn memory() {
    const CHANNELS: u64 = 2_000;
    let server = Redis::start(Default::default()).await.unwrap();
    let bus = bus(&[&server]).await;
    publish(&bus, &receipt(ConversationId::new(SystemClock.now()))).await;
    let mut before = used(&server).await;
    let conversations: Vec<_> = (0..CHANNELS)
        .map(|_| ConversationId::new(SystemClock.now()))
        .collect();
    let mut total = 0;
    for entries in [1, 9, 90, 900] {
        let conversations =
            &conversations[..usize::try_from(CHANNELS / entries.max(10) * 10).unwrap()];
        for conversation in conversations {
            let publication = receipt(*conversation);
            for _ in 0..entries {
                publish(&bus, &publication).await;
            }
        }
        total += entries;
        let key = format!("{{p0}}:conversation:{}", conversations[0]);
        let mut usage = Vec::new();
        for part in ["head", "log"] {
            let mut ask = cmd("MEMORY");
            ask.arg("USAGE")
                .arg(format!("{key}:{part}"))
                .arg("SAMPLES")
                .arg(0);
            usage.push(server.query::<u64>(&ask).await.unwrap());
        }
        let now = used(&server).await;
        println!(
            "{} channels, {entries} more entries of {PAYLOAD} bytes each: {} more bytes a channel; \
             one with {total}: head {}, log {}",
            conversations.len(),
            (now - before) / conversations.len() as u64,
            usage[0],
            usage[1]
        );
        before = now;
    }
}
