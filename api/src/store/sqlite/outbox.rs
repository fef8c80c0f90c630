//! The outbox, and the end of deleted conversations.

use callboard_shared::{
    clock::Timestamp,
    id::{ConversationId, Seq},
};
use sqlx::{SqliteConnection, query, query_scalar};

use super::columns::event_columns;
use crate::store::{
    Announcement, OutboxEntry, OutboxId, Pending, StoreError,
    rows::{self, Columns, Kept},
};

pub(super) async fn add(
    connection: &mut SqliteConnection,
    announcement: Announcement,
) -> Result<OutboxEntry, StoreError> {
    let mut entry = OutboxEntry {
        id: OutboxId::default(),
        announcement,
    };
    let Kept { seq, at, receipt } = rows::kept(&entry);
    let written = query(
        "INSERT INTO outbox (conversation_id, seq, at, receipt, by_user, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .bind(entry.conversation().as_bytes().as_slice())
    .bind(seq)
    .bind(at)
    .bind(receipt.map(|receipt| receipt.event.as_str()))
    .bind(receipt.map(|receipt| receipt.by.as_str()))
    .bind(receipt.map(|receipt| receipt.data.get()))
    .execute(connection)
    .await?;
    entry.id = OutboxId(written.last_insert_rowid());
    Ok(entry)
}

pub(super) async fn floor(
    connection: &mut SqliteConnection,
    id: ConversationId,
) -> Result<Seq, StoreError> {
    let row = query(
        "SELECT coalesce(
             (SELECT min(seq) FROM outbox WHERE conversation_id = ?1 AND receipt IS NULL),
             (SELECT last_seq + 1 FROM conversations WHERE id = ?1),
             1) AS floor",
    )
    .bind(id.as_bytes().as_slice())
    .fetch_one(connection)
    .await?;
    row.seq("floor")
}

pub(super) async fn backlog(connection: &mut SqliteConnection) -> Result<u64, StoreError> {
    let total: i64 = query_scalar("SELECT count(*) FROM outbox")
        .fetch_one(connection)
        .await?;
    Ok(u64::try_from(total).unwrap_or(0))
}

pub(super) async fn pending(
    connection: &mut SqliteConnection,
    before: Timestamp,
    after: OutboxId,
    limit: usize,
) -> Result<Vec<Pending>, StoreError> {
    let sql =
        "SELECT id, conversation_id FROM outbox WHERE id > ?1 AND at <= ?2 ORDER BY id LIMIT ?3";
    let found = query(sql)
        .bind(after.0)
        .bind(before.as_millis())
        .bind(rows::rows(limit))
        .fetch_all(connection)
        .await?;
    found.iter().map(rows::pending).collect()
}

pub(super) async fn entries(
    connection: &mut SqliteConnection,
    ids: &[OutboxId],
) -> Result<Vec<OutboxEntry>, StoreError> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let sql = concat!(
        "SELECT o.id AS outbox_id, o.conversation_id AS outbox_conversation_id, o.seq AS outbox_seq,
             o.at AS outbox_at, o.receipt, o.by_user AS outbox_by, o.data AS outbox_data, ",
        event_columns!(),
        " FROM outbox o
         LEFT JOIN events e ON o.receipt IS NULL AND e.conversation_id = o.conversation_id AND e.seq = o.seq
         LEFT JOIN messages m ON m.conversation_id = e.conversation_id AND m.seq = e.seq
         WHERE o.id IN (SELECT value FROM json_each(?1)) ORDER BY o.id"
    );
    let found = query(sql)
        .bind(serde_json::to_string(&ids)?)
        .fetch_all(connection)
        .await?;
    found.iter().map(rows::entry).collect()
}

pub(super) async fn remove(
    connection: &mut SqliteConnection,
    entries: &[OutboxId],
) -> Result<(), StoreError> {
    let ids: Vec<i64> = entries.iter().map(|entry| entry.0).collect();
    query("DELETE FROM outbox WHERE id IN (SELECT value FROM json_each(?1))")
        .bind(serde_json::to_string(&ids)?)
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes one conversation at a time, its rows in the order of their references.
pub(super) async fn purge(
    connection: &mut SqliteConnection,
    deleted_before: Timestamp,
    limit: usize,
) -> Result<bool, StoreError> {
    let expired = query_scalar::<_, Vec<u8>>(
        "SELECT id FROM conversations c WHERE deleted_at < ?1
         AND NOT EXISTS (SELECT 1 FROM outbox WHERE conversation_id = c.id) LIMIT 1",
    )
    .bind(deleted_before.as_millis())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(id) = expired else { return Ok(false) };
    let mut budget = u64::try_from(limit).unwrap_or(u64::MAX);
    for sql in [
        "DELETE FROM messages WHERE (conversation_id, seq) IN
             (SELECT conversation_id, seq FROM messages WHERE conversation_id = ?1 LIMIT ?2)",
        "DELETE FROM events WHERE (conversation_id, seq) IN
             (SELECT conversation_id, seq FROM events WHERE conversation_id = ?1 LIMIT ?2)",
        "DELETE FROM participants WHERE (conversation_id, user_id, joined_seq) IN
             (SELECT conversation_id, user_id, joined_seq FROM participants WHERE conversation_id = ?1 LIMIT ?2)",
        "DELETE FROM conversations WHERE id = ?1 AND ?2 > 0",
    ] {
        let limit = i64::try_from(budget).unwrap_or(i64::MAX);
        budget -= query(sql).bind(&id).bind(limit).execute(&mut *connection).await?.rows_affected();
        if budget == 0 {
            break;
        }
    }
    Ok(true)
}
