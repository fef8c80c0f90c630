//! `/messages/conversations/{id}/messages`.

use axum::{Json, extract::State};
use callboard_shared::{
    id::{ConversationId, Seq},
    wire::Message,
};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::created_or_found;
use crate::{
    error::{Problem, Problems},
    extract::{self, Body, Caller, Ids, Params},
    operations::{Error, Operations},
    store::Range,
    values::{ClientMessageId, Content, Limit},
};

/// A message to send.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendMessage {
    /// What it says.
    content: Content,
    /// The sender's own id for it: sent again with the same one, it is not sent twice.
    #[serde(default)]
    client_message_id: Option<ClientMessageId>,
}

/// Sends a message.
///
/// When this answers, the message is stored for good.
#[utoipa::path(
    post,
    path = "/messages/conversations/{id}/messages",
    operation_id = "sendMessage",
    tag = "messages",
    params(
        ("id" = ConversationId, Path, description = "The conversation."),
        ("Idempotency-Key" = Option<ClientMessageId>, Header,
            description = "The same as `clientMessageId`, where the body has none."),
    ),
    request_body = SendMessage,
    responses(
        (status = 201, description = "It was sent.", body = Message),
        (status = 200, description = "It was sent before: the first message of this `clientMessageId`.", body = Message),
        Problems,
    ),
)]
pub(crate) async fn send(
    State(operations): State<Operations>,
    Caller(sender): Caller,
    Ids(id): Ids<ConversationId>,
    headers: HeaderMap,
    Body(body): Body<SendMessage>,
) -> Result<(StatusCode, Json<Message>), Problem> {
    let client_message_id = match body.client_message_id {
        Some(id) => Some(id),
        None => idempotency_key(&headers)?,
    };
    let (message, new) = operations
        .send_message(&sender, id, body.content, client_message_id)
        .await?;
    Ok((created_or_found(new), Json(message)))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<ClientMessageId>, Error> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = std::str::from_utf8(key.as_bytes())
        .ok()
        .and_then(|key| ClientMessageId::try_from(key).ok());
    key.map(Some)
        .ok_or_else(|| Error::invalid("Idempotency-Key", "must be 1 to 64 characters long"))
}

/// Which messages.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// How many.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 50)]
    limit: Limit,
    /// Only those with a lower number.
    #[serde(default, deserialize_with = "extract::seq")]
    before: Option<Seq>,
    /// Only those with a higher number, oldest first.
    #[serde(default, deserialize_with = "extract::seq")]
    after: Option<Seq>,
}

/// Some messages.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessageList {
    /// The messages: newest first, oldest first after a number.
    items: Vec<Message>,
}

/// Lists messages: newest first, or oldest first after a number.
#[utoipa::path(
    get,
    path = "/messages/conversations/{id}/messages",
    operation_id = "listMessages",
    tag = "messages",
    params(("id" = ConversationId, Path, description = "The conversation."), ListParams),
    responses((status = 200, description = "Some messages.", body = MessageList), Problems),
)]
pub(crate) async fn list(
    State(operations): State<Operations>,
    Caller(reader): Caller,
    Ids(id): Ids<ConversationId>,
    Params(params): Params<ListParams>,
) -> Result<Json<MessageList>, Problem> {
    let range = Range {
        after: params.after,
        before: params.before,
    };
    let items = operations
        .messages(&reader, id, range, params.limit)
        .await?;
    Ok(Json(MessageList { items }))
}
