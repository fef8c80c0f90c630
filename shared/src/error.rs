//! The codes by which clients tell errors apart, the same over HTTP and on sockets; and a code with
//! words for people, as sockets and internal requests carry it.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A stable error code. Its meaning never changes; new ones may be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Something in the request is malformed or out of bounds.
    InvalidData,
    /// The token is malformed, wrongly signed or not for this service.
    InvalidToken,
    /// The token's `exp` has passed.
    TokenExpired,
    /// No token was given.
    TokenMissing,
    /// The caller is known but may not do this.
    Forbidden,
    /// There is no such thing, or the caller is not a participant of it.
    NotFound,
    /// The body is larger than accepted.
    TooLarge,
    /// Too many requests or events; try again later.
    RateLimited,
    /// A part that is needed is away; try again later.
    Unavailable,
    /// Something failed that the caller cannot mend: a defect.
    Internal,
    /// The socket event is not one of the contract.
    UnknownEvent,
}

impl ErrorCode {
    /// The code as it is on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidData => "invalid_data",
            Self::InvalidToken => "invalid_token",
            Self::TokenExpired => "token_expired",
            Self::TokenMissing => "token_missing",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
            Self::UnknownEvent => "unknown_event",
        }
    }
}

/// Why something that was asked for was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
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
}
