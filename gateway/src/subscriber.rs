//! The gateway's one subscriber: takes what the bus pushes and brings it to the workers.
//!
//! Everything passes through one task, in order: a push advances the gateway's position, its frames
//! are made once, and it joins the queue of each worker that has somebody for it. So whatever a
//! worker is told ("you are subscribed", "this is your position") stands at the right place among
//! the events. A full queue makes the task wait; nothing is dropped here. When the bus cannot vouch
//! for what it has pushed, the task repairs the partition from the logs before it goes on.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use callboard_shared::{
    bus::{Bus, BusError, Channel, Link, LogEntry, PartitionId, Point, Push, Request},
    clock::Clock,
    cursor::Position,
    event::{DecodeError, MembershipNotice, Signal, SignalName},
    id::{ConversationId, Seq, UserId},
};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep},
};

use crate::{
    messaging::{Delivery, Typing},
    metrics::Metrics,
    typing::Typists,
    worker::Slot,
};

/// How often the position is asked for, to see that the bus still answers.
const POSITION_EVERY: Duration = Duration::from_secs(1);

/// How many of these may go unanswered before the bus counts as lost: one that says nothing may
/// have kept its connections open.
const UNANSWERED: usize = 5;

/// How long to wait before the bus is tried again.
const RETRY: Duration = Duration::from_millis(200);

/// The most entries read from one log at once when a partition is repaired.
const REPAIR_PAGE: usize = 10_000;

/// What a worker is told, in order.
#[derive(Debug, Clone)]
pub(crate) enum Told {
    /// Something happened in a conversation.
    Delivery(Arc<Delivery>),
    /// A user was added to a conversation, or removed from it.
    Notice {
        user: UserId,
        notice: MembershipNotice,
        point: Point,
        position: Position,
    },
    /// Somebody types, or stops.
    Typing(Arc<Typing>),
    /// The subscriptions asked for with this tag stand, and this is the position.
    Subscribed { tag: u64, position: Position },
    /// The position, once in a while.
    Position(Position),
    /// Something of this channel is missing: whoever is in it must start over.
    Gap(Channel),
    /// Every cursor made before is void: everybody must start over.
    NewEpoch(Position),
    /// End this connection.
    End(Slot, &'static str),
}

/// What a worker asks of the subscriber.
#[derive(Debug)]
pub(crate) enum Want {
    /// To be told what happens in these channels; [`Told::Subscribed`] answers.
    Subscribe {
        worker: usize,
        channels: Vec<Channel>,
        tag: u64,
    },
    /// No longer.
    Unsubscribe {
        worker: usize,
        channels: Vec<Channel>,
    },
}

/// Brings pushes to workers.
pub(crate) struct Subscriber {
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    typists: Arc<Typists>,
    workers: Vec<mpsc::Sender<Told>>,
    link: Link,
    position: Position,
    /// Which workers want a channel, a bit each.
    channels: HashMap<Channel, u64>,
    next_tag: u64,
    /// The position that is being asked for. One at a time: what is subscribed meanwhile is
    /// confirmed by the next, for all at once.
    asked: Option<Asked>,
    /// Subscriptions that the next position confirms, by worker and tag.
    waiting: Vec<(usize, u64)>,
    /// Ticks for which the bus has not answered.
    unanswered: usize,
    /// What has come of other partitions while one was being repaired.
    deferred: VecDeque<Push>,
}

/// A position that was asked for.
struct Asked {
    tag: u64,
    /// How many partitions have still to answer.
    outstanding: PartitionId,
    /// The subscriptions that it confirms; none: it is asked for its own sake.
    confirms: Vec<(usize, u64)>,
}

impl Subscriber {
    /// The most workers that one subscriber can serve.
    pub(crate) const MAX_WORKERS: usize = 64;

    /// Connects to the bus and learns its position.
    ///
    /// # Errors
    ///
    /// If the bus is away.
    pub(crate) async fn connect(
        bus: Arc<dyn Bus>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        typists: Arc<Typists>,
        workers: Vec<mpsc::Sender<Told>>,
    ) -> Result<Self, BusError> {
        let mut link = bus.open().await?;
        link.requests.send(Request::Position(0)).await?;
        let mut points = Vec::new();
        while points.len() < usize::from(bus.partitions()) {
            match link.pushes.recv().await {
                Some(Push::Position { point, .. }) => points.push(point),
                Some(_) => {}
                None => return Err(BusError("the subscriber's connection has ended".to_owned())),
            }
        }
        points.sort_by_key(|point| point.partition);
        Ok(Self {
            bus,
            clock,
            metrics,
            typists,
            workers,
            link,
            position: Position::new(&points),
            channels: HashMap::new(),
            next_tag: 1,
            asked: None,
            waiting: Vec::new(),
            unanswered: 0,
            deferred: VecDeque::new(),
        })
    }

