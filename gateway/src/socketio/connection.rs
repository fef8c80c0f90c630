//! The Socket.IO state of one Engine.IO session: which namespaces the client is
//! in, the binary packet it is in the middle of, and the time it has to connect.
//!
//! ```text
//!             CONNECT               accept
//!   absent ───────────▶ connecting ────────▶ connected
//!     ▲ ▲     refuse        │                 │    │ disconnect
//!     │ └───────────────────┘     DISCONNECT  │    ▼
//!     └───────────────────────────────────────┘  dismissed ── CONNECT ─▶ …
//! ```
//!
//! The driver of a worker calls it with each message of the session, and the
//! application answers a CONNECT with [`Connection::accept`] or
//! [`Connection::refuse`], at once or later. It sends nothing by itself.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::engine::{Frame, Message, Text};

use super::{Arguments, Body, Packet, ProtocolError, encode};

/// The most namespaces a server can have: their states lie in each connection.
pub const MAX_NAMESPACES: usize = 8;

/// What all connections of a server have in common.
#[derive(Clone, Debug)]
pub struct Config {
    /// The namespaces there are; past [`MAX_NAMESPACES`] they are as good as unknown.
    pub namespaces: &'static [&'static str],
    /// How long a client may be without a namespace before it is disconnected.
    pub connect_timeout: Duration,
    /// The most bytes in the attachments of one packet, which are held until the
    /// last one is there. Past it the connection is closed.
    pub max_attachment_bytes: usize,
}

/// What a message of the client means for the application.
#[derive(Debug)]
pub enum Incoming {
    /// The client wants in: [`accept`](Connection::accept) or
    /// [`refuse`](Connection::refuse).
    Connect {
        /// The namespace.
        namespace: &'static str,
        /// The client's `auth`, a JSON object.
        auth: Option<Text>,
    },
    /// The client has sent an event.
    Event {
        /// The namespace.
        namespace: &'static str,
        /// The number to acknowledge it with, if the client wants that.
        id: Option<u64>,
        /// Its name; of a number, the digits.
        name: Text,
        /// Its arguments.
        arguments: Arguments,
    },
    /// The client has acknowledged an event.
    Ack {
        /// The namespace.
        namespace: &'static str,
        /// The number of the event.
        id: u64,
        /// Its arguments.
        arguments: Arguments,
    },
    /// The client has left; the session stays open. It may have been waiting
    /// for the answer to its CONNECT, which is not to be sent any more.
    Disconnect {
        /// The namespace.
        namespace: &'static str,
    },
    /// The client wants into a namespace that does not exist.
    UnknownNamespace {
        /// What to answer it.
        answer: Frame,
    },
}

/// The Socket.IO state of one session.
pub struct Connection {
    config: Arc<Config>,
    members: [Membership; MAX_NAMESPACES],
    /// Set while the client is in no namespace.
    connect_deadline: Option<Instant>,
    pending: Option<Box<Pending>>,
}

/// How a client stands to a namespace.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Membership {
    Absent,
    /// The application is deciding on its CONNECT.
    Connecting,
    Connected,
    /// Put out by the server: what the client sent before it heard of that is
    /// dropped, not held against it.
    Dismissed,
}

/// A binary packet that waits for its attachments.
struct Pending {
    namespace: usize,
    body: Body,
    expected: usize,
    attachments: Vec<Bytes>,
    bytes: usize,
}

impl Connection {
    /// A client that is in no namespace yet, and has until `connect_timeout` to be.
    #[must_use]
    pub fn new(now: Instant, config: &Arc<Config>) -> Self {
        Self {
            config: Arc::clone(config),
            members: [Membership::Absent; MAX_NAMESPACES],
            connect_deadline: Some(now + config.connect_timeout),
            pending: None,
        }
    }

    /// Takes a message of the session. `None`: there is nothing to do for it, or
    /// not yet.
    ///
    /// # Errors
    ///
    /// A violation of the protocol: the session is to be closed.
    pub fn receive(
        &mut self,
        message: Message,
        now: Instant,
    ) -> Result<Option<Incoming>, ProtocolError> {
        match (message, self.pending.take()) {
            (Message::Text(text), None) => self.packet(Packet::decode(&text)?, now),
            (Message::Text(_), Some(_)) => Err(ProtocolError::AttachmentExpected),
            (Message::Binary(_), None) => Err(ProtocolError::UnexpectedBinary),
            (Message::Binary(data), Some(pending)) => self.attachment(data, pending),
        }
    }

    /// Lets the client into a namespace it is waiting for. `false`: it is not
    /// waiting any more, and gets no answer.
    #[must_use]
    pub fn accept(&mut self, namespace: &str) -> bool {
        let accepted = self.change(namespace, Membership::Connecting, Membership::Connected);
        if accepted {
            self.connect_deadline = None;
        }
        accepted
    }

    /// Keeps the client out of a namespace it is waiting for. `false`: as for
    /// [`accept`](Self::accept).
    #[must_use]
    pub fn refuse(&mut self, namespace: &str, now: Instant) -> bool {
        let refused = self.change(namespace, Membership::Connecting, Membership::Absent);
        self.watch(now);
        refused
    }

