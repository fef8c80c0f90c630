//! What every [`Bus`] must do, as tests of the trait.
//!
//! An implementation's own tests call [`run`] with a way to make a fresh [`Subject`]. Time is the
//! subject's: an in-process bus moves its clock, one that lives elsewhere ages its keys.

mod keeping;
mod publishing;
mod reading;
mod subscribing;

use std::{collections::HashMap, fmt::Debug, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::timeout;

use super::{
    ABSENT_TOO_OLD, Ask, Bus, Channel, Epoch, HEAD_LIFE, Link, LogEntry, LogLimits, Offset,
    PartitionId, Place, Point, Publication, Push, Reply, Request, Standing,
};
use crate::{
    clock::Clock,
    id::{ConversationId, GatewayId, Seq, UserId},
};

/// A bus under test.
#[async_trait]
pub trait Subject: Send + Sync {
    /// The bus; every call gives the same one.
    fn bus(&self) -> Arc<dyn Bus>;
    /// The clock that the bus goes by.
    fn clock(&self) -> Arc<dyn Clock>;
    /// Lets this much time pass for the bus.
    async fn pass(&self, time: Duration);
}

const PUBLISHED: Reply = Reply::Published(Standing::Settled);
const DUPLICATE: Reply = Reply::Duplicate(Standing::Settled);

/// How long the suite waits for a push before it fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs the whole suite, each part on a bus of its own made with these limits.
///
/// # Panics
///
/// Where the bus does not do what the trait promises.
pub async fn run<S: Subject, F: Future<Output = S>>(make: impl Fn(LogLimits, usize) -> F) {
    let limits = LogLimits {
        life: Duration::from_secs(60),
        entries: 100,
    };
    let fresh = || async { Fixture::new(make(limits, 1_000).await) };
    fresh().await.a_conversation_is_published_in_order().await;
    fresh().await.what_was_published_is_a_duplicate().await;
    fresh().await.a_hole_is_refused_and_named().await;
    fresh().await.an_absent_conversation_needs_a_floor().await;
    fresh()
        .await
        .an_old_event_of_an_absent_conversation_starts_an_epoch()
        .await;
    fresh()
        .await
        .an_old_event_that_is_not_appended_starts_no_epoch()
        .await;
    fresh().await.receipts_take_a_place_but_no_number().await;
    fresh()
        .await
        .a_receipt_does_not_go_before_its_events()
        .await;
    fresh().await.notices_go_before_their_event().await;
    fresh()
        .await
        .subscribers_are_pushed_in_order_up_to_the_position()
        .await;
    fresh().await.signals_are_pushed_and_not_kept().await;
    fresh().await.unsubscribing_ends_the_pushes().await;
    fresh().await.a_log_replays_what_came_after().await;
    fresh().await.a_slice_tells_whether_it_is_complete().await;
    fresh().await.logs_and_heads_expire().await;
    fresh().await.concurrent_publishers_leave_no_hole().await;
    fresh()
        .await
        .joined_conversations_are_kept_for_a_day()
        .await;
    fresh()
        .await
        .a_gateway_is_found_until_it_has_not_been_heard_of()
        .await;
    let trimmed = LogLimits {
        life: Duration::from_secs(60),
        entries: 3,
    };
    Fixture::new(make(trimmed, 1_000).await)
        .a_trimmed_log_is_known_to_be_incomplete()
        .await;
    Fixture::new(make(limits, 8).await)
        .a_subscriber_that_falls_behind_is_told()
        .await;
}

struct Fixture<S> {
    subject: S,
    bus: Arc<dyn Bus>,
    conversation: ConversationId,
}

fn seq(number: u64) -> Seq {
    Seq::new(number)
}

fn text(number: u64) -> Bytes {
    Bytes::from(format!("event {number}"))
}

impl<S: Subject> Fixture<S> {
    fn new(subject: S) -> Self {
        let (bus, conversation) = (subject.bus(), ConversationId::new(subject.clock().now()));
        Self {
            subject,
            bus,
            conversation,
        }
    }

    fn channel(&self) -> Channel {
        Channel::Conversation(self.conversation)
    }

    fn publication(&self, place: Place, payload: Bytes) -> Publication {
        Publication {
            conversation: self.conversation,
            place,
            payload,
            notices: Vec::new(),
            committed_at: self.subject.clock().now(),
        }
    }

    fn event(&self, number: u64) -> Publication {
        self.publication(Place::Sequenced(seq(number)), text(number))
    }

    /// The same event of another conversation in the same partition.
    fn elsewhere(&self, number: u64) -> Publication {
        let partition = self.bus.partition_of(self.conversation);
        let ids = std::iter::repeat_with(|| ConversationId::new(self.subject.clock().now()));
        let mut others = ids.filter(|id| self.bus.partition_of(*id) == partition);
        Publication {
            conversation: others.next().expect("there are many"),
            ..self.event(number)
        }
    }

    /// Offers it once. Where a replica could take over, the reply must be of the epoch that is; it
    /// is not told apart further.
    async fn offer(&self, publication: &Publication, floor: Option<Seq>) -> Reply {
        let reply = self.bus.publish(publication, floor).await;
        match reply.expect("the bus is up") {
            Reply::Published(Standing::Unsettled(epoch)) => {
                assert_eq!(self.epoch().await, epoch);
                PUBLISHED
            }
            Reply::Duplicate(Standing::Unsettled(epoch)) => {
                assert_eq!(self.epoch().await, epoch);
                DUPLICATE
            }
            reply => reply,
        }
    }

    async fn epoch(&self) -> Epoch {
        let partition = self.bus.partition_of(self.conversation);
        self.bus.epoch(partition).await.expect("the bus is up")
    }

    async fn is_absent(&self) {
        assert_eq!(self.offer(&self.event(1), None).await, Reply::Absent);
    }

    /// Publishes these events; the bus may know the conversation or not.
    async fn publish(&self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            let event = self.event(number);
            let reply = match self.offer(&event, None).await {
                Reply::Absent => self.offer(&event, Some(seq(number))).await,
                reply => reply,
            };
            assert_eq!(reply, PUBLISHED, "event {number}");
        }
    }

    async fn read(&self, channel: &Channel, after: Offset) -> super::Slice {
        let partition = self.bus.partition_of(self.conversation);
        self.bus
            .read(partition, channel, after, 1_000)
            .await
            .expect("the bus is up")
    }

    async fn log(&self) -> Vec<LogEntry> {
        self.read(&self.channel(), 0).await.entries
    }

    async fn subscribe(&self, channels: &[Channel]) -> Subscriber {
        let mut subscriber = Subscriber {
            link: self.bus.open(),
            tag: 0,
            bus: Arc::clone(&self.bus),
        };
        subscriber.ask(channels, Ask::Subscribe);
        subscriber.until_position().await;
        subscriber
    }
}

