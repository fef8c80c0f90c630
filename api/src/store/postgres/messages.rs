//! Messages and events.

use callboard_shared::{
    id::{ConversationId, Seq, UserId},
    wire::Message,
};
use sqlx::{PgConnection, query};
use uuid::Uuid;

use super::{
    columns::{events, for_reader, message_columns, uuid},
    conversations::read,
};
use crate::{
    store::{
        Announcement, Event, EventBody, NewMessage, OutboxEntry, OutboxId, Outcome, Range, Refusal,
        Sent, StoreError,
        failure::Stop,
        rows::{self, Columns, number},
    },
    values::ClientMessageId,
};

/// One statement, and so one transaction and one round trip: see `send_messages` in the schema.
pub(super) async fn send(
    connection: &mut PgConnection,
    new: &[NewMessage],
) -> Result<Vec<Outcome<Sent>>, StoreError> {
    let ids = new.iter().map(|new| Uuid::from_bytes(*new.id.as_bytes()));
    let conversations = new.iter().map(|new| uuid(new.conversation_id));
    let senders = new.iter().map(|new| new.sender_id.as_str());
    let names = new.iter().map(|new| new.sender_name.as_deref());
    let contents = new.iter().map(|new| new.content.as_str());
    let marks = new
        .iter()
        .map(|new| new.client_message_id.as_ref().map(ClientMessageId::as_str));
    let times = new.iter().map(|new| new.at.as_millis());
    let answers = query("SELECT * FROM send_messages($1, $2, $3, $4, $5, $6, $7)")
        .bind(ids.collect::<Vec<_>>())
        .bind(conversations.collect::<Vec<_>>())
        .bind(senders.collect::<Vec<_>>())
        .bind(names.collect::<Vec<_>>())
        .bind(contents.collect::<Vec<_>>())
        .bind(marks.collect::<Vec<_>>())
        .bind(times.collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    let refused = || Err(Refusal::NoConversation);
    let mut outcomes: Vec<_> = std::iter::repeat_with(refused).take(new.len()).collect();
    for row in &answers {
        let nth: usize = row.count("nth")?;
        let message = rows::message(row)?;
        let entry = row.integer("outbox_id")?.map(|id| entry(id, &message));
        outcomes[nth - 1] = Ok(Sent { message, entry });
    }
    Ok(outcomes)
}

fn entry(id: i64, message: &Message) -> OutboxEntry {
    OutboxEntry {
        id: OutboxId(id),
        announcement: Announcement::Event(Event {
            conversation_id: message.conversation_id,
            seq: message.seq,
            at: message.created_at,
            by: message.sender_id.clone(),
            body: EventBody::Message(Box::new(message.clone())),
        }),
    }
}

pub(super) async fn page(
    connection: &mut PgConnection,
    reader: &UserId,
    id: ConversationId,
    range: Range,
    limit: usize,
) -> Result<Vec<Message>, Stop> {
    macro_rules! between {
        ($order:literal) => {
            for_reader!(
                concat!(
                    "SELECT m.conversation_id, ",
                    message_columns!(),
                    " FROM messages m WHERE m.conversation_id = $1 AND m.seq > $3 AND m.seq < $4 ORDER BY m.seq ",
                    $order,
                    " LIMIT $5"
                ),
                concat!("page.seq ", $order)
            )
        };
    }
    let sql = if range.after.is_some() {
        between!("ASC")
    } else {
        between!("DESC")
    };
    let found = query(sql)
        .bind(uuid(id))
        .bind(reader.as_str())
        .bind(range.after.map_or(0, number))
        .bind(range.before.map_or(i64::MAX, number))
        .bind(rows::rows(limit))
        .fetch_all(connection)
        .await?;
    read(&found, rows::message)
}

pub(super) async fn events(
    connection: &mut PgConnection,
    reader: &UserId,
    id: ConversationId,
    after: Seq,
    limit: usize,
) -> Result<Vec<Event>, Stop> {
    let sql = for_reader!(
        events!("WHERE e.conversation_id = $1 AND e.seq > $3 ORDER BY e.seq LIMIT $4"),
        "page.seq"
    );
    let found = query(sql)
        .bind(uuid(id))
        .bind(reader.as_str())
        .bind(number(after))
        .bind(rows::rows(limit))
        .fetch_all(connection)
        .await?;
    read(&found, rows::event)
}

pub(super) async fn events_from(
    connection: &mut PgConnection,
    id: ConversationId,
    from: Seq,
    limit: usize,
) -> Result<Vec<Event>, StoreError> {
    let found = query(events!(
        "WHERE e.conversation_id = $1 AND e.seq >= $2 ORDER BY e.seq LIMIT $3"
    ))
    .bind(uuid(id))
    .bind(number(from))
    .bind(rows::rows(limit))
    .fetch_all(connection)
    .await?;
    found.iter().map(rows::event).collect()
}
