//! `/messages/conversations` and `/messages/conversations/{id}`.

use axum::{Json, extract::State};
use callboard_shared::{
    id::{ConversationId, UserId},
    wire::{Conversation, ConversationKind},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::created_or_found;
use crate::{
    error::{Problem, Problems},
    extract::{Body, Caller, Ids, Params, word},
    operations::{self, Operations},
    page::Cursor,
    store::ListKey,
    values::{Limit, Title},
};

/// A conversation to create.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateConversation {
    /// Who takes part besides the creator.
    participant_ids: Vec<UserId>,
    /// Its title.
    #[serde(default)]
    title: Option<Title>,
    /// `group`, or `direct` between exactly two people.
    #[serde(default, deserialize_with = "word")]
    #[schema(default = "group")]
    kind: Option<ConversationKind>,
}

/// Creates a conversation.
///
/// The creator always takes part. Between two people there is one direct conversation: creating it
/// again answers 200 with the same one.
#[utoipa::path(
    post,
    path = "/messages/conversations",
    operation_id = "createConversation",
    tag = "conversations",
    request_body = CreateConversation,
    responses(
        (status = 201, description = "It was created.", body = Conversation),
        (status = 200, description = "The direct conversation that these two have already.", body = Conversation),
        Problems,
    ),
)]
pub(crate) async fn create(
    State(operations): State<Operations>,
    Caller(creator): Caller,
    Body(body): Body<CreateConversation>,
) -> Result<(StatusCode, Json<Conversation>), Problem> {
    let create = operations::CreateConversation {
        participants: body.participant_ids,
        title: body.title,
        kind: body.kind.unwrap_or_default(),
    };
    let (conversation, new) = operations.create_conversation(&creator, create).await?;
    Ok((created_or_found(new), Json(conversation)))
}

/// Which page of the conversations.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// How many.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 50)]
    limit: Limit,
    /// The `nextCursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<ListKey>>,
}

/// A page of conversations.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConversationPage {
    /// The conversations, latest activity first.
    items: Vec<Conversation>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Lists the caller's conversations, latest activity first.
#[utoipa::path(
    get,
    path = "/messages/conversations",
    operation_id = "listConversations",
    tag = "conversations",
    params(ListParams),
    responses((status = 200, description = "A page.", body = ConversationPage), Problems),
)]
pub(crate) async fn list(
    State(operations): State<Operations>,
    Caller(reader): Caller,
    Params(params): Params<ListParams>,
) -> Result<Json<ConversationPage>, Problem> {
    let after = params.cursor.map(|Cursor(key)| key);
    let page = operations
        .conversations(&reader, after, params.limit)
        .await?;
    Ok(Json(ConversationPage {
        items: page.items,
        next_cursor: page.next.as_ref().map(Cursor::text),
    }))
}

/// Shows a conversation.
#[utoipa::path(
    get,
    path = "/messages/conversations/{id}",
    operation_id = "getConversation",
    tag = "conversations",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    responses((status = 200, description = "The conversation.", body = Conversation), Problems),
)]
pub(crate) async fn show(
    State(operations): State<Operations>,
    Caller(reader): Caller,
    Ids(id): Ids<ConversationId>,
) -> Result<Json<Conversation>, Problem> {
    Ok(Json(operations.conversation(&reader, id).await?))
}

/// A conversation's new title.
#[derive(Deserialize, ToSchema)]
pub(crate) struct RenameConversation {
    /// The title.
    title: Title,
}

/// Gives a conversation another title. Any participant may.
#[utoipa::path(
    patch,
    path = "/messages/conversations/{id}",
    operation_id = "renameConversation",
    tag = "conversations",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    request_body = RenameConversation,
    responses((status = 200, description = "The conversation.", body = Conversation), Problems),
)]
pub(crate) async fn rename(
    State(operations): State<Operations>,
    Caller(caller): Caller,
    Ids(id): Ids<ConversationId>,
    Body(body): Body<RenameConversation>,
) -> Result<Json<Conversation>, Problem> {
    Ok(Json(
        operations
            .rename_conversation(&caller, id, body.title)
            .await?,
    ))
}

/// Deletes a conversation, for everybody. Only its creator may.
#[utoipa::path(
    delete,
    path = "/messages/conversations/{id}",
    operation_id = "deleteConversation",
    tag = "conversations",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    responses((status = 204, description = "It is gone."), Problems),
)]
pub(crate) async fn delete(
    State(operations): State<Operations>,
    Caller(caller): Caller,
    Ids(id): Ids<ConversationId>,
) -> Result<StatusCode, Problem> {
    operations.delete_conversation(&caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
