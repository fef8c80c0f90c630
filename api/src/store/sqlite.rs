//! The store of `callboard dev`: one SQLite file.
//!
//! One connection writes, and fsyncs before a commit returns; some read, each on its own snapshot
//! (WAL). A second writing connection does not wait for the disk: it takes what a crash may undo,
//! such as removing outbox entries. Writers take turns here, not in SQLite, whose own waiting is a
//! sleep.

mod changes;
mod columns;
mod conversations;
mod membership;
mod messages;
mod outbox;
mod receipts;

use std::{path::Path, time::Duration};

use async_trait::async_trait;
use callboard_shared::{
    clock::Timestamp,
    id::{ConversationId, Seq, UserId},
    wire::{Conversation, Message},
};
use sqlx::{
    SqlSafeStr, Sqlite, SqlitePool, Transaction,
    migrate::{Migration, MigrationType, Migrator},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{
    Backlog, Change, Changed, Created, Event, ListKey, Listed, Membership, NewConversation,
    NewMessage, OutboxEntry, OutboxId, Outcome, ParticipantKey, Pending, Range, ReceiptRequest,
    Receipts, Sent, Store, StoreError, SyncRequest, UserName, failure::outcome,
};

/// How many connections read.
const READERS: u32 = 4;

/// How long SQLite waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// The SQLite store.
pub struct SqliteStore {
    readers: SqlitePool,
    durable: SqlitePool,
    relaxed: SqlitePool,
    turn: Semaphore,
}

/// A transaction that may write, and the turn it holds. Dropped, it is rolled back.
struct Write<'s> {
    transaction: Transaction<'static, Sqlite>,
    _turn: SemaphorePermit<'s>,
}

impl SqliteStore {
    /// Opens the file, creates it if there is none, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, or has a newer schema than this build knows.
    pub async fn open(file: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let durable = pool(1)
            .connect_with(options.clone().synchronous(SqliteSynchronous::Full))
            .await?;
        migrator().run(&durable).await?;
        let relaxed = options.clone().synchronous(SqliteSynchronous::Normal);
        Ok(Self {
            readers: pool(READERS).connect_lazy_with(options.pragma("query_only", "ON")),
            relaxed: pool(1).connect_lazy_with(relaxed),
            durable,
            turn: Semaphore::new(1),
        })
    }

    /// Lets go of the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.relaxed.close().await;
        self.durable.close().await;
    }

    async fn write(&self) -> Result<Write<'_>, StoreError> {
        self.begin(&self.durable).await
    }

    async fn write_relaxed(&self) -> Result<Write<'_>, StoreError> {
        self.begin(&self.relaxed).await
    }

    async fn begin(&self, pool: &SqlitePool) -> Result<Write<'_>, StoreError> {
        let turn = self
            .turn
            .acquire()
            .await
            .map_err(|closed| StoreError::Unavailable(closed.into()))?;
        Ok(Write {
            transaction: pool.begin_with("BEGIN IMMEDIATE").await?,
            _turn: turn,
        })
    }
}

impl Write<'_> {
    async fn commit(self) -> Result<(), StoreError> {
        Ok(self.transaction.commit().await?)
    }
}

/// Connections that stay open: what they have prepared stays with them.
fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
}

fn migrator() -> Migrator {
    let initial = include_str!("../../migrations/sqlite/0001_initial.sql").into_sql_str();
    Migrator::with_migrations(vec![Migration::new(
        1,
        "initial".into(),
        MigrationType::Simple,
        initial,
        false,
    )])
}

#[async_trait]
impl Store for SqliteStore {
    /// There is one writer.
    fn lanes(&self) -> u8 {
        1
    }

    async fn see_users(&self, names: &[UserName], at: Timestamp) -> Result<(), StoreError> {
        let mut write = self.write_relaxed().await?;
        for (user, name) in names {
            membership::see_user(&mut write.transaction, user, name.as_deref(), at).await?;
        }
        write.commit().await
    }

    async fn create(&self, new: NewConversation) -> Result<Created, StoreError> {
        let mut write = self.write().await?;
        let created = changes::create(&mut write.transaction, new).await?;
        write.commit().await?;
        Ok(created)
    }

    async fn conversation(
        &self,
        reader: &UserId,
        id: ConversationId,
    ) -> Result<Outcome<Conversation>, StoreError> {
        outcome(conversations::one(&mut *self.readers.acquire().await?, reader, id).await)
    }

