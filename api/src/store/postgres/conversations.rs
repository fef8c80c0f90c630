//! Conversations as they are read.

use callboard_shared::{
    id::{ConversationId, UserId},
    wire::Conversation,
};
use sqlx::{PgConnection, postgres::PgRow, query};

use super::columns::{for_reader, message_columns, uuid};
use crate::store::{
    ListKey, Listed, ParticipantKey, Refusal, StoreError,
    failure::Stop,
    rows::{self, Columns, For, number},
};

/// Others' messages past the reader's `read_seq`, counted by the numbers that messages carry.
/// Wants `conversations c` and `page (user_id, read_seq)`.
macro_rules! unread_count {
    () => {
        "(c.message_count
          - coalesce((SELECT number FROM messages WHERE conversation_id = c.id AND seq <= page.read_seq
                      ORDER BY seq DESC LIMIT 1), 0)
          - coalesce((SELECT sender_number FROM messages WHERE conversation_id = c.id AND sender_id = page.user_id
                      ORDER BY seq DESC LIMIT 1), 0)
          + coalesce((SELECT sender_number FROM messages WHERE conversation_id = c.id AND sender_id = page.user_id
                      AND seq <= page.read_seq ORDER BY seq DESC LIMIT 1), 0))"
    };
}

/// Whole conversations, latest activity first: those that `$page` selects as `(id, user_id,
/// read_seq)`. Choosing them first keeps the expensive columns to what is answered.
macro_rules! conversations {
    ($page:expr) => {
        concat!(
            "WITH page (id, user_id, read_seq) AS (",
            $page,
            ") SELECT c.id AS conversation_id, c.kind, c.title, c.created_by, c.created_at AS conversation_created_at,
                 c.updated_at, c.last_seq, c.participant_count, ",
            message_columns!(),
            ", ",
            unread_count!(),
            " AS unread_count,
             array_to_json(ARRAY(
                 SELECT json_build_array(p.user_id, u.name, p.joined_at, p.read_seq, p.delivered_seq)
                 FROM participants p LEFT JOIN users u ON u.id = p.user_id
                 WHERE p.conversation_id = c.id AND p.left_seq IS NULL ORDER BY p.joined_seq, p.nth LIMIT 100
             ))::text AS participants
             FROM page JOIN conversations c ON c.id = page.id
             LEFT JOIN messages m ON m.conversation_id = c.id AND m.seq = c.last_message_seq
             ORDER BY c.updated_at DESC, c.id DESC"
        )
    };
}

pub(super) use {conversations, unread_count};

pub(super) async fn one(
    connection: &mut PgConnection,
    reader: &UserId,
    id: ConversationId,
) -> Result<Conversation, Stop> {
    let sql = conversations!(
        "SELECT conversation_id, user_id, read_seq FROM participants
         WHERE conversation_id = $1 AND user_id = $2 AND left_seq IS NULL"
    );
    let row = query(sql)
        .bind(uuid(id))
        .bind(reader.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(rows::conversation(
        &row.ok_or(Refusal::NoConversation)?,
        For::Reader,
    )?)
}

pub(super) async fn list(
    connection: &mut PgConnection,
    reader: &UserId,
    after: Option<ListKey>,
    limit: usize,
) -> Result<Vec<Conversation>, StoreError> {
    let sql = conversations!(
        "SELECT c.id, p.user_id, p.read_seq FROM participants p JOIN conversations c ON c.id = p.conversation_id
         WHERE p.user_id = $1 AND p.left_seq IS NULL AND ($2::bigint IS NULL OR (c.updated_at, c.id) < ($2, $3))
         ORDER BY c.updated_at DESC, c.id DESC LIMIT $4"
    );
    let rows = query(sql)
        .bind(reader.as_str())
        .bind(after.map(|key| key.updated_at.as_millis()))
        .bind(after.map(|key| uuid(key.id)))
        .bind(rows::rows(limit))
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| rows::conversation(row, For::Reader))
        .collect()
}

pub(super) async fn participants(
    connection: &mut PgConnection,
    reader: &UserId,
    id: ConversationId,
    after: Option<ParticipantKey>,
    limit: usize,
) -> Result<Vec<Listed>, Stop> {
    let after = after.map_or((0, -1), |key| (number(key.joined_seq), i64::from(key.nth)));
    let sql = for_reader!(
        "SELECT p.joined_seq AS seq, p.user_id, u.name, p.joined_seq, p.nth, p.joined_at, p.read_seq, p.delivered_seq
         FROM participants p LEFT JOIN users u ON u.id = p.user_id
         WHERE p.conversation_id = $1 AND p.left_seq IS NULL AND (p.joined_seq, p.nth) > ($3, $4)
         ORDER BY p.joined_seq, p.nth LIMIT $5",
        "page.joined_seq, page.nth"
    );
    let found = query(sql)
        .bind(uuid(id))
        .bind(reader.as_str())
        .bind(after.0)
        .bind(after.1)
        .bind(rows::rows(limit))
        .fetch_all(connection)
        .await?;
    read(&found, rows::listed)
}

/// What [`for_reader!`] has found.
pub(super) fn read<T>(
    found: &[PgRow],
    item: impl Fn(&PgRow) -> Result<T, StoreError>,
) -> Result<Vec<T>, Stop> {
    let mut items = Vec::with_capacity(found.len());
    for row in found {
        if row.integer("seq")?.is_some() {
            items.push(item(row)?);
        }
    }
    if found.is_empty() {
        return Err(Refusal::NoConversation.into());
    }
    Ok(items)
}
