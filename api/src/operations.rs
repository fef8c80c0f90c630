//! What one can do: the rules, one file a subject. REST routes call these operations, and so does
//! what gateways ask.
//!
//! An operation takes valid values, asks the store for one atomic step, has what it committed
//! published, and answers. It knows no HTTP and no SQL.

mod conversations;
mod error;
mod gatherer;
mod membership;
mod messages;
mod names;
mod receipts;
mod sync;

use std::{sync::Arc, time::Duration};

use callboard_shared::{
    auth::Identity,
    clock::{Clock, Timestamp},
    lifecycle::Lifecycle,
};

pub use self::{
    conversations::CreateConversation,
    error::{Error, FieldError},
};
use self::{gatherer::Gatherer, names::Names};
use crate::{
    metrics::Metrics,
    publisher::Publisher,
    store::{OutboxEntry, Store},
};

/// An operation's outcome.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The operations. Cheap to clone.
#[derive(Clone)]
pub struct Operations {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    publisher: Publisher,
    gatherer: Gatherer,
    names: Names,
    limits: Limits,
}

/// Bounds that operations keep.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The most participants of a conversation.
    pub(crate) participants: usize,
    /// For how long someone who left is still told so, and the rows of deleted conversations stay.
    pub(crate) departed: Duration,
}

/// A page of a list, and where the next one begins.
#[derive(Debug)]
pub struct Page<T, K> {
    /// The items.
    pub items: Vec<T>,
    /// The place of the last of them, if there are more.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// A page out of one item more than asked for, if there are so many.
    fn cut(mut items: Vec<T>, limit: usize, key: impl Fn(&T) -> K) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(key);
        Self { items, next }
    }
}

impl Operations {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        publisher: Publisher,
        limits: Limits,
        lifecycle: &Lifecycle,
        metrics: Metrics,
    ) -> Self {
        let gatherer = Gatherer::new(store.clone(), publisher.clone(), lifecycle.clone(), metrics);
        let names = Names::new(store.clone());
        Self {
            inner: Arc::new(Inner {
                store,
                clock,
                publisher,
                gatherer,
                names,
                limits,
            }),
        }
    }

    /// Remembers the display name of whoever is asking.
    ///
    /// # Errors
    ///
    /// If the store is away.
    pub async fn see(&self, identity: &Identity) -> Result<()> {
        self.inner
            .names
            .see(std::slice::from_ref(identity), self.now())
            .await
    }

    /// Whether the store can be read.
    ///
    /// # Errors
    ///
    /// If it cannot.
    pub async fn check(&self) -> Result<()> {
        Ok(self.store().check().await?)
    }

    fn store(&self) -> &dyn Store {
        &*self.inner.store
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    async fn announce(&self, entry: Option<OutboxEntry>) {
        if let Some(entry) = entry {
            self.inner.publisher.announce(entry).await;
        }
    }
}
