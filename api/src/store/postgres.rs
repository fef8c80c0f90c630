//! The store of a fleet: PostgreSQL, its primary.
//!
//! Any number of API processes work on it at once. Whoever writes an event of a conversation holds
//! the lock on the conversation's row until the commit; everything else follows from there (see the
//! schema). Transactions are READ COMMITTED, unless something has to be read at one moment by more
//! than one statement.

mod changes;
mod columns;
mod conversations;
mod membership;
mod messages;
mod outbox;
mod receipts;
mod schema;
mod settings;

use std::time::Duration;

use async_trait::async_trait;
use callboard_shared::{
    clock::Timestamp,
    config::ConfigError,
    id::{ConversationId, Seq, UserId},
    wire::{Conversation, Message},
};
use sqlx::{Connection, PgPool, postgres::PgPoolOptions};

use super::{
    Backlog, Change, Changed, Created, Event, ListKey, Listed, Membership, NewConversation,
    NewMessage, OutboxEntry, OutboxId, Outcome, ParticipantKey, Pending, Range, ReceiptRequest,
    Receipts, Sent, Store, StoreError, SyncRequest, UserName,
    failure::{is_collision, outcome},
};

pub use self::{
    schema::{MigrationError, migrate},
    settings::DatabaseSettings,
};

/// How many transactions that send are under way at once. Commits wait for the disk together.
const LANES: u8 = 4;

/// How long one waits for a connection, and for the server to take a new one.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// From which idle time on a connection is tried before it is used.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// How long a step may take on its connection. The server's own time-outs strike before it, unless
/// the server or the network is gone without a word.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a step is tried that collides with another. Locks are taken in one order everywhere, so
/// that none should.
const ATTEMPTS: usize = 3;

/// The PostgreSQL store.
pub struct PostgresStore {
    pool: PgPool,
}

impl PostgresStore {
    /// A store that connects when it is used. Whether the database is there and has the right
    /// schema, [`check`](Store::check) tells.
    ///
    /// # Errors
    ///
    /// If a setting cannot be used.
    pub fn connect(settings: &DatabaseSettings) -> Result<Self, ConfigError> {
        let pool = PgPoolOptions::new()
            .max_connections(settings.database_connections)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|connection, usage| {
                Box::pin(async move {
                    if usage.idle_for > TRUSTED_IDLE {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(settings.for_work()?);
        Ok(Self { pool })
    }

    /// Lets go of the database.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Does one step on one connection, in bounded time. (A macro, because a generic function that takes
/// an async closure over a borrowed connection is not known to be `Send`.)
macro_rules! run {
    ($store:ident, $connection:ident => $step:expr) => {{
        let mut attempt = 1;
        loop {
            let mut $connection = $store.pool.acquire().await?;
            match tokio::time::timeout(STEP_TIMEOUT, $step).await {
                Ok(Err(error)) if attempt < ATTEMPTS && is_collision(&error) => attempt += 1,
                Ok(done) => break done,
                Err(elapsed) => {
                    // Given back, it would be waited for.
                    $connection.close_on_drop();
                    break Err(StoreError::Unavailable(elapsed.into()));
                }
            }
        }
    }};
}

#[async_trait]
impl Store for PostgresStore {
    fn lanes(&self) -> u8 {
        LANES
    }

    async fn see_users(&self, names: &[UserName], at: Timestamp) -> Result<(), StoreError> {
        run!(self, connection => membership::see_users(&mut connection, names, at))
    }

    async fn create(&self, new: NewConversation) -> Result<Created, StoreError> {
        run!(self, connection => changes::create(&mut connection, &new))
    }

    async fn conversation(
        &self,
        reader: &UserId,
        id: ConversationId,
    ) -> Result<Outcome<Conversation>, StoreError> {
        run!(self, connection => async { outcome(conversations::one(&mut connection, reader, id).await) })
    }

    async fn conversations(
        &self,
        reader: &UserId,
        after: Option<ListKey>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        run!(self, connection => conversations::list(&mut connection, reader, after, limit))
    }

    async fn participants(
        &self,
        reader: &UserId,
        id: ConversationId,
        after: Option<ParticipantKey>,
        limit: usize,
    ) -> Result<Outcome<Vec<Listed>>, StoreError> {
        run!(self, connection => async { outcome(conversations::participants(&mut connection, reader, id, after, limit).await) })
    }

    async fn change(&self, change: Change) -> Result<Outcome<Changed>, StoreError> {
        run!(self, connection => async { outcome(changes::change(&mut connection, &change).await) })
    }

    async fn send(&self, messages: Vec<NewMessage>) -> Result<Vec<Outcome<Sent>>, StoreError> {
        run!(self, connection => messages::send(&mut connection, &messages))
    }

    async fn messages(
        &self,
        reader: &UserId,
        id: ConversationId,
        range: Range,
        limit: usize,
    ) -> Result<Outcome<Vec<Message>>, StoreError> {
        run!(self, connection => async { outcome(messages::page(&mut connection, reader, id, range, limit).await) })
    }

    async fn events(
        &self,
        reader: &UserId,
        id: ConversationId,
        after: Seq,
        limit: usize,
    ) -> Result<Outcome<Vec<Event>>, StoreError> {
        run!(self, connection => async { outcome(messages::events(&mut connection, reader, id, after, limit).await) })
    }

    async fn sync(&self, request: SyncRequest) -> Result<Backlog, StoreError> {
        run!(self, connection => membership::sync(&mut connection, &request))
    }

    async fn record_receipts(
        &self,
        requests: Vec<ReceiptRequest>,
        at: Timestamp,
    ) -> Result<Receipts, StoreError> {
        run!(self, connection => receipts::record(&mut connection, &requests, at))
    }

    async fn memberships(
        &self,
        users: &[UserId],
        limit: usize,
        left_since: Timestamp,
    ) -> Result<Vec<Vec<Membership>>, StoreError> {
        run!(self, connection => membership::all(&mut connection, users, limit, left_since))
    }

    async fn membership(
        &self,
        user: &UserId,
        id: ConversationId,
    ) -> Result<Outcome<Membership>, StoreError> {
        run!(self, connection => async { outcome(membership::current(&mut connection, user, id).await) })
    }

    async fn events_from(
        &self,
        id: ConversationId,
        from: Seq,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        run!(self, connection => messages::events_from(&mut connection, id, from, limit))
    }

    async fn floor(&self, id: ConversationId) -> Result<Seq, StoreError> {
        run!(self, connection => outbox::floor(&mut connection, id))
    }

    async fn backlog(&self) -> Result<u64, StoreError> {
        run!(self, connection => outbox::backlog(&mut connection))
    }

    async fn pending(
        &self,
        before: Timestamp,
        after: OutboxId,
        limit: usize,
    ) -> Result<Vec<Pending>, StoreError> {
        run!(self, connection => outbox::pending(&mut connection, before, after, limit))
    }

    async fn entries(&self, ids: &[OutboxId]) -> Result<Vec<OutboxEntry>, StoreError> {
        run!(self, connection => outbox::entries(&mut connection, ids))
    }

    async fn published(&self, entries: &[OutboxId]) -> Result<(), StoreError> {
        run!(self, connection => outbox::remove(&mut connection, entries))
    }

    async fn purge(&self, deleted_before: Timestamp, limit: usize) -> Result<bool, StoreError> {
        run!(self, connection => outbox::purge(&mut connection, deleted_before, limit))
    }

    async fn check(&self) -> Result<(), StoreError> {
        run!(self, connection => schema::check(&mut connection))
    }
}

#[cfg(test)]
mod tests;
