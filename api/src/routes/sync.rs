//! `/messages/sync`: catching up after a long absence.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use callboard_shared::{
    id::{ConversationId, Seq},
    wire::Conversation,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::events::SequencedEvent;
use crate::{
    error::{Problem, Problems},
    extract::{Body, Caller},
    operations::{Error, Operations},
};

/// What the caller has.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SyncRequest {
    /// The conversations that the caller knows, and the number of the last event it has of each.
    cursors: BTreeMap<ConversationId, Seq>,
}

/// What the caller has missed.
#[derive(Serialize, ToSchema)]
pub(crate) struct SyncAnswer {
    /// The conversations it knows and takes part in.
    conversations: Vec<MissedEvents>,
    /// The conversations it does not know yet; of more than 1,000 the most recently active.
    joined: Vec<Conversation>,
    /// The conversations it knows and does not take part in.
    left: Vec<ConversationId>,
}

/// What the caller has missed of a conversation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MissedEvents {
    /// The conversation.
    conversation_id: ConversationId,
    /// The number of its last event.
    last_seq: Seq,
    /// The next events, at most 100, in order.
    events: Vec<SequencedEvent>,
    /// Whether there are more, to be had from the conversation's events.
    more: bool,
}

/// Tells what the caller has missed since it knew these conversations up to these numbers.
#[utoipa::path(
    post,
    path = "/messages/sync",
    operation_id = "sync",
    tag = "catching up",
    request_body = SyncRequest,
    responses((status = 200, description = "What was missed.", body = SyncAnswer), Problems),
)]
pub(crate) async fn sync(
    State(operations): State<Operations>,
    Caller(reader): Caller,
    Body(body): Body<SyncRequest>,
) -> Result<Json<SyncAnswer>, Problem> {
    let backlog = operations.sync(&reader, body.cursors).await?;
    let missed = backlog.conversations.into_iter().map(|missed| {
        Ok(MissedEvents {
            conversation_id: missed.conversation_id,
            last_seq: missed.last_seq,
            events: SequencedEvent::all(&missed.events)?,
            more: missed.more,
        })
    });
    let conversations = missed.collect::<Result<_, Error>>()?;
    Ok(Json(SyncAnswer {
        conversations,
        joined: backlog.joined,
        left: backlog.left,
    }))
}
