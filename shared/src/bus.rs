//! The bus: how an event gets from the API to every gateway that has someone for it.
//!
//! Channels live in *partitions*. A partition gives each thing appended to one of its channels the
//! next *offset*, keeps a short *log* and a *head* for each channel, and pushes to whoever has
//! subscribed. What a subscriber has been pushed is all there was, up to the offset it has reached,
//! or it is told that the partition is lost. With a position that is a statement about the past,
//! "nothing is missing" becomes something one can check: see [`Slice::covers`].
//!
//! The API publishes; gateways signal, subscribe and read. Nobody relies on the bus to keep
//! anything: the store is the truth, and a bus that has lost everything starts a new *epoch*, which
//! makes every older position void.

pub mod local;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use clap::Args;
use tokio::sync::mpsc;

use crate::{
    clock::Timestamp,
    config::positive_duration,
    id::{ConversationId, Seq, UserId},
};

/// The number of a thing in its partition: 1, 2, 3 … within an epoch.
pub type Offset = u64;

/// A partition's number.
pub type PartitionId = u16;

/// One life of a partition: offsets of different epochs cannot be compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// A new one, unlike any before.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random())
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What one publishes to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// What happens in a conversation, for its participants.
    Conversation(ConversationId),
    /// What concerns one user's gateways: membership notices.
    User(UserId),
}

/// Where a thing stands in its conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// It is the event of this number.
    Sequenced(Seq),
    /// It is a receipt, written when the conversation's last event had this number.
    Tagged(Seq),
    /// It is a membership notice; notices have no place.
    Notice,
}

impl Place {
    /// The number that decides who may see it.
    #[must_use]
    pub fn seq(self) -> Seq {
        match self {
            Self::Sequenced(seq) | Self::Tagged(seq) => seq,
            Self::Notice => Seq::ZERO,
        }
    }
}

/// Something to append to a conversation's channel.
#[derive(Debug, Clone)]
pub struct Publication {
    /// Whose channel.
    pub conversation: ConversationId,
    /// Its place: [`Place::Sequenced`] or [`Place::Tagged`].
    pub place: Place,
    /// An encoded [`ConversationEvent`](crate::event::ConversationEvent).
    pub payload: Bytes,
    /// Membership notices that go before it, each to its user's channel.
    pub notices: Vec<(UserId, Bytes)>,
    /// When it was committed.
    pub committed_at: Timestamp,
}

/// What the bus says to a publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// It was appended.
    Published,
    /// It was there already; nothing was done.
    Duplicate,
    /// Publish the events from this number on first, then this one again.
    Next(Seq),
    /// The bus knows nothing of this conversation: publish again with a [`Floor`].
    Absent(Absence),
}

/// A bus's word, at one moment, that it knows nothing of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absence {
    /// The epoch in which it said so.
    pub epoch: Epoch,
    /// When.
    pub at: Timestamp,
}

/// What the publisher knows of a conversation that the bus knows nothing of.
#[derive(Debug, Clone, Copy)]
pub struct Floor {
    /// The lowest number that may not have been published yet: the lowest in the outbox, or, if it
    /// is empty, the one after the last.
    pub seq: Seq,
    /// What the bus said; void 10 s later, or in another epoch.
    pub absence: Absence,
}

/// How long a bus's word that it knows nothing of a conversation may be used.
pub const ABSENCE_HOLDS: Duration = Duration::from_secs(10);

/// Past this age, publishing to an absent channel starts a new epoch: somebody's cursor may be old
/// enough to take the absence for "nothing happened".
pub const ABSENT_TOO_OLD: Duration = Duration::from_secs(12 * 3600);

/// How long a channel's head outlives its last append. Cursors are refused an hour earlier.
pub const HEAD_LIFE: Duration = Duration::from_secs(24 * 3600);

/// How long the joined conversations of a session are kept after their last change.
pub const JOINED_LIFE: Duration = Duration::from_secs(24 * 3600);

/// How much of a channel's past is kept.
#[derive(Debug, Clone, Copy)]
pub struct LogLimits {
    /// How long a log outlives its last append.
    pub life: Duration,
    /// The most entries in one log; the oldest go first.
    pub entries: usize,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            life: Duration::from_secs(120),
            entries: 1_000,
        }
    }
}

/// How much of the past can be made good.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Recovery")]
pub struct RecoverySettings {
    /// What the logs cover at least: a channel's log is kept for this long after the last thing that
    /// happened in it.
    #[arg(long, env = "RECOVERY_WINDOW", value_parser = positive_duration, default_value = "120")]
    pub recovery_window: Duration,
}

impl RecoverySettings {
    /// The logs that cover it.
    #[must_use]
    pub fn log_limits(&self) -> LogLimits {
        LogLimits {
            life: self.recovery_window,
            ..LogLimits::default()
        }
    }
}

/// A place in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Which partition.
    pub partition: PartitionId,
    /// In which of its lives.
    pub epoch: Epoch,
    /// How far.
    pub offset: Offset,
}

