//! What every [`Bus`] must do, as tests of the trait.
//!
//! An implementation's own tests call [`run`] with a way to make a fresh [`Subject`]. Time is the
//! subject's: an in-process bus moves its clock, one that lives elsewhere ages its keys.

use std::{collections::HashMap, fmt::Debug, future::Future, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::timeout;

use super::{
    ABSENCE_HOLDS, ABSENT_TOO_OLD, Absence, Bus, Channel, Epoch, Floor, HEAD_LIFE, Link, LogEntry,
    LogLimits, Offset, Place, Point, Publication, Push, Reply, Request,
};
use crate::{
    clock::Clock,
    id::{ConversationId, Seq, UserId},
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
        .an_absence_is_good_for_ten_seconds_and_one_epoch()
        .await;
    fresh()
        .await
        .an_old_event_of_an_absent_conversation_starts_an_epoch()
        .await;
    fresh().await.receipts_take_a_place_but_no_number().await;
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

    async fn offer(&self, publication: &Publication, floor: Option<Floor>) -> Reply {
        self.bus
            .publish(publication, floor)
            .await
            .expect("the bus is up")
    }

    async fn absence(&self) -> Absence {
        match self.offer(&self.event(1), None).await {
            Reply::Absent(absence) => absence,
            other => panic!("expected an absent conversation, got {other:?}"),
        }
    }

    /// Publishes these events; the bus may know the conversation or not.
    async fn publish(&self, numbers: impl IntoIterator<Item = u64>) {
        for number in numbers {
            let event = self.event(number);
            let reply = match self.offer(&event, None).await {
                Reply::Absent(absence) => {
                    self.offer(
                        &event,
                        Some(Floor {
                            seq: seq(number),
                            absence,
                        }),
                    )
                    .await
                }
                reply => reply,
            };
            assert_eq!(reply, Reply::Published, "event {number}");
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
        let mut link = self.bus.open().await.expect("the bus is up");
        link.requests
            .send(Request::Subscribe(channels.to_vec()))
            .await
            .expect("the bus is up");
        let mut subscriber = Subscriber {
            link,
            tag: 0,
            partitions: self.bus.partitions(),
        };
        subscriber.until_position().await;
        subscriber
    }

    async fn a_conversation_is_published_in_order(self) {
        self.publish(1..=5).await;
        let log = self.log().await;
        assert_eq!(
            log.iter()
                .map(|entry| entry.place.seq().get())
                .collect::<Vec<_>>(),
            [1, 2, 3, 4, 5]
        );
        assert_eq!(
            log.iter()
                .map(|entry| entry.payload.clone())
                .collect::<Vec<_>>(),
            (1..=5).map(text).collect::<Vec<_>>()
        );
        assert!(
            log.windows(2)
                .all(|pair| pair[0].offset < pair[1].offset && pair[1].previous == pair[0].offset)
        );
        assert_eq!(log[0].previous, 0);
    }

    async fn what_was_published_is_a_duplicate(self) {
        self.publish(1..=3).await;
        for number in 1..=3 {
            assert_eq!(
                self.offer(&self.event(number), None).await,
                Reply::Duplicate
            );
        }
        assert_eq!(self.log().await.len(), 3);
    }

    async fn a_hole_is_refused_and_named(self) {
        self.publish(1..=2).await;
        assert_eq!(self.offer(&self.event(5), None).await, Reply::Next(seq(3)));
        self.publish(3..=5).await;
        assert_eq!(self.log().await.len(), 5);
    }

    async fn an_absent_conversation_needs_a_floor(self) {
        let absence = self.absence().await;
        let floor = Floor {
            seq: seq(7),
            absence,
        };
        assert_eq!(
            self.offer(&self.event(9), Some(floor)).await,
            Reply::Next(seq(7)),
            "a hole above the floor"
        );
        assert_eq!(
            self.offer(&self.event(6), Some(floor)).await,
            Reply::Duplicate,
            "below the floor"
        );
        assert_eq!(
            self.offer(&self.event(7), Some(floor)).await,
            Reply::Published
        );
        self.publish([8, 9]).await;
        assert_eq!(self.log().await[0].previous, 0);
    }

    async fn an_absence_is_good_for_ten_seconds_and_one_epoch(self) {
        let absence = self.absence().await;
        self.subject
            .pass(ABSENCE_HOLDS + Duration::from_secs(1))
            .await;
        let late = self
            .offer(
                &self.event(1),
                Some(Floor {
                    seq: seq(1),
                    absence,
                }),
            )
            .await;
        assert!(matches!(late, Reply::Absent(_)), "{late:?}");
        let other = Absence {
            epoch: Epoch(absence.epoch.0 ^ 1),
            ..self.absence().await
        };
        let void = self
            .offer(
                &self.event(1),
                Some(Floor {
                    seq: seq(1),
                    absence: other,
                }),
            )
            .await;
        assert!(matches!(void, Reply::Absent(_)), "{void:?}");
    }

    async fn an_old_event_of_an_absent_conversation_starts_an_epoch(self) {
        let event = self.event(1);
        self.subject
            .pass(ABSENT_TOO_OLD + Duration::from_secs(60))
            .await;
        let absence = self.absence().await;
        assert_eq!(
            self.offer(
                &event,
                Some(Floor {
                    seq: seq(1),
                    absence
                })
            )
            .await,
            Reply::Published
        );
        assert_ne!(self.read(&self.channel(), 0).await.epoch, absence.epoch);
    }

    async fn receipts_take_a_place_but_no_number(self) {
        self.publish(1..=2).await;
        let receipt = self.publication(Place::Tagged(seq(2)), Bytes::from_static(b"receipt"));
        assert_eq!(self.offer(&receipt, None).await, Reply::Published);
        assert_eq!(
            self.offer(&receipt, None).await,
            Reply::Published,
            "at least once"
        );
        self.publish([3]).await;
        let places: Vec<Place> = self.log().await.iter().map(|entry| entry.place).collect();
        let (event, tag) = (|n| Place::Sequenced(seq(n)), Place::Tagged(seq(2)));
        assert_eq!(places, [event(1), event(2), tag, tag, event(3)]);
    }

    async fn notices_go_before_their_event(self) {
        let user: UserId = "alice".parse().expect("valid");
        let channel = Channel::User(user.clone());
        let mut subscriber = self.subscribe(&[channel.clone(), self.channel()]).await;
        let absence = self.absence().await;
        let notices = vec![(user, Bytes::from_static(b"notice"))];
        let event = Publication {
            notices,
            ..self.event(1)
        };
        assert_eq!(
            self.offer(
                &event,
                Some(Floor {
                    seq: seq(1),
                    absence
                })
            )
            .await,
            Reply::Published
        );
        let pushed = subscriber.until_position().await;
        let order: Vec<&Channel> = pushed.iter().map(|(_, channel, _)| channel).collect();
        assert_eq!(order, [&channel, &self.channel()]);
        assert!(pushed[0].0.offset < pushed[1].0.offset);
        assert_eq!(pushed[0].2.place, Place::Notice);
        assert_eq!(
            self.read(&channel, 0).await.entries.len(),
            1,
            "notices are logged too"
        );
        assert_eq!(self.offer(&event, None).await, Reply::Duplicate);
        assert_eq!(
            self.read(&channel, 0).await.entries.len(),
            1,
            "and not repeated"
        );
    }

    async fn subscribers_are_pushed_in_order_up_to_the_position(self) {
        self.publish([1]).await;
        let mut first = self.subscribe(&[self.channel()]).await;
        let mut second = self.subscribe(&[self.channel()]).await;
        self.publish(2..=20).await;
        for subscriber in [&mut first, &mut second] {
            let pushed = subscriber.until_position().await;
            let numbers: Vec<u64> = pushed
                .iter()
                .map(|(_, _, entry)| entry.place.seq().get())
                .collect();
            assert_eq!(numbers, (2..=20).collect::<Vec<_>>());
            assert!(
                pushed
                    .windows(2)
                    .all(|pair| pair[0].0.offset < pair[1].0.offset)
            );
            assert!(
                pushed
                    .iter()
                    .all(|(point, _, entry)| point.offset == entry.offset)
            );
            assert_eq!(subscriber.until_position().await.len(), 0);
        }
    }

    async fn signals_are_pushed_and_not_kept(self) {
        let mut subscriber = self.subscribe(&[self.channel()]).await;
        self.bus
            .signal(self.conversation, Bytes::from_static(b"typing"))
            .await
            .expect("the bus is up");
        let push = subscriber.next().await;
        assert!(
            matches!(&push, Push::Signal { conversation, payload } if *conversation == self.conversation && payload == "typing"),
            "{push:?}"
        );
        assert!(self.log().await.is_empty());
    }

    async fn unsubscribing_ends_the_pushes(self) {
        let mut subscriber = self.subscribe(&[self.channel()]).await;
        subscriber
            .send(Request::Unsubscribe(vec![self.channel()]))
            .await;
        self.publish(1..=3).await;
        assert_eq!(subscriber.until_position().await.len(), 0);
        subscriber
            .send(Request::Subscribe(vec![self.channel()]))
            .await;
        self.publish([4]).await;
        assert_eq!(subscriber.until_position().await.len(), 1);
    }

    async fn a_log_replays_what_came_after(self) {
        self.publish(1..=10).await;
        let log = self.log().await;
        let slice = self.read(&self.channel(), log[3].offset).await;
        assert_eq!(slice.entries[0].place, Place::Sequenced(seq(5)));
        assert_eq!(slice.entries.len(), 6);
        assert_eq!(
            slice.head.map(|head| (head.seq, head.last)),
            Some((seq(10), log[9].offset))
        );
        let partition = self.bus.partition_of(self.conversation);
        let page = self
            .bus
            .read(partition, &self.channel(), log[3].offset, 2)
            .await
            .expect("the bus is up");
        assert_eq!(page.entries.len(), 2);
    }

    async fn a_slice_tells_whether_it_is_complete(self) {
        let nothing = self.read(&self.channel(), 0).await;
        assert!(
            nothing.head.is_none() && nothing.covers(0, seq(1)),
            "nothing happened"
        );
        self.publish(1..=5).await;
        let log = self.log().await;
        let caught_up = self.read(&self.channel(), log[4].offset).await;
        assert!(caught_up.entries.is_empty() && caught_up.covers(log[4].offset, seq(1)));
        assert!(
            self.read(&self.channel(), log[1].offset)
                .await
                .covers(log[1].offset, seq(1))
        );
    }

    async fn a_trimmed_log_is_known_to_be_incomplete(self) {
        self.publish(1..=6).await;
        let slice = self.read(&self.channel(), 0).await;
        assert_eq!(slice.entries.len(), 3);
        assert!(!slice.covers(0, seq(1)), "events 1 to 3 are gone");
        assert!(
            slice.covers(0, seq(4)),
            "who joined with event 4 misses nothing"
        );
        let after_three = slice.entries[0].previous;
        assert!(
            slice.covers(after_three, seq(1)),
            "nor who has seen event 3"
        );
    }

    async fn logs_and_heads_expire(self) {
        self.publish(1..=2).await;
        let last = self.log().await[1].offset;
        self.subject.pass(Duration::from_secs(61)).await;
        let slice = self.read(&self.channel(), 0).await;
        assert!(slice.entries.is_empty() && slice.head.is_some());
        assert!(!slice.covers(0, seq(1)) && slice.covers(last, seq(1)));
        assert_eq!(
            self.offer(&self.event(2), None).await,
            Reply::Duplicate,
            "the head remembers"
        );
        self.publish([3]).await;
        let log = self.log().await;
        assert_eq!(
            (log.len(), log[0].previous),
            (1, last),
            "the new log knows what came before it"
        );
        self.subject.pass(HEAD_LIFE + Duration::from_secs(60)).await;
        assert!(self.read(&self.channel(), 0).await.head.is_none());
        self.absence().await;
    }

    async fn concurrent_publishers_leave_no_hole(self) {
        let fixture = Arc::new(self);
        let mut subscriber = fixture.subscribe(&[fixture.channel()]).await;
        fixture.publish([1]).await;
        let publisher = |fixture: Arc<Self>| async move {
            for number in 2..=50 {
                // Each asks for the event until the bus has it, as publishers do.
                while let Reply::Next(wanted) = fixture.offer(&fixture.event(number), None).await {
                    let reply = fixture.offer(&fixture.event(wanted.get()), None).await;
                    assert!(
                        matches!(reply, Reply::Published | Reply::Duplicate),
                        "{reply:?}"
                    );
                }
            }
        };
        futures::future::join_all((0..4).map(|_| publisher(Arc::clone(&fixture)))).await;
        let numbers: Vec<u64> = subscriber
            .until_position()
            .await
            .iter()
            .map(|(_, _, entry)| entry.place.seq().get())
            .collect();
        assert_eq!(numbers, (1..=50).collect::<Vec<_>>());
    }

    async fn joined_conversations_are_kept_for_a_day(self) {
        let other = ConversationId::new(self.subject.clock().now());
        let joined = || async { self.bus.joined("pid").await.expect("the bus is up") };
        let keep = |joined| async {
            self.bus
                .keep_joined("pid", joined)
                .await
                .expect("the bus is up");
        };
        assert_eq!(joined().await, []);
        keep(vec![self.conversation, other]).await;
        let mut kept = joined().await;
        kept.sort();
        let mut expected = vec![self.conversation, other];
        expected.sort();
        assert_eq!(kept, expected);
        keep(vec![other]).await;
        assert_eq!(joined().await, [other]);
        self.subject
            .pass(super::JOINED_LIFE + Duration::from_secs(60))
            .await;
        assert_eq!(joined().await, []);
    }

    async fn a_subscriber_that_falls_behind_is_told(self) {
        let mut subscriber = self.subscribe(&[self.channel()]).await;
        self.publish(1..=50).await;
        let mut pushed = Vec::new();
        loop {
            match subscriber.next().await {
                Push::Entry { entry, .. } => pushed.push(entry.place.seq().get()),
                Push::Lost(_) => break,
                other => panic!("unexpected {other:?}"),
            }
        }
        assert_eq!(
            pushed,
            (1..=pushed.len() as u64).collect::<Vec<_>>(),
            "no hole before the loss"
        );
        assert!(pushed.len() < 50);
        subscriber
            .send(Request::Subscribe(vec![self.channel()]))
            .await;
        assert!(subscriber.until_position().await.is_empty());
        self.publish([51]).await;
        assert_eq!(
            subscriber.until_position().await.len(),
            1,
            "it may subscribe again"
        );
    }
}

struct Subscriber {
    link: Link,
    tag: u64,
    partitions: u16,
}

impl Subscriber {
    async fn send(&mut self, request: Request) {
        self.link
            .requests
            .send(request)
            .await
            .expect("the bus is up");
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
        self.send(Request::Position(tag)).await;
        let (mut pushed, mut positions) = (Vec::new(), HashMap::new());
        while positions.len() < usize::from(self.partitions) {
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
