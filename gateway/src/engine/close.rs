//! Why a session ended.

use std::fmt;

/// The reason a session ended, for metrics and logs; see [`label`](Self::label).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The WebSocket was closed, by the peer or by the network.
    TransportClose,
    /// The WebSocket failed, or the client gave up an HTTP request of its session.
    TransportError,
    /// No pong came in time.
    PingTimeout,
    /// The client sent what is not an Engine.IO packet, or not one a client may send.
    ParseError,
    /// The client sent a close packet.
    ClientClose,
    /// The client had two GETs or two POSTs open at once.
    OverlappingRequests,
    /// A frame or a body was larger than `max_payload`.
    PayloadTooLarge,
    /// The layer above closed the session, for the reason it names (snake case).
    Application(&'static str),
}

impl CloseReason {
    /// A stable name in snake case.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::TransportClose => "transport_close",
            Self::TransportError => "transport_error",
            Self::PingTimeout => "ping_timeout",
            Self::ParseError => "parse_error",
            Self::ClientClose => "client_close",
            Self::OverlappingRequests => "overlapping_requests",
            Self::PayloadTooLarge => "payload_too_large",
            Self::Application(label) => label,
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