    /// Serves the workers until their side is dropped.
    pub(crate) async fn run(mut self, mut wants: mpsc::UnboundedReceiver<Want>) {
        let mut ticks = interval(POSITION_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Some(push) = self.deferred.pop_front() {
                let result = self.push(push).await;
                self.handled(result).await;
                continue;
            }
            let result = tokio::select! {
                push = self.link.pushes.recv() => match push {
                    Some(push) => self.push(push).await,
                    None => self.repair_all().await,
                },
                want = wants.recv() => match want {
                    Some(want) => self.want(want).await,
                    None => return,
                },
                _ = ticks.tick() => {
                    self.expire_typists().await;
                    self.check_alive().await
                }
            };
            self.handled(result).await;
        }
    }

    /// A bus that is away is tried until it is back.
    async fn handled(&mut self, result: Result<(), BusError>) {
        if let Err(error) = result {
            tracing::warn!(%error, "the bus is away; trying again");
            self.metrics.error("bus");
            sleep(RETRY).await;
            while self.repair_all().await.is_err() {
                sleep(RETRY).await;
            }
        }
    }

    async fn want(&mut self, want: Want) -> Result<(), BusError> {
        match want {
            Want::Subscribe {
                worker,
                channels,
                tag,
            } => {
                let mut fresh = Vec::new();
                for channel in channels {
                    let workers = self.channels.entry(channel.clone()).or_insert(0);
                    if *workers == 0 {
                        fresh.push(channel);
                    }
                    *workers |= 1 << worker;
                }
                self.metrics.subscriptions.set(gauge(self.channels.len()));
                // Noted first: should the bus be away, the repair subscribes and confirms.
                self.waiting.push((worker, tag));
                if !fresh.is_empty() {
                    self.link.requests.send(Request::Subscribe(fresh)).await?;
                }
                self.confirm_waiting().await
            }
            Want::Unsubscribe { worker, channels } => {
                let mut stale = Vec::new();
                for channel in channels {
                    if let Some(workers) = self.channels.get_mut(&channel) {
                        *workers &= !(1 << worker);
                        if *workers == 0 {
                            self.channels.remove(&channel);
                            stale.push(channel);
                        }
                    }
                }
                self.metrics.subscriptions.set(gauge(self.channels.len()));
                if stale.is_empty() {
                    Ok(())
                } else {
                    self.link.requests.send(Request::Unsubscribe(stale)).await
                }
            }
        }
    }

    /// Asks for the position, to see that the bus still answers.
    async fn check_alive(&mut self) -> Result<(), BusError> {
        if self.asked.is_none() {
            return self.ask_position().await;
        }
        self.unanswered += 1;
        if self.unanswered >= UNANSWERED {
            return Err(BusError("it has stopped answering".to_owned()));
        }
        Ok(())
    }

    /// Asks for the position that confirms what waits for it, unless one is on its way.
    async fn confirm_waiting(&mut self) -> Result<(), BusError> {
        if self.asked.is_some() || self.waiting.is_empty() {
            return Ok(());
        }
        self.ask_position().await
    }

    async fn ask_position(&mut self) -> Result<(), BusError> {
        let tag = self.tag();
        let confirms = std::mem::take(&mut self.waiting);
        self.asked = Some(Asked {
            tag,
            outstanding: self.bus.partitions(),
            confirms,
        });
        self.link.requests.send(Request::Position(tag)).await
    }

    fn tag(&mut self) -> u64 {
        self.next_tag += 1;
        self.next_tag
    }

