//! Sending, gathered: while one commit is in flight, the next sends wait together and go in one
//! transaction. That lifts the limit of a busy conversation and adds nothing to a lone send.
//!
//! A conversation always goes by the same lane, and so in order; how many lanes commit side by side
//! is the store's to say.

use std::sync::Arc;

use callboard_shared::{id::ConversationId, lifecycle::Lifecycle, wire::Message};
use futures::future::BoxFuture;
use tokio::sync::oneshot;

use super::{Error, Result};
use crate::{
    lanes::Lanes,
    metrics::Metrics,
    publisher::Publisher,
    store::{NewMessage, Store, StoreError},
};

/// How many sends may wait in a lane for a commit; past it, they are refused as `unavailable`.
const QUEUE: usize = 10_000;

/// How many messages go in one transaction.
const BATCH: usize = 256;

#[derive(Clone)]
pub(super) struct Gatherer {
    store: Arc<dyn Store>,
    publisher: Publisher,
    lanes: Lanes<u8, Job>,
    metrics: Metrics,
}

struct Job {
    message: NewMessage,
    reply: oneshot::Sender<Result<Committed>>,
}

/// A send that is in the store.
struct Committed {
    message: Message,
    /// Done when it is published, or left to the sweeper; none if it was sent before.
    announced: Option<BoxFuture<'static, ()>>,
}

impl Gatherer {
    pub(super) fn new(
        store: Arc<dyn Store>,
        publisher: Publisher,
        lifecycle: Lifecycle,
        metrics: Metrics,
    ) -> Self {
        Self {
            store,
            publisher,
            lanes: Lanes::new(QUEUE, lifecycle),
            metrics,
        }
    }

    /// Sends a message; tells whether it is new. A caller that goes away stops nothing.
    pub(super) async fn send(&self, message: NewMessage) -> Result<(Message, bool)> {
        let (reply, committed) = oneshot::channel();
        let gatherer = self.clone();
        let work = move |jobs: Vec<Job>| {
            let gatherer = gatherer.clone();
            async move { gatherer.work(jobs).await }
        };
        let lane = self.lane(message.conversation_id);
        self.lanes.push(lane, Job { message, reply }, work)?;
        let Committed { message, announced } = committed.await.unwrap_or(Err(Error::Busy))?;
        let created = announced.is_some();
        if let Some(announced) = announced {
            announced.await;
        }
        Ok((message, created))
    }

    /// By the last byte of the id, which is random.
    fn lane(&self, conversation: ConversationId) -> u8 {
        conversation.as_bytes()[15] % self.store.lanes()
    }

    /// Once the store is away, what waited meanwhile is not tried: each try takes its time. A
    /// conversation that is locked fails its batch and no other.
    async fn work(&self, mut jobs: Vec<Job>) {
        while !jobs.is_empty() {
            let rest = jobs.split_off(jobs.len().min(BATCH));
            let batch = std::mem::replace(&mut jobs, rest);
            if let Err(Error::Unavailable(error)) = self.commit(batch).await
                && matches!(*error, StoreError::Unavailable(_))
            {
                for job in jobs.drain(..) {
                    let _ = job.reply.send(Err(error.clone().into()));
                }
            }
        }
    }

    async fn commit(&self, jobs: Vec<Job>) -> Result<()> {
        let (messages, replies): (Vec<_>, Vec<_>) =
            jobs.into_iter().map(|job| (job.message, job.reply)).unzip();
        match self.store.send(messages).await {
            Ok(outcomes) => {
                for (outcome, reply) in outcomes.into_iter().zip(replies) {
                    let committed = outcome.map_err(Error::from).map(|sent| Committed {
                        message: sent.message,
                        announced: sent.entry.map(|entry| {
                            self.metrics.messages_sent.inc();
                            let announced: BoxFuture<'static, ()> =
                                Box::pin(self.publisher.announce(entry));
                            announced
                        }),
                    });
                    // The caller may have gone away; what is committed goes out all the same.
                    let _ = reply.send(committed);
                }
                Ok(())
            }
            Err(error) => {
                let error = Error::from(error);
                for reply in replies {
                    let _ = reply.send(Err(error.clone()));
                }
                Err(error)
            }
        }
    }
}
