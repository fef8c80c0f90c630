//! The API's description, and a page to read it on. Open to everybody.

use std::sync::{Arc, LazyLock};

use axum::{
    Json,
    extract::{Path, State},
    response::{Html, IntoResponse, Response},
};
use callboard_shared::{error::ErrorCode, wire};
use http::header::CONTENT_TYPE;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_swagger_ui::Config;

use crate::error::{Problem, ProblemDocument};

/// What the description says besides the routes; the data of socket events is in it for those who
/// generate types from it.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Callboard",
        description = "Real-time messaging: conversations, messages, receipts, and catching up. \
            What happens is told over Socket.IO on the same origin.",
    ),
    modifiers(&Bearer),
    security(("bearer" = [])),
    components(schemas(
        ProblemDocument<'_>,
        ErrorCode,
        wire::NewMessage,
        wire::ConversationUpdated,
        wire::ConversationDeleted,
        wire::MessagesRead,
        wire::MessagesDelivered,
        wire::Typing,
        wire::Notification,
        wire::Ready,
    )),
    tags(
        (name = "conversations", description = "Creating, listing, renaming and deleting conversations."),
        (name = "participants", description = "Who takes part."),
        (name = "messages", description = "Sending, reading, and marking as read."),
        (name = "catching up", description = "What was missed while away."),
    ),
)]
pub(crate) struct Description;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(
                "The platform's JWT, signed with HS256. `exp` is required.",
            ))
            .build();
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// Where the page finds the description.
static CONFIG: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from("/openapi.json")));

pub(crate) async fn description(
    State(description): State<Arc<utoipa::openapi::OpenApi>>,
) -> Response {
    Json(&*description).into_response()
}

/// The page. Its links are relative to `/docs/`, also when it was asked for as `/docs`.
pub(crate) async fn index() -> Result<Html<String>, Problem> {
    let page = file_of_the_page("index.html")?;
    let page = String::from_utf8_lossy(&page.bytes).replacen(
        "<head>",
        "<head>\n    <base href=\"/docs/\">",
        1,
    );
    Ok(Html(page.replacen("Swagger UI", "Callboard's API", 1)))
}

pub(crate) async fn file(Path(name): Path<String>) -> Result<Response, Problem> {
    let file = file_of_the_page(&name)?;
    Ok(([(CONTENT_TYPE, file.content_type)], file.bytes.into_owned()).into_response())
}

fn file_of_the_page(name: &str) -> Result<utoipa_swagger_ui::SwaggerFile<'static>, Problem> {
    utoipa_swagger_ui::serve(name, CONFIG.clone())
        .ok()
        .flatten()
        .ok_or_else(Problem::no_route)
}
