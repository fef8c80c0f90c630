//! Packets of Engine.IO v4 and their two encodings.
//!
//! On a WebSocket a text frame is one packet, `<type digit><data>`, and a binary
//! frame is the data of one message. A polling body is packets joined with the
//! record separator, binary ones as `b<base64>`.

use base64::{
    Engine as _,
    alphabet::STANDARD as ALPHABET,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use thiserror::Error;

use super::{Frame, FrameKind, Text};

/// What separates the packets of a polling body (U+001E).
const SEPARATOR: char = '\x1e';

/// Padded when written; read with and without padding, as the reference does.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &ALPHABET,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A message of the layer above.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(Text),
    /// Binary data.
    Binary(Bytes),
}

/// A packet that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// `0`: only servers send it.
    Open,
    /// `1`: the session ends.
    Close,
    /// `2`: from a client only as the probe of an upgrade, `2probe`.
    Ping(Text),
    /// `3`: the answer to a ping.
    Pong,
    /// `4`, or binary data.
    Message(Message),
    /// `5`: the client has moved to the WebSocket.
    Upgrade,
    /// `6`: nothing.
    Noop,
}

/// What is not a packet, or not one that may come here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PacketError {
    /// A packet without even a type.
    #[error("an empty packet")]
    Empty,
    /// A type that the protocol does not have.
    #[error("an unknown packet type")]
    UnknownType,
    /// Binary data that is not base64.
    #[error("a binary packet that is not base64")]
    Base64,
    /// A polling body that is not UTF-8.
    #[error("a body that is not UTF-8")]
    Utf8,
    /// A ping from a client: in version 4 the server pings.
    #[error("a ping in the wrong direction")]
    Ping,
}

impl Packet {
    /// Decodes the text of one packet, without copying it.
    ///
    /// # Errors
    ///
    /// When the text is empty or starts with something other than a type digit.
    pub fn decode(text: &Text) -> Result<Self, PacketError> {
        let kind = text.bytes().next().ok_or(PacketError::Empty)?;
        let data = || text.slice(1..text.len());
        Ok(match kind {
            b'0' => Self::Open,
            b'1' => Self::Close,
            b'2' => Self::Ping(data()),
            b'3' => Self::Pong,
            b'4' => Self::Message(Message::Text(data())),
            b'5' => Self::Upgrade,
            b'6' => Self::Noop,
            _ => return Err(PacketError::UnknownType),
        })
    }

    /// Decodes one packet of a polling body, where binary data is text too.
    fn decode_polled(text: &Text) -> Result<Self, PacketError> {
        match text.strip_prefix('b') {
            Some(data) => BASE64
                .decode(data)
                .map(|data| Self::Message(Message::Binary(data.into())))
                .map_err(|_| PacketError::Base64),
            None => Self::decode(text),
        }
    }
}

/// Decodes the body of a POST packet by packet, in order. Whoever meets an error
/// stops there; what came before it was in order.
pub fn decode_payload(body: Bytes) -> impl Iterator<Item = Result<Packet, PacketError>> {
    let mut body = Some(Text::try_from(body).map_err(|_| PacketError::Utf8));
    std::iter::from_fn(move || {
        let text = match body.take()? {
            Ok(text) => text,
            Err(error) => return Some(Err(error)),
        };
        let packet = match text.find(SEPARATOR) {
            Some(end) => {
                body = Some(Ok(text.slice(end + 1..text.len())));
                text.slice(0..end)
            }
            None => text,
        };
        Some(Packet::decode_polled(&packet))
    })
}

/// Appends one frame to the body of an answer to a GET, and the separator when there is something
/// before it. A control frame is left out.
pub(super) fn append_polled(body: &mut Vec<u8>, frame: &Frame) {
    if frame.kind() != FrameKind::Control && !body.is_empty() {
        body.push(SEPARATOR as u8);
    }
    match frame.kind() {
        FrameKind::Text => body.extend_from_slice(frame.packet()),
        FrameKind::Binary => {
            body.push(b'b');
            body.extend_from_slice(BASE64.encode(frame.packet()).as_bytes());
        }
        FrameKind::Control => {}
    }
}

/// How many bytes a frame takes in a polling body, without a separator.
pub(super) fn polled_len(frame: &Frame) -> usize {
    match frame.kind() {
        FrameKind::Text => frame.packet().len(),
        FrameKind::Binary => 1 + frame.packet().len().div_ceil(3) * 4,
        FrameKind::Control => 0,
    }
}
