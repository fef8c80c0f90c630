//! From values to columns and back.

use callboard_shared::{
    clock::Timestamp,
    event::EventName,
    id::{ConversationId, MessageId, Seq, UserId},
    wire::{Conversation, ConversationKind, Message, Participant},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use sqlx::{Row, sqlite::SqliteRow};

use crate::store::{Event, EventBody, StoreError};

/// Reads typed values out of a row.
pub(super) trait Columns {
    fn conversation_id(&self, column: &str) -> Result<ConversationId, StoreError>;
    fn message_id(&self, column: &str) -> Result<MessageId, StoreError>;
    fn user_id(&self, column: &str) -> Result<UserId, StoreError>;
    fn seq(&self, column: &str) -> Result<Seq, StoreError>;
    fn time(&self, column: &str) -> Result<Timestamp, StoreError>;
    fn count<T: TryFrom<i64, Error: Into<crate::store::BoxError>>>(
        &self,
        column: &str,
    ) -> Result<T, StoreError>;
    fn json(&self, column: &str) -> Result<Box<RawValue>, StoreError>;
}

impl Columns for SqliteRow {
    fn conversation_id(&self, column: &str) -> Result<ConversationId, StoreError> {
        bytes(self, column).map(ConversationId::from_bytes)
    }

    fn message_id(&self, column: &str) -> Result<MessageId, StoreError> {
        bytes(self, column).map(MessageId::from_bytes)
    }

    fn user_id(&self, column: &str) -> Result<UserId, StoreError> {
        self.try_get::<&str, _>(column)?.parse().map_err(defect)
    }

    fn seq(&self, column: &str) -> Result<Seq, StoreError> {
        self.count(column).map(Seq::new)
    }

    fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::from_millis(self.try_get(column)?))
    }

    fn count<T: TryFrom<i64, Error: Into<crate::store::BoxError>>>(
        &self,
        column: &str,
    ) -> Result<T, StoreError> {
        self.try_get::<i64, _>(column)?.try_into().map_err(defect)
    }

    fn json(&self, column: &str) -> Result<Box<RawValue>, StoreError> {
        Ok(RawValue::from_string(self.try_get(column)?)?)
    }
}

fn bytes(row: &SqliteRow, column: &str) -> Result<[u8; 16], StoreError> {
    row.try_get::<&[u8], _>(column)?.try_into().map_err(defect)
}

fn defect(error: impl Into<crate::store::BoxError>) -> StoreError {
    StoreError::Defect(error.into())
}

/// A sequence number as a column.
pub(super) fn number(seq: Seq) -> i64 {
    i64::try_from(seq.get()).unwrap_or(i64::MAX)
}

/// A number of rows as a column.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Ids for `json_each`, to be read there with `unhex(value)`.
pub(super) fn id_list<'a>(ids: impl IntoIterator<Item = &'a [u8; 16]>) -> String {
    let ids = ids
        .into_iter()
        .map(|id| format!("\"{:032x}\"", u128::from_be_bytes(*id)));
    format!("[{}]", ids.collect::<Vec<_>>().join(","))
}

pub(super) fn kind_name(kind: ConversationKind) -> &'static str {
    match kind {
        ConversationKind::Group => "group",
        ConversationKind::Direct => "direct",
    }
}

pub(super) fn kind(row: &SqliteRow) -> Result<ConversationKind, StoreError> {
    match row.try_get("kind")? {
        "group" => Ok(ConversationKind::Group),
        "direct" => Ok(ConversationKind::Direct),
        other => Err(defect(format!("a conversation of the kind {other:?}"))),
    }
}

/// Select list and source of [`event`]: `events e`, `messages m`.
macro_rules! events {
    ($where:literal) => {
        concat!(
            "SELECT ",
            $crate::store::sqlite::rows::event_columns!(),
            " FROM events e LEFT JOIN messages m ON m.conversation_id = e.conversation_id AND m.seq = e.seq ",
            $where
        )
    };
}

