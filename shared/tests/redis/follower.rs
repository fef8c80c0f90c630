//! One who publishes and one who follows, as simply as the contract of the bus allows.

use std::time::Duration;

use bytes::Bytes;
use callboard_shared::{
    bus::{
        Ask, Bus, Channel, Epoch, Link, Offset, PartitionId, Place, Point, Publication, Push,
        Reply, Request, Standing, redis::RedisBus,
    },
    clock::{Clock, SystemClock},
    id::{ConversationId, Seq},
};
use tokio::time::{Instant, sleep, timeout};

use crate::fixture::{PATIENCE, conversation};

/// Publishes the events of a conversation, in order.
pub(crate) struct Publisher {
    bus: RedisBus,
    pub(crate) conversation: ConversationId,
    pub(crate) published: u64,
    pub(crate) standing: Standing,
}

impl Publisher {
    pub(crate) fn new(bus: &RedisBus, partition: PartitionId) -> Self {
        Self {
            bus: bus.clone(),
            conversation: conversation(bus, partition),
            published: 0,
            standing: Standing::Settled,
        }
    }

    /// Publishes that many more events, however often it takes.
    pub(crate) async fn publish(&mut self, count: u64) {
        for seq in self.published + 1..=self.published + count {
            let started = Instant::now();
            while !self.offer(seq).await {
                assert!(started.elapsed() < PATIENCE, "event {seq} never got out");
                sleep(Duration::from_millis(50)).await;
            }
            self.published = seq;
        }
    }

    /// Whether an event is out, after one try.
    pub(crate) async fn offer(&mut self, seq: u64) -> bool {
        let publication = Publication {
            conversation: self.conversation,
            place: Place::Sequenced(Seq::new(seq)),
            payload: Bytes::from(format!("event {seq}")),
            notices: Vec::new(),
            committed_at: SystemClock.now(),
        };
        let mut floor = None;
        loop {
            match self.bus.publish(&publication, floor).await {
                Ok(Reply::Published(standing) | Reply::Duplicate(standing)) => {
                    self.standing = standing;
                    return true;
                }
                Ok(Reply::Absent) => floor = Some(Seq::new(self.published + 1)),
                Ok(Reply::Next(next)) => panic!("event {next} is wanted before event {seq}"),
                Err(_) => return false,
            }
        }
    }
}

/// Follows a conversation: subscribes, and after a loss subscribes again and reads what it missed.
pub(crate) struct Follower {
    bus: RedisBus,
    link: Link,
    partition: PartitionId,
    channel: Channel,
    tag: u64,
    live: bool,
    epoch: Option<Epoch>,
    last: Offset,
    /// The numbers that came in this epoch.
    pub(crate) seen: Vec<u64>,
    /// How often the partition was lost.
    pub(crate) losses: usize,
    /// How many epochs it has seen.
    pub(crate) epochs: usize,
}

impl Follower {
    pub(crate) async fn new(bus: &RedisBus, conversation: ConversationId) -> Self {
        let mut follower = Self {
            bus: bus.clone(),
            link: bus.open(),
            partition: bus.partition_of(conversation),
            channel: Channel::Conversation(conversation),
            tag: 0,
            live: false,
            epoch: None,
            last: 0,
            seen: Vec::new(),
            losses: 0,
            epochs: 0,
        };
        follower.subscribe();
        follower.until("it is live", |follower| follower.live).await;
        follower
    }

    /// Follows until it has seen an event.
    pub(crate) async fn until_event(&mut self, seq: u64) {
        let what = format!("event {seq}");
        self.until(&what, |follower| {
            follower.live && follower.seen.last() == Some(&seq)
        })
        .await;
        assert!(
            self.seen.windows(2).all(|pair| pair[0] + 1 == pair[1]),
            "{:?}",
            self.seen
        );
    }

    /// Follows until something is true; asks for the position now and then, as gateways do.
    pub(crate) async fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let started = Instant::now();
        while !done(self) {
            assert!(started.elapsed() < PATIENCE, "{what} never came");
            match timeout(Duration::from_millis(200), self.link.pushes.recv()).await {
                Ok(push) => self.push(push.expect("the link stands")).await,
                Err(_) => self.ask(Ask::Position(0)),
            }
        }
    }

    pub(crate) fn ask(&self, ask: Ask) {
        let partition = self.partition;
        self.link.requests.send(Request { partition, ask });
    }

    fn subscribe(&mut self) {
        self.tag += 1;
        self.ask(Ask::Subscribe(vec![self.channel.clone()]));
        self.ask(Ask::Position(self.tag));
    }

    async fn push(&mut self, push: Push) {
        match push {
            Push::Entry { point, entry, .. } if self.live => {
                assert_eq!(Some(point.epoch), self.epoch, "a new epoch without a loss");
                assert_eq!(entry.previous, self.last, "something is missing");
                self.take(entry.offset, entry.place);
            }
            Push::Position { tag, point } if tag == self.tag && !self.live => {
                self.catch_up(point).await;
            }
            Push::Lost(partition) if partition == self.partition => {
                self.live = false;
                self.losses += 1;
                sleep(Duration::from_millis(100)).await;
                self.subscribe();
            }
            _ => {}
        }
    }

    async fn catch_up(&mut self, point: Point) {
        if self.epoch != Some(point.epoch) {
            self.epoch = Some(point.epoch);
            self.epochs += 1;
            self.last = 0;
            self.seen.clear();
        }
        let read = self
            .bus
            .read(self.partition, &self.channel, self.last, 10_000);
        let Ok(slice) = read.await else {
            return self.subscribe();
        };
        if slice.epoch != point.epoch {
            return self.subscribe();
        }
        assert!(slice.covers(self.last, Seq::ZERO), "the log has a gap");
        for entry in slice.entries {
            if entry.offset <= point.offset {
                self.take(entry.offset, entry.place);
            }
        }
        self.live = true;
    }

    fn take(&mut self, offset: Offset, place: Place) {
        self.last = offset;
        self.seen.push(place.seq().get());
    }
}
