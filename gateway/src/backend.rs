//! What a gateway asks of the API: everything that lasts.

use async_trait::async_trait;
use callboard_shared::{
    auth::Identity,
    id::{ConversationId, MessageId, Seq, UserId},
};
use serde_json::value::RawValue;

use crate::error::Refusal;

/// That a user takes, or took, part in a conversation: they may see the events from `joined_seq` to
/// `left_seq`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The event that added them.
    pub joined_seq: Seq,
    /// The event that removed them.
    pub left_seq: Option<Seq>,
}

/// A message to send.
#[derive(Debug, Clone)]
pub struct SendMessage {
    /// Where.
    pub conversation_id: ConversationId,
    /// The text.
    pub content: String,
    /// By what a repeated send is recognised.
    pub client_message_id: Option<String>,
}

/// How far someone has got in a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// They have read up to the newest of these messages.
    Read(Vec<MessageId>),
    /// They have read everything.
    ReadAll,
    /// They have been delivered everything up to here.
    Delivered(Seq),
}

/// A receipt to record.
#[derive(Debug, Clone)]
pub struct ReceiptRequest {
    /// Whose.
    pub user_id: UserId,
    /// Where.
    pub conversation_id: ConversationId,
    /// What.
    pub receipt: Receipt,
}

/// Where a participant stands after a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

    /// A user's current membership of a conversation, and the number of its last event.
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

    /// Records receipts in one write; an answer for each, in order.
    async fn record_receipts(
        &self,
        receipts: Vec<ReceiptRequest>,
    ) -> Vec<Result<ReceiptState, Refusal>>;
}