    /// Puts the client out of a namespace. `false`: it is not in there, and gets
    /// no DISCONNECT.
    #[must_use]
    pub fn disconnect(&mut self, namespace: &str, now: Instant) -> bool {
        let left = self.change(namespace, Membership::Connected, Membership::Dismissed);
        self.watch(now);
        left
    }

    /// Whether the client is in a namespace.
    #[cfg(test)]
    pub(super) fn is_connected(&self, namespace: &str) -> bool {
        self.index(namespace)
            .is_some_and(|index| self.members[index] == Membership::Connected)
    }

    /// When to call [`tick`](Self::tick) next. Changes with every call.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.connect_deadline
    }

    /// Checks the time; harmless when nothing is due.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::ConnectTimeout`] when the client has been in no namespace
    /// for too long: the session is to be closed.
    pub fn tick(&self, now: Instant) -> Result<(), ProtocolError> {
        match self.connect_deadline {
            Some(deadline) if deadline <= now => Err(ProtocolError::ConnectTimeout),
            _ => Ok(()),
        }
    }

    fn packet(&mut self, packet: Packet, now: Instant) -> Result<Option<Incoming>, ProtocolError> {
        let Some(index) = self.index(&packet.namespace) else {
            return match packet.body {
                Body::Connect { .. } => Ok(Some(Incoming::UnknownNamespace {
                    answer: encode::connect_error(&packet.namespace, "Invalid namespace", None),
                })),
                _ => Err(ProtocolError::NotConnected),
            };
        };
        let namespace = self.config.namespaces[index];
        match (packet.body, self.members[index]) {
            (Body::Connect { auth }, Membership::Absent | Membership::Dismissed) => {
                self.members[index] = Membership::Connecting;
                Ok(Some(Incoming::Connect { namespace, auth }))
            }
            (Body::Connect { .. }, _) => Err(ProtocolError::AlreadyConnected),
            (_, Membership::Absent) => Err(ProtocolError::NotConnected),
            (Body::Disconnect, membership) => {
                self.members[index] = Membership::Absent;
                self.watch(now);
                let known = membership != Membership::Dismissed;
                Ok(known.then_some(Incoming::Disconnect { namespace }))
            }
            (_, Membership::Connecting) => Err(ProtocolError::NotConnected),
            (body, _) if packet.attachments > 0 => {
                self.pending = Some(Box::new(Pending {
                    namespace: index,
                    body,
                    expected: packet.attachments,
                    attachments: Vec::with_capacity(packet.attachments),
                    bytes: 0,
                }));
                Ok(None)
            }
            (body, _) => Ok(self.deliver(index, body, Vec::new())),
        }
    }

    fn attachment(
        &mut self,
        data: Bytes,
        mut pending: Box<Pending>,
    ) -> Result<Option<Incoming>, ProtocolError> {
        pending.bytes += data.len();
        if pending.bytes > self.config.max_attachment_bytes {
            return Err(ProtocolError::AttachmentsTooLarge);
        }
        pending.attachments.push(data);
        if pending.attachments.len() < pending.expected {
            self.pending = Some(pending);
            return Ok(None);
        }
        let Pending {
            namespace,
            body,
            attachments,
            ..
        } = *pending;
        Ok(self.deliver(namespace, body, attachments))
    }

    /// Hands on a complete event or acknowledgement, unless the server has put the
    /// client out of the namespace.
    fn deliver(&self, index: usize, body: Body, attachments: Vec<Bytes>) -> Option<Incoming> {
        if self.members[index] != Membership::Connected {
            return None;
        }
        let namespace = self.config.namespaces[index];
        match body {
            Body::Event {
                id,
                name,
                mut arguments,
            } => {
                arguments.attachments = attachments;
                Some(Incoming::Event {
                    namespace,
                    id,
                    name,
                    arguments,
                })
            }
            Body::Ack { id, mut arguments } => {
                arguments.attachments = attachments;
                Some(Incoming::Ack {
                    namespace,
                    id,
                    arguments,
                })
            }
            Body::Connect { .. } | Body::Disconnect => None,
        }
    }

    fn index(&self, namespace: &str) -> Option<usize> {
        let known = self.config.namespaces.iter().take(MAX_NAMESPACES);
        known.into_iter().position(|known| *known == namespace)
    }

    fn change(&mut self, namespace: &str, from: Membership, to: Membership) -> bool {
        let member = self
            .index(namespace)
            .map(|index| &mut self.members[index])
            .filter(|member| **member == from);
        match member {
            Some(member) => {
                *member = to;
                true
            }
            None => false,
        }
    }

    /// Starts the time to connect once the client has left its last namespace. A
    /// time that runs already is not prolonged: a client that is refused again and
    /// again does not stay.
    fn watch(&mut self, now: Instant) {
        if !self.members.contains(&Membership::Connected) {
            self.connect_deadline
                .get_or_insert(now + self.config.connect_timeout);
        }
    }
}
