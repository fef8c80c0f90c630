//! An Engine.IO connection: a WebSocket, or HTTP long-polling that may become one.
//!
//! Sending only queues; whoever waits for the next packet moves everything on. A connection that
//! nobody waits on neither reads nor writes, as a slow reader does.

mod polling;
mod websocket;

use std::time::Duration;

use tokio::time::timeout;

use super::packet::Open;
use crate::rest::{Rest, Unanswered};
use polling::{Polling, Step};
use websocket::WebSocket;

/// How long opening may take, as with the stock client.
const OPENING: Duration = Duration::from_secs(20);

/// By which way a client connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// WebSocket from the beginning.
    WebSocket,
    /// HTTP long-polling throughout.
    Polling,
    /// Long-polling, then an upgrade: what the stock client does unless told otherwise.
    Upgrade,
}

/// Why a connection ended or did not come about.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broken {
    #[error("transport error")]
    Io(#[from] std::io::Error),
    #[error("transport error")]
    WebSocket(#[from] tokio_tungstenite::tungstenite::Error),
    #[error("transport error")]
    Http(#[from] Unanswered),
    #[error("HTTP {0}")]
    Status(u16),
    #[error("closed: {0}")]
    Closed(String),
    #[error("bad packet")]
    Malformed,
    #[error("time-out")]
    Late(#[from] tokio::time::error::Elapsed),
}

/// An open connection.
pub(crate) enum Transport {
    WebSocket(Box<WebSocket>),
    Polling(Box<Polling>),
}

impl Transport {
    /// Opens a connection.
    pub(crate) async fn open(
        rest: Rest,
        wire: Wire,
        receive_buffer: Option<u32>,
    ) -> Result<(Self, Open), Broken> {
        timeout(OPENING, async {
            Ok(match wire {
                Wire::WebSocket => {
                    let (websocket, open) = WebSocket::open(&rest, receive_buffer).await?;
                    (Self::WebSocket(Box::new(websocket)), open)
                }
                Wire::Polling | Wire::Upgrade => {
                    let upgrade = wire == Wire::Upgrade;
                    let (polling, open) = Polling::open(rest, upgrade, receive_buffer).await?;
                    (Self::Polling(Box::new(polling)), open)
                }
            })
        })
        .await?
    }

    /// Queues a packet.
    pub(crate) fn send(&mut self, packet: String) {
        match self {
            Self::WebSocket(websocket) => websocket.send(packet),
            Self::Polling(polling) => polling.send(packet),
        }
    }

    /// The next packet. May be given up at any point without losing one.
    pub(crate) async fn next(&mut self) -> Result<String, Broken> {
        loop {
            match self {
                Self::WebSocket(websocket) => return websocket.next().await,
                Self::Polling(polling) => match polling.next().await? {
                    Step::Packet(packet) => return Ok(packet),
                    Step::Upgraded(websocket) => *self = Self::WebSocket(websocket),
                },
            }
        }
    }
}
