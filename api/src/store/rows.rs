//! From rows to values: the same for every database, whose queries name their columns alike.

use callboard_shared::{
    clock::Timestamp,
    event::EventName,
    id::{ConversationId, MessageId, Seq, UserId},
    wire::{Conversation, ConversationKind, Message, Participant},
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Announcement, BoxError, Event, EventBody, Listed, Membership, OutboxEntry, OutboxId,
    ParticipantKey, Pending, Receipt, StoreError,
};

/// Reads typed values out of a row.
pub(super) trait Columns {
    fn integer(&self, column: &str) -> Result<Option<i64>, StoreError>;
    fn text(&self, column: &str) -> Result<Option<&str>, StoreError>;
    fn id(&self, column: &str) -> Result<[u8; 16], StoreError>;

    fn some_text(&self, column: &str) -> Result<&str, StoreError> {
        self.text(column)?.ok_or_else(|| missing(column))
    }

    fn string(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(self.text(column)?.map(str::to_owned))
    }

    fn conversation_id(&self, column: &str) -> Result<ConversationId, StoreError> {
        self.id(column).map(ConversationId::from_bytes)
    }

    fn message_id(&self, column: &str) -> Result<MessageId, StoreError> {
        self.id(column).map(MessageId::from_bytes)
    }

    fn user_id(&self, column: &str) -> Result<UserId, StoreError> {
        self.some_text(column)?.parse().map_err(defect)
    }

    fn count<T: TryFrom<i64, Error: Into<BoxError>>>(&self, column: &str) -> Result<T, StoreError> {
        let integer = self.integer(column)?.ok_or_else(|| missing(column))?;
        integer.try_into().map_err(defect)
    }

    fn seq(&self, column: &str) -> Result<Seq, StoreError> {
        self.count(column).map(Seq::new)
    }

    fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        self.count(column).map(Timestamp::from_millis)
    }

    fn json(&self, column: &str) -> Result<Box<RawValue>, StoreError> {
        Ok(RawValue::from_string(self.some_text(column)?.to_owned())?)
    }
}

pub(super) fn defect(error: impl Into<BoxError>) -> StoreError {
    StoreError::Defect(error.into())
}

fn missing(column: &str) -> StoreError {
    defect(format!("nothing in the column {column:?}"))
}

/// A sequence number as a column.
pub(super) fn number(seq: Seq) -> i64 {
    i64::try_from(seq.get()).unwrap_or(i64::MAX)
}

/// A number of rows as a column.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn kind_name(kind: ConversationKind) -> &'static str {
    match kind {
        ConversationKind::Group => "group",
        ConversationKind::Direct => "direct",
    }
}

pub(super) fn kind(row: &impl Columns) -> Result<ConversationKind, StoreError> {
    match row.some_text("kind")? {
        "group" => Ok(ConversationKind::Group),
        "direct" => Ok(ConversationKind::Direct),
        other => Err(defect(format!("a conversation of the kind {other:?}"))),
    }
}

/// A message, from a row that has `conversation_id` too.
pub(super) fn message(row: &impl Columns) -> Result<Message, StoreError> {
    Ok(Message {
        id: row.message_id("message_id")?,
        conversation_id: row.conversation_id("conversation_id")?,
        seq: row.seq("seq")?,
        sender_id: row.user_id("sender_id")?,
        sender_name: row.string("sender_name")?,
        content: row.some_text("content")?.to_owned(),
        client_message_id: row.string("client_message_id")?,
        created_at: row.time("created_at")?,
    })
}

