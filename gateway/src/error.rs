//! The one place where what went wrong becomes an answer on the socket.

use callboard_shared::{auth::AuthError, error::ErrorCode};
use serde_json::json;

pub use callboard_shared::error::Refusal;

pub(crate) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(ErrorCode::InvalidData, message)
}

pub(crate) fn not_found() -> Refusal {
    Refusal::new(
        ErrorCode::NotFound,
        "there is no such conversation, or you are not a participant of it",
    )
}

pub(crate) fn unknown_event(name: &str) -> Refusal {
    let name: String = name.chars().take(64).collect();
    Refusal::new(
        ErrorCode::UnknownEvent,
        format!("{name:?} is not an event that clients send"),
    )
}

pub(crate) fn rate_limited() -> Refusal {
    Refusal::new(
        ErrorCode::RateLimited,
        "too many events; send fewer and try again later",
    )
}

pub(crate) fn too_many_waiting() -> Refusal {
    Refusal::new(
        ErrorCode::Unavailable,
        "too many events wait to be handled; try again later",
    )
}

pub(crate) fn unavailable() -> Refusal {
    Refusal::new(
        ErrorCode::Unavailable,
        "the service cannot do this at the moment; try again (the same clientMessageId makes that safe)",
    )
}

pub(crate) fn receipt_kept() -> Refusal {
    Refusal::new(
        ErrorCode::Unavailable,
        "it could not be recorded yet; it is kept, and recorded as soon as that is possible",
    )
}

/// The answer to an event that asked for none.
pub(crate) fn error_event(refusal: &Refusal, event: &str) -> String {
    json!({"code": refusal.code, "message": refusal.message, "event": event}).to_string()
}

/// The acknowledgement of what was refused.
pub(crate) fn negative_ack(refusal: &Refusal) -> String {
    json!({"ok": false, "error": refusal}).to_string()
}

/// What a refused CONNECT says: the message and, as JSON, the data.
pub(crate) fn connect_error(error: AuthError) -> (String, String) {
    (
        format!("Authentication error: {error}"),
        json!({"code": error.code()}).to_string(),
    )
}
