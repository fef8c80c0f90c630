//! The database: tables in memory, behind a network.
//!
//! A statement travels, is carried out in one step, and its answer travels back. On the way there it
//! may find the database away; on the way back it may find it gone, and then what it committed is
//! committed all the same. What may be undone by a crash (the removal of published entries) is kept
//! for a while, to be undone by one.

mod tables;
mod truth;
mod views;

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use callboard_api::store::{
    Backlog, Change, Changed, Created, Event, ListKey, Listed, Membership, NewConversation,
    NewMessage, OutboxEntry, OutboxId, Outcome, ParticipantKey, Pending, Range, ReceiptRequest,
    Receipts, Refusal, Sent, Store, StoreError, SyncRequest, UserName,
};
use callboard_shared::{
    clock::Timestamp,
    id::{ConversationId, Seq, UserId},
    wire::{Conversation, Message},
};
use tokio::time::Instant;

use self::views::{For, conversation, membership, page};
pub use self::{tables::Tables, truth::Interval};
use crate::network::Line;

/// What a crash may undo is at most this old: three times `wal_writer_delay`.
const UNDONE_BY_A_CRASH: Duration = Duration::from_millis(600);

/// The database.
#[derive(Clone, Default)]
pub struct Database(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    tables: Tables,
    /// Removed from the outbox a short time ago.
    removed: Vec<(Instant, OutboxEntry)>,
}

/// One process's way to the database.
pub struct Connection {
    database: Database,
    line: Line,
}

