//! What is selected, and how SQLite's columns are read.

use sqlx::{Row, sqlite::SqliteRow};

use crate::store::{
    StoreError,
    rows::{Columns, defect},
};

impl Columns for SqliteRow {
    fn integer(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn text(&self, column: &str) -> Result<Option<&str>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn id(&self, column: &str) -> Result<[u8; 16], StoreError> {
        self.try_get::<&[u8], _>(column)?.try_into().map_err(defect)
    }
}

/// Ids for `json_each`, to be read there with `unhex(value)`.
pub(super) fn id_list<'a>(ids: impl IntoIterator<Item = &'a [u8; 16]>) -> String {
    let ids = ids
        .into_iter()
        .map(|id| format!("\"{:032x}\"", u128::from_be_bytes(*id)));
    format!("[{}]", ids.collect::<Vec<_>>().join(","))
}

/// Select list and source of [`rows::event`](crate::store::rows::event): `events e`, `messages m`.
macro_rules! events {
    ($where:literal) => {
        concat!(
            "SELECT ",
            $crate::store::sqlite::columns::event_columns!(),
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
         CASE e.kind WHEN 'updated' THEN (SELECT json_group_array(user_id) FROM (
             SELECT user_id FROM participants WHERE conversation_id = e.conversation_id AND joined_seq = e.seq
             ORDER BY nth)) END AS added,
         CASE WHEN e.kind <> 'message' THEN (SELECT json_group_array(user_id) FROM (
             SELECT user_id FROM participants WHERE conversation_id = e.conversation_id AND left_seq = e.seq
             ORDER BY user_id)) END AS removed"
    };
}

/// What [`rows::message`](crate::store::rows::message) reads, out of `messages m`.
macro_rules! message_columns {
    () => {
        "m.id AS message_id, m.seq, m.sender_id, m.sender_name, m.content, m.client_message_id, m.created_at"
    };
}

pub(super) use {event_columns, events, message_columns};
