//! `/messages/conversations/{id}/participants` and below.

use axum::{Json, extract::State};
use callboard_shared::{
    id::{ConversationId, UserId},
    wire::{Conversation, Participant},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    error::{Problem, Problems},
    extract::{Body, Caller, Ids, Params},
    operations::Operations,
    page::Cursor,
    store::ParticipantKey,
    values::Limit,
};

/// Which page of the participants.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// How many.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 50)]
    limit: Limit,
    /// The `nextCursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor<ParticipantKey>>,
}

/// A page of participants.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ParticipantPage {
    /// The participants, in the order of their joining.
    items: Vec<Participant>,
    /// Where the next page begins, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// Lists the participants, in the order of their joining.
#[utoipa::path(
    get,
    path = "/messages/conversations/{id}/participants",
    operation_id = "listParticipants",
    tag = "participants",
    params(("id" = ConversationId, Path, description = "The conversation."), ListParams),
    responses((status = 200, description = "A page.", body = ParticipantPage), Problems),
)]
pub(crate) async fn list(
    State(operations): State<Operations>,
    Caller(reader): Caller,
    Ids(id): Ids<ConversationId>,
    Params(params): Params<ListParams>,
) -> Result<Json<ParticipantPage>, Problem> {
    let after = params.cursor.map(|Cursor(key)| key);
    let page = operations
        .participants(&reader, id, after, params.limit)
        .await?;
    Ok(Json(ParticipantPage {
        items: page.items,
        next_cursor: page.next.as_ref().map(Cursor::text),
    }))
}

/// People to add.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AddParticipants {
    /// Who. Those who take part already are passed over.
    user_ids: Vec<UserId>,
}

/// Adds people to a group. Any participant may.
#[utoipa::path(
    post,
    path = "/messages/conversations/{id}/participants",
    operation_id = "addParticipants",
    tag = "participants",
    params(("id" = ConversationId, Path, description = "The conversation.")),
    request_body = AddParticipants,
    responses((status = 200, description = "The conversation.", body = Conversation), Problems),
)]
pub(crate) async fn add(
    State(operations): State<Operations>,
    Caller(caller): Caller,
    Ids(id): Ids<ConversationId>,
    Body(body): Body<AddParticipants>,
) -> Result<Json<Conversation>, Problem> {
    Ok(Json(
        operations
            .add_participants(&caller, id, body.user_ids)
            .await?,
    ))
}

/// Removes someone from a group: the creator anyone, everyone themselves.
#[utoipa::path(
    delete,
    path = "/messages/conversations/{id}/participants/{userId}",
    operation_id = "removeParticipant",
    tag = "participants",
    params(
        ("id" = ConversationId, Path, description = "The conversation."),
        ("userId" = UserId, Path, description = "Who is to be removed; oneself, to leave."),
    ),
    responses((status = 204, description = "They no longer take part."), Problems),
)]
pub(crate) async fn remove(
    State(operations): State<Operations>,
    Caller(caller): Caller,
    Ids((id, user)): Ids<(ConversationId, UserId)>,
) -> Result<StatusCode, Problem> {
    operations.remove_participant(&caller, id, user).await?;
    Ok(StatusCode::NO_CONTENT)
}
