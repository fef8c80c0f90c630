//! Packets of Socket.IO v5 as they come in:
//! `<type>[<attachments>-][/namespace,][ack id][json]`.

use serde_json::value::RawValue;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::engine::Text;

use super::{Arguments, ProtocolError, placeholder::placeholders_fit};

/// The most attachments of one packet, as in the reference.
pub const MAX_ATTACHMENTS: usize = 10;

/// Names that Socket.IO keeps for itself.
const RESERVED: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// A packet that a client may send.
#[derive(Clone, Debug)]
pub struct Packet {
    /// The namespace it is for, `/` unless it names one.
    pub namespace: Text,
    /// What it says.
    pub body: Body,
    /// How many binary messages belong to it and follow.
    pub attachments: usize,
}

/// What a packet says.
#[derive(Clone, Debug)]
pub enum Body {
    /// CONNECT, with the client's `auth` as a JSON object.
    Connect {
        /// The object, if there is one.
        auth: Option<Text>,
    },
    /// DISCONNECT.
    Disconnect,
    /// EVENT or BINARY_EVENT.
    Event {
        /// The number to acknowledge it with, if the client wants that.
        id: Option<u64>,
        /// Its name; of a number, the digits.
        name: Text,
        /// Its arguments, the name not among them.
        arguments: Arguments,
    },
    /// ACK or BINARY_ACK.
    Ack {
        /// The number of the event it acknowledges.
        id: u64,
        /// Its arguments.
        arguments: Arguments,
    },
}

impl Packet {
    /// Decodes the text of one packet. Nothing is copied but an event name with
    /// escapes in it.
    ///
    /// # Errors
    ///
    /// What is wrong with it; see [`ProtocolError`].
    pub fn decode(text: &Text) -> Result<Self, ProtocolError> {
        let kind = Kind::of(text.bytes().next())?;
        let mut cursor = Cursor { text, at: 1 };
        let count = kind
            .is_binary
            .then(|| cursor.attachment_count())
            .transpose()?;
        let namespace = cursor.namespace();
        let body = match kind.name {
            KindName::Connect => Body::Connect {
                auth: cursor.object()?,
            },
            KindName::Disconnect if cursor.rest().is_empty() => Body::Disconnect,
            KindName::Disconnect => return Err(ProtocolError::BadDisconnect),
            KindName::Event => {
                let id = cursor.ack_id()?;
                let mut arguments = cursor.array(ProtocolError::BadEvent, count)?;
                let name = arguments.take_first().ok_or(ProtocolError::BadEvent)?;
                Body::Event {
                    id,
                    name: event_name(&name)?,
                    arguments,
                }
            }
            KindName::Ack => Body::Ack {
                id: cursor.ack_id()?.ok_or(ProtocolError::BadAckId)?,
                arguments: cursor.array(ProtocolError::BadAck, count)?,
            },
        };
        Ok(Self {
            namespace,
            body,
            attachments: count.unwrap_or(0),
        })
    }
}

struct Kind {
    name: KindName,
    is_binary: bool,
}

enum KindName {
    Connect,
    Disconnect,
    Event,
    Ack,
}

impl Kind {
    fn of(digit: Option<u8>) -> Result<Self, ProtocolError> {
        let (name, is_binary) = match digit {
            Some(b'0') => (KindName::Connect, false),
            Some(b'1') => (KindName::Disconnect, false),
            Some(b'2') => (KindName::Event, false),
            Some(b'3') => (KindName::Ack, false),
            Some(b'4') => return Err(ProtocolError::ConnectError),
            Some(b'5') => (KindName::Event, true),
            Some(b'6') => (KindName::Ack, true),
            _ => return Err(ProtocolError::UnknownPacketType),
        };
        Ok(Self { name, is_binary })
    }
}

/// Reads a packet from left to right.
struct Cursor<'a> {
    text: &'a Text,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn digits(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// `<attachments>-`.
    fn attachment_count(&mut self) -> Result<usize, ProtocolError> {
        let digits = self.digits();
        if digits.is_empty() || !self.rest().starts_with('-') {
            return Err(ProtocolError::BadAttachmentCount);
        }
        self.at += 1;
        // A number too long to parse is too large as well.
        digits
            .parse()
            .ok()
            .filter(|count| *count <= MAX_ATTACHMENTS)
            .ok_or(ProtocolError::TooManyAttachments)
    }

    /// `/namespace,`, or `/namespace` at the end of the packet.
    fn namespace(&mut self) -> Text {
        let rest = self.rest();
        if !rest.starts_with('/') {
            return Utf8Bytes::from_static("/").into();
        }
        let (end, next) = match rest.find(',') {
            Some(comma) => (self.at + comma, self.at + comma + 1),
            None => (self.text.len(), self.text.len()),
        };
        let namespace = self.text.slice(self.at..end);
        self.at = next;
        namespace
    }

    /// All digits up to the JSON.
    fn ack_id(&mut self) -> Result<Option<u64>, ProtocolError> {
        match self.digits() {
            "" => Ok(None),
            digits => digits
                .parse()
                .map(Some)
                .map_err(|_| ProtocolError::BadAckId),
        }
    }

    /// The payload of a CONNECT.
    fn object(&self) -> Result<Option<Text>, ProtocolError> {
        let json = self.rest();
        if json.is_empty() {
            return Ok(None);
        }
        let value: &RawValue = serde_json::from_str(json).map_err(|_| ProtocolError::BadJson)?;
        if value.get().starts_with('{') {
            Ok(Some(self.text.slice(self.at..self.text.len())))
        } else {
            Err(ProtocolError::BadAuth)
        }
    }

    /// The payload of an event or an acknowledgement, with its placeholders checked
    /// if the packet is a binary one; `shape` is the error when it is no array.
    fn array(
        &self,
        shape: ProtocolError,
        attachments: Option<usize>,
    ) -> Result<Arguments, ProtocolError> {
        let json = self.text.slice(self.at..self.text.len());
        if json.is_empty() {
            return Err(shape);
        }
        let fits =
            |json: &Text| attachments.is_none_or(|attachments| placeholders_fit(json, attachments));
        match Arguments::parse(json.clone()) {
            Ok(_) if !fits(&json) => Err(ProtocolError::BadPlaceholder),
            Ok(arguments) => Ok(arguments),
            Err(error) if error.is_data() => Err(shape),
            Err(_) => Err(ProtocolError::BadJson),
        }
    }
}

/// Reads the name of an event, a JSON string or number.
fn event_name(json: &Text) -> Result<Text, ProtocolError> {
    let name = match json.strip_prefix('"') {
        None if json.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
            return Ok(json.clone());
        }
        None => return Err(ProtocolError::BadEvent),
        Some(name) if name.contains('\\') => serde_json::from_str::<String>(json)
            .map_err(|_| ProtocolError::BadJson)?
            .into(),
        Some(_) => json.slice(1..json.len() - 1),
    };
    if RESERVED.contains(&name.as_str()) {
        return Err(ProtocolError::BadEvent);
    }
    Ok(name)
}
