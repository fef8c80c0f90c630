//! What goes into the store and comes out of it.

use std::{collections::BTreeMap, sync::Arc};

use callboard_shared::{
    clock::Timestamp,
    event::EventName,
    id::{ConversationId, MessageId, Seq, UserId},
    wire::{Conversation, ConversationKind, Message, Participant},
};
use serde_json::value::RawValue;

use super::{Outcome, StoreError};
use crate::values::{ClientMessageId, Content, Title};

/// A user and their display name, if their token has one.
pub type UserName = (UserId, Option<Arc<str>>);

/// A conversation to create.
#[derive(Debug, Clone)]
pub struct NewConversation {
    /// Its id.
    pub id: ConversationId,
    /// Group, or direct between exactly two people.
    pub kind: ConversationKind,
    /// Its title.
    pub title: Option<Title>,
    /// Who creates it.
    pub created_by: UserId,
    /// Who takes part, each once, the creator among them.
    pub participants: Vec<UserId>,
    /// When.
    pub at: Timestamp,
}

/// What became of a [`NewConversation`].
#[derive(Debug)]
pub struct Created {
    /// The conversation, as its creator sees it.
    pub conversation: Conversation,
    /// What is to be published; none if it was there already.
    pub entry: Option<OutboxEntry>,
}

/// A change to a conversation, by one of its participants.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which conversation.
    pub conversation_id: ConversationId,
    /// Who changes it.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
    /// How.
    pub action: Action,
}

/// How a conversation changes.
#[derive(Debug, Clone)]
pub enum Action {
    /// It gets another title.
    Rename(Title),
    /// People are added; who takes part already is passed over.
    Add {
        /// Who.
        users: Vec<UserId>,
        /// How many may take part in all.
        max: usize,
    },
    /// Someone is removed, or leaves.
    Remove(UserId),
    /// It is deleted.
    Delete,
}

/// What became of a [`Change`].
#[derive(Debug)]
pub struct Changed {
    /// The conversation as the actor sees it; none once they have left or deleted it.
    pub conversation: Option<Conversation>,
    /// What is to be published; none if nothing changed.
    pub entry: Option<OutboxEntry>,
}

/// A message to send.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// Its id, if it turns out to be new.
    pub id: MessageId,
    /// Where to.
    pub conversation_id: ConversationId,
    /// Who sends it.
    pub sender_id: UserId,
    /// Their display name.
    pub sender_name: Option<Arc<str>>,
    /// What it says.
    pub content: Content,
    /// By which a repetition is recognised.
    pub client_message_id: Option<ClientMessageId>,
    /// When.
    pub at: Timestamp,
}

/// What became of a [`NewMessage`].
#[derive(Debug)]
pub struct Sent {
    /// The message, or the first one of this sender with the same `clientMessageId`.
    pub message: Message,
    /// What is to be published; none if it was sent before.
    pub entry: Option<OutboxEntry>,
}

/// Which messages, by number; the bounds are excluded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Range {
    /// Only those after it, oldest first.
    pub after: Option<Seq>,
    /// Only those before it.
    pub before: Option<Seq>,
}

/// The place of a conversation in a list: by latest activity, then by id, both descending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListKey {
    /// When something sequenced last happened in it.
    pub updated_at: Timestamp,
    /// Its id.
    pub id: ConversationId,
}

impl From<&Conversation> for ListKey {
    fn from(conversation: &Conversation) -> Self {
        Self {
            updated_at: conversation.updated_at,
            id: conversation.id,
        }
    }
}

/// The place of a participant among all: by the event that added them, then as listed there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParticipantKey {
    /// The event that added them.
    pub joined_seq: Seq,
    /// Their place among those it added.
    pub nth: u32,
}

/// A participant and their place.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The place.
    pub key: ParticipantKey,
    /// The participant.
    pub participant: Participant,
}