impl Database {
    /// A connection over this line.
    #[must_use]
    pub fn connect(&self, line: Line) -> Connection {
        Connection {
            database: self.clone(),
            line,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Undoes what a crash may undo.
    pub fn crash(&self) {
        let state = &mut *self.lock();
        for (at, entry) in mem::take(&mut state.removed) {
            if at.elapsed() < UNDONE_BY_A_CRASH {
                state.tables.outbox.insert(entry.id, entry);
            }
        }
    }

    /// How many entries the outbox has.
    #[must_use]
    pub fn unpublished(&self) -> usize {
        self.lock().tables.outbox.len()
    }

    /// Looks at the tables, as nobody but a checker can.
    pub fn look<T>(&self, look: impl FnOnce(&Tables) -> T) -> T {
        look(&self.lock().tables)
    }
}

impl Connection {
    /// Carries out one step on the other side of the line.
    async fn step<T>(&self, work: impl FnOnce(&mut Tables) -> T) -> Result<T, StoreError> {
        let away = |error| StoreError::Unavailable(Box::new(error));
        let call = self.line.there().await.map_err(away)?;
        let result = work(&mut self.database.lock().tables);
        self.line.back(call).await.map_err(away)?;
        Ok(result)
    }

    /// The same for something of a conversation in which the reader must take part.
    async fn read<T>(
        &self,
        reader: &UserId,
        id: ConversationId,
        read: impl FnOnce(&Tables, &tables::Room) -> T,
    ) -> Result<Outcome<T>, StoreError> {
        self.step(|tables| {
            let room = tables.room_of(reader, id).ok_or(Refusal::NoConversation)?;
            Ok(read(tables, room))
        })
        .await
    }
}

#[async_trait]
impl Store for Connection {
    fn lanes(&self) -> u8 {
        4
    }

    async fn see_users(&self, names: &[UserName], _: Timestamp) -> Result<(), StoreError> {
        self.step(|tables| tables.see_users(names)).await
    }

    async fn create(&self, new: NewConversation) -> Result<Created, StoreError> {
        self.step(|tables| tables.create(new)).await?
    }

    async fn conversation(
        &self,
        reader: &UserId,
        id: ConversationId,
    ) -> Result<Outcome<Conversation>, StoreError> {
        self.read(reader, id, |tables, room| {
            conversation(&tables.names, room, For::Reader(reader))
        })
        .await
    }

    async fn conversations(
        &self,
        reader: &UserId,
        after: Option<ListKey>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        self.step(|tables| tables.list(reader, after, limit)).await
    }

    async fn participants(
        &self,
        reader: &UserId,
        id: ConversationId,
        after: Option<ParticipantKey>,
        limit: usize,
    ) -> Result<Outcome<Vec<Listed>>, StoreError> {
        self.read(reader, id, |tables, room| tables.listed(room, after, limit))
            .await
    }

    async fn change(&self, change: Change) -> Result<Outcome<Changed>, StoreError> {
        self.step(|tables| tables.change(change)).await?
    }

    async fn send(&self, messages: Vec<NewMessage>) -> Result<Vec<Outcome<Sent>>, StoreError> {
        self.step(|tables| messages.iter().map(|new| tables.send(new)).collect())
            .await
    }

    async fn messages(
        &self,
        reader: &UserId,
        id: ConversationId,
        range: Range,
        limit: usize,
    ) -> Result<Outcome<Vec<Message>>, StoreError> {
        self.read(reader, id, |_, room| page(room, range, limit))
            .await
    }

    async fn events(
        &self,
        reader: &UserId,
        id: ConversationId,
        after: Seq,
        limit: usize,
    ) -> Result<Outcome<Vec<Event>>, StoreError> {
        self.read(reader, id, |_, room| events_from(room, after.next(), limit))
            .await
    }

    async fn sync(&self, request: SyncRequest) -> Result<Backlog, StoreError> {
        self.step(|tables| tables.sync(&request)).await
    }

    async fn record_receipts(
        &self,
        requests: Vec<ReceiptRequest>,
        at: Timestamp,
    ) -> Result<Receipts, StoreError> {
        self.step(|tables| tables.record_receipts(&requests, at))
            .await?
    }

    async fn memberships(
        &self,
        users: &[UserId],
        limit: usize,
        left_since: Timestamp,
    ) -> Result<Vec<Vec<Membership>>, StoreError> {
        self.step(|tables| {
            let stays = users
                .iter()
                .map(|user| tables.stays_of(user, limit, left_since));
            stays.collect()
        })
        .await
    }

    async fn membership(
        &self,
        user: &UserId,
        id: ConversationId,
    ) -> Result<Outcome<Membership>, StoreError> {
        self.step(|tables| {
            let room = tables.room_of(user, id);
            room.and_then(|room| Some(membership(room, room.stay(user)?)))
                .ok_or(Refusal::NoConversation)
        })
        .await
    }

    async fn events_from(
        &self,
        id: ConversationId,
        from: Seq,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.step(|tables| {
            let room = tables.conversations.get(&id);
            room.map(|room| events_from(room, from, limit))
                .unwrap_or_default()
        })
        .await
    }

    async fn floor(&self, id: ConversationId) -> Result<Seq, StoreError> {
        self.step(|tables| tables.floor(id)).await
    }

    async fn backlog(&self) -> Result<u64, StoreError> {
        self.step(|tables| tables.outbox.len() as u64).await
    }

    async fn pending(
        &self,
        before: Timestamp,
        after: OutboxId,
        limit: usize,
    ) -> Result<Vec<Pending>, StoreError> {
        self.step(|tables| {
            let later = tables.outbox.range(OutboxId(after.0.saturating_add(1))..);
            let old = later.filter(|(_, entry)| committed_at(entry) <= before);
            let pending = old.map(|(id, entry)| Pending {
                id: *id,
                conversation: entry.conversation(),
            });
            pending.take(limit).collect()
        })
        .await
    }

    async fn entries(&self, ids: &[OutboxId]) -> Result<Vec<OutboxEntry>, StoreError> {
        self.step(|tables| {
            let found = ids.iter().filter_map(|id| tables.outbox.get(id));
            found.cloned().collect()
        })
        .await
    }

    async fn published(&self, entries: &[OutboxId]) -> Result<(), StoreError> {
        let away = |error| StoreError::Unavailable(Box::new(error));
        let call = self.line.there().await.map_err(away)?;
        {
            let state = &mut *self.database.lock();
            let now = Instant::now();
            state
                .removed
                .retain(|(at, _)| now.duration_since(*at) < UNDONE_BY_A_CRASH);
            let removed = entries
                .iter()
                .filter_map(|id| state.tables.outbox.remove(id));
            state.removed.extend(removed.map(|entry| (now, entry)));
        }
        self.line.back(call).await.map_err(away)
    }

    async fn purge(&self, deleted_before: Timestamp, limit: usize) -> Result<bool, StoreError> {
        self.step(|tables| tables.purge(deleted_before, limit))
            .await
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.step(|_| ()).await
    }
}

fn events_from(room: &tables::Room, from: Seq, limit: usize) -> Vec<Event> {
    let events = room.events.range(from..).take(limit);
    events.map(|(_, event)| event.clone()).collect()
}

fn committed_at(entry: &OutboxEntry) -> Timestamp {
    match &entry.announcement {
        callboard_api::store::Announcement::Event(event) => event.at,
        callboard_api::store::Announcement::Receipt(receipt) => receipt.at,
    }
}

#[cfg(test)]
mod tests {
    use callboard_api::store::conformance;

    use super::*;

    #[tokio::test]
    async fn conforms() {
        conformance::run(async || {
            let store = Database::default().connect(Line::perfect());
            (Arc::new(store) as Arc<dyn Store>, ())
        })
        .await;
    }
}
