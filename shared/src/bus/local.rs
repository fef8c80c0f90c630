//! The bus within one process: one partition, in memory, gone with the process.
//!
//! It keeps every promise of the trait, so that `callboard dev` runs the code of a fleet: a
//! subscriber that falls behind loses the partition, logs are trimmed and expire, and a process that
//! starts again starts a new epoch.

mod partition;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use self::partition::{LinkId, Partition};
use super::{
    Bus, BusError, Channel, Epoch, GATEWAY_LIFE, JOINED_LIFE, Link, LogLimits, Offset, PUSH_QUEUE,
    PartitionId, Publication, Reply, Request, Requests, Slice,
};
use crate::{
    clock::Clock,
    id::{ConversationId, GatewayId, Seq},
};

/// The in-process bus.
#[derive(Clone)]
pub struct LocalBus {
    partition: Arc<Mutex<Partition>>,
    clock: Arc<dyn Clock>,
}

impl LocalBus {
    /// An empty bus in a new epoch.
    #[must_use]
    pub fn new(limits: LogLimits, clock: Arc<dyn Clock>) -> Self {
        Self::with_push_queue(limits, clock, PUSH_QUEUE)
    }

    /// The same with another bound on what may wait for a subscriber, at least 2.
    #[must_use]
    pub fn with_push_queue(limits: LogLimits, clock: Arc<dyn Clock>, push_queue: usize) -> Self {
        let partition = Partition::new(limits, push_queue, clock.now());
        Self {
            partition: Arc::new(Mutex::new(partition)),
            clock,
        }
    }

    /// How many channels have a subscriber: zero once every gateway has let go of everything.
    #[must_use]
    pub fn subscribed_channels(&self) -> usize {
        self.lock().subscribed_channels()
    }

    fn lock(&self) -> MutexGuard<'_, Partition> {
        // Nothing in here can panic half-way through a change, so a poisoned lock guards good data.
        self.partition
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Bus for LocalBus {
    fn partitions(&self) -> PartitionId {
        1
    }

    fn partition_of(&self, _: ConversationId) -> PartitionId {
        0
    }

    async fn publish(
        &self,
        publication: &Publication,
        floor: Option<Seq>,
    ) -> Result<Reply, BusError> {
        Ok(self.lock().publish(publication, floor, self.clock.now()))
    }

    async fn epoch(&self, _: PartitionId) -> Result<Epoch, BusError> {
        Ok(self.lock().epoch())
    }

    async fn signal(&self, channel: &Channel, payload: Bytes) -> Result<(), BusError> {
        self.lock().signal(channel, payload);
        Ok(())
    }

    async fn read(
        &self,
        _: PartitionId,
        channel: &Channel,
        after: Offset,
        limit: usize,
    ) -> Result<Slice, BusError> {
        let now = self.clock.now();
        Ok(self.lock().read(channel, after, limit, now))
    }

    fn open(&self) -> Link {
        let (id, pushes) = self.lock().open();
        Link {
            requests: Box::new(LocalRequests {
                bus: self.clone(),
                id,
            }),
            pushes,
        }
    }

    async fn keep_joined(
        &self,
        session: &str,
        joined: Vec<ConversationId>,
    ) -> Result<(), BusError> {
        let now = self.clock.now();
        let mut partition = self.lock();
        if joined.is_empty() {
            partition.joined.remove(session);
        } else {
            partition.joined.insert(session.to_owned(), (joined, now));
        }
        Ok(())
    }

    async fn joined(&self, session: &str) -> Result<Vec<ConversationId>, BusError> {
        let now = self.clock.now();
        let mut partition = self.lock();
        let kept = partition.joined.get_mut(session);
        let kept = kept.filter(|(_, at)| now.since(*at) <= JOINED_LIFE);
        Ok(kept.map_or_else(Vec::new, |(joined, at)| {
            *at = now;
            joined.clone()
        }))
    }

    async fn announce(&self, gateway: GatewayId, address: &str) -> Result<(), BusError> {
        let said = (address.to_owned(), self.clock.now());
        self.lock().gateways.insert(gateway, said);
        Ok(())
    }

    async fn locate(&self, gateway: GatewayId) -> Result<Option<String>, BusError> {
        let now = self.clock.now();
        let said = self.lock().gateways.get(&gateway).cloned();
        Ok(said
            .filter(|(_, at)| now.since(*at) <= GATEWAY_LIFE)
            .map(|(address, _)| address))
    }

    async fn withdraw(&self, gateway: GatewayId) -> Result<(), BusError> {
        self.lock().gateways.remove(&gateway);
        Ok(())
    }
}

struct LocalRequests {
    bus: LocalBus,
    id: LinkId,
}

impl Requests for LocalRequests {
    fn send(&self, request: Request) {
        self.bus.lock().request(self.id, request.ask);
    }
}

impl Drop for LocalRequests {
    fn drop(&mut self) {
        self.bus.lock().close(self.id);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{super::Ask, *};
    use crate::{
        bus::conformance::{self, Subject},
        clock::{ManualClock, Timestamp},
    };

    struct Local {
        bus: LocalBus,
        clock: Arc<ManualClock>,
    }

    #[async_trait]
    impl Subject for Local {
        fn bus(&self) -> Arc<dyn Bus> {
            Arc::new(self.bus.clone())
        }

        fn clock(&self) -> Arc<dyn Clock> {
            self.clock.clone()
        }

        async fn pass(&self, time: Duration) {
            self.clock.advance(time);
        }
    }

    fn local(limits: LogLimits, push_queue: usize) -> Local {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
        Local {
            bus: LocalBus::with_push_queue(limits, clock.clone(), push_queue),
            clock,
        }
    }

    #[tokio::test]
    async fn conforms() {
        conformance::run(|limits, push_queue| async move { local(limits, push_queue) }).await;
    }

    #[tokio::test]
    async fn nothing_is_left_of_a_link_that_was_dropped() {
        let subject = local(LogLimits::default(), PUSH_QUEUE);
        let link = subject.bus.open();
        let channel = Channel::Conversation(ConversationId::new(subject.clock.now()));
        link.requests.send(Request {
            partition: 0,
            ask: Ask::Subscribe(vec![channel]),
        });
        assert_eq!(subject.bus.subscribed_channels(), 1);
        drop(link);
        assert_eq!(subject.bus.subscribed_channels(), 0);
        assert!(subject.bus.lock().links.is_empty());
    }
}
