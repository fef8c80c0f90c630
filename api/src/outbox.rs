//! From what was committed to what is published: the form it travels in, the removal of what is
//! out, and the sweeper that publishes what a crash or an absent bus has left behind.

use std::{sync::Arc, time::Duration};

use callboard_shared::{
    bus::{Place, Publication},
    clock::{Clock, Timestamp},
    event::{ConversationEvent, EventName, MembershipChange, MembershipNotice, VERSION},
    lifecycle::Lifecycle,
    rules::{Rule, holds},
    wire::{ConversationDeleted, Message, NewMessage},
};
use futures::future::join_all;
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    lanes::{Full, Lanes},
    metrics::{ErrorKind, Metrics},
    publisher::Publisher,
    store::{Announcement, Event, EventBody, OutboxId, Receipt, Store, StoreError},
};

/// How often the sweeper looks.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// From which age on it takes an entry: younger ones are being published.
const SWEEP_AGE: Duration = Duration::from_secs(1);

/// How many entries it takes at once.
const SWEEP_PAGE: usize = 1_000;

/// How long published entries are gathered before they are removed in one step.
const REMOVAL_GATHER: Duration = Duration::from_millis(50);

/// How many removals may wait; past it, they are forgotten: the sweeper offers the entries again,
/// hears that they are out, and removes them.
const REMOVAL_QUEUE: usize = 100_000;

impl EventBody {
    /// The event's name on the socket.
    pub(crate) fn name(&self) -> EventName {
        match self {
            Self::Message(_) => EventName::NewMessage,
            Self::Updated { .. } => EventName::ConversationUpdated,
            Self::Deleted { .. } => EventName::ConversationDeleted,
        }
    }
}

impl Event {
    /// The event's data, exactly as clients get it.
    pub(crate) fn data(&self) -> Result<Box<RawValue>, serde_json::Error> {
        let conversation_id = self.conversation_id;
        match &self.body {
            EventBody::Message(message) => to_raw_value(&NewMessage {
                conversation_id,
                seq: self.seq,
                message: Message::clone(message),
            }),
            EventBody::Updated { data, .. } => Ok(data.clone()),
            EventBody::Deleted { .. } => to_raw_value(&ConversationDeleted { conversation_id }),
        }
    }
}

impl TryFrom<&Announcement> for Publication {
    type Error = serde_json::Error;

    fn try_from(announcement: &Announcement) -> Result<Self, serde_json::Error> {
        match announcement {
            Announcement::Event(event) => event.try_into(),
            Announcement::Receipt(receipt) => receipt.try_into(),
        }
    }
}

impl TryFrom<&Event> for Publication {
    type Error = serde_json::Error;

    fn try_from(event: &Event) -> Result<Self, serde_json::Error> {
        let (added, removed) = match &event.body {
            EventBody::Updated { added, removed, .. } => (added.clone(), removed.clone()),
            EventBody::Deleted { removed } => (Vec::new(), removed.clone()),
            EventBody::Message(_) => Default::default(),
        };
        let mut notices = Vec::with_capacity(added.len() + removed.len());
        for (users, change) in [
            (&added, MembershipChange::Joined),
            (&removed, MembershipChange::Left),
        ] {
            let notice = MembershipNotice {
                v: VERSION,
                conversation_id: event.conversation_id,
                change,
                seq: event.seq,
            };
            let notice = notice.encode()?;
            notices.extend(users.iter().map(|user| (user.clone(), notice.clone())));
        }
        let payload = ConversationEvent {
            v: VERSION,
            event: event.body.name(),
            conversation_id: event.conversation_id,
            at: event.at,
            by: event.by.clone(),
            added,
            removed,
            data: &event.data()?,
        };
        Ok(Self {
            conversation: event.conversation_id,
            place: Place::Sequenced(event.seq),
            payload: payload.encode()?,
            notices,
            committed_at: event.at,
        })
    }
}

impl TryFrom<&Receipt> for Publication {
    type Error = serde_json::Error;

