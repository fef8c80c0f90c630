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
mod log;
pub mod redis;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;

use std::{fmt, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;

pub use self::log::{Head, LogEntry, LogLimits, RecoverySettings, Slice};

use crate::{
    clock::Timestamp,
    id::{ConversationId, GatewayId, Seq, UserId},
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
        Self(crate::random::random())
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
    /// It is a receipt. To be published: written when the conversation's last event had this number. In a
    /// log: behind the event of this number, and before the next.
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
    Published(Standing),
    /// It was there already; nothing was done.
    Duplicate(Standing),
    /// Publish the events from this number on first, then this one again: a receipt too follows
    /// the events that it was written after.
    Next(Seq),
    /// The bus knows nothing of this conversation: publish again with a floor.
    Absent,
}

/// Whether what was published can still be lost without anybody noticing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No: whoever misses it will know.
    Settled,
    /// A replica that does not have it may have taken over already. It is settled if the partition
    /// is still in this epoch after [`SETTLES_IN`]; if not, it must be published again.
    Unsettled(Epoch),
}

/// How long it takes until everybody knows which replica has taken over.
pub const SETTLES_IN: Duration = Duration::from_secs(30);

/// How many pushes may wait for one subscriber; past it, the subscriber loses the partition and
/// catches up from the logs.
pub const PUSH_QUEUE: usize = 16_384;

/// Past this age, publishing to an absent channel starts a new epoch: it may have been published a day
/// ago, and be forgotten, and nobody is to get it twice. So a floor is good for as long as one likes: by
/// the time that what it stands for is forgotten, what is published with it is old. An epoch that is
/// younger than this has forgotten nothing.
pub const ABSENT_TOO_OLD: Duration = Duration::from_secs(12 * 3600);

/// How long a channel's head outlives its last append. Cursors are refused an hour earlier.
pub const HEAD_LIFE: Duration = Duration::from_secs(24 * 3600);

/// How long the joined conversations of a session are kept after their last change.
pub const JOINED_LIFE: Duration = Duration::from_secs(24 * 3600);

/// How long a gateway counts as running after it has said so. It says so three times as often.
pub const GATEWAY_LIFE: Duration = Duration::from_secs(6);

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
    /// Something that is not kept was said on a channel.
    Signal {
        /// Where.
        channel: Channel,
        /// An encoded [`Signal`](crate::event::Signal) on a conversation's channel, an encoded
        /// [`Takeover`](crate::event::Takeover) on a user's.
        payload: Bytes,
    },
    /// The answer to [`Ask::Position`]: everything subscribed before it, up to this point, has
    /// been pushed.
    Position {
        /// The request's tag.
        tag: u64,
        /// The point.
        point: Point,
    },
    /// Something may have been missed: no subscription of this partition stands any more, and what
    /// was asked for before need not be carried out. It may come more than once for one loss.
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

/// What a subscriber asks of a partition; carried out in the order of asking.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which partition.
    pub partition: PartitionId,
    /// What.
    pub ask: Ask,
}

/// What a [`Request`] is for.
#[derive(Debug, Clone)]
pub enum Ask {
    /// Be pushed what is appended to these channels, in this partition, from now on. A user's
    /// channel is subscribed in every partition.
    Subscribe(Vec<Channel>),
    /// No longer.
    Unsubscribe(Vec<Channel>),
    /// Say how far the partition is, by a [`Push::Position`] of this tag, in order with all else.
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
pub trait Requests: Send + Sync {
    /// Sends a request without waiting; its effect is seen among the pushes. What cannot be carried
    /// out, because the partition's node is away or too much is waiting, loses the partition.
    fn send(&self, request: Request);
}

/// The bus could not do it. The caller keeps what it has and tries again later.
#[derive(Debug, thiserror::Error)]
#[error("the bus is away")]
pub struct BusError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl BusError {
    /// With a reason that has no error behind it.
    #[must_use]
    pub fn new(reason: &'static str) -> Self {
        Self(reason.into())
    }
}

/// Publish, subscribe, replay; and what gateways tell one another. Every implementation passes `conformance`.
#[async_trait]
pub trait Bus: Send + Sync + 'static {
    /// How many partitions there are.
    fn partitions(&self) -> PartitionId;

    /// The partition of a conversation's channel.
    fn partition_of(&self, conversation: ConversationId) -> PartitionId;

    /// Appends one thing and its notices in one atomic step, or says what it wants first.
    /// Repeating a publication is safe: a sequenced one is recognised, a receipt supersedes itself.
    /// `floor` is for a conversation of which the bus says that it knows nothing: the lowest number that
    /// may not have been published yet. That is the lowest in the outbox, or, if it is empty, the one
    /// after the last.
    async fn publish(
        &self,
        publication: &Publication,
        floor: Option<Seq>,
    ) -> Result<Reply, BusError>;

    /// The epoch that a partition is in.
    async fn epoch(&self, partition: PartitionId) -> Result<Epoch, BusError>;

    /// Pushes a signal to whoever is subscribed; keeps nothing. On a user's channel it goes through
    /// one partition, always the same.
    async fn signal(&self, channel: &Channel, payload: Bytes) -> Result<(), BusError>;

    /// Reads what the log of `channel` holds in `partition` after an offset, oldest first, at most
    /// `limit` entries.
    async fn read(
        &self,
        partition: PartitionId,
        channel: &Channel,
        after: Offset,
        limit: usize,
    ) -> Result<Slice, BusError>;

    /// A way in for a subscriber. It stands for as long as it is kept; nodes that are away are
    /// connected to when they are asked for something.
    fn open(&self) -> Link;

    /// Remembers which conversations a session has joined, for [`JOINED_LIFE`].
    async fn keep_joined(&self, session: &str, joined: Vec<ConversationId>)
    -> Result<(), BusError>;

    /// Which conversations a session had joined. They are remembered for [`JOINED_LIFE`] again.
    async fn joined(&self, session: &str) -> Result<Vec<ConversationId>, BusError>;

    /// Says that a gateway runs and at which address it takes what other gateways pass on; counts
    /// for [`GATEWAY_LIFE`].
    async fn announce(&self, gateway: GatewayId, address: &str) -> Result<(), BusError>;

    /// Where a gateway is, if it runs.
    async fn locate(&self, gateway: GatewayId) -> Result<Option<String>, BusError>;

    /// Says that a gateway has ended.
    async fn withdraw(&self, gateway: GatewayId) -> Result<(), BusError>;
}
