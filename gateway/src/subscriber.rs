//! The gateway's one subscriber: takes what the bus pushes and brings it to the workers.
//!
//! Everything passes through one task, in order: a push advances the gateway's position, its frames
//! are made once, and it joins the queue of each worker that has somebody for it. So whatever a
//! worker is told ("you are subscribed", "this is your position") stands at the right place among
//! the events. A full queue makes the task wait; nothing is dropped here. When the bus cannot vouch
//! for what it has pushed of a [`partition`], the task subscribes again and reads from the logs what
//! lies between; the other partitions go on meanwhile.

mod audience;
mod confirmations;
mod partition;
mod telling;

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use callboard_shared::{
    bus::{Ask, Bus, BusError, Channel, Link, PartitionId, Point, Push, Request},
    clock::Clock,
    cursor::Position,
    event::{MembershipNotice, Takeover},
    id::UserId,
    rules::{Rule, holds},
};
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use self::{
    audience::{Audience, EVERYBODY, lives_in},
    confirmations::Confirmations,
    partition::{Held, Missed, PING_EVERY, Partition, Repair, State},
};
use crate::{
    messaging::{Delivery, Typing},
    metrics::Metrics,
    typing::Typists,
    worker::Slot,
};

/// How long to wait before a bus that is away when the gateway starts is tried again.
const START_RETRY: Duration = Duration::from_secs(1);

/// The tag of positions that are asked for every second, to see that the bus still answers.
const PING: u64 = 0;

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
    /// A session of a user goes on on another connection, here or on another gateway.
    Takeover { user: UserId, takeover: Takeover },
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
    /// No answer to this tag any more: whoever asked is gone.
    Forget { worker: usize, tag: u64 },
}

/// Brings pushes to workers.
pub(crate) struct Subscriber {
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    typists: Arc<Typists>,
    audience: Audience,
    link: Link,
    position: Position,
    /// The position that the workers were told last.
    told: Position,
    partitions: Vec<Partition>,
    /// The partitions that are being repaired.
    repairs: FuturesUnordered<BoxFuture<'static, Repair>>,
    /// What was held back while a partition was being repaired: it comes before the link's.
    deferred: VecDeque<Push>,
    next_tag: u64,
    /// The subscriptions that do not stand yet.
    confirmations: Confirmations,
}

impl Subscriber {
    /// The most workers that one subscriber can serve.
    pub(crate) const MAX_WORKERS: usize = 64;

    /// Connects to the bus and learns its position, as soon as the bus is there.
    ///
    /// # Errors
    ///
    /// If the bus has ended.
    pub(crate) async fn connect(
        bus: Arc<dyn Bus>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        typists: Arc<Typists>,
        workers: Vec<mpsc::Sender<Told>>,
    ) -> Result<Self, BusError> {
        let (mut link, as_of) = (bus.open(), clock.now());
        let mut points = vec![None; usize::from(bus.partitions())];
        let ask = |link: &Link, partition| {
            let ask = Ask::Position(PING);
            link.requests.send(Request { partition, ask });
        };
        (0..bus.partitions()).for_each(|partition| ask(&link, partition));
        while points.contains(&None) {
            match link.pushes.recv().await {
                Some(Push::Position { point, .. }) => {
                    points[usize::from(point.partition)] = Some(point);
                }
                Some(Push::Lost(partition)) => {
                    tracing::warn!(partition, "the bus is away; trying again");
                    points[usize::from(partition)] = None;
                    sleep(START_RETRY).await;
                    ask(&link, partition);
                }
                Some(Push::Entry { .. } | Push::Signal { .. }) => {}
                None => return Err(BusError::new("the subscriber's connection has ended")),
            }
        }
        let points: Vec<Point> = points.into_iter().flatten().collect();
        let position = Position::new(&points, as_of);
        Ok(Self {
            bus,
            clock,
            metrics,
            typists,
            audience: Audience::new(workers),
            link,
            told: position.clone(),
            position,
            partitions: points.iter().map(|_| Partition::live(as_of)).collect(),
            repairs: FuturesUnordered::new(),
            deferred: VecDeque::new(),
            next_tag: PING,
            confirmations: Confirmations::default(),
        })
    }

