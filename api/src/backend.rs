//! What gateways ask, answered by the operations: for one in the same process by the [`Backend`]
//! trait, for others by the routes of [`internal`](crate::internal).

use async_trait::async_trait;
use callboard_shared::{
    auth::Identity,
    backend::{Backend, Membership, Receipt, ReceiptRequest, ReceiptState, SendMessage},
    error::{ErrorCode, Refusal},
    id::{ConversationId, Seq, UserId},
    wire::Message,
};
use serde_json::value::{RawValue, to_raw_value};

use crate::{
    operations::{Error, Operations, Result},
    store::{self, ReceiptKind},
    values::{ClientMessageId, Content},
};

/// Calls the operations directly.
#[derive(Clone)]
pub struct LocalBackend(Operations);

impl LocalBackend {
    pub(crate) fn new(operations: Operations) -> Self {
        Self(operations)
    }

    /// Whether the store can be read.
    pub(crate) async fn check(&self) -> Result<()> {
        self.0.check().await
    }

    /// The conversations of each user, in the order of asking.
    pub(crate) async fn memberships_of(
        &self,
        users: &[Identity],
        limit: usize,
    ) -> Result<Vec<Vec<Membership>>> {
        let found = self.0.memberships(users, limit).await?;
        let answers = found.iter().map(|of| of.iter().map(membership).collect());
        Ok(answers.collect())
    }

    pub(crate) async fn current_membership(
        &self,
        user: &UserId,
        conversation: ConversationId,
    ) -> Result<Option<(Membership, Seq)>> {
        let found = self.0.membership(user, conversation).await?;
        Ok(found.map(|found| (membership(&found), found.last_seq)))
    }

    pub(crate) async fn send(&self, sender: &Identity, message: SendMessage) -> Result<Message> {
        // The token may be newer than the connection.
        self.0.see(sender).await?;
        let content = Content::try_from(message.content)?;
        let client_message_id = message.client_message_id.map(ClientMessageId::try_from);
        let sent = self.0.send_message(
            sender,
            message.conversation_id,
            content,
            client_message_id.transpose()?,
        );
        let (message, _) = sent.await?;
        Ok(message)
    }

    pub(crate) async fn record(
        &self,
        receipts: Vec<ReceiptRequest>,
    ) -> Vec<Result<ReceiptState, Refusal>> {
        let requests = receipts.into_iter().map(|request| store::ReceiptRequest {
            user_id: request.user_id,
            conversation_id: request.conversation_id,
            kind: match request.receipt {
                Receipt::Read(messages) => ReceiptKind::ReadUpTo(messages),
                Receipt::ReadAll => ReceiptKind::ReadAll,
                Receipt::Delivered(seq) => ReceiptKind::Delivered(seq),
            },
        });
        let recorded = self.0.record_receipts(requests.collect()).await;
        recorded
            .into_iter()
            .map(|outcome| {
                outcome
                    .map(|state| receipt_state(&state))
                    .map_err(|error| refusal(&error))
            })
            .collect()
    }
}

#[async_trait]
impl Backend for LocalBackend {
    async fn memberships(
        &self,
        identity: &Identity,
        limit: usize,
    ) -> Result<Vec<Membership>, Refusal> {
        let answers = self
            .memberships_of(std::slice::from_ref(identity), limit)
            .await
            .map_err(|error| refusal(&error))?;
        Ok(answers.into_iter().flatten().collect())
    }

    async fn membership(
        &self,
        user: &UserId,
        conversation: ConversationId,
    ) -> Result<Option<(Membership, Seq)>, Refusal> {
        self.current_membership(user, conversation)
            .await
            .map_err(|error| refusal(&error))
    }

    async fn send_message(
        &self,
        identity: &Identity,
        message: SendMessage,
    ) -> Result<Box<RawValue>, Refusal> {
        let sent = self.send(identity, message).await;
        to_raw_value(&sent.map_err(|error| refusal(&error))?).map_err(|error| {
            tracing::error!(%error, "a message could not be written");
            Refusal::new(ErrorCode::Internal, "something went wrong on our side")
        })
    }

    async fn record_receipts(
        &self,
        receipts: Vec<ReceiptRequest>,
    ) -> Vec<Result<ReceiptState, Refusal>> {
        self.record(receipts).await
    }
}

fn membership(membership: &store::Membership) -> Membership {
    Membership {
        conversation_id: membership.conversation_id,
        joined_seq: membership.joined_seq,
        left_seq: membership.left_seq,
    }
}

fn receipt_state(state: &store::ReceiptState) -> ReceiptState {
    ReceiptState {
        read_seq: state.read_seq,
        delivered_seq: state.delivered_seq,
        unread_count: state.unread_count,
    }
}

fn refusal(error: &Error) -> Refusal {
    if matches!(error.code(), ErrorCode::Unavailable | ErrorCode::Internal) {
        tracing::warn!(
            error = error as &dyn std::error::Error,
            "an operation failed"
        );
    }
    Refusal::new(error.code(), error.to_string())
}
