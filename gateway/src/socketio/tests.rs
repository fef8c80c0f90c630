//! Tests of the Socket.IO layer.

mod codec;
mod connection;
mod violations;

use bytes::Bytes;

use super::ProtocolError;
use crate::engine::{Frame, FrameKind, Message};

/// A text message.
fn text(text: &str) -> Message {
    Message::Text(text.into())
}

/// A binary message.
fn binary(data: &[u8]) -> Message {
    Message::Binary(Bytes::copy_from_slice(data))
}

/// The message a client finds in a frame.
fn message(frame: &Frame) -> Message {
    match frame.kind() {
        FrameKind::Text => {
            let packet = str::from_utf8(frame.packet()).expect("UTF-8");
            text(packet.strip_prefix('4').expect("a message"))
        }
        FrameKind::Binary => binary(frame.packet()),
        FrameKind::Control => panic!("a control frame is not for clients"),
    }
}

/// The packet text in a frame, its Engine.IO type included.
fn packet_text(frame: &Frame) -> &str {
    str::from_utf8(frame.packet()).expect("UTF-8")
}

#[test]
fn labels_are_distinct_and_in_snake_case() {
    let errors = [
        ProtocolError::UnknownPacketType,
        ProtocolError::BadJson,
        ProtocolError::BadEvent,
        ProtocolError::BadAck,
        ProtocolError::BadAckId,
        ProtocolError::BadAttachmentCount,
        ProtocolError::TooManyAttachments,
        ProtocolError::AttachmentsTooLarge,
        ProtocolError::BadPlaceholder,
        ProtocolError::AttachmentExpected,
        ProtocolError::UnexpectedBinary,
        ProtocolError::NotConnected,
        ProtocolError::AlreadyConnected,
        ProtocolError::BadAuth,
        ProtocolError::ConnectError,
        ProtocolError::BadDisconnect,
        ProtocolError::ConnectTimeout,
    ];
    let mut labels = errors.map(ProtocolError::label).to_vec();
    let is_snake_case = |label: &&str| label.chars().all(|c| c == '_' || c.is_ascii_lowercase());
    assert!(labels.iter().all(is_snake_case));
    labels.sort_unstable();
    labels.dedup();
    assert_eq!(labels.len(), errors.len());
}
