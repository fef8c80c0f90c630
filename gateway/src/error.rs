//! The one place where what went wrong becomes an answer on the socket.

use callboard_shared::{auth::AuthError, error::ErrorCode};
use serde::Serialize;
use serde_json::json;

/// Why something that a client asked for was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The stable code.
    pub code: ErrorCode,
    /// What is wrong and what to do about it, for people.
    pub message: String,
}

impl Refusal {
    /// A refusal with a message for people.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidData, message)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(
            ErrorCode::NotFound,
            "there is no such conversation, or you are not a participant of it",
        )
    }

    pub(crate) fn unknown_event(name: &str) -> Self {
        let name: String = name.chars().take(64).collect();
        Self::new(
            ErrorCode::UnknownEvent,
            format!("{name:?} is not an event that clients send"),
        )
    }

    pub(crate) fn rate_limited() -> Self {
        Self::new(
            ErrorCode::RateLimited,
            "too many events; send fewer and try again later",
        )
    }

    pub(crate) fn too_many_waiting() -> Self {
        Self::new(
            ErrorCode::Unavailable,
            "too many events of this connection wait to be handled; try again later",
        )
    }

    /// The answer to an event that asked for none.
    pub(crate) fn as_error_event(&self, event: &str) -> String {
        json!({"code": self.code, "message": self.message, "event": event}).to_string()
    }

    /// The acknowledgement.
    pub(crate) fn as_ack(&self) -> String {
        json!({"ok": false, "error": self}).to_string()
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// What a refused CONNECT says: the message and, as JSON, the data.
pub(crate) fn connect_error(error: AuthError) -> (String, String) {
    (
        format!("Authentication error: {error}"),
        json!({"code": error.code()}).to_string(),
    )
}
