//! Who takes part where, and what they have missed.

use callboard_shared::{
    clock::Timestamp,
    id::{ConversationId, Seq, UserId},
};
use sqlx::{SqliteConnection, query, query_scalar};

use super::{
    columns::{id_list, message_columns},
    conversations::{conversations, unread_count},
    messages,
};
use crate::store::{
    Backlog, Membership, Missed, Refusal, StoreError, SyncRequest,
    failure::Stop,
    rows::{self, Columns, For},
};

pub(super) async fn see_user(
    connection: &mut SqliteConnection,
    user: &UserId,
    name: Option<&str>,
    at: Timestamp,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO users (id, name, seen_at) VALUES (?1, ?2, ?3)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, seen_at = excluded.seen_at
         WHERE name IS NOT excluded.name",
    )
    .bind(user.as_str())
    .bind(name)
    .bind(at.as_millis())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn is_participant(
    connection: &mut SqliteConnection,
    user: &UserId,
    id: ConversationId,
) -> Result<bool, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM participants
               WHERE conversation_id = ?1 AND user_id = ?2 AND left_seq IS NULL)";
    Ok(query_scalar(sql)
        .bind(id.as_bytes().as_slice())
        .bind(user.as_str())
        .fetch_one(connection)
        .await?)
}

/// Refuses whoever does not take part.
pub(super) async fn require(
    connection: &mut SqliteConnection,
    user: &UserId,
    id: ConversationId,
) -> Result<(), Stop> {
    if is_participant(connection, user, id).await? {
        Ok(())
    } else {
        Err(Refusal::NoConversation.into())
    }
}

pub(super) async fn current(
    connection: &mut SqliteConnection,
    user: &UserId,
    id: ConversationId,
) -> Result<Membership, Stop> {
    let row = query(
        "SELECT p.conversation_id, p.joined_seq, p.left_seq, c.last_seq
         FROM participants p JOIN conversations c ON c.id = p.conversation_id
         WHERE p.conversation_id = ?1 AND p.user_id = ?2 AND p.left_seq IS NULL",
    )
    .bind(id.as_bytes().as_slice())
    .bind(user.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(rows::membership(&row.ok_or(Refusal::NoConversation)?)?)
}

pub(super) async fn all(
    connection: &mut SqliteConnection,
    user: &UserId,
    limit: usize,
    left_since: Timestamp,
) -> Result<Vec<Membership>, StoreError> {
    let mut rows = query(
        "SELECT p.conversation_id, p.joined_seq, p.left_seq, c.last_seq
         FROM participants p JOIN conversations c ON c.id = p.conversation_id
         WHERE p.user_id = ?1 AND p.left_seq IS NULL ORDER BY c.updated_at DESC, c.id DESC LIMIT ?2",
    )
    .bind(user.as_str())
    .bind(rows::rows(limit))
    .fetch_all(&mut *connection)
    .await?;
    let left = query(
        "SELECT p.conversation_id, p.joined_seq, p.left_seq, c.last_seq
         FROM participants p JOIN conversations c ON c.id = p.conversation_id
         WHERE p.user_id = ?1 AND p.left_seq IS NOT NULL AND p.left_at >= ?2 ORDER BY p.left_at DESC",
    )
    .bind(user.as_str())
    .bind(left_since.as_millis())
    .fetch_all(connection)
    .await?;
    rows.extend(left);
    rows.iter().map(rows::membership).collect()
}

pub(super) async fn sync(
    connection: &mut SqliteConnection,
    request: SyncRequest,
) -> Result<Backlog, StoreError> {
    let asked = id_list(request.cursors.keys().map(ConversationId::as_bytes));
    let known = query(
        "SELECT c.id, c.last_seq FROM participants p JOIN conversations c ON c.id = p.conversation_id
         WHERE p.user_id = ?1 AND p.left_seq IS NULL AND c.id IN (SELECT unhex(value) FROM json_each(?2))
         ORDER BY c.id",
    )
    .bind(request.reader.as_str())
    .bind(&asked)
    .fetch_all(&mut *connection)
    .await?;

    let mut left = request.cursors.clone();
    let mut budget = request.events_in_all;
    let mut conversations = Vec::with_capacity(known.len());
    for row in known {
        let (id, last_seq) = (row.conversation_id("id")?, row.seq("last_seq")?);
        let cursor = left.remove(&id).unwrap_or(Seq::ZERO);
        let limit = budget.min(request.events_each);
        let events = if cursor < last_seq && limit > 0 {
            messages::events_from(connection, id, cursor.next(), limit).await?
        } else {
            Vec::new()
        };
        budget -= events.len();
        conversations.push(Missed::new(id, cursor, last_seq, events));
    }

    let sql = conversations!(
        "SELECT c.id, p.user_id, p.read_seq FROM participants p JOIN conversations c ON c.id = p.conversation_id
         WHERE p.user_id = ?1 AND p.left_seq IS NULL AND c.id NOT IN (SELECT unhex(value) FROM json_each(?2))
         ORDER BY c.updated_at DESC, c.id DESC LIMIT ?3"
    );
    let joined = query(sql)
        .bind(request.reader.as_str())
        .bind(&asked)
        .bind(rows::rows(request.joined))
        .fetch_all(connection)
        .await?;
    let joined = joined
        .iter()
        .map(|row| rows::conversation(row, For::Reader))
        .collect::<Result<_, _>>()?;
    Ok(Backlog {
        conversations,
        joined,
        left: left.into_keys().collect(),
    })
}