    async fn conversations(
        &self,
        reader: &UserId,
        after: Option<ListKey>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError> {
        conversations::list(&mut *self.readers.acquire().await?, reader, after, limit).await
    }

    async fn participants(
        &self,
        reader: &UserId,
        id: ConversationId,
        after: Option<ParticipantKey>,
        limit: usize,
    ) -> Result<Outcome<Vec<Listed>>, StoreError> {
        let mut read = self.readers.begin().await?;
        outcome(conversations::participants(&mut read, reader, id, after, limit).await)
    }

    async fn change(&self, change: Change) -> Result<Outcome<Changed>, StoreError> {
        let mut write = self.write().await?;
        let outcome = outcome(changes::change(&mut write.transaction, change).await)?;
        if outcome.is_ok() {
            write.commit().await?;
        }
        Ok(outcome)
    }

    async fn send(&self, messages: Vec<NewMessage>) -> Result<Vec<Outcome<Sent>>, StoreError> {
        let mut write = self.write().await?;
        let mut outcomes = Vec::with_capacity(messages.len());
        for message in messages {
            outcomes.push(outcome(
                messages::send(&mut write.transaction, message).await,
            )?);
        }
        write.commit().await?;
        Ok(outcomes)
    }

    async fn messages(
        &self,
        reader: &UserId,
        id: ConversationId,
        range: Range,
        limit: usize,
    ) -> Result<Outcome<Vec<Message>>, StoreError> {
        let mut read = self.readers.begin().await?;
        outcome(messages::page(&mut read, reader, id, range, limit).await)
    }

    async fn events(
        &self,
        reader: &UserId,
        id: ConversationId,
        after: Seq,
        limit: usize,
    ) -> Result<Outcome<Vec<Event>>, StoreError> {
        let mut read = self.readers.begin().await?;
        outcome(messages::events(&mut read, reader, id, after, limit).await)
    }

    async fn sync(&self, request: SyncRequest) -> Result<Backlog, StoreError> {
        membership::sync(&mut *self.readers.begin().await?, request).await
    }

    async fn record_receipts(
        &self,
        requests: Vec<ReceiptRequest>,
        at: Timestamp,
    ) -> Result<Receipts, StoreError> {
        let mut write = self.write().await?;
        let mut receipts = Receipts {
            outcomes: Vec::with_capacity(requests.len()),
            entries: Vec::new(),
        };
        for request in requests {
            let recorded =
                receipts::record(&mut write.transaction, &request, at, &mut receipts.entries).await;
            receipts.outcomes.push(outcome(recorded)?);
        }
        write.commit().await?;
        Ok(receipts)
    }

    async fn memberships(
        &self,
        users: &[UserId],
        limit: usize,
        left_since: Timestamp,
    ) -> Result<Vec<Vec<Membership>>, StoreError> {
        let mut read = self.readers.begin().await?;
        let mut stays = Vec::with_capacity(users.len());
        for user in users {
            stays.push(membership::all(&mut read, user, limit, left_since).await?);
        }
        Ok(stays)
    }

    async fn membership(
        &self,
        user: &UserId,
        id: ConversationId,
    ) -> Result<Outcome<Membership>, StoreError> {
        outcome(membership::current(&mut *self.readers.acquire().await?, user, id).await)
    }

    async fn events_from(
        &self,
        id: ConversationId,
        from: Seq,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError> {
        messages::events_from(&mut *self.readers.acquire().await?, id, from, limit).await
    }

    async fn floor(&self, id: ConversationId) -> Result<Seq, StoreError> {
        outbox::floor(&mut *self.readers.acquire().await?, id).await
    }

    async fn backlog(&self) -> Result<u64, StoreError> {
        outbox::backlog(&mut *self.readers.acquire().await?).await
    }

    async fn pending(
        &self,
        before: Timestamp,
        after: OutboxId,
        limit: usize,
    ) -> Result<Vec<Pending>, StoreError> {
        outbox::pending(&mut *self.readers.acquire().await?, before, after, limit).await
    }

    async fn entries(&self, ids: &[OutboxId]) -> Result<Vec<OutboxEntry>, StoreError> {
        outbox::entries(&mut *self.readers.acquire().await?, ids).await
    }

    async fn published(&self, entries: &[OutboxId]) -> Result<(), StoreError> {
        let mut write = self.write_relaxed().await?;
        outbox::remove(&mut write.transaction, entries).await?;
        write.commit().await
    }

    async fn purge(&self, deleted_before: Timestamp, limit: usize) -> Result<bool, StoreError> {
        let mut write = self.write_relaxed().await?;
        let more = outbox::purge(&mut write.transaction, deleted_before, limit).await?;
        write.commit().await?;
        Ok(more)
    }

    async fn check(&self) -> Result<(), StoreError> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::conformance;

    async fn subject() -> (Arc<dyn Store>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("callboard.db"))
            .await
            .unwrap();
        (Arc::new(store), folder)
    }

    conformance::suite!(subject());

    #[tokio::test]
    async fn what_was_committed_is_there_after_opening_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("callboard.db");
        let store = Arc::new(SqliteStore::open(&file).await.unwrap());
        let id = conformance::World::new(store.clone())
            .group(&["alice"])
            .await;
        store.close().await;
        let store = Arc::new(SqliteStore::open(&file).await.unwrap());
        assert_eq!(conformance::World::new(store).sequence(id).await, [1]);
    }

    #[tokio::test]
    async fn a_newer_schema_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("callboard.db");
        let store = SqliteStore::open(&file).await.unwrap();
        sqlx::query("INSERT INTO _sqlx_migrations VALUES (99, 'later', 0, TRUE, x'00', 0)")
            .execute(&store.durable)
            .await
            .unwrap();
        store.close().await;
        assert!(matches!(
            SqliteStore::open(&file).await,
            Err(StoreError::Defect(_))
        ));
    }

    #[tokio::test]
    async fn a_store_that_is_closed_is_unavailable() {
        let (folder, file);
        folder = tempfile::tempdir().unwrap();
        file = folder.path().join("callboard.db");
        let store = SqliteStore::open(&file).await.unwrap();
        store.close().await;
        assert!(matches!(
            store.check().await,
            Err(StoreError::Unavailable(_))
        ));
        assert!(matches!(
            store.send(Vec::new()).await,
            Err(StoreError::Unavailable(_))
        ));
    }
}
