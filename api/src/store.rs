//! What lasts: conversations, participants, messages, events, receipts and the outbox.
//!
//! [`Store`] is coarse: each operation is one atomic business step, and a transaction never crosses
//! the trait. Who may do what is decided within the transaction, by the same `rules` in every
//! implementation. What a step leaves to publish it writes to the outbox in the same transaction
//! and hands back. SQL lives below this module and nowhere else.

#[cfg(any(test, feature = "conformance"))]
#[expect(clippy::unwrap_used, reason = "a suite that runs in tests alone")]
pub mod conformance;
mod failure;
mod model;
pub mod postgres;
mod rows;
pub mod rules;
pub mod sqlite;

use async_trait::async_trait;
use callboard_shared::{
    bus::Place,
    clock::Timestamp,
    id::{ConversationId, Seq, UserId},
    wire::{Conversation, Message},
};

pub use self::{
    model::{
        Action, Announcement, Backlog, Change, Changed, Created, Event, EventBody, ListKey, Listed,
        Membership, Missed, NewConversation, NewMessage, OutboxEntry, OutboxId, ParticipantKey,
        Pending, Range, Receipt, ReceiptKind, ReceiptRequest, ReceiptState, Receipts, Sent,
        SyncRequest, UserName,
    },
    rules::Refusal,
};

/// The store could not do it; nothing was changed, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It is away or overloaded. A commit that was under way may have happened.
    #[error("the store is away")]
    Unavailable(#[source] BoxError),
    /// Another transaction holds for too long what it needs. Other steps may well be done.
    #[error("the store waits for another transaction")]
    Locked(#[source] BoxError),
    /// It holds, or was asked, something that should not be: a defect.
    #[error("the store holds something unexpected")]
    Defect(#[source] BoxError),
}

/// Whatever an implementation has to say about a failure.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A step's outcome, when the store itself works: done, or refused by the rules.
pub type Outcome<T> = Result<T, Refusal>;

/// Conversations and everything in them. Every implementation passes `store/conformance.rs`.
///
/// A reader or actor who is not a participant at the moment of the transaction is told the same as
/// if there were no such conversation.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// How many transactions that send are worth having under way at once, of different
    /// conversations.
    fn lanes(&self) -> u8;

    /// Remembers users' display names. A crash may undo it.
    async fn see_users(&self, names: &[UserName], at: Timestamp) -> Result<(), StoreError>;

    /// Creates a conversation with its first event, or finds the direct one that these two people
    /// have already.
    async fn create(&self, new: NewConversation) -> Result<Created, StoreError>;

    /// A conversation as its reader sees it.
    async fn conversation(
        &self,
        reader: &UserId,
        id: ConversationId,
    ) -> Result<Outcome<Conversation>, StoreError>;

    /// A reader's conversations, latest activity first.
    async fn conversations(
        &self,
        reader: &UserId,
        after: Option<ListKey>,
        limit: usize,
    ) -> Result<Vec<Conversation>, StoreError>;

    /// The participants in the order of their joining.
    async fn participants(
        &self,
        reader: &UserId,
        id: ConversationId,
        after: Option<ParticipantKey>,
        limit: usize,
    ) -> Result<Outcome<Vec<Listed>>, StoreError>;

    /// Renames or deletes a conversation, adds or removes participants: one event, or none if
    /// nothing changes.
    async fn change(&self, change: Change) -> Result<Outcome<Changed>, StoreError>;

    /// Sends messages, of any conversations, in one transaction; the outcomes are in the same order.
    async fn send(&self, messages: Vec<NewMessage>) -> Result<Vec<Outcome<Sent>>, StoreError>;

    /// A page of messages.
    async fn messages(
        &self,
        reader: &UserId,
        id: ConversationId,
        range: Range,
        limit: usize,
    ) -> Result<Outcome<Vec<Message>>, StoreError>;

    /// The events after a number, in order.
    async fn events(
        &self,
        reader: &UserId,
        id: ConversationId,
        after: Seq,
        limit: usize,
    ) -> Result<Outcome<Vec<Event>>, StoreError>;

    /// What someone has missed, at one moment.
    async fn sync(&self, request: SyncRequest) -> Result<Backlog, StoreError>;

    /// Moves receipts forward, in one transaction; the outcomes are in the same order.
    async fn record_receipts(
        &self,
        requests: Vec<ReceiptRequest>,
        at: Timestamp,
    ) -> Result<Receipts, StoreError>;

    /// Each user's stays, in the order of asking: the current ones, most recently active first and
    /// at most `limit` a user, and those that ended at `left_since` or later.
    async fn memberships(
        &self,
        users: &[UserId],
        limit: usize,
        left_since: Timestamp,
    ) -> Result<Vec<Vec<Membership>>, StoreError>;

    /// A user's current stay in a conversation.
    async fn membership(
        &self,
        user: &UserId,
        id: ConversationId,
    ) -> Result<Outcome<Membership>, StoreError>;

    /// The events of a conversation from a number on, whoever takes part: what the bus asks for.
    async fn events_from(
        &self,
        id: ConversationId,
        from: Seq,
        limit: usize,
    ) -> Result<Vec<Event>, StoreError>;

    /// The lowest number that may not have been published: the lowest event in the outbox, or, if
    /// there is none, the one after the last.
    async fn floor(&self, id: ConversationId) -> Result<Seq, StoreError>;

    /// How many entries the outbox holds, of any age; many more than a few need not be counted.
    async fn backlog(&self) -> Result<u64, StoreError>;

    /// What has been in the outbox since `before` or longer, past `after`, in the order of writing.
    async fn pending(
        &self,
        before: Timestamp,
        after: OutboxId,
        limit: usize,
    ) -> Result<Vec<Pending>, StoreError>;

    /// These entries of the outbox, as far as they are still there, in the order of writing.
    async fn entries(&self, ids: &[OutboxId]) -> Result<Vec<OutboxEntry>, StoreError>;

    /// Takes published entries out of the outbox. A crash may undo it.
    async fn published(&self, entries: &[OutboxId]) -> Result<(), StoreError>;

    /// Removes rows of conversations that were deleted before a time and have nothing left to
    /// publish, about `limit` at most; says whether there may be more.
    async fn purge(&self, deleted_before: Timestamp, limit: usize) -> Result<bool, StoreError>;

    /// Whether it can be used: it is there, and in a form that this build knows.
    async fn check(&self) -> Result<(), StoreError>;
}

impl OutboxEntry {
    /// Where it is published.
    #[must_use]
    pub fn conversation(&self) -> ConversationId {
        match &self.announcement {
            Announcement::Event(event) => event.conversation_id,
            Announcement::Receipt(receipt) => receipt.conversation_id,
        }
    }

    /// Its place in its conversation.
    #[must_use]
    pub fn place(&self) -> Place {
        match &self.announcement {
            Announcement::Event(event) => Place::Sequenced(event.seq),
            Announcement::Receipt(receipt) => Place::Tagged(receipt.tag),
        }
    }
}
