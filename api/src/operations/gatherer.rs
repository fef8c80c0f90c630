//! Sending, gathered: while one commit is in flight, the next sends wait together and go in one
//! transaction. That lifts the limit of a busy conversation and adds nothing to a lone send.
//!
//! A conversation always goes by the same lane, and so in order; how many lanes commit side by side
//! is the store's to say.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use callboard_shared::{id::ConversationId, lifecycle::Lifecycle, wire::Message};
use futures::{StreamExt, future::BoxFuture, stream};
use tokio::sync::oneshot;

use super::{Error, Result};
use crate::{
    lanes::Lanes,
    metrics::Metrics,
    publisher::Publisher,
    store::{NewMessage, Outcome, Sent, Store, StoreError},
};

/// How many sends may wait in a lane for a commit; past it, they are refused as `unavailable`.
const QUEUE: usize = 10_000;

/// How many messages go in one transaction.
const BATCH: usize = 256;

/// How many conversations of a batch are tried again side by side, when one of them was locked.
const APART: usize = 4;

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

/// Why the store is away, once that is known.
type Away = OnceLock<Arc<StoreError>>;

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

    async fn work(&self, mut jobs: Vec<Job>) {
        let away = Away::new();
        while !jobs.is_empty() {
            let rest = jobs.split_off(jobs.len().min(BATCH));
            let batch = std::mem::replace(&mut jobs, rest);
            let left = self.commit(batch, &away).await;
            stream::iter(by_conversation(left))
                .for_each_concurrent(APART, |jobs| async {
                    self.commit(jobs, &away).await;
                })
                .await;
        }
    }

    /// Sends in one transaction. What is left when it failed because one of several conversations is
    /// locked is to be tried apart, so that the locked one fails alone. Once the store is away, what
    /// has waited meanwhile is not tried: each try takes its time.
    async fn commit(&self, jobs: Vec<Job>, away: &Away) -> Vec<Job> {
        if let Some(error) = away.get() {
            refuse(jobs, error);
            return Vec::new();
        }
        let messages = jobs.iter().map(|job| job.message.clone()).collect();
        match self.store.send(messages).await {
            Ok(outcomes) => {
                for (outcome, job) in outcomes.into_iter().zip(jobs) {
                    self.reply(job, outcome);
                }
            }
            Err(StoreError::Locked(_)) if of_several(&jobs) => return jobs,
            Err(error) => {
                let error = Arc::new(error);
                if matches!(*error, StoreError::Unavailable(_)) {
                    // The first to know says why.
                    let _ = away.set(Arc::clone(&error));
                }
                refuse(jobs, &error);
            }
        }
        Vec::new()
    }

    fn reply(&self, job: Job, outcome: Outcome<Sent>) {
        let committed = outcome.map_err(Error::from).map(|sent| Committed {
            message: sent.message,
            announced: sent.entry.map(|entry| {
                self.metrics.messages_sent.inc();
                let announced: BoxFuture<'static, ()> = Box::pin(self.publisher.announce(entry));
                announced
            }),
        });
        // The caller may have gone away; what is committed goes out all the same.
        let _ = job.reply.send(committed);
    }
}

/// Whether the jobs are of more than one conversation.
fn of_several(jobs: &[Job]) -> bool {
    let mut conversations = jobs.iter().map(|job| job.message.conversation_id);
    let first = conversations.next();
    conversations.any(|conversation| Some(conversation) != first)
}

/// The jobs of each conversation, in order.
fn by_conversation(jobs: Vec<Job>) -> impl Iterator<Item = Vec<Job>> {
    let mut conversations = BTreeMap::<_, Vec<_>>::new();
    for job in jobs {
        let id = job.message.conversation_id;
        conversations.entry(id).or_default().push(job);
    }
    conversations.into_values()
}

fn refuse(jobs: Vec<Job>, error: &Arc<StoreError>) {
    for job in jobs {
        let _ = job.reply.send(Err(Arc::clone(error).into()));
    }
}
