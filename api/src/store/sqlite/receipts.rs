//! Receipts: how far everyone has read, and what was delivered to them.

use callboard_shared::{
    clock::Timestamp,
    event::EventName,
    id::{ConversationId, MessageId, Seq},
    wire::{MessagesDelivered, MessagesRead},
};
use serde_json::value::to_raw_value;
use sqlx::{SqliteConnection, query};

use super::{columns::id_list, conversations::unread_count, outbox};
use crate::store::{
    Announcement, OutboxEntry, Receipt, ReceiptKind, ReceiptRequest, ReceiptState, Refusal,
    StoreError,
    failure::Stop,
    rows::{self, Columns, number},
    rules,
};

/// Moves a receipt forward, never back, and adds to `entries` what is to be published of it.
pub(super) async fn record(
    connection: &mut SqliteConnection,
    request: &ReceiptRequest,
    at: Timestamp,
    entries: &mut Vec<OutboxEntry>,
) -> Result<ReceiptState, Stop> {
    let row = query(
        "SELECT p.read_seq, p.delivered_seq, c.last_seq, c.participant_count
         FROM participants p JOIN conversations c ON c.id = p.conversation_id
         WHERE p.conversation_id = ?1 AND p.user_id = ?2 AND p.left_seq IS NULL",
    )
    .bind(request.conversation_id.as_bytes().as_slice())
    .bind(request.user_id.as_str())
    .fetch_optional(&mut *connection)
    .await?
    .ok_or(Refusal::NoConversation)?;
    let (read_before, delivered_before) = (row.seq("read_seq")?, row.seq("delivered_seq")?);
    let last_seq = row.seq("last_seq")?;

    let (read, delivered) = match &request.kind {
        ReceiptKind::ReadAll => (last_seq, last_seq),
        ReceiptKind::ReadUpTo(messages) => {
            let newest = newest(connection, request.conversation_id, messages).await?;
            (newest, newest)
        }
        ReceiptKind::Delivered(seq) => (read_before, last_seq.min(*seq)),
    };
    let (read, delivered) = (read.max(read_before), delivered.max(delivered_before));

    if (read, delivered) != (read_before, delivered_before) {
        store(connection, request, read, delivered).await?;
        if row.count::<u32>("participant_count")? <= rules::ANNOUNCED_UP_TO {
            let (event, data) = if read > read_before {
                let data = messages_read(connection, request, read_before, read, at).await?;
                (EventName::MessagesRead, to_raw_value(&data)?)
            } else {
                let data = MessagesDelivered {
                    conversation_id: request.conversation_id,
                    delivered_to: request.user_id.clone(),
                    delivered_seq: delivered,
                };
                (EventName::MessagesDelivered, to_raw_value(&data)?)
            };
            let (conversation_id, by) = (request.conversation_id, request.user_id.clone());
            let receipt = Receipt {
                conversation_id,
                tag: last_seq,
                at,
                by,
                event,
                data,
            };
            entries.push(outbox::add(connection, Announcement::Receipt(receipt)).await?);
        }
    }
    let unread_count = unread(connection, request).await?;
    Ok(ReceiptState {
        conversation_id: request.conversation_id,
        read_seq: read,
        delivered_seq: delivered,
        unread_count,
    })
}

/// The number of the newest of these messages, all of which must be in the conversation.
async fn newest(
    connection: &mut SqliteConnection,
    id: ConversationId,
    messages: &[MessageId],
) -> Result<Seq, Stop> {
    let row = query(
        "SELECT (SELECT count(DISTINCT value) FROM json_each(?2)) AS asked, count(*) AS found, max(seq) AS newest
         FROM messages WHERE conversation_id = ?1 AND id IN (SELECT unhex(value) FROM json_each(?2))",
    )
    .bind(id.as_bytes().as_slice())
    .bind(id_list(messages.iter().map(MessageId::as_bytes)))
    .fetch_one(connection)
    .await?;
    let (asked, found): (i64, i64) = (row.count("asked")?, row.count("found")?);
    if found == 0 || found != asked {
        return Err(Refusal::UnknownMessages.into());
    }
    Ok(row.seq("newest")?)
}

async fn store(
    connection: &mut SqliteConnection,
    request: &ReceiptRequest,
    read: Seq,
    delivered: Seq,
) -> Result<(), StoreError> {
    query(
        "UPDATE participants SET read_seq = ?3, delivered_seq = ?4
         WHERE conversation_id = ?1 AND user_id = ?2 AND left_seq IS NULL",
    )
    .bind(request.conversation_id.as_bytes().as_slice())
    .bind(request.user_id.as_str())
    .bind(number(read))
    .bind(number(delivered))
    .execute(connection)
    .await?;
    Ok(())
}

async fn messages_read(
    connection: &mut SqliteConnection,
    request: &ReceiptRequest,
    before: Seq,
    read_seq: Seq,
    read_at: Timestamp,
) -> Result<MessagesRead, StoreError> {
    let rows = query(
        "SELECT id FROM messages WHERE conversation_id = ?1 AND seq > ?2 AND seq <= ?3 AND sender_id <> ?4
         ORDER BY seq DESC LIMIT ?5",
    )
    .bind(request.conversation_id.as_bytes().as_slice())
    .bind(number(before))
    .bind(number(read_seq))
    .bind(request.user_id.as_str())
    .bind(rows::rows(rules::READ_IDS))
    .fetch_all(connection)
    .await?;
    let message_ids = rows
        .iter()
        .rev()
        .map(|row| row.message_id("id"))
        .collect::<Result<_, _>>()?;
    Ok(MessagesRead {
        conversation_id: request.conversation_id,
        message_ids,
        read_by: request.user_id.clone(),
        read_seq,
        read_at,
    })
}

async fn unread(
    connection: &mut SqliteConnection,
    request: &ReceiptRequest,
) -> Result<u64, StoreError> {
    let sql = concat!(
        "WITH page (id, user_id, read_seq) AS (
             SELECT conversation_id, user_id, read_seq FROM participants
             WHERE conversation_id = ?1 AND user_id = ?2 AND left_seq IS NULL)
         SELECT ",
        unread_count!(),
        " AS unread_count FROM page JOIN conversations c ON c.id = page.id"
    );
    let row = query(sql)
        .bind(request.conversation_id.as_bytes().as_slice())
        .bind(request.user_id.as_str())
        .fetch_one(connection)
        .await?;
    row.count("unread_count")
}
