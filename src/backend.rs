//! The API, for a gateway in the same process.

use async_trait::async_trait;
use callboard_api::{
    operations::{Error, Operations},
    store::{self, ReceiptKind},
    values::{ClientMessageId, Content},
};
use callboard_gateway::{
    backend::{Backend, Membership, Receipt, ReceiptRequest, ReceiptState, SendMessage},
    error::Refusal,
};
use callboard_shared::{
    auth::Identity,
    error::ErrorCode,
    id::{ConversationId, Seq, UserId},
};
use serde_json::value::{RawValue, to_raw_value};

/// Calls the operations directly.
pub(crate) struct InProcess(pub(crate) Operations);

#[async_trait]
impl Backend for InProcess {
    async fn memberships(
        &self,
        identity: &Identity,
        limit: usize,
    ) -> Result<Vec<Membership>, Refusal> {
        let memberships = self
            .0
            .memberships(identity, limit)
            .await
            .map_err(|error| refusal(&error))?;
        Ok(memberships.iter().map(membership).collect())
    }

    async fn membership(
        &self,
        user: &UserId,
        conversation: ConversationId,
    ) -> Result<Option<(Membership, Seq)>, Refusal> {
        let found = self
            .0
            .membership(user, conversation)
            .await
            .map_err(|error| refusal(&error))?;
        Ok(found.map(|found| (membership(&found), found.last_seq)))
    }

    async fn send_message(
        &self,
        identity: &Identity,
        message: SendMessage,
    ) -> Result<Box<RawValue>, Refusal> {
        let invalid = |error: Error| refusal(&error);
        let content =
            Content::try_from(message.content).map_err(|refused| invalid(refused.into()))?;
        let client_message_id = message
            .client_message_id
            .map(ClientMessageId::try_from)
            .transpose()
            .map_err(|refused| invalid(refused.into()))?;
        let sent = self
            .0
            .send_message(
                identity,
                message.conversation_id,
                content,
                client_message_id,
            )
            .await;
        let (message, _) = sent.map_err(|error| refusal(&error))?;
        to_raw_value(&message).map_err(|error| {
            tracing::error!(%error, "a message could not be written");
            Refusal::new(ErrorCode::Internal, "something went wrong on our side")
        })
    }

    async fn record_receipts(
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
