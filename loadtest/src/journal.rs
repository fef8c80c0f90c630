//! What is written down during a run: every attempt to send, and everything that each client was
//! sent, in order. The [verdict](crate::verdict) needs nothing else beside the truth.

use std::{fmt, time::Duration};

use callboard_shared::{
    clock::Timestamp,
    id::{ConversationId, MessageId},
};
use tokio::time::Instant;

/// Time since the beginning of the run.
pub type At = Duration;

/// When the run began.
#[derive(Debug, Clone, Copy)]
pub struct Beginning(Instant);

impl Beginning {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        Self(Instant::now())
    }

    /// How long ago that was.
    #[must_use]
    pub fn elapsed(self) -> At {
        self.0.elapsed()
    }
}

/// The number of an attempt to send something, unique in the run. It is part of the content, so that
/// it is known by it wherever it turns up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt(u64);

impl Attempt {
    /// The attempt of this number.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// What is sent, filled up to about `length` bytes.
    #[must_use]
    pub fn content(self, length: usize) -> String {
        let mut content = format!("attempt {} ", self.0);
        // Four bytes each: the API counts characters, the wire bytes.
        while content.len() < length {
            content.push('𝄞');
        }
        content
    }

    /// Whose content this is.
    #[must_use]
    pub fn of(content: &str) -> Option<Self> {
        let number = content.strip_prefix("attempt ")?.split(' ').next()?;
        number.parse().ok().map(Self)
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attempt {}", self.0)
    }
}

/// Which way an attempt went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `POST …/messages`.
    Rest,
    /// `send-message`.
    Socket,
}

/// What a try came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored, as this message.
    Acknowledged {
        /// The message.
        message: MessageId,
        /// Its place.
        seq: u64,
    },
    /// It was refused for good, and is not stored.
    Refused(String),
    /// No answer, or one that leaves it open.
    Unknown,
}

/// One try at sending something.
#[derive(Debug, Clone)]
pub struct Try {
    /// What was sent: the same for repetitions.
    pub attempt: Attempt,
    /// Where to.
    pub conversation: ConversationId,
    /// Which way.
    pub way: Way,
    /// When it began.
    pub began: At,
    /// What came of it.
    pub outcome: Outcome,
}

/// Something sequenced that a client was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// An event of a conversation.
    Event {
        /// Which conversation.
        conversation: ConversationId,
        /// The event's place.
        seq: u64,
        /// What was sent, if it is a message of this run.
        attempt: Option<Attempt>,
    },
    /// `conversation-deleted`: the user is not in it any more.
    Gone {
        /// Which conversation.
        conversation: ConversationId,
    },
}

/// What `POST /messages/sync` gave a client that could not be recovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// The places of the events that were missed, for each conversation that the client knew and the
    /// user takes part in.
    pub missed: Vec<(ConversationId, Vec<u64>)>,
    /// Conversations that the client did not know, and up to where they go.
    pub joined: Vec<(ConversationId, u64)>,
    /// When it was answered.
    pub asked_until: Timestamp,
}

/// One line of a client's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// CONNECT was answered. A new session begins unless it was recovered.
    Connected {
        /// Whether everything that was missed follows.
        recovered: bool,
    },
    /// It is up to date: `ready` after a recovery, else once it has synced.
    Live,
    /// It was sent something.
    Received(Received),
    /// It has asked what it missed.
    Synced(Synced),
    /// The connection has ended.
    Disconnected {
        /// Why, as far as the client knows.
        reason: String,
    },
    /// It will not come back: CONNECT was refused, or the server sent DISCONNECT.
    Banished {
        /// What the server said.
        reason: String,
    },
}

/// Everything that happened to one client.
#[derive(Debug, Clone, Default)]
pub struct ClientJournal {
    /// Whose client.
    pub user: String,
    /// In order.
    pub lines: Vec<(At, Line)>,
}
