//! What is true in the end: the messages in the database, and the events of each conversation.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
};

use anyhow::Context;
use callboard_shared::{
    clock::Timestamp,
    id::{ConversationId, MessageId},
};
use http::Method;
use serde::Deserialize;
use sqlx::{ConnectOptions, Connection, PgConnection, sqlite::SqliteConnectOptions};

use crate::{journal::Attempt, rest::Rest};

/// The most events of a page.
const PAGE: usize = 100;

/// What is true in the end.
#[derive(Debug, Default)]
pub struct Truth {
    /// The events of each conversation.
    pub conversations: HashMap<ConversationId, History>,
    /// Every message of the run that is in the database.
    pub stored: Vec<StoredMessage>,
}

/// The events of a conversation: the first has the number 1.
#[derive(Debug, Default)]
pub struct History {
    /// In order.
    pub events: Vec<Happened>,
}

/// One event of a conversation.
#[derive(Debug)]
pub enum Happened {
    /// A message was sent.
    Message {
        /// Its id.
        id: MessageId,
        /// Which attempt that was.
        attempt: Option<Attempt>,
    },
    /// It was created or renamed, or its participants changed.
    Updated {
        /// When.
        at: Timestamp,
        /// Who takes part since then.
        participants: HashSet<String>,
    },
}

/// A message in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredMessage {
    /// Where.
    pub conversation: ConversationId,
    /// Its place.
    pub seq: u64,
    /// Its id.
    pub id: MessageId,
    /// Which attempt that was.
    pub attempt: Option<Attempt>,
}

/// From when to when somebody took part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// The event that added them: the first that they get.
    pub joined: u64,
    /// The event that removed them, and when: they hear that the conversation is gone.
    pub left: Option<(u64, Timestamp)>,
}

impl Stay {
    /// Whether they get the event of this number as it is.
    #[must_use]
    pub fn includes(&self, seq: u64) -> bool {
        self.joined <= seq && self.left.is_none_or(|(left, _)| seq < left)
    }
}

impl History {
    /// The event of this number.
    #[must_use]
    pub fn event(&self, seq: u64) -> Option<&Happened> {
        let index = usize::try_from(seq).ok()?.checked_sub(1)?;
        self.events.get(index)
    }

    /// The number of the last event.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.events.len() as u64
    }

    /// When a user took part.
    #[must_use]
    pub fn stays(&self, user: &str) -> Vec<Stay> {
        let mut stays: Vec<Stay> = Vec::new();
        for (seq, event) in (1..).zip(&self.events) {
            let Happened::Updated { at, participants } = event else {
                continue;
            };
            let present = stays.last_mut().filter(|stay| stay.left.is_none());
            match (present, participants.contains(user)) {
                (None, true) => stays.push(Stay {
                    joined: seq,
                    left: None,
                }),
                (Some(stay), false) => stay.left = Some((seq, *at)),
                _ => {}
            }
        }
        stays
    }
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    seq: u64,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    message: Option<Message>,
    conversation: Option<Conversation>,
}

#[derive(Deserialize)]
struct Message {
    id: MessageId,
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Conversation {
    updated_at: Timestamp,
    participant_count: usize,
    participants: Vec<Participant>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Participant {
    user_id: String,
}

/// Reads all events of a conversation, as somebody who takes part in it.
///
/// # Errors
///
/// If they cannot be had, or their numbers have gaps.
pub async fn history(
    rest: &Rest,
    token: &str,
    conversation: ConversationId,
) -> anyhow::Result<History> {
    let mut history = History::default();
    loop {
        let after = history.last_seq();
        let path = format!("conversations/{conversation}/events?after={after}&limit={PAGE}");
        let (status, answer) = rest.call(token, Method::GET, &path, None).await?;
        anyhow::ensure!(status.is_success(), "{path}: {status} {answer}");
        let page: Page = serde_json::from_value(answer)?;
        let more = page.items.len() == PAGE;
        for item in page.items {
            let expected = history.last_seq() + 1;
            anyhow::ensure!(
                item.seq == expected,
                "{conversation} goes on with {} instead of {expected}",
                item.seq
            );
            history.events.push(happened(item.data)?);
        }
        if !more {
            return Ok(history);
        }
    }
}

fn happened(data: Data) -> anyhow::Result<Happened> {
    if let Some(message) = data.message {
        return Ok(Happened::Message {
            id: message.id,
            attempt: Attempt::of(&message.content),
        });
    }
    let conversation = data.conversation.context("an event of an unknown kind")?;
    anyhow::ensure!(
        conversation.participant_count == conversation.participants.len(),
        "too many participants to know them all from the event"
    );
    let participants = conversation.participants.into_iter();
    Ok(Happened::Updated {
        at: conversation.updated_at,
        participants: participants.map(|one| one.user_id).collect(),
    })
}

/// Where the database is.
#[derive(Debug, Clone)]
pub enum Database {
    /// That of `callboard dev`.
    Sqlite(PathBuf),
    /// That of a fleet.
    Postgres(String),
}

impl Database {
    /// Reads the messages of these conversations.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    pub async fn messages(
        &self,
        conversations: &HashSet<ConversationId>,
    ) -> anyhow::Result<Vec<StoredMessage>> {
        let rows: Vec<(String, i64, String, String)> = match self {
            Self::Sqlite(file) => {
                let options = SqliteConnectOptions::new().filename(file);
                let mut connection = options.connect().await?;
                let all = "SELECT hex(conversation_id), seq, hex(id), content FROM messages";
                sqlx::query_as(all).fetch_all(&mut connection).await?
            }
            Self::Postgres(url) => {
                let mut connection = PgConnection::connect(url).await?;
                let all = "SELECT conversation_id::text, seq, id::text, content FROM messages";
                sqlx::query_as(all).fetch_all(&mut connection).await?
            }
        };
        let stored = rows.into_iter().map(|(conversation, seq, id, content)| {
            Ok(StoredMessage {
                conversation: uuid(&conversation).parse()?,
                seq: u64::try_from(seq)?,
                id: uuid(&id).parse()?,
                attempt: Attempt::of(&content),
            })
        });
        let stored: Vec<_> = stored.collect::<anyhow::Result<_>>()?;
        let ours = stored.into_iter();
        Ok(ours
            .filter(|message| conversations.contains(&message.conversation))
            .collect())
    }
}

/// PostgreSQL puts this before bytes that are shown as text.
fn uuid(text: &str) -> &str {
    text.strip_prefix("\\x").unwrap_or(text)
}
