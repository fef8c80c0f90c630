//! What is selected, and how PostgreSQL's columns are read.

use callboard_shared::id::ConversationId;
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use crate::store::{StoreError, rows::Columns};

impl Columns for PgRow {
    fn integer(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn text(&self, column: &str) -> Result<Option<&str>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn id(&self, column: &str) -> Result<[u8; 16], StoreError> {
        Ok(self.try_get::<Uuid, _>(column)?.into_bytes())
    }
}

/// A conversation's id as a column.
pub(super) fn uuid(id: ConversationId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

/// Select list and source of [`rows::event`](crate::store::rows::event): `events e`, `messages m`.
macro_rules! events {
    ($where:literal) => {
        concat!(
            "SELECT ",
            $crate::store::postgres::columns::event_columns!(),
            " FROM events e LEFT JOIN messages m ON m.conversation_id = e.conversation_id AND m.seq = e.seq ",
            $where
        )
    };
}

/// What [`rows::event`](crate::store::rows::event) reads.
macro_rules! event_columns {
    () => {
        "e.conversation_id, e.seq, e.kind, e.at AS created_at, e.by_user AS sender_id, e.data,
         m.id AS message_id, m.sender_name, m.content, m.client_message_id,
         CASE e.kind WHEN 'updated' THEN array_to_json(ARRAY(
             SELECT user_id FROM participants WHERE conversation_id = e.conversation_id AND joined_seq = e.seq
             ORDER BY nth))::text END AS added,
         CASE WHEN e.kind <> 'message' THEN array_to_json(ARRAY(
             SELECT user_id FROM participants WHERE conversation_id = e.conversation_id AND left_seq = e.seq
             ORDER BY user_id))::text END AS removed"
    };
}

/// What [`rows::message`](crate::store::rows::message) reads, out of `messages m`.
macro_rules! message_columns {
    () => {
        "m.id AS message_id, m.seq, m.sender_id, m.sender_name, m.content, m.client_message_id, m.created_at"
    };
}

/// What participant `$2` of conversation `$1` reads there, at one moment: no row at all for others,
/// and one without a `seq` if there is nothing to read.
macro_rules! for_reader {
    ($page:expr, $order:expr) => {
        concat!(
            "SELECT page.* FROM participants reader LEFT JOIN LATERAL (",
            $page,
            ") AS page ON TRUE
             WHERE reader.conversation_id = $1 AND reader.user_id = $2 AND reader.left_seq IS NULL ORDER BY ",
            $order
        )
    };
}

pub(super) use {event_columns, events, for_reader, message_columns};