    async fn push(&mut self, push: Push) -> Result<(), BusError> {
        match push {
            Push::Entry {
                point,
                channel,
                entry,
            } => {
                if self.position.epoch(point.partition) != Some(point.epoch) {
                    return self.repair(point.partition).await;
                }
                self.entry(point, channel, entry).await;
            }
            Push::Signal {
                conversation,
                payload,
            } => self.signal(conversation, &payload).await,
            Push::Position { tag, point } => {
                if self.position.epoch(point.partition) != Some(point.epoch) {
                    return self.repair(point.partition).await;
                }
                self.position.advance(point.partition, point.offset);
                return self.answered(tag).await;
            }
            Push::Lost(partition) => {
                tracing::warn!(
                    partition,
                    "the partition was lost; repairing it from the logs"
                );
                self.metrics.error("partition_lost");
                return self.repair(partition).await;
            }
        }
        Ok(())
    }

    /// Makes the frames of a log entry and hands them to the workers that want them.
    async fn entry(&mut self, point: Point, channel: Channel, entry: LogEntry) {
        self.position.advance(point.partition, point.offset);
        let Some(workers) = self.channels.get(&channel).copied() else {
            return;
        };
        let position = self.position.clone();
        let told = match channel {
            Channel::Conversation(conversation) => {
                Delivery::new(conversation, &entry, position, self.clock.now())
                    .map(|delivery| Told::Delivery(Arc::new(delivery)))
            }
            Channel::User(user) => {
                MembershipNotice::decode(&entry.payload).map(|notice| Told::Notice {
                    user,
                    notice,
                    point,
                    position,
                })
            }
        };
        match told {
            Ok(told) => {
                self.tell(workers, &told).await;
                if let Told::Delivery(delivery) = told
                    && let Some(sender) = delivery.sender()
                {
                    self.stop_typist(delivery.conversation, sender.clone())
                        .await;
                }
            }
            Err(error) => self.unreadable(&error),
        }
    }

    async fn signal(&mut self, conversation: ConversationId, payload: &bytes::Bytes) {
        match Signal::decode(payload) {
            Ok(Signal {
                signal: SignalName::TypingStart,
                user_id,
                user_name,
                ..
            }) => {
                let now = tokio::time::Instant::now().into_std();
                self.typists
                    .start(conversation, &user_id, user_name.as_deref(), now);
                self.tell_typing(Typing::start(conversation, user_id, user_name))
                    .await;
            }
            Ok(Signal {
                signal: SignalName::TypingStop,
                user_id,
                ..
            }) => {
                self.stop_typist(conversation, user_id).await;
            }
            Err(error) => self.unreadable(&error),
        }
    }

    /// A typist has stopped: those who know that they typed are told.
    async fn stop_typist(&self, conversation: ConversationId, user: UserId) {
        if self.typists.stop(conversation, &user) {
            self.tell_typing(Typing::stop(conversation, user)).await;
        }
    }

    async fn expire_typists(&self) {
        for (conversation, user) in self.typists.expired(tokio::time::Instant::now().into_std()) {
            self.stop_typist(conversation, user).await;
        }
    }

    async fn tell_typing(&self, typing: serde_json::Result<Typing>) {
        match typing {
            Ok(typing) => {
                let workers = self
                    .channels
                    .get(&Channel::Conversation(typing.conversation))
                    .copied()
                    .unwrap_or(0);
                self.tell(workers, &Told::Typing(Arc::new(typing))).await;
            }
            Err(error) => self.unreadable(&error.into()),
        }
    }

    /// A partition has said how far it is.
    async fn answered(&mut self, tag: u64) -> Result<(), BusError> {
        let Some(asked) = self.asked.as_mut().filter(|asked| asked.tag == tag) else {
            return Ok(());
        };
        asked.outstanding -= 1;
        if asked.outstanding > 0 {
            return Ok(());
        }
        self.unanswered = 0;
        let confirms = self
            .asked
            .take()
            .map(|asked| asked.confirms)
            .unwrap_or_default();
        let position = self.position.clone();
        if confirms.is_empty() {
            self.tell(u64::MAX, &Told::Position(position.clone())).await;
        }
        for (worker, tag) in confirms {
            let position = position.clone();
            self.tell(1 << worker, &Told::Subscribed { tag, position })
                .await;
        }
        self.confirm_waiting().await
    }

    /// Hands something to each of these workers, waiting for those whose queue is full.
    async fn tell(&self, workers: u64, told: &Told) {
        for (index, worker) in self.workers.iter().enumerate() {
            if workers & (1 << index) != 0 {
                // A worker that has ended has no connections any more.
                let _ = worker.send(told.clone()).await;
            }
        }
    }

    fn unreadable(&self, error: &DecodeError) {
        tracing::error!(%error, "a payload on the bus cannot be read; it is left out");
        self.metrics.error("unreadable_payload");
    }