/// One thing in a channel's log.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// Its offset.
    pub offset: Offset,
    /// The offset of the one before it in the same channel; zero if there was none.
    pub previous: Offset,
    /// Its place in its conversation.
    pub place: Place,
    /// What was published.
    pub payload: Bytes,
}

/// What a channel has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of the last event published.
    pub seq: Seq,
    /// The offset of the last thing appended.
    pub last: Offset,
}

/// What a log holds after an offset.
#[derive(Debug, Clone)]
pub struct Slice {
    /// The epoch of its offsets.
    pub epoch: Epoch,
    /// The channel's head, unless nothing was appended for [`HEAD_LIFE`].
    pub head: Option<Head>,
    /// The entries in order, at most as many as were asked for.
    pub entries: Vec<LogEntry>,
}

impl Slice {
    /// Whether the slice, read after `after`, begins with the first thing that a participant since
    /// `since` has not seen, so that nothing is missing before its first entry.
    ///
    /// What came before `since` may be missing: it is not theirs.
    #[must_use]
    pub fn covers(&self, after: Offset, since: Seq) -> bool {
        let Some(head) = self.head else { return true };
        if head.last <= after {
            return true;
        }
        let Some(first) = self.entries.first() else {
            return false;
        };
        first.previous <= after
            || match first.place {
                Place::Sequenced(seq) => seq <= since,
                Place::Tagged(seq) => seq < since,
                Place::Notice => false,
            }
    }
}

/// What a subscriber is pushed, in the order in which it happened.
#[derive(Debug, Clone)]
pub enum Push {
    /// Something was appended to a channel.
    Entry {
        /// Where.
        point: Point,
        /// To which channel.
        channel: Channel,
        /// What.
        entry: LogEntry,
    },
    /// Something that is not kept was said on a conversation's channel.
    Signal {
        /// Where.
        conversation: ConversationId,
        /// An encoded [`Signal`](crate::event::Signal).
        payload: Bytes,
    },
    /// The answer to [`Request::Position`]: everything subscribed before it, up to this point, has
    /// been pushed.
    Position {
        /// The request's tag.
        tag: u64,
        /// The point.
        point: Point,
    },
    /// Something may have been missed: no subscription of this partition stands any more.
    Lost(PartitionId),
}

impl Push {
    /// The partition that it is a statement about.
    #[must_use]
    pub fn partition(&self) -> Option<PartitionId> {
        match self {
            Self::Entry { point, .. } | Self::Position { point, .. } => Some(point.partition),
            Self::Lost(partition) => Some(*partition),
            Self::Signal { .. } => None,
        }
    }
}

/// What a subscriber asks for; carried out in the order of asking.
#[derive(Debug, Clone)]
pub enum Request {
    /// Be pushed what is appended to these channels from now on.
    Subscribe(Vec<Channel>),
    /// No longer.
    Unsubscribe(Vec<Channel>),
    /// Say how far every partition is, each by a [`Push::Position`] of this tag, in order with all
    /// else.
    Position(u64),
}

/// One subscriber's connection to the bus. Dropping it ends its subscriptions.
pub struct Link {
    /// Takes requests.
    pub requests: Box<dyn Requests>,
    /// What is pushed. Bounded: a subscriber that does not keep up loses the partition.
    pub pushes: mpsc::Receiver<Push>,
}

/// The asking half of a [`Link`].
#[async_trait]
pub trait Requests: Send + Sync {
    /// Sends a request; its effect is seen among the pushes.
    async fn send(&mut self, request: Request) -> Result<(), BusError>;
}

/// The bus could not do it. The caller keeps what it has and tries again later.
#[derive(Debug, thiserror::Error)]
#[error("the bus is away: {0}")]
pub struct BusError(pub String);

/// Publish, subscribe, replay. Every implementation passes [`conformance`].
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// How many partitions there are.
    fn partitions(&self) -> PartitionId;

    /// The partition of a conversation's channel.
    fn partition_of(&self, conversation: ConversationId) -> PartitionId;

    /// Appends one thing and its notices in one atomic step, or says what it wants first.
    /// Repeating a publication is safe: a sequenced one is recognised, a receipt supersedes itself.
    async fn publish(
        &self,
        publication: &Publication,
        floor: Option<Floor>,
    ) -> Result<Reply, BusError>;

    /// Pushes a signal to whoever is subscribed; keeps nothing.
    async fn signal(&self, conversation: ConversationId, payload: Bytes) -> Result<(), BusError>;

    /// Reads what the log of `channel` holds in `partition` after an offset, oldest first, at most
    /// `limit` entries.
    async fn read(
        &self,
        partition: PartitionId,
        channel: &Channel,
        after: Offset,
        limit: usize,
    ) -> Result<Slice, BusError>;

    /// Connects a subscriber.
    async fn open(&self) -> Result<Link, BusError>;

    /// Remembers which conversations a session has joined, for [`JOINED_LIFE`].
    async fn keep_joined(&self, session: &str, joined: Vec<ConversationId>)
    -> Result<(), BusError>;

    /// Which conversations a session had joined.
    async fn joined(&self, session: &str) -> Result<Vec<ConversationId>, BusError>;
}
