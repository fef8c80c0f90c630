//! What a gateway asks of the API: everything that lasts. The questions and answers are those of the
//! trait and, as JSON, those of internal HTTP requests, so that nothing is translated in between.
//!
//! A request is a POST to one of the paths below, on the API's internal listener and with
//! `Authorization: Bearer <INTERNAL_TOKEN>`. A good answer is 200; what is refused as a whole is a
//! problem document like those of REST. The shapes are pinned by golden files
//! (`shared/tests/golden`); another version of them has other paths.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    auth::Identity,
    error::Refusal,
    id::{ConversationId, MessageId, Seq, UserId},
};

/// Takes [`MembershipsRequest`].
pub const MEMBERSHIPS: &str = "/internal/v1/memberships";
/// Takes [`MembershipRequest`].
pub const MEMBERSHIP: &str = "/internal/v1/membership";
/// Takes [`SendRequest`]; the answer is the message.
pub const MESSAGES: &str = "/internal/v1/messages";
/// Takes [`ReceiptsRequest`].
pub const RECEIPTS: &str = "/internal/v1/receipts";
/// Takes a GET; 204 while the API can answer the others.
pub const READY: &str = "/internal/v1/ready";

/// The most questions in one request.
pub const MAX_QUESTIONS: usize = 256;

/// That a user takes, or took, part in a conversation: they may see the events from `joined_seq` to
/// `left_seq`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The event that added them.
    pub joined_seq: Seq,
    /// The event that removed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_seq: Option<Seq>,
}

/// A message to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendMessage {
    /// Where.
    pub conversation_id: ConversationId,
    /// The text.
    pub content: String,
    /// By what a repeated send is recognised.
    pub client_message_id: Option<String>,
}

/// How far someone has got in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Receipt {
    /// They have read up to the newest of these messages.
    Read(Vec<MessageId>),
    /// They have read everything.
    ReadAll,
    /// They have been delivered everything up to here.
    Delivered(Seq),
}

/// The most messages that one `mark-read` may name.
pub const MAX_MESSAGE_IDS: usize = 1_000;

/// A receipt to record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptRequest {
    /// Whose.
    pub user_id: UserId,
    /// Where.
    pub conversation_id: ConversationId,
    /// What.
    pub receipt: Receipt,
}

/// Where a participant stands after a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptState {
    /// Up to where they have read.
    pub read_seq: Seq,
    /// Up to where it was delivered to them.
    pub delivered_seq: Seq,
    /// Others' messages past `read_seq`.
    pub unread_count: u64,
}

/// The API, as a gateway sees it. Every call is bounded in time.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// The conversations of a user, most recently active first, at most `limit`, and besides those
    /// that they left within the life of a log. Read after the asking began, from the primary.
    async fn memberships(
        &self,
        identity: &Identity,
        limit: usize,
    ) -> Result<Vec<Membership>, Refusal>;

    /// A user's current membership of a conversation, and the number of its last event. Read after
    /// the asking began, from the primary.
    async fn membership(
        &self,
        user: &UserId,
        conversation: ConversationId,
    ) -> Result<Option<(Membership, Seq)>, Refusal>;

    /// Sends a message, as `POST …/messages` does; the message as JSON.
    async fn send_message(
        &self,
        identity: &Identity,
        message: SendMessage,
    ) -> Result<Box<RawValue>, Refusal>;

    /// Records receipts in few writes; an answer for each, in order.
    async fn record_receipts(
        &self,
        receipts: Vec<ReceiptRequest>,
    ) -> Vec<Result<ReceiptState, Refusal>>;

    /// Whether it is known that nothing can be had of it at the moment: nobody should be let in who
    /// would have to be sent away again.
    fn is_away(&self) -> bool {
        false
    }
}

/// Asks for the conversations of users, as [`Backend::memberships`] does.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipsRequest {
    /// At most [`MAX_QUESTIONS`] users.
    pub users: Vec<Identity>,
    /// The most current conversations of each.
    pub limit: usize,
}

/// The conversations of each user, in the order of asking.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipsAnswer {
    /// By user.
    pub memberships: Vec<Vec<Membership>>,
}

/// Asks whether users take part in conversations, as [`Backend::membership`] does.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipRequest {
    /// At most [`MAX_QUESTIONS`] users, each with a conversation.
    pub questions: Vec<(UserId, ConversationId)>,
}

/// Whether they do, in the order of asking.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipAnswer {
    /// The current membership and the number of the conversation's last event; null for those who
    /// do not take part.
    pub memberships: Vec<Option<(Membership, Seq)>>,
}

/// Sends a message, as [`Backend::send_message`] does.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SendRequest {
    /// Who.
    pub sender: Identity,
    /// What.
    pub message: SendMessage,
}

/// Records receipts, as [`Backend::record_receipts`] does.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptsRequest {
    /// At most [`MAX_QUESTIONS`].
    pub receipts: Vec<ReceiptRequest>,
}

/// What became of each receipt, in the order of asking.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReceiptsAnswer {
    /// `Ok` or `Err`.
    pub outcomes: Vec<Result<ReceiptState, Refusal>>,
}