    async fn repair_all(&mut self) -> Result<(), BusError> {
        self.link = self.bus.open().await?;
        self.deferred.clear();
        for partition in 0..self.bus.partitions() {
            self.repair(partition).await?;
        }
        Ok(())
    }

    /// Makes good what may have been missed of a partition: subscribes to everything again, learns
    /// how far the partition is, and reads from the logs what lies between.
    async fn repair(&mut self, partition: PartitionId) -> Result<(), BusError> {
        // What the lost answer would have confirmed is confirmed by the next.
        if let Some(asked) = self.asked.take() {
            self.waiting.extend(asked.confirms);
        }
        self.unanswered = 0;
        let channels: Vec<Channel> = self
            .channels
            .keys()
            .filter(|channel| self.lives_in(channel, partition))
            .cloned()
            .collect();
        let point = self.resubscribe(partition, &channels).await?;
        if self.position.epoch(partition) == Some(point.epoch) {
            self.replay(partition, point, &channels).await?;
        } else {
            self.new_epoch(point).await;
        }
        self.confirm_waiting().await
    }

    /// Subscribes to everything of a partition again, and learns from where on that stands.
    async fn resubscribe(
        &mut self,
        partition: PartitionId,
        channels: &[Channel],
    ) -> Result<Point, BusError> {
        loop {
            let tag = self.tag();
            self.link
                .requests
                .send(Request::Subscribe(channels.to_vec()))
                .await?;
            self.link.requests.send(Request::Position(tag)).await?;
            loop {
                match self.link.pushes.recv().await {
                    Some(Push::Position {
                        tag: answered,
                        point,
                    }) if answered == tag && point.partition == partition => {
                        return Ok(point);
                    }
                    // Lost again meanwhile, and the answer with it.
                    Some(Push::Lost(lost)) if lost == partition => break,
                    // Before the answer everything of this partition is read from the logs.
                    Some(push) if push.partition() != Some(partition) => {
                        self.deferred.push_back(push);
                    }
                    Some(_) => {}
                    None => {
                        return Err(BusError("the subscriber's connection has ended".to_owned()));
                    }
                }
            }
        }
    }

    async fn replay(
        &mut self,
        partition: PartitionId,
        upto: Point,
        channels: &[Channel],
    ) -> Result<(), BusError> {
        let after = self.position.offset(partition);
        let (mut missed, mut gaps) = (Vec::new(), Vec::new());
        for channel in channels {
            let slice = self
                .bus
                .read(partition, channel, after, REPAIR_PAGE)
                .await?;
            if slice.epoch != upto.epoch {
                return Err(BusError(
                    "the partition has started a new epoch meanwhile".to_owned(),
                ));
            }
            if !slice.covers(after, Seq::ZERO) {
                gaps.push(channel.clone());
            }
            let entries = slice
                .entries
                .into_iter()
                .filter(|entry| entry.offset <= upto.offset);
            missed.extend(entries.map(|entry| (entry, channel.clone())));
        }
        for channel in gaps {
            self.metrics.error("gap");
            let workers = self.channels.get(&channel).copied().unwrap_or(0);
            self.tell(workers, &Told::Gap(channel)).await;
        }
        missed.sort_by_key(|(entry, _)| entry.offset);
        for (entry, channel) in missed {
            self.entry(
                Point {
                    offset: entry.offset,
                    ..upto
                },
                channel,
                entry,
            )
            .await;
        }
        self.position.advance(partition, upto.offset);
        Ok(())
    }

    async fn new_epoch(&mut self, point: Point) {
        tracing::warn!(
            partition = point.partition,
            "a new epoch: every connection starts over"
        );
        let points: Vec<Point> = (0..self.bus.partitions())
            .map(|partition| match self.position.epoch(partition) {
                Some(epoch) if partition != point.partition => Point {
                    partition,
                    epoch,
                    offset: self.position.offset(partition),
                },
                _ => point,
            })
            .collect();
        self.position = Position::new(&points);
        self.tell(u64::MAX, &Told::NewEpoch(self.position.clone()))
            .await;
    }

    fn lives_in(&self, channel: &Channel, partition: PartitionId) -> bool {
        match channel {
            Channel::Conversation(conversation) => {
                self.bus.partition_of(*conversation) == partition
            }
            Channel::User(_) => true,
        }
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