/// What [`event`] reads.
macro_rules! event_columns {
    () => {
        "e.conversation_id, e.seq, e.kind, e.at AS created_at, e.by_user AS sender_id, e.data,
         m.id AS message_id, m.sender_name, m.content, m.client_message_id,
         CASE e.kind WHEN 'updated' THEN (SELECT json_group_array(user_id) FROM (
             SELECT user_id FROM participants WHERE conversation_id = e.conversation_id AND joined_seq = e.seq
             ORDER BY nth)) END AS added,
         CASE WHEN e.kind <> 'message' THEN (SELECT json_group_array(user_id) FROM (
             SELECT user_id FROM participants WHERE conversation_id = e.conversation_id AND left_seq = e.seq
             ORDER BY user_id)) END AS removed"
    };
}

/// What [`message`] reads, out of `messages m`.
macro_rules! message_columns {
    () => {
        "m.id AS message_id, m.seq, m.sender_id, m.sender_name, m.content, m.client_message_id, m.created_at"
    };
}

pub(super) use {event_columns, events, message_columns};

/// A message, from a row that has `conversation_id` too.
pub(super) fn message(row: &SqliteRow) -> Result<Message, StoreError> {
    Ok(Message {
        id: row.message_id("message_id")?,
        conversation_id: row.conversation_id("conversation_id")?,
        seq: row.seq("seq")?,
        sender_id: row.user_id("sender_id")?,
        sender_name: row.try_get("sender_name")?,
        content: row.try_get("content")?,
        client_message_id: row.try_get("client_message_id")?,
        created_at: row.time("created_at")?,
    })
}

/// An event.
pub(super) fn event(row: &SqliteRow) -> Result<Event, StoreError> {
    let body = match row.try_get("kind")? {
        "message" => EventBody::Message(Box::new(message(row)?)),
        "updated" => EventBody::Updated {
            data: row.json("data")?,
            added: serde_json::from_str(row.try_get("added")?)?,
            removed: serde_json::from_str(row.try_get("removed")?)?,
        },
        "deleted" => EventBody::Deleted {
            removed: serde_json::from_str(row.try_get("removed")?)?,
        },
        other => return Err(defect(format!("an event of the kind {other:?}"))),
    };
    Ok(Event {
        conversation_id: row.conversation_id("conversation_id")?,
        seq: row.seq("seq")?,
        at: row.time("created_at")?,
        by: row.user_id("sender_id")?,
        body,
    })
}

pub(super) fn receipt_name(row: &SqliteRow) -> Result<Option<EventName>, StoreError> {
    match row.try_get("receipt")? {
        None => Ok(None),
        Some("messages-read") => Ok(Some(EventName::MessagesRead)),
        Some("messages-delivered") => Ok(Some(EventName::MessagesDelivered)),
        Some(other) => Err(defect(format!("a receipt called {other:?}"))),
    }
}

/// For whom a conversation is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// One of its participants.
    Reader,
    /// Everybody, as in events: without what differs by reader or by the moment.
    Everybody,
}

/// A conversation, from a row of [`conversations!`](super::conversations).
pub(super) fn conversation(row: &SqliteRow, whom: For) -> Result<Conversation, StoreError> {
    #[derive(Deserialize)]
    struct Shown(UserId, Option<String>, i64, u64, u64);

    let own = whom == For::Reader;
    let shown: Vec<Shown> = serde_json::from_str(row.try_get("participants")?)?;
    let participants =
        shown.into_iter().map(
            |Shown(user_id, name, joined_at, read, delivered)| Participant {
                user_id,
                name,
                joined_at: Timestamp::from_millis(joined_at),
                read_seq: own.then(|| Seq::new(read)),
                delivered_seq: own.then(|| Seq::new(delivered)),
            },
        );
    let last_message = match row.try_get::<Option<i64>, _>("seq")? {
        Some(_) => Some(message(row)?),
        None => None,
    };
    Ok(Conversation {
        id: row.conversation_id("conversation_id")?,
        kind: kind(row)?,
        title: row.try_get("title")?,
        created_by: row.user_id("created_by")?,
        created_at: row.time("conversation_created_at")?,
        updated_at: row.time("updated_at")?,
        last_seq: row.seq("last_seq")?,
        participant_count: row.count("participant_count")?,
        participants: participants.collect(),
        last_message: own.then_some(last_message),
        unread_count: if own {
            Some(row.count("unread_count")?)
        } else {
            None
        },
    })
}