/// An event.
pub(super) fn event(row: &impl Columns) -> Result<Event, StoreError> {
    let body = match row.some_text("kind")? {
        "message" => EventBody::Message(Box::new(message(row)?)),
        "updated" => EventBody::Updated {
            data: row.json("data")?,
            added: serde_json::from_str(row.some_text("added")?)?,
            removed: serde_json::from_str(row.some_text("removed")?)?,
        },
        "deleted" => EventBody::Deleted {
            removed: serde_json::from_str(row.some_text("removed")?)?,
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

/// That there is an entry in the outbox.
pub(super) fn pending(row: &impl Columns) -> Result<Pending, StoreError> {
    Ok(Pending {
        id: OutboxId(row.count("id")?),
        conversation: row.conversation_id("conversation_id")?,
    })
}

/// An entry of the outbox.
pub(super) fn entry(row: &impl Columns) -> Result<OutboxEntry, StoreError> {
    let announcement = match receipt_name(row)? {
        None => Announcement::Event(event(row)?),
        Some(event) => Announcement::Receipt(Receipt {
            conversation_id: row.conversation_id("outbox_conversation_id")?,
            tag: row.seq("outbox_seq")?,
            at: row.time("outbox_at")?,
            by: row.user_id("outbox_by")?,
            event,
            data: row.json("outbox_data")?,
        }),
    };
    Ok(OutboxEntry {
        id: OutboxId(row.count("outbox_id")?),
        announcement,
    })
}

/// What the outbox keeps of an announcement: its number, its time, and the whole of a receipt. An event
/// is read from where events are.
pub(super) struct Kept<'a> {
    pub(super) seq: i64,
    pub(super) at: i64,
    pub(super) receipt: Option<&'a Receipt>,
}

pub(super) fn kept(entry: &OutboxEntry) -> Kept<'_> {
    let (seq, at, receipt) = match &entry.announcement {
        Announcement::Event(event) => (event.seq, event.at, None),
        Announcement::Receipt(receipt) => (receipt.tag, receipt.at, Some(receipt)),
    };
    Kept {
        seq: number(seq),
        at: at.as_millis(),
        receipt,
    }
}

fn receipt_name(row: &impl Columns) -> Result<Option<EventName>, StoreError> {
    match row.text("receipt")? {
        None => Ok(None),
        Some("messages-read") => Ok(Some(EventName::MessagesRead)),
        Some("messages-delivered") => Ok(Some(EventName::MessagesDelivered)),
        Some(other) => Err(defect(format!("a receipt called {other:?}"))),
    }
}

/// A participant and their place.
pub(super) fn listed(row: &impl Columns) -> Result<Listed, StoreError> {
    let participant = Participant {
        user_id: row.user_id("user_id")?,
        name: row.string("name")?,
        joined_at: row.time("joined_at")?,
        read_seq: Some(row.seq("read_seq")?),
        delivered_seq: Some(row.seq("delivered_seq")?),
    };
    Ok(Listed {
        key: ParticipantKey {
            joined_seq: row.seq("joined_seq")?,
            nth: row.count("nth")?,
        },
        participant,
    })
}

/// A stay.
pub(super) fn membership(row: &impl Columns) -> Result<Membership, StoreError> {
    let left = row.integer("left_seq")?.map(|_| row.seq("left_seq"));
    Ok(Membership {
        conversation_id: row.conversation_id("conversation_id")?,
        joined_seq: row.seq("joined_seq")?,
        left_seq: left.transpose()?,
        last_seq: row.seq("last_seq")?,
    })
}

/// For whom a conversation is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// One of its participants.
    Reader,
    /// Everybody, as in events: without what differs by reader or by the moment.
    Everybody,
}

/// A conversation, from a row of `conversations!`.
pub(super) fn conversation(row: &impl Columns, whom: For) -> Result<Conversation, StoreError> {
    #[derive(Deserialize)]
    struct Shown(UserId, Option<String>, i64, u64, u64);

    let own = whom == For::Reader;
    let shown: Vec<Shown> = serde_json::from_str(row.some_text("participants")?)?;
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
    let last_message = match row.integer("seq")? {
        Some(_) => Some(message(row)?),
        None => None,
    };
    Ok(Conversation {
        id: row.conversation_id("conversation_id")?,
        kind: kind(row)?,
        title: row.string("title")?,
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
