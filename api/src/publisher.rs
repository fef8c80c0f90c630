//! Publishing: one loop that answers the bus's only question, "what do you want next?".
//!
//! Requests hand over what they have committed, the sweeper hands over what was left behind. What
//! belongs to one conversation goes out in order, one after the other; conversations side by side.
//! A bus that is away fails nothing: the entry stays in the outbox, and until the sweeper has got
//! through again requests do not wait for it. Each partition of the bus may be away by itself.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use callboard_shared::{
    bus::{Bus, BusError, PartitionId, Place, Publication, Reply, Standing},
    id::{ConversationId, Seq},
    lifecycle::Lifecycle,
    rules::{Rule, holds},
};
use futures::future::join_all;
use tokio::sync::oneshot;

use crate::{
    lanes::Lanes,
    metrics::{ErrorKind, Metrics},
    outbox::Removal,
    settling::Settling,
    store::{OutboxEntry, OutboxId, Store, StoreError},
};

/// How many entries of one conversation may wait; past it, they are left to the sweeper.
const QUEUE: usize = 10_000;

/// How many events are read at once when the bus asks for earlier ones.
const RANGE: usize = 256;

/// How often the bus may ask for something else without taking anything.
const PATIENCE: usize = 8;

/// How long the bus may take for an answer; past it, it counts as away.
const BUS_TIME_LIMIT: Duration = Duration::from_secs(3);

/// Publishes outbox entries. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Publisher {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    bus: Arc<dyn Bus>,
    lanes: Lanes<ConversationId, Job>,
    removal: Removal,
    settling: Settling,
    /// For each partition, whether it was away when last tried.
    away: Box<[AtomicBool]>,
    metrics: Metrics,
}

struct Job {
    entry: OutboxEntry,
    done: oneshot::Sender<()>,
}

#[derive(Debug, thiserror::Error)]
enum PublishError {
    #[error("the bus is away")]
    Bus(#[from] BusError),
    #[error("what the bus asks for cannot be read")]
    Store(#[from] StoreError),
    #[error("it cannot be encoded")]
    Encode(#[from] serde_json::Error),
    #[error("the bus asks for event {0}, which the store does not have")]
    Missing(Seq),
    #[error("the bus keeps asking for something else")]
    NoProgress,
}

impl Publisher {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        lifecycle: &Lifecycle,
        metrics: Metrics,
    ) -> Self {
        let removal = Removal::new(store.clone(), lifecycle.clone(), metrics.clone());
        let settled = removal.clone();
        let settling = Settling::new(bus.clone(), lifecycle.clone(), metrics.clone(), move |id| {
            settled.push(id);
        });
        let lanes = Lanes::new(QUEUE, lifecycle.clone());
        let away = (0..bus.partitions()).map(|_| AtomicBool::new(false));
        Self {
            inner: Arc::new(Inner {
                store,
                bus,
                lanes,
                removal,
                settling,
                away: away.collect(),
                metrics,
            }),
        }
    }

    /// Publishes what a request has just committed; the future is done when it is out, or left to
    /// the sweeper. The order of the calls is the order of publishing.
    pub(crate) fn announce(&self, entry: OutboxEntry) -> impl Future<Output = ()> + Send + use<> {
        self.inner.metrics.outbox_pending.inc();
        let offered = (!self.is_away(entry.conversation())).then(|| self.offer(entry));
        async move {
            if let Some(offered) = offered {
                offered.await;
            }
        }
    }

    /// Publishes an entry whether or not the bus was away; the future is done when it is out, or has
    /// failed.
    pub(crate) fn offer(&self, entry: OutboxEntry) -> impl Future<Output = ()> + Send + use<> {
        let (done, published) = oneshot::channel();
        let inner = self.inner.clone();
        let work = move |jobs| inner.clone().work(jobs);
        if self
            .inner
            .lanes
            .push(entry.conversation(), Job { entry, done }, work)
            .is_err()
        {
            self.inner.metrics.error(ErrorKind::Publish);
        }
        async move {
            // A job that was not done drops its end of the channel.
            let _ = published.await;
        }
    }

    /// Asks the partitions that were away whether they are back, which costs one time-out at most.
    pub(crate) async fn look_again(&self) {
        let away = (0..).zip(&self.inner.away);
        let away = away.filter(|(_, away)| away.load(Ordering::Relaxed));
        join_all(away.map(|(partition, _)| self.inner.look_at(partition))).await;
    }

    /// Whether the partition of a conversation was away when last tried.
    pub(crate) fn is_away(&self, conversation: ConversationId) -> bool {
        let partition = self.inner.bus.partition_of(conversation);
        self.inner.away[usize::from(partition)].load(Ordering::Relaxed)
    }

    /// Whether every partition was away when last tried.
    pub(crate) fn is_cut_off(&self) -> bool {
        let mut away = self.inner.away.iter();
        away.all(|away| away.load(Ordering::Relaxed))
    }

    /// How many entries are out, and stay in the outbox only until that is settled.
    pub(crate) fn settling(&self) -> u64 {
        self.inner.settling.count()
    }

    /// Whether an entry is out, and stays in the outbox only until that is settled.
    pub(crate) fn is_settling(&self, entry: OutboxId) -> bool {
        self.inner.settling.contains(entry)
    }
}

impl Inner {
    /// Works off what waits for one conversation. After a failure the rest would fail too, or
    /// overtake; it is left to the sweeper.
    async fn work(self: Arc<Self>, jobs: Vec<Job>) {
        for Job { entry, done } in jobs {
            if !holds(Rule::RemovedAfterPublish) {
                self.removal.push(entry.id);
            }
            let published = self.publish(&entry).await;
            let partition = self.bus.partition_of(entry.conversation());
            match published {
                // A receipt that is lost with a master is told again: everybody syncs in the epoch that
                // begins then. To wait for that would let every API announce it once more.
                Ok(Standing::Unsettled(epoch))
                    if holds(Rule::Settling) && matches!(entry.place(), Place::Sequenced(_)) =>
                {
                    self.settling.push(entry.id, partition, epoch);
                }
                Ok(_) => self.removal.push(entry.id),
                Err(error) => return self.failed(&entry, partition, &error),
            }
            self.found(partition);
            self.metrics.outbox_pending.dec();
            // Nobody may be waiting any more.
            let _ = done.send(());
        }
    }

    /// Keeps in mind whether a partition is away, and logs what is new.
    fn failed(&self, entry: &OutboxEntry, partition: PartitionId, error: &PublishError) {
        self.metrics.error(ErrorKind::Publish);
        let away = &self.away[usize::from(partition)];
        if !matches!(error, PublishError::Bus(_)) || !away.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                conversation.id = %entry.conversation(),
                partition,
                error = error as &dyn std::error::Error,
                "not published yet; it stays in the outbox"
            );
        }
    }

