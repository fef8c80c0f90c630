//! Messages and events.

use callboard_shared::{
    id::{ConversationId, Seq, UserId},
    wire::Message,
};
use sqlx::{SqliteConnection, query};

use super::{
    columns::{events, message_columns},
    membership,
};
use crate::{
    store::{
        Announcement, Event, EventBody, NewMessage, OutboxEntry, OutboxId, Range, Refusal, Sent,
        StoreError,
        failure::Stop,
        rows::{self, Columns, number},
    },
    values::ClientMessageId,
};

pub(super) async fn send(connection: &mut SqliteConnection, new: NewMessage) -> Result<Sent, Stop> {
    let place = query(
        "SELECT c.last_seq FROM participants p JOIN conversations c ON c.id = p.conversation_id
         WHERE p.conversation_id = ?1 AND p.user_id = ?2 AND p.left_seq IS NULL",
    )
    .bind(new.conversation_id.as_bytes().as_slice())
    .bind(new.sender_id.as_str())
    .fetch_optional(&mut *connection)
    .await?
    .ok_or(Refusal::NoConversation)?;
    if let Some(message) = sent_before(connection, &new).await? {
        return Ok(Sent {
            message,
            entry: None,
        });
    }
    let seq = place.seq("last_seq")?.next();
    Ok(append(connection, new, seq).await?)
}

/// The first message of this sender with the same `clientMessageId`.
async fn sent_before(
    connection: &mut SqliteConnection,
    new: &NewMessage,
) -> Result<Option<Message>, StoreError> {
    let Some(client_message_id) = &new.client_message_id else {
        return Ok(None);
    };
    let sql = concat!(
        "SELECT m.conversation_id, ",
        message_columns!(),
        " FROM messages m WHERE m.conversation_id = ?1 AND m.sender_id = ?2 AND m.client_message_id = ?3"
    );
    let row = query(sql)
        .bind(new.conversation_id.as_bytes().as_slice())
        .bind(new.sender_id.as_str())
        .bind(client_message_id.as_str())
        .fetch_optional(connection)
        .await?;
    row.as_ref().map(rows::message).transpose()
}

async fn append(
    connection: &mut SqliteConnection,
    new: NewMessage,
    seq: Seq,
) -> Result<Sent, StoreError> {
    let client_message_id = new.client_message_id.as_ref().map(ClientMessageId::as_str);
    // One call, because each costs a change of threads; the outbox is last, because its row id is
    // what the call reports.
    let written = query(
        "UPDATE conversations SET last_seq = ?2, updated_at = ?3, last_message_seq = ?2,
             message_count = message_count + 1 WHERE id = ?1;
         INSERT INTO events (conversation_id, seq, kind, at, by_user) VALUES (?1, ?2, 'message', ?3, ?4);
         INSERT INTO messages (conversation_id, seq, created_at, sender_id, id, sender_name, content,
             client_message_id, number, sender_number)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, c.message_count,
             1 + coalesce((SELECT sender_number FROM messages WHERE conversation_id = ?1 AND sender_id = ?4
                           ORDER BY seq DESC LIMIT 1), 0)
         FROM conversations c WHERE c.id = ?1;
         INSERT INTO outbox (conversation_id, seq, at) VALUES (?1, ?2, ?3);",
    )
    .bind(new.conversation_id.as_bytes().as_slice())
    .bind(number(seq))
    .bind(new.at.as_millis())
    .bind(new.sender_id.as_str())
    .bind(new.id.as_bytes().as_slice())
    .bind(new.sender_name.as_deref())
    .bind(new.content.as_str())
    .bind(client_message_id)
    .execute(connection)
    .await?;
    let message = Message {
        id: new.id,
        conversation_id: new.conversation_id,
        seq,
        sender_id: new.sender_id.clone(),
        sender_name: new.sender_name.as_deref().map(str::to_owned),
        content: new.content.as_str().to_owned(),
        client_message_id: client_message_id.map(str::to_owned),
        created_at: new.at,
    };
    let event = Event {
        conversation_id: new.conversation_id,
        seq,
        at: new.at,
        by: new.sender_id,
        body: EventBody::Message(Box::new(message.clone())),
    };
    let entry = OutboxEntry {
        id: OutboxId(written.last_insert_rowid()),
        announcement: Announcement::Event(event),
    };
    Ok(Sent {
        message,
        entry: Some(entry),
    })
}

pub(super) async fn page(
    connection: &mut SqliteConnection,
    reader: &UserId,
    id: ConversationId,
    range: Range,
    limit: usize,
) -> Result<Vec<Message>, Stop> {
    membership::require(connection, reader, id).await?;
    macro_rules! between {
        ($order:literal) => {
            concat!(
                "SELECT m.conversation_id, ",
                message_columns!(),
                " FROM messages m WHERE m.conversation_id = ?1 AND m.seq > ?2 AND m.seq < ?3 ORDER BY m.seq ",
                $order,
                " LIMIT ?4"
            )
        };
    }
    let sql = if range.after.is_some() {
        between!("ASC")
    } else {
        between!("DESC")
    };
    let rows = query(sql)
        .bind(id.as_bytes().as_slice())
        .bind(range.after.map_or(0, number))
        .bind(range.before.map_or(i64::MAX, number))
        .bind(rows::rows(limit))
        .fetch_all(connection)
        .await?;
    Ok(rows.iter().map(rows::message).collect::<Result<_, _>>()?)
}

pub(super) async fn events(
    connection: &mut SqliteConnection,
    reader: &UserId,
    id: ConversationId,
    after: Seq,
    limit: usize,
) -> Result<Vec<Event>, Stop> {
    membership::require(connection, reader, id).await?;
    Ok(events_from(connection, id, after.next(), limit).await?)
}

pub(super) async fn events_from(
    connection: &mut SqliteConnection,
    id: ConversationId,
    from: Seq,
    limit: usize,
) -> Result<Vec<Event>, StoreError> {
    let rows = query(events!(
        "WHERE e.conversation_id = ?1 AND e.seq >= ?2 ORDER BY e.seq LIMIT ?3"
    ))
    .bind(id.as_bytes().as_slice())
    .bind(number(from))
    .bind(rows::rows(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(rows::event).collect()
}
