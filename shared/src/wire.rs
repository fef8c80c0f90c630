//! The JSON shapes that clients see, the same in REST answers and in socket events.
//!
//! They are versioned by the contract (names never change meaning, new ones may be added), kept
//! apart from database rows, and pinned by golden files (`shared/tests/golden`).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    clock::Timestamp,
    id::{ConversationId, MessageId, Seq, UserId},
};

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// The message's id.
    pub id: MessageId,
    /// The conversation it belongs to.
    pub conversation_id: ConversationId,
    /// Its place in the conversation's sequence.
    pub seq: Seq,
    /// Who sent it.
    pub sender_id: UserId,
    /// The sender's display name when it was sent, if their token had one.
    #[schema(required)]
    pub sender_name: Option<String>,
    /// The text, 1–8,000 Unicode scalars.
    pub content: String,
    /// The sender's own id for it, by which a repeated send is recognised.
    #[schema(required)]
    pub client_message_id: Option<String>,
    /// When it was accepted.
    pub created_at: Timestamp,
}

/// What a conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// Any number of people, who may come and go.
    #[default]
    Group,
    /// Exactly two people; there is one such conversation for each pair.
    Direct,
}

/// A participant of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Participant {
    /// Who it is.
    pub user_id: UserId,
    /// The display name of their last token, null before their first.
    #[schema(required)]
    pub name: Option<String>,
    /// Since when they take part.
    pub joined_at: Timestamp,
    /// Up to where they have read; absent in events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_seq: Option<Seq>,
    /// Up to where it was delivered to them; absent in events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_seq: Option<Seq>,
}

/// A conversation. In events it lacks what differs by reader or by the moment: `unreadCount`,
/// `lastMessage`, and the participants' `readSeq` and `deliveredSeq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Conversation {
    /// The conversation's id.
    pub id: ConversationId,
    /// Group or direct.
    pub kind: ConversationKind,
    /// 1–200 Unicode scalars, or null.
    #[schema(required)]
    pub title: Option<String>,
    /// Who created it.
    pub created_by: UserId,
    /// When it was created.
    pub created_at: Timestamp,
    /// When something sequenced last happened in it.
    pub updated_at: Timestamp,
    /// The number of its last event.
    pub last_seq: Seq,
    /// How many take part.
    pub participant_count: u32,
    /// The first 100 participants, in the order of their joining.
    pub participants: Vec<Participant>,
    /// The newest message, null before the first; absent in events.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<Message>)]
    pub last_message: Option<Option<Message>>,
    /// Others' messages past the reader's `readSeq`; absent in events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread_count: Option<u64>,
}

/// Tells a field that is null from one that is absent.
fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// `new-message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewMessage {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The event's place, the same as the message's.
    pub seq: Seq,
    /// The message.
    pub message: Message,
}

/// `conversation-updated`: created, renamed, or its participants changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversationUpdated {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The event's place.
    pub seq: Seq,
    /// The conversation as it is after the change.
    pub conversation: Conversation,
}

/// `conversation-deleted`: it is gone, or the reader is no longer a participant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConversationDeleted {
    /// The conversation.
    pub conversation_id: ConversationId,
}

/// `messages-read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessagesRead {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The newly read messages; of more than 100 the newest 100.
    pub message_ids: Vec<MessageId>,
    /// Who read them.
    pub read_by: UserId,
    /// Up to where they have read.
    pub read_seq: Seq,
    /// When.
    pub read_at: Timestamp,
}

/// `messages-delivered`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MessagesDelivered {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// To whom.
    pub delivered_to: UserId,
    /// Up to where.
    pub delivered_seq: Seq,
}

/// `user-typing` and `user-stop-typing` (which has no name).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Typing {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Who is typing.
    pub user_id: UserId,
    /// Their display name, null if their token has none; absent in `user-stop-typing`.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub user_name: Option<Option<String>>,
}

/// Somebody who is typing, in the acknowledgement of `join-conversation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Typist {
    /// Who it is.
    pub user_id: UserId,
    /// Their display name.
    #[schema(required)]
    pub user_name: Option<String>,
}

/// `notification`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// What it is about: `new-message`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The message.
    pub message_id: MessageId,
    /// Who sent it.
    pub sender_id: UserId,
    /// Their display name.
    #[schema(required)]
    pub sender_name: Option<String>,
    /// The beginning of the text, at most 140 Unicode scalars.
    pub preview: String,
}

/// `ready`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// Who is connected.
    pub user_id: UserId,
    /// This connection, as in the logs.
    pub connection_id: String,
    /// The server's time.
    pub server_time: Timestamp,
}
