//! Why an operation was not done, in words for the one who asked.

use std::sync::Arc;

use callboard_shared::error::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    lanes::Full,
    store::{Refusal, StoreError},
    values::Refused,
};

/// Why an operation was not done. What it displays is meant for the caller; what lies behind it is
/// in its source, for the log.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Something is malformed or out of bounds.
    #[error("{0}")]
    Invalid(FieldError),
    /// It does not exist, or the caller does not take part in it.
    #[error("{0}")]
    NotFound(&'static str),
    /// The caller may not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// Too much is waiting already.
    #[error(
        "The service is busy. Try again in a moment; the same clientMessageId makes that safe."
    )]
    Busy,
    /// The store is away.
    #[error(
        "The service cannot store anything at the moment. Try again; the same clientMessageId makes that safe."
    )]
    Unavailable(#[source] Arc<StoreError>),
    /// A defect.
    #[error("Something went wrong on our side.")]
    Internal(#[source] Arc<StoreError>),
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, ToSchema)]
#[error("{field} {message}")]
pub struct FieldError {
    /// The field's name on the wire.
    pub field: String,
    /// What is accepted.
    pub message: String,
}

impl Error {
    /// The code on the wire.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::InvalidData,
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::Forbidden(_) => ErrorCode::Forbidden,
            Self::Busy | Self::Unavailable(_) => ErrorCode::Unavailable,
            Self::Internal(_) => ErrorCode::Internal,
        }
    }

    /// A conversation that does not exist, or that the caller does not take part in.
    #[must_use]
    pub fn no_conversation() -> Self {
        Self::NotFound("There is no such conversation, or you are not a participant of it.")
    }

    /// A field that is malformed or out of bounds.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(FieldError {
            field: field.into(),
            message: message.into(),
        })
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::invalid(refused.field, refused.accepted)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoConversation => Self::no_conversation(),
            Refusal::NoParticipant => {
                Self::NotFound("There is no such participant in this conversation.")
            }
            Refusal::Direct => Self::Forbidden(
                "A direct conversation stays between its two people. Create a group to talk with others.",
            ),
            Refusal::CreatorOnly => {
                Self::Forbidden("Only the one who created the conversation may do this.")
            }
            Refusal::TooMany => Self::invalid(
                "userIds",
                "would make more participants than a conversation may have",
            ),
            Refusal::UnknownMessages => {
                Self::invalid("messageIds", "must all be messages of this conversation")
            }
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Arc::new(error).into()
    }
}

impl From<Arc<StoreError>> for Error {
    fn from(error: Arc<StoreError>) -> Self {
        match *error {
            StoreError::Unavailable(_) | StoreError::Locked(_) => Self::Unavailable(error),
            StoreError::Defect(_) => Self::Internal(error),
        }
    }
}

impl From<Full> for Error {
    fn from(Full: Full) -> Self {
        Self::Busy
    }
}
