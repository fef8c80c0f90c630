//! Answers to the HTTP requests of a session, as plain data.

use bytes::Bytes;

use super::{Frame, RequestError};

/// The answer to an HTTP request of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To a GET: packets, `text/plain; charset=UTF-8`.
    Packets(Bytes),
    /// To a POST: `ok`, `text/html`.
    Ok,
    /// The request is refused: the error's status and JSON body.
    Error(RequestError),
    /// The body was too large: 413.
    TooLarge,
}

impl Answer {
    pub(super) fn packet(frame: &Frame) -> Self {
        Self::Packets(Bytes::copy_from_slice(frame.packet()))
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Packets(_) | Self::Ok => 200,
            Self::Error(error) => error.status(),
            Self::TooLarge => 413,
        }
    }

    /// The `content-type`.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Packets(_) => "text/plain; charset=UTF-8",
            Self::Ok | Self::TooLarge => "text/html",
            Self::Error(_) => "application/json",
        }
    }

    /// The body.
    #[must_use]
    pub fn into_body(self) -> Bytes {
        match self {
            Self::Packets(body) => body,
            Self::Ok => Bytes::from_static(b"ok"),
            Self::Error(error) => error.body().into(),
            Self::TooLarge => Bytes::new(),
        }
    }
}
