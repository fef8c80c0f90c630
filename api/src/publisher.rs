//! Publishing: one loop that answers the bus's only question, "what do you want next?".
//!
//! Requests hand over what they have committed, the sweeper hands over what was left behind. What
//! belongs to one conversation goes out in order, one after the other; conversations side by side.
//! A bus that is away fails nothing: the entry stays in the outbox, and until the sweeper has got
//! through again requests do not wait for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use callboard_shared::{
    bus::{Bus, BusError, Floor, Place, Publication, Reply},
    id::{ConversationId, Seq},
    lifecycle::Lifecycle,
};
use tokio::sync::oneshot;

use crate::{
    lanes::Lanes,
    metrics::{ErrorKind, Metrics},
    outbox::Removal,
    store::{OutboxEntry, Store, StoreError},
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
    /// Whether the bus was away when last tried.
    away: AtomicBool,
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
        let lanes = Lanes::new(QUEUE, lifecycle.clone());
        Self {
            inner: Arc::new(Inner {
                store,
                bus,
                lanes,
                removal,
                away: AtomicBool::new(false),
                metrics,
            }),
        }
    }

    /// Publishes what a request has just committed; the future is done when it is out, or left to
    /// the sweeper. The order of the calls is the order of publishing.
    pub(crate) fn announce(&self, entry: OutboxEntry) -> impl Future<Output = ()> + Send + use<> {
        self.inner.metrics.outbox_pending.inc();
        let offered = (!self.inner.away.load(Ordering::Relaxed)).then(|| self.offer(entry));
        async move {
            if let Some(offered) = offered {
                offered.await;
            }
        }
    }

    /// Publishes an entry whether or not the bus was away; tells whether it is out.
    pub(crate) fn offer(&self, entry: OutboxEntry) -> impl Future<Output = bool> + Send + use<> {
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
        // A job that was not done drops its end of the channel.
        async move { published.await.is_ok() }
    }
}

impl Inner {
    /// Works off what waits for one conversation. After a failure the rest would fail too, or
    /// overtake; it is left to the sweeper.
    async fn work(self: Arc<Self>, jobs: Vec<Job>) {
        for Job { entry, done } in jobs {
            let published = self.publish(&entry).await;
            self.note(&entry, published.as_ref().err());
            if published.is_err() {
                return;
            }
            self.removal.push(entry.id);
            self.metrics.outbox_pending.dec();
            // Nobody may be waiting any more.
            let _ = done.send(());
        }
    }

    /// Keeps in mind whether the bus is away, and logs when that changes.
    fn note(&self, entry: &OutboxEntry, error: Option<&PublishError>) {
        let away = matches!(error, Some(PublishError::Bus(_)));
        let was_away = self.away.swap(away, Ordering::Relaxed);
        let Some(error) = error else {
            if was_away {
                tracing::info!("the bus is back");
            }
            return;
        };
        self.metrics.error(ErrorKind::Publish);
        if !(away && was_away) {
            tracing::warn!(
                conversation.id = %entry.conversation(),
                error = error as &dyn std::error::Error,
                "not published yet; it stays in the outbox"
            );
        }
    }

    async fn publish(&self, entry: &OutboxEntry) -> Result<(), PublishError> {
        let conversation = entry.conversation();
        // What is asked for first is on top.
        let mut stack = vec![Publication::try_from(&entry.announcement)?];
        let mut floor = None;
        let mut asked = 0;
        while let Some(publication) = stack.last() {
            let reply = self.bus.publish(publication, floor);
            let reply = tokio::time::timeout(BUS_TIME_LIMIT, reply).await;
            match reply.map_err(|_| BusError("it does not answer".to_owned()))?? {
                Reply::Published | Reply::Duplicate => {
                    stack.pop();
                    asked = 0;
                    continue;
                }
                Reply::Absent(absence) => {
                    floor = Some(Floor {
                        seq: self.store.floor(conversation).await?,
                        absence,
                    });
                }
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
        Ok(())
    }

    /// The events from `from` on that come before `place`, or the first of them.
    async fn range(
        &self,
        conversation: ConversationId,
        from: Seq,
        place: Place,
    ) -> Result<Vec<Publication>, PublishError> {
        let mut events = self.store.events_from(conversation, from, RANGE).await?;
        events.retain(|event| event.seq < place.seq());
        if events.first().is_none_or(|first| first.seq != from) {
            return Err(PublishError::Missing(from));
        }
        Ok(events
            .iter()
            .map(Publication::try_from)
            .collect::<Result<_, _>>()?)
    }
}
