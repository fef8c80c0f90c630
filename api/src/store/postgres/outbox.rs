//! The outbox, and the end of deleted conversations.

use callboard_shared::{
    clock::Timestamp,
    id::{ConversationId, Seq},
};
use sqlx::{Connection, PgConnection, query, query_scalar};
use uuid::Uuid;

use super::columns::{event_columns, uuid};
use crate::store::{
    Announcement, OutboxEntry, OutboxId, Pending, StoreError,
    rows::{self, Columns},
};

/// Up to how many entries are counted: a sweeper that finds more need not know how many, and they
/// would be counted again with each sweep.
const COUNTED: i64 = 100_000;

pub(super) async fn add(
    connection: &mut PgConnection,
    announcements: Vec<Announcement>,
) -> Result<Vec<OutboxEntry>, StoreError> {
    let mut entries: Vec<_> = announcements
        .into_iter()
        .map(|announcement| OutboxEntry {
            id: OutboxId::default(),
            announcement,
        })
        .collect();
    let conversations = entries.iter().map(|entry| uuid(entry.conversation()));
    let kept: Vec<_> = entries.iter().map(rows::kept).collect();
    let (seqs, times) = kept
        .iter()
        .map(|kept| (kept.seq, kept.at))
        .unzip::<_, _, Vec<_>, Vec<_>>();
    let receipts = || kept.iter().map(|kept| kept.receipt);
    let names = receipts().map(|receipt| receipt.map(|receipt| receipt.event.as_str()));
    let users = receipts().map(|receipt| receipt.map(|receipt| receipt.by.as_str()));
    let data = receipts().map(|receipt| receipt.map(|receipt| receipt.data.get()));
    // Numbered in the order of the rows, which is that of `nth`.
    let mut ids: Vec<i64> = query_scalar(
        "INSERT INTO outbox (conversation_id, seq, at, receipt, by_user, data)
         SELECT a.conversation_id, a.seq, a.at, a.receipt, a.by_user, a.data
         FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[])
             WITH ORDINALITY AS a (conversation_id, seq, at, receipt, by_user, data, nth)
         ORDER BY a.nth RETURNING id",
    )
    .bind(conversations.collect::<Vec<_>>())
    .bind(seqs)
    .bind(times)
    .bind(names.collect::<Vec<_>>())
    .bind(users.collect::<Vec<_>>())
    .bind(data.collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    ids.sort_unstable();
    for (entry, id) in entries.iter_mut().zip(ids) {
        entry.id = OutboxId(id);
    }
    Ok(entries)
}

pub(super) async fn floor(
    connection: &mut PgConnection,
    id: ConversationId,
) -> Result<Seq, StoreError> {
    let row = query(
        "SELECT coalesce(
             (SELECT seq FROM outbox WHERE conversation_id = $1 AND receipt IS NULL ORDER BY seq LIMIT 1),
             (SELECT last_seq + 1 FROM conversations WHERE id = $1),
             1) AS floor",
    )
    .bind(uuid(id))
    .fetch_one(connection)
    .await?;
    row.seq("floor")
}

pub(super) async fn backlog(connection: &mut PgConnection) -> Result<u64, StoreError> {
    let total: i64 = query_scalar("SELECT count(*) FROM (SELECT FROM outbox LIMIT $1) AS counted")
        .bind(COUNTED)
        .fetch_one(connection)
        .await?;
    Ok(u64::try_from(total).unwrap_or(0))
}

/// Ids are handed out before the commit, so that one can become visible after a higher one. A page
/// may pass it over; the next sweep begins at the first id again and finds it.
pub(super) async fn pending(
    connection: &mut PgConnection,
    before: Timestamp,
    after: OutboxId,
    limit: usize,
) -> Result<Vec<Pending>, StoreError> {
    let sql =
        "SELECT id, conversation_id FROM outbox WHERE id > $1 AND at <= $2 ORDER BY id LIMIT $3";
    let found = query(sql)
        .bind(after.0)
        .bind(before.as_millis())
        .bind(rows::rows(limit))
        .fetch_all(connection)
        .await?;
    found.iter().map(rows::pending).collect()
}

pub(super) async fn entries(
    connection: &mut PgConnection,
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
         WHERE o.id = ANY ($1) ORDER BY o.id"
    );
    let found = query(sql).bind(ids).fetch_all(connection).await?;
    found.iter().map(rows::entry).collect()
}

/// Leaves to others what they are removing already.
pub(super) async fn remove(
    connection: &mut PgConnection,
    entries: &[OutboxId],
) -> Result<(), StoreError> {
    query(
        "WITH relaxed AS (SELECT set_config('synchronous_commit', 'off', TRUE)),
              published AS (SELECT id FROM outbox WHERE id = ANY ($1) ORDER BY id FOR UPDATE SKIP LOCKED)
         DELETE FROM outbox USING relaxed, published WHERE outbox.id = published.id",
    )
    .bind(entries.iter().map(|entry| entry.0).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes one conversation at a time, and none that another process is at; its row goes last.
pub(super) async fn purge(
    connection: &mut PgConnection,
    deleted_before: Timestamp,
    limit: usize,
) -> Result<bool, StoreError> {
    let mut transaction = connection.begin().await?;
    query("SET LOCAL synchronous_commit = off")
        .execute(&mut *transaction)
        .await?;
    let expired = query_scalar::<_, Uuid>(
        "SELECT id FROM conversations c WHERE deleted_at < $1
         AND NOT EXISTS (SELECT FROM outbox WHERE conversation_id = c.id) LIMIT 1 FOR UPDATE SKIP LOCKED",
    )
    .bind(deleted_before.as_millis())
    .fetch_optional(&mut *transaction)
    .await?;
    let Some(id) = expired else { return Ok(false) };
    let mut budget = u64::try_from(limit).unwrap_or(u64::MAX);
    for sql in [
        "DELETE FROM messages WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM messages WHERE conversation_id = $1 LIMIT $2))",
        "DELETE FROM events WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM events WHERE conversation_id = $1 LIMIT $2))",
        "DELETE FROM participants WHERE ctid = ANY (ARRAY(
             SELECT ctid FROM participants WHERE conversation_id = $1 LIMIT $2))",
        "DELETE FROM conversations WHERE id = $1 AND $2 > 0",
    ] {
        let limit = i64::try_from(budget).unwrap_or(i64::MAX);
        let deleted = query(sql)
            .bind(id)
            .bind(limit)
            .execute(&mut *transaction)
            .await?;
        budget = budget.saturating_sub(deleted.rows_affected());
        if budget == 0 {
            break;
        }
    }
    transaction.commit().await?;
    Ok(true)
}
