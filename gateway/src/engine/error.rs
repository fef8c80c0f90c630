//! What an HTTP request to an Engine.IO server can be refused for.

use thiserror::Error;

/// The errors of the protocol, with their numbers. The texts are those of the
/// reference implementation: clients show them, and some compare them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{}", self.message())]
pub enum RequestError {
    /// `transport` is missing, or neither `polling` nor `websocket`.
    UnknownTransport,
    /// No session has this `sid` (any more): the client starts over.
    UnknownSession,
    /// A handshake that is not a GET.
    BadHandshakeMethod,
    /// The request does not fit its transport or the state of its session.
    BadRequest,
    /// The application does not let this client in (its origin, say).
    Forbidden,
    /// `EIO` is not 4.
    UnsupportedProtocolVersion,
}

impl RequestError {
    /// The `code` of the answer.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::UnknownTransport => 0,
            Self::UnknownSession => 1,
            Self::BadHandshakeMethod => 2,
            Self::BadRequest => 3,
            Self::Forbidden => 4,
            Self::UnsupportedProtocolVersion => 5,
        }
    }

    /// The `message` of the answer.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::UnknownTransport => "Transport unknown",
            Self::UnknownSession => "Session ID unknown",
            Self::BadHandshakeMethod => "Bad handshake method",
            Self::BadRequest => "Bad request",
            Self::Forbidden => "Forbidden",
            Self::UnsupportedProtocolVersion => "Unsupported protocol version",
        }
    }

    /// The HTTP status of the answer.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Forbidden => 403,
            _ => 400,
        }
    }

    /// The body of the answer, `{"code":…,"message":…}`.
    #[must_use]
    pub fn body(self) -> String {
        format!(
            r#"{{"code":{},"message":"{}"}}"#,
            self.code(),
            self.message()
        )
    }
}