struct Subscriber {
    link: Link,
    tag: u64,
    bus: Arc<dyn Bus>,
}

impl Subscriber {
    /// Asks something for these channels, in the partitions that they live in.
    fn ask(&self, channels: &[Channel], ask: impl Fn(Vec<Channel>) -> Ask) {
        for partition in 0..self.bus.partitions() {
            let lives_here = |channel: &&Channel| match channel {
                Channel::Conversation(id) => self.bus.partition_of(*id) == partition,
                Channel::User(_) => true,
            };
            let channels = channels.iter().filter(lives_here).cloned().collect();
            self.send(partition, ask(channels));
        }
    }

    fn send(&self, partition: PartitionId, ask: Ask) {
        self.link.requests.send(Request { partition, ask });
    }

    async fn next(&mut self) -> Push {
        timeout(PATIENCE, self.link.pushes.recv())
            .await
            .expect("a push in time")
            .expect("the link stands")
    }

    /// Asks for the position and returns what was pushed before it.
    async fn until_position(&mut self) -> Vec<(Point, Channel, LogEntry)> {
        self.tag += 1;
        let tag = self.tag;
        let partitions = self.bus.partitions();
        for partition in 0..partitions {
            self.send(partition, Ask::Position(tag));
        }
        let (mut pushed, mut positions) = (Vec::new(), HashMap::new());
        while positions.len() < usize::from(partitions) {
            match self.next().await {
                Push::Entry {
                    point,
                    channel,
                    entry,
                } => pushed.push((point, channel, entry)),
                Push::Position {
                    tag: answered,
                    point,
                } if answered == tag => {
                    positions.insert(point.partition, point.offset);
                }
                other => unexpected(&other),
            }
        }
        for (point, ..) in &pushed {
            assert!(
                positions
                    .get(&point.partition)
                    .is_some_and(|position| *position >= point.offset)
            );
        }
        pushed
    }
}

fn unexpected(push: &impl Debug) -> ! {
    panic!("unexpected {push:?}")
}