    /// A partition has answered.
    fn found(&self, partition: PartitionId) {
        if self.away[usize::from(partition)].swap(false, Ordering::Relaxed) {
            tracing::info!(partition, "the bus is back");
        }
    }

    /// Asks for nothing but the epoch, which a partition that takes no publications refuses as well.
    async fn look_at(&self, partition: PartitionId) {
        let answer = tokio::time::timeout(BUS_TIME_LIMIT, self.bus.epoch(partition)).await;
        if let Ok(Ok(_)) = answer {
            self.found(partition);
        }
    }

    async fn publish(&self, entry: &OutboxEntry) -> Result<Standing, PublishError> {
        let conversation = entry.conversation();
        let publication = Publication::try_from(&entry.announcement)?;
        let (standing, began) = self.bring(conversation, vec![publication]).await?;
        let mut last = entry.place().seq();
        // Later events may have gone out in an epoch that is over, and have left the outbox: to bring
        // back one without them would add again whom they have removed.
        let mut page = if began { RANGE } else { 0 };
        while page == RANGE {
            let later = self
                .store
                .events_from(conversation, last.next(), RANGE)
                .await?;
            page = later.len();
            last = later.last().map_or(last, |event| event.seq);
            let later = later.iter().rev().map(Publication::try_from);
            self.bring(conversation, later.collect::<Result<_, _>>()?)
                .await?;
        }
        Ok(standing)
    }

    /// Publishes what is on the stack, from the top, and what the bus wants before it. Tells how the
    /// last of it stands, and whether the bus knew nothing of the conversation.
    async fn bring(
        &self,
        conversation: ConversationId,
        mut stack: Vec<Publication>,
    ) -> Result<(Standing, bool), PublishError> {
        let mut floor = None;
        let mut asked = 0;
        let mut standing = Standing::Settled;
        while let Some(publication) = stack.last() {
            let reply = self.bus.publish(publication, floor);
            let reply = tokio::time::timeout(BUS_TIME_LIMIT, reply).await;
            match reply.map_err(|_| BusError::new("it does not answer"))?? {
                Reply::Published(now) | Reply::Duplicate(now) => {
                    standing = now;
                    stack.pop();
                    asked = 0;
                    continue;
                }
                Reply::Absent if holds(Rule::LowestFloor) => {
                    floor = Some(self.store.floor(conversation).await?);
                }
                Reply::Absent => floor = Some(publication.place.seq()),
                Reply::Next(from) => {
                    let range = self.range(conversation, from, publication.place).await?;
                    stack.extend(range.into_iter().rev());
                }
            }
            asked += 1;
            if asked > PATIENCE {
                return Err(PublishError::NoProgress);
            }
        }
        Ok((standing, floor.is_some()))
    }

    /// The events from `from` on that go before `place`, or the first of them. A receipt follows the
    /// event whose number it has.
    async fn range(
        &self,
        conversation: ConversationId,
        from: Seq,
        place: Place,
    ) -> Result<Vec<Publication>, PublishError> {
        let mut events = self.store.events_from(conversation, from, RANGE).await?;
        events.retain(|event| match place {
            Place::Tagged(tag) => event.seq <= tag,
            _ => event.seq < place.seq(),
        });
        if events.first().is_none_or(|first| first.seq != from) {
            return Err(PublishError::Missing(from));
        }
        Ok(events
            .iter()
            .map(Publication::try_from)
            .collect::<Result<_, _>>()?)
    }
}
