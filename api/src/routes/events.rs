//! `/messages/conversations/{id}/events`: the gap filler.

use axum::{Json, extract::State};
use callboard_shared::{
    event::EventName,
    id::{ConversationId, Seq},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{
    IntoParams, ToSchema,
    openapi::{
        Ref,
        schema::{AnyOfBuilder, Schema},
    },
};

use crate::{
    error::{Problem, Problems},
    extract::{self, Caller, Ids, Params},
    operations::Operations,
    store::{Event, StoreError},
    values::Limit,
};

/// Which events.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// How many.
    #[serde(default)]
    #[param(value_type = Option<u8>, minimum = 1, maximum = 100, default = 50)]
    limit: Limit,
    /// Only those with a higher number.
    #[serde(default, deserialize_with = "extract::seq")]
    #[param(default = 0)]
    after: Option<Seq>,
}

/// A sequenced event.
#[derive(Serialize, ToSchema)]
pub(crate) struct SequencedEvent {
    /// Its number in the conversation.
    seq: Seq,
    /// Its name on the socket.
    event: EventName,
    /// Its data, as on the socket.
    #[schema(schema_with = event_data)]
    data: Box<RawValue>,
}

/// The data is finished JSON, so that its description is written by hand: `anyOf`, for
/// `ConversationDeleted` has nothing that the others have not.
fn event_data() -> Schema {
    let data =
        ["NewMessage", "ConversationUpdated", "ConversationDeleted"].map(Ref::from_schema_name);
    let any = data
        .into_iter()
        .fold(AnyOfBuilder::new(), AnyOfBuilder::item);
    Schema::AnyOf(any.description(Some("Its data, as on the socket.")).build())
}

impl SequencedEvent {
    /// The events, as on the socket.
    pub(super) fn all(events: &[Event]) -> Result<Vec<Self>, crate::operations::Error> {
        let event = |event: &Event| {
            Ok(Self {
                seq: event.seq,
                event: event.body.name(),
                data: event.data()?,
            })
        };
        events
            .iter()
            .map(event)
            .collect::<Result<_, StoreError>>()
            .map_err(Into::into)
    }
}

/// Some events.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventList {
    /// The events, in order and without gaps.
    items: Vec<SequencedEvent>,
}

/// Lists the sequenced events after a number, in order.
#[utoipa::path(
    get,
    path = "/messages/conversations/{id}/events",
    operation_id = "listEvents",
    tag = "catching up",
    params(("id" = ConversationId, Path, description = "The conversation."), ListParams),
    responses((status = 200, description = "Some events.", body = EventList), Problems),
)]
pub(crate) async fn list(
    State(operations): State<Operations>,
    Caller(reader): Caller,
    Ids(id): Ids<ConversationId>,
    Params(params): Params<ListParams>,
) -> Result<Json<EventList>, Problem> {
    let events = operations
        .events(&reader, id, params.after.unwrap_or_default(), params.limit)
        .await?;
    Ok(Json(EventList {
        items: SequencedEvent::all(&events)?,
    }))
}
