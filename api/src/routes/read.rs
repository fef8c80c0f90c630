//! `/messages/conversations/{id}/read`.

use axum::{Json, extract::State};
use callboard_shared::id::{ConversationId, MessageId, Seq};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    error::{Problem, Problems},
    extract::{Caller, Ids, OptionalBody},
    operations::Operations,
    store::{ReceiptKind, ReceiptRequest},
};

/// What was read.
#[derive(Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MarkRead {
    /// Everything up to the newest of these; without it, everything.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 1000)]
    message_ids: Option<Vec<MessageId>>,
}

/// How far one has read.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReadState {
    /// The conversation.
    conversation_id: ConversationId,
    /// Everything up to this number is read.
    read_seq: Seq,
    /// Others' messages after it.
    unread_count: u64,
}

/// Marks messages as read: up to the newest of those named, or all. Never moves back.
#[utoipa::path(
    patch,
    path = "/messages/conversations/{id}/read",
    operation_id = "markRead",
    tag = "messages",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    request_body = Option<MarkRead>,
    responses((status = 200, description = "How far the caller has read.", body = ReadState), Problems),
)]
pub(crate) async fn mark(
    State(operations): State<Operations>,
    Caller(reader): Caller,
    Ids(conversation_id): Ids<ConversationId>,
    OptionalBody(body): OptionalBody<MarkRead>,
) -> Result<Json<ReadState>, Problem> {
    let kind = body
        .message_ids
        .map_or(ReceiptKind::ReadAll, ReceiptKind::ReadUpTo);
    let request = ReceiptRequest {
        user_id: reader.user_id,
        conversation_id,
        kind,
    };
    let state = operations.record_receipt(request).await?;
    Ok(Json(ReadState {
        conversation_id,
        read_seq: state.read_seq,
        unread_count: state.unread_count,
    }))
}