    /// Serves the workers until their side is dropped.
    pub(crate) async fn run(mut self, mut wants: mpsc::UnboundedReceiver<Want>) {
        self.audience
            .tell(EVERYBODY, &Told::Position(self.position.clone()))
            .await;
        let mut ticks = interval(PING_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Some(push) = self.deferred.pop_front() {
                self.push(push).await;
                continue;
            }
            let retry = self.partitions.iter().filter_map(Partition::retry).min();
            let retry = async {
                match retry {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            // In this order: what comes seldom is not to wait for what comes all the time.
            tokio::select! {
                biased;
                _ = ticks.tick() => self.tick().await,
                () = retry => self.resubscribe_lost(),
                Some(repair) = self.repairs.next() => self.repaired(repair).await,
                want = wants.recv() => match want {
                    Some(want) => self.want(want).await,
                    None => return,
                },
                push = self.link.pushes.recv() => match push {
                    Some(push) => self.push(push).await,
                    None => return,
                },
            }
        }
    }

    async fn want(&mut self, want: Want) {
        match want {
            Want::Subscribe {
                worker,
                channels,
                tag,
            } => {
                let partitions = self.partitions_of(&channels);
                let fresh = self.audience.add(worker, channels);
                self.request(&fresh, Ask::Subscribe);
                if partitions.is_empty() || !holds(Rule::PositionConfirms) {
                    self.stands(worker, tag).await;
                } else {
                    self.confirmations.wait((worker, tag), partitions);
                    self.confirm_waiting();
                }
            }
            Want::Unsubscribe { worker, channels } => {
                let stale = self.audience.remove(worker, channels);
                self.request(&stale, Ask::Unsubscribe);
            }
            Want::Forget { worker, tag } => self.confirmations.forget((worker, tag)),
        }
        self.metrics
            .subscriptions
            .set(gauge(self.audience.channels()));
    }

    /// Asks something for these channels, in every partition that they live in. A partition that is
    /// lost is asked when it is subscribed again.
    fn request(&self, channels: &[Channel], ask: impl Fn(Vec<Channel>) -> Ask) {
        for (partition, state) in (0..).zip(&self.partitions) {
            let channels: Vec<Channel> = channels
                .iter()
                .filter(|channel| lives_in(&*self.bus, channel, partition))
                .cloned()
                .collect();
            if state.is_subscribed() && !channels.is_empty() {
                self.send(partition, ask(channels));
            }
        }
    }

    fn send(&self, partition: PartitionId, ask: Ask) {
        self.link.requests.send(Request { partition, ask });
    }

    /// Looks after whatever goes by time.
    async fn tick(&mut self) {
        for partition in 0..self.bus.partitions() {
            let now = self.clock.now();
            if self.partition(partition).ping(now) {
                self.send(partition, Ask::Position(PING));
            }
        }
        if self.told != self.position {
            self.told = self.position.clone();
            self.audience
                .tell(EVERYBODY, &Told::Position(self.position.clone()))
                .await;
        }
        for (conversation, user) in self.typists.expired(Instant::now().into_std()) {
            self.stop_typist(conversation, user).await;
        }
    }

    /// The partitions that these channels live in.
    fn partitions_of(&self, channels: &[Channel]) -> BTreeSet<PartitionId> {
        let mut partitions = BTreeSet::new();
        for channel in channels {
            match channel {
                Channel::Conversation(conversation) => {
                    partitions.insert(self.bus.partition_of(*conversation));
                }
                Channel::User(_) => partitions.extend(0..self.bus.partitions()),
            }
        }
        partitions
    }

    /// Asks for the positions that confirm what waits for them. A partition that is lost is asked when
    /// it is subscribed again.
    fn confirm_waiting(&mut self) {
        for partition in self.confirmations.due() {
            let tag = self.tag();
            self.confirmations.ask(partition, tag);
            if self.partition(partition).is_subscribed() {
                self.send(partition, Ask::Position(tag));
            }
        }
    }

    fn tag(&mut self) -> u64 {
        self.next_tag += 1;
        self.next_tag
    }

    fn partition(&mut self, partition: PartitionId) -> &mut Partition {
        &mut self.partitions[usize::from(partition)]
    }

    async fn push(&mut self, push: Push) {
        let partition = match push {
            Push::Signal { channel, payload } => return self.signal(channel, &payload).await,
            Push::Lost(partition) => return self.lost(partition, "the bus says so"),
            Push::Entry { point, .. } | Push::Position { point, .. } => point.partition,
        };
        let push = match self.partition(partition).hold(push) {
            Held::No(push) => push,
            Held::Yes => return,
            Held::Full => return self.lost(partition, "too much came while its logs were read"),
        };
        let live = matches!(self.partition(partition).state, State::Live);
        match push {
            Push::Entry { point, .. } | Push::Position { point, .. }
                if live && self.position.epoch(partition) != Some(point.epoch) =>
            {
                self.lost(partition, "a new epoch has begun");
            }
            Push::Entry {
                point,
                channel,
                entry,
            } if live || !holds(Rule::PushedEarlyIsDiscarded) => {
                self.entry(point, channel, entry).await;
            }
            Push::Position { tag, point } if live => {
                self.position.advance(partition, point.offset);
                if tag == PING {
                    self.partition(partition).answered();
                    self.confirm();
                }
                self.confirmed(partition, tag).await;
            }
            Push::Position { tag, point } => self.resubscribed(tag, point).await,
            // What was pushed before the position of a new subscription is in the logs.
            _ => {}
        }
    }

    /// A partition has said how far it is, for the sake of what waits for that.
    async fn confirmed(&mut self, partition: PartitionId, tag: u64) {
        for (worker, tag) in self.confirmations.answered(partition, tag) {
            self.stands(worker, tag).await;
        }
        self.confirm_waiting();
    }

    /// A worker's subscriptions stand, from this position on.
    async fn stands(&mut self, worker: usize, tag: u64) {
        let position = self.position.clone();
        let told = Told::Subscribed { tag, position };
        self.audience.tell(1 << worker, &told).await;
    }

    /// Nothing of a partition is subscribed any more, or what is pushed cannot be relied on.
    fn lost(&mut self, partition: PartitionId, reason: &str) {
        if self.partition(partition).is_subscribed() {
            tracing::warn!(partition, reason, "the partition was lost; repairing it");
            self.metrics.error("partition_lost");
            self.partition(partition).lost(Instant::now());
        }
    }

    /// Subscribes again to everything of the partitions whose time has come.
    fn resubscribe_lost(&mut self) {
        let now = Instant::now();
        for partition in 0..self.bus.partitions() {
            if self.partition(partition).retry().is_none_or(|at| at > now) {
                continue;
            }
            let tag = self.tag();
            let asked = self.clock.now();
            self.partition(partition).resubscribed(tag, asked);
            let channels = self.audience.wanted(&*self.bus, partition);
            if holds(Rule::SubscribedAgain) {
                self.send(partition, Ask::Subscribe(channels));
            }
            self.send(partition, Ask::Position(tag));
            // The answer that confirms what waits for it may have been lost as well.
            if let Some(asked) = self.confirmations.asked(partition) {
                self.send(partition, Ask::Position(asked));
            }
        }
    }

    /// A partition that was subscribed again has said how far it is: what it has missed up to there
    /// is read from the logs, unless nothing from before counts any more.
    async fn resubscribed(&mut self, answered: u64, point: Point) {
        let now = self.clock.now();
        let state = self.partition(point.partition);
        if !matches!(state.state, State::Resubscribed { tag } if tag == answered) {
            return;
        }
        let forgotten = state.is_forgotten(now);
        if forgotten || self.position.epoch(point.partition) != Some(point.epoch) {
            self.partition(point.partition).repaired();
            return self.new_epoch(point).await;
        }
        let reading = CancellationToken::new();
        self.partition(point.partition)
            .repairing(answered, reading.clone().drop_guard());
        let channels = self.audience.wanted(&*self.bus, point.partition);
        let after = self.position.offset(point.partition);
        let missed = partition::read(Arc::clone(&self.bus), channels, after, point);
        self.repairs.push(Box::pin(async move {
            let missed = reading.run_until_cancelled(missed).await;
            let missed = missed.unwrap_or_else(|| Err(BusError::new("nobody waits for it")));
            (point.partition, answered, point, missed)
        }));
    }

    /// What was missed is there: it comes before what was pushed meanwhile.
    async fn repaired(&mut self, (partition, of, upto, missed): Repair) {
        if !matches!(self.partition(partition).state, State::Repairing { tag, .. } if tag == of) {
            return;
        }
        let Missed { entries, gaps } = match missed {
            Ok(missed) => missed,
            Err(error) => return self.lost(partition, &error.0.to_string()),
        };
        for channel in gaps {
            self.metrics.error("gap");
            let workers = self.audience.of(&channel);
            self.audience.tell(workers, &Told::Gap(channel)).await;
        }
        for (channel, entry) in entries {
            if !holds(Rule::LostIsReplayed) {
                break;
            }
            let offset = entry.offset;
            self.entry(Point { offset, ..upto }, channel, entry).await;
        }
        self.position.advance(partition, upto.offset);
        self.deferred = self.partition(partition).repaired();
        self.confirm();
        tracing::info!(partition, "the partition is whole again");
    }

    /// The position is as old as that of the partition that was heard of longest ago.
    fn confirm(&mut self) {
        if let Some(as_of) = self.partitions.iter().map(Partition::as_of).min() {
            self.position.confirm(as_of);
        }
    }

    async fn new_epoch(&mut self, point: Point) {
        tracing::warn!(
            partition = point.partition,
            "a new epoch: every connection starts over"
        );
        self.metrics.error("new_epoch");
        self.position = self.position.in_new_epoch(point);
        self.confirm();
        self.audience
            .tell(EVERYBODY, &Told::NewEpoch(self.position.clone()))
            .await;
    }
}

fn gauge(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