    fn try_from(receipt: &Receipt) -> Result<Self, serde_json::Error> {
        let payload = ConversationEvent {
            v: VERSION,
            event: receipt.event,
            conversation_id: receipt.conversation_id,
            at: receipt.at,
            by: receipt.by.clone(),
            added: Vec::new(),
            removed: Vec::new(),
            data: &receipt.data,
        };
        Ok(Self {
            conversation: receipt.conversation_id,
            place: Place::Tagged(receipt.tag),
            payload: payload.encode()?,
            notices: Vec::new(),
            committed_at: receipt.at,
        })
    }
}

/// Takes published entries out of the outbox, in batches.
#[derive(Clone)]
pub(crate) struct Removal {
    store: Arc<dyn Store>,
    lifecycle: Lifecycle,
    lanes: Lanes<(), OutboxId>,
    metrics: Metrics,
}

impl Removal {
    pub(crate) fn new(store: Arc<dyn Store>, lifecycle: Lifecycle, metrics: Metrics) -> Self {
        let lanes = Lanes::new(REMOVAL_QUEUE, lifecycle.clone());
        Self {
            store,
            lifecycle,
            lanes,
            metrics,
        }
    }

    pub(crate) fn push(&self, entry: OutboxId) {
        let removal = self.clone();
        let work = move |entries: Vec<OutboxId>| {
            let removal = removal.clone();
            async move { removal.remove(entries).await }
        };
        if let Err(Full) = self.lanes.push((), entry, work) {
            self.metrics.error(ErrorKind::Background);
        }
    }

    async fn remove(&self, mut entries: Vec<OutboxId>) {
        tokio::select! {
            biased;
            () = tokio::time::sleep(REMOVAL_GATHER) => {}
            () = self.lifecycle.draining() => {}
        }
        entries.sort_unstable();
        if let Err(error) = self.store.published(&entries).await {
            self.metrics.error(ErrorKind::Background);
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "published entries stay in the outbox"
            );
        }
    }
}

/// Publishes what has been in the outbox for longer than a request takes.
pub(crate) struct Sweeper {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) publisher: Publisher,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
}

impl Sweeper {
    /// Sweeps at once and every second from then on.
    pub(crate) async fn run(self) {
        while holds(Rule::Sweeping) {
            let before = self.clock.now().minus(SWEEP_AGE);
            let swept = self.sweep(before).await;
            let away = matches!(swept, Err(StoreError::Unavailable(_)));
            self.metrics.database_up.set(i64::from(!away));
            if let Err(error) = swept {
                self.metrics.error(ErrorKind::Background);
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the outbox could not be read"
                );
            }
            tokio::time::sleep(SWEEP_EVERY).await;
        }
    }

    /// One pass over what was committed before a time, to its end or until all of the bus is away.
    /// What fails, or lives in a partition that is away, holds up nothing else.
    pub(crate) async fn sweep(&self, before: Timestamp) -> Result<(), StoreError> {
        self.publisher.look_again().await;
        let unpublished = (self.store.backlog().await?).saturating_sub(self.publisher.settling());
        self.metrics
            .outbox_pending
            .set(i64::try_from(unpublished).unwrap_or(i64::MAX));
        let mut after = OutboxId::default();
        loop {
            let page = self.store.pending(before, after, SWEEP_PAGE).await?;
            let last = page.last().map(|pending| pending.id);
            let full = page.len() == SWEEP_PAGE;
            let due: Vec<_> = page
                .into_iter()
                .filter(|pending| !self.publisher.is_settling(pending.id))
                .filter(|pending| !self.publisher.is_away(pending.conversation))
                .map(|pending| pending.id)
                .collect();
            let entries = match due[..] {
                [] => Vec::new(),
                _ => self.store.entries(&due).await?,
            };
            let offered = entries.into_iter().map(|entry| self.publisher.offer(entry));
            join_all(offered).await;
            match last {
                Some(last) if full && !self.publisher.is_cut_off() => after = last,
                _ => return Ok(()),
            }
        }
    }
}
