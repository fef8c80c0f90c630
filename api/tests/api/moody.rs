//! A bus that can be made to fail.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use callboard_shared::{
    bus::{
        Bus, BusError, Channel, Epoch, Link, Offset, PartitionId, Publication, Reply, Slice,
        local::LocalBus,
    },
    id::{ConversationId, GatewayId, Seq},
};

/// The in-process bus, which can go away, lose an answer, or give none. It has two partitions, but
/// all is kept in one.
pub(crate) struct Moody {
    inner: LocalBus,
    /// Every publication fails.
    pub(crate) away: AtomicBool,
    /// Every publication of the second partition fails.
    pub(crate) half_away: AtomicBool,
    /// The next publication is made, and fails all the same.
    pub(crate) swallow: AtomicBool,
    /// No publication is answered.
    pub(crate) silent: AtomicBool,
}

impl Moody {
    pub(crate) fn new(inner: LocalBus) -> Self {
        Self {
            inner,
            away: false.into(),
            half_away: false.into(),
            swallow: false.into(),
            silent: false.into(),
        }
    }

    fn check(&self, partition: PartitionId) -> Result<(), BusError> {
        let half_away = self.half_away.load(Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) || (partition == 1 && half_away) {
            return Err(BusError::new("away"));
        }
        Ok(())
    }
}

#[async_trait]
impl Bus for Moody {
    fn partitions(&self) -> PartitionId {
        2
    }

    fn partition_of(&self, conversation: ConversationId) -> PartitionId {
        PartitionId::from(conversation.as_bytes()[15] % 2)
    }

    async fn publish(
        &self,
        publication: &Publication,
        floor: Option<Seq>,
    ) -> Result<Reply, BusError> {
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.check(self.partition_of(publication.conversation))?;
        let reply = self.inner.publish(publication, floor).await?;
        if matches!(reply, Reply::Published(_)) && self.swallow.swap(false, Ordering::SeqCst) {
            return Err(BusError::new("the answer was lost"));
        }
        Ok(reply)
    }

    async fn epoch(&self, partition: PartitionId) -> Result<Epoch, BusError> {
        self.check(partition)?;
        self.inner.epoch(0).await
    }

    async fn signal(&self, channel: &Channel, payload: Bytes) -> Result<(), BusError> {
        self.inner.signal(channel, payload).await
    }

    async fn read(
        &self,
        partition: PartitionId,
        channel: &Channel,
        after: Offset,
        limit: usize,
    ) -> Result<Slice, BusError> {
        self.inner.read(partition, channel, after, limit).await
    }

    fn open(&self) -> Link {
        self.inner.open()
    }

    async fn keep_joined(
        &self,
        session: &str,
        joined: Vec<ConversationId>,
    ) -> Result<(), BusError> {
        self.inner.keep_joined(session, joined).await
    }

    async fn joined(&self, session: &str) -> Result<Vec<ConversationId>, BusError> {
        self.inner.joined(session).await
    }

    async fn announce(&self, gateway: GatewayId, address: &str) -> Result<(), BusError> {
        self.inner.announce(gateway, address).await
    }

    async fn locate(&self, gateway: GatewayId) -> Result<Option<String>, BusError> {
        self.inner.locate(gateway).await
    }

    async fn withdraw(&self, gateway: GatewayId) -> Result<(), BusError> {
        self.inner.withdraw(gateway).await
    }
}
