//! A bus that can be made to fail.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use callboard_shared::{
    bus::{
        Bus, BusError, Channel, Floor, Link, Offset, PartitionId, Publication, Reply, Slice,
        local::LocalBus,
    },
    id::ConversationId,
};

/// The in-process bus, which can go away, lose an answer, or give none.
pub(crate) struct Moody {
    inner: LocalBus,
    /// Every publication fails.
    pub(crate) away: AtomicBool,
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
            swallow: false.into(),
            silent: false.into(),
        }
    }
}

#[async_trait]
impl Bus for Moody {
    fn partitions(&self) -> PartitionId {
        self.inner.partitions()
    }

    fn partition_of(&self, conversation: ConversationId) -> PartitionId {
        self.inner.partition_of(conversation)
    }

    async fn publish(
        &self,
        publication: &Publication,
        floor: Option<Floor>,
    ) -> Result<Reply, BusError> {
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.away.load(Ordering::SeqCst) {
            return Err(BusError("away".to_owned()));
        }
        let reply = self.inner.publish(publication, floor).await?;
        if reply == Reply::Published && self.swallow.swap(false, Ordering::SeqCst) {
            return Err(BusError("the answer was lost".to_owned()));
        }
        Ok(reply)
    }

    async fn signal(&self, conversation: ConversationId, payload: Bytes) -> Result<(), BusError> {
        self.inner.signal(conversation, payload).await
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

    async fn open(&self) -> Result<Link, BusError> {
        self.inner.open().await
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
}
