//! Where published entries wait until they are settled, before they leave the outbox.
//!
//! Where a replica could take over, it may have done so before the publication reached it, and
//! nobody who published has noticed yet. So an entry stays in the outbox for a while longer, and
//! leaves it only if the partition is still in the epoch in which the entry was published. If it is
//! not, or cannot be asked, or too many wait, the entry is forgotten here: the sweeper finds it in the
//! outbox and offers it again.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use callboard_shared::{
    bus::{Bus, Epoch, PartitionId, SETTLES_IN},
    lifecycle::Lifecycle,
};
use tokio::time::{Instant, sleep_until};

use crate::{
    metrics::{ErrorKind, Metrics},
    store::OutboxId,
};

/// How many entries may wait: about 3,000 a second.
const WAITING: usize = 100_000;

/// The entries that wait. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Settling {
    bus: Arc<dyn Bus>,
    /// What becomes of a settled entry.
    settled: Arc<dyn Fn(OutboxId) + Send + Sync>,
    queue: Arc<Mutex<Queue>>,
    lifecycle: Lifecycle,
    metrics: Metrics,
}

#[derive(Default)]
struct Queue {
    entries: VecDeque<Entry>,
    ids: HashSet<OutboxId>,
    /// Whether a task works on it.
    worked_on: bool,
}

struct Entry {
    id: OutboxId,
    partition: PartitionId,
    epoch: Epoch,
    due: Instant,
}

impl Settling {
    pub(crate) fn new(
        bus: Arc<dyn Bus>,
        lifecycle: Lifecycle,
        metrics: Metrics,
        settled: impl Fn(OutboxId) + Send + Sync + 'static,
    ) -> Self {
        Self {
            bus,
            settled: Arc::new(settled),
            queue: Arc::default(),
            lifecycle,
            metrics,
        }
    }

    /// Lets an entry wait that was published in this epoch.
    pub(crate) fn push(&self, id: OutboxId, partition: PartitionId, epoch: Epoch) {
        let mut queue = self.lock();
        if queue.entries.len() >= WAITING {
            self.metrics.error(ErrorKind::Background);
            return;
        }
        if !queue.ids.insert(id) {
            return;
        }
        let due = Instant::now() + SETTLES_IN;
        queue.entries.push_back(Entry {
            id,
            partition,
            epoch,
            due,
        });
        if !queue.worked_on {
            queue.worked_on = true;
            self.lifecycle.spawn(self.clone().run());
        }
    }

    /// How many wait here.
    pub(crate) fn count(&self) -> u64 {
        self.lock().ids.len().try_into().unwrap_or(u64::MAX)
    }

    /// Whether an entry waits here: it is published, as far as is known.
    pub(crate) fn contains(&self, id: OutboxId) -> bool {
        self.lock().ids.contains(&id)
    }

    /// Works until nobody waits any more, or the process stops: what is left in the outbox then is
    /// found by another.
    async fn run(self) {
        while let Some(due) = self.next() {
            sleep_until(due).await;
            self.settle(Instant::now()).await;
        }
    }

    fn next(&self) -> Option<Instant> {
        let mut queue = self.lock();
        let next = queue.entries.front().map(|entry| entry.due);
        queue.worked_on = next.is_some();
        next
    }

    async fn settle(&self, now: Instant) {
        let due = {
            let mut queue = self.lock();
            let count = queue.entries.partition_point(|entry| entry.due <= now);
            queue.entries.drain(..count).collect::<Vec<_>>()
        };
        let partitions: BTreeSet<_> = due.iter().map(|entry| entry.partition).collect();
        let mut epochs = BTreeMap::new();
        for partition in partitions {
            epochs.insert(partition, self.bus.epoch(partition).await.ok());
        }
        for entry in &due {
            if epochs[&entry.partition] == Some(entry.epoch) {
                (self.settled)(entry.id);
            }
        }
        let mut queue = self.lock();
        for entry in &due {
            queue.ids.remove(&entry.id);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing in here can panic half-way through a change, so a poisoned lock guards good data.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use callboard_shared::{
        bus::{ABSENT_TOO_OLD, LogLimits, Place, Publication, Reply, local::LocalBus},
        clock::{Clock, ManualClock, Timestamp},
        id::{ConversationId, Seq},
    };
    use prometheus::{IntCounterVec, Opts, Registry};
    use tokio::{sync::mpsc, time::sleep};

    use super::*;

    /// An old event of a conversation that the bus does not know starts a new epoch, if that of the
    /// bus is as old.
    async fn start_epoch(bus: &LocalBus, clock: &ManualClock) {
        clock.advance(ABSENT_TOO_OLD + Duration::from_secs(1));
        let event = Publication {
            conversation: ConversationId::new(clock.now()),
            place: Place::Sequenced(Seq::new(1)),
            payload: Bytes::new(),
            notices: Vec::new(),
            committed_at: clock.now().minus(ABSENT_TOO_OLD + Duration::from_secs(1)),
        };
        let published = bus.publish(&event, Some(Seq::new(1))).await;
        assert!(matches!(published, Ok(Reply::Published(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_is_still_of_the_epoch_leaves_the_outbox() {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_800_000_000)));
        let bus = LocalBus::new(LogLimits::default(), clock.clone());
        let errors = IntCounterVec::new(Opts::new("errors", "Errors."), &["kind"]).unwrap();
        let metrics = Metrics::new(&Registry::new(), errors).unwrap();
        let (sender, mut settled) = mpsc::unbounded_channel();
        let settling = Settling::new(
            Arc::new(bus.clone()),
            Lifecycle::new(),
            metrics,
            move |id| sender.send(id).unwrap(),
        );
        let wait = |id| {
            let (settling, bus) = (settling.clone(), bus.clone());
            async move { settling.push(OutboxId(id), 0, bus.epoch(0).await.unwrap()) }
        };

        wait(1).await;
        sleep(SETTLES_IN - Duration::from_millis(1)).await;
        assert!(settled.try_recv().is_err() && settling.contains(OutboxId(1)));
        wait(2).await;
        assert_eq!(settled.recv().await, Some(OutboxId(1)));
        start_epoch(&bus, &clock).await;
        wait(3).await;
        assert_eq!(
            settled.recv().await,
            Some(OutboxId(3)),
            "2 is offered again"
        );
        for id in 1..=3 {
            assert!(!settling.contains(OutboxId(id)));
        }
        assert!(!settling.lock().worked_on);
    }
}
