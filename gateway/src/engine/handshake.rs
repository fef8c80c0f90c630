//! What an HTTP request asks of the Engine.IO server, read from its query.
//!
//! The driver calls it before it looks for the session; whether the `sid` is
//! known, and on which transport, is for the driver and the session to say.

use http::Method;

use super::RequestError;

/// The two transports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// HTTP long-polling.
    Polling,
    /// A WebSocket.
    WebSocket,
}

impl Transport {
    /// The name in the query, and the label in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Polling => "polling",
            Self::WebSocket => "websocket",
        }
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'q> {
    /// A new session.
    Open {
        /// The transport it starts on.
        transport: Transport,
    },
    /// The packets waiting for a session (GET).
    Poll {
        /// The session.
        sid: &'q str,
    },
    /// Packets for a session (POST).
    Post {
        /// The session.
        sid: &'q str,
    },
    /// A WebSocket that a polling session may move to.
    Upgrade {
        /// The session.
        sid: &'q str,
    },
}

impl<'q> Request<'q> {
    /// Reads a request from its method, its query (without the `?`) and whether
    /// it asks for an upgrade to WebSocket. Parameters that the protocol does
    /// not name (`t`, `j`, …) are ignored; of a repeated one the first counts.
    /// Values are taken as they are: none that is valid needs percent-encoding.
    ///
    /// # Errors
    ///
    /// The error of the protocol for what is wrong, the checks in the order of
    /// the reference: transport, session, method, upgrade, version.
    pub fn parse(method: &Method, query: &'q str, is_upgrade: bool) -> Result<Self, RequestError> {
        let transport = match parameter(query, "transport") {
            Some("polling") => Transport::Polling,
            Some("websocket") => Transport::WebSocket,
            _ => return Err(RequestError::UnknownTransport),
        };
        let fits = is_upgrade == (transport == Transport::WebSocket);
        match parameter(query, "sid").filter(|sid| !sid.is_empty()) {
            Some(_) if !fits => Err(RequestError::BadRequest),
            Some(sid) => match (transport, method) {
                (Transport::WebSocket, &Method::GET) => Ok(Self::Upgrade { sid }),
                (Transport::Polling, &Method::GET) => Ok(Self::Poll { sid }),
                (Transport::Polling, &Method::POST) => Ok(Self::Post { sid }),
                _ => Err(RequestError::BadRequest),
            },
            None if method != Method::GET => Err(RequestError::BadHandshakeMethod),
            None if !fits => Err(RequestError::BadRequest),
            None if parameter(query, "EIO") != Some("4") => {
                Err(RequestError::UnsupportedProtocolVersion)
            }
            None => Ok(Self::Open { transport }),
        }
    }
}

fn parameter<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}