/// Something sequenced that happened in a conversation.
#[derive(Debug, Clone)]
pub struct Event {
    /// Where.
    pub conversation_id: ConversationId,
    /// Its number.
    pub seq: Seq,
    /// When it was committed.
    pub at: Timestamp,
    /// Who did it.
    pub by: UserId,
    /// What happened.
    pub body: EventBody,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum EventBody {
    /// A message was sent.
    Message(Box<Message>),
    /// It was created or renamed, or its participants changed.
    Updated {
        /// The data of `conversation-updated`.
        data: Box<RawValue>,
        /// Who was added.
        added: Vec<UserId>,
        /// Who was removed, or left.
        removed: Vec<UserId>,
    },
    /// It was deleted.
    Deleted {
        /// Who took part.
        removed: Vec<UserId>,
    },
}

/// Someone has got further in a conversation.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// Where.
    pub conversation_id: ConversationId,
    /// The number of the conversation's last event at that moment.
    pub tag: Seq,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: UserId,
    /// `messages-read` or `messages-delivered`.
    pub event: EventName,
    /// Its data.
    pub data: Box<RawValue>,
}

/// What is published of a step.
#[derive(Debug, Clone)]
pub enum Announcement {
    /// An event.
    Event(Event),
    /// A receipt.
    Receipt(Receipt),
}

/// The number of an outbox entry; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct OutboxId(pub i64);

/// Something committed that may not have been published yet.
#[derive(Debug, Clone)]
pub struct OutboxEntry {
    /// By which it is taken out.
    pub id: OutboxId,
    /// What to publish.
    pub announcement: Announcement,
}

/// That there is an entry in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Its id.
    pub id: OutboxId,
    /// The conversation that it belongs to.
    pub conversation: ConversationId,
}

/// A stay in a conversation: the events that its user may see, and how far the conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The event that added the user: the first they may see.
    pub joined_seq: Seq,
    /// The event that removed them: the last they may see.
    pub left_seq: Option<Seq>,
    /// The number of the conversation's last event.
    pub last_seq: Seq,
}

/// A receipt to record.
#[derive(Debug, Clone)]
pub struct ReceiptRequest {
    /// Who.
    pub user_id: UserId,
    /// Where.
    pub conversation_id: ConversationId,
    /// What, and how far.
    pub kind: ReceiptKind,
}

/// What a receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptKind {
    /// Everything is read.
    ReadAll,
    /// Everything up to the newest of these is read.
    ReadUpTo(Vec<MessageId>),
    /// Everything up to this number was delivered.
    Delivered(Seq),
}

/// How far a user has got in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiptState {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Up to where they have read.
    pub read_seq: Seq,
    /// Up to where it was delivered to them.
    pub delivered_seq: Seq,
    /// Others' messages past `read_seq`.
    pub unread_count: u64,
}

/// What became of some [`ReceiptRequest`]s.
#[derive(Debug)]
pub struct Receipts {
    /// The outcomes, in the order of asking.
    pub outcomes: Vec<Outcome<ReceiptState>>,
    /// What is to be published.
    pub entries: Vec<OutboxEntry>,
}

/// What someone asks who was away.
#[derive(Debug, Clone)]
pub struct SyncRequest {
    /// Who.
    pub reader: UserId,
    /// The conversations they know, and the last event they have of each.
    pub cursors: BTreeMap<ConversationId, Seq>,
    /// The most events of one conversation.
    pub events_each: usize,
    /// The most events in all.
    pub events_in_all: usize,
    /// The most conversations that they do not know yet.
    pub joined: usize,
}

/// What they have missed.
#[derive(Debug)]
pub struct Backlog {
    /// The conversations they know and take part in.
    pub conversations: Vec<Missed>,
    /// Those they do not know yet, most recently active first.
    pub joined: Vec<Conversation>,
    /// Those they know and do not take part in.
    pub left: Vec<ConversationId>,
}

/// What they have missed of one conversation.
#[derive(Debug)]
pub struct Missed {
    /// Which.
    pub conversation_id: ConversationId,
    /// The number of its last event.
    pub last_seq: Seq,
    /// The events, in order and without a gap after the cursor.
    pub events: Vec<Event>,
    /// Whether there are further ones.
    pub more: bool,
}

impl Missed {
    /// What is known of the events after `cursor`.
    #[must_use]
    pub fn new(
        conversation_id: ConversationId,
        cursor: Seq,
        last_seq: Seq,
        events: Vec<Event>,
    ) -> Self {
        let more = events.last().map_or(cursor, |event| event.seq) < last_seq;
        Self {
            conversation_id,
            last_seq,
            events,
            more,
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Defect(error.into())
    }
}
