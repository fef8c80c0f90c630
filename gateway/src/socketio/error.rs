//! What a client must not do.

use thiserror::Error;

/// A violation of the protocol. The driver closes the connection with
/// [`label`](Self::label) as the reason; there is nothing to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// A packet that does not start with a known type.
    #[error("an unknown packet type")]
    UnknownPacketType,
    /// A payload that is not JSON.
    #[error("a payload that is not JSON")]
    BadJson,
    /// An event that is not an array starting with its name.
    #[error("an event that is not an array starting with a name that is not reserved")]
    BadEvent,
    /// An acknowledgement that is not an array.
    #[error("an acknowledgement that is not an array")]
    BadAck,
    /// An ack id too large for a number, or an acknowledgement without one.
    #[error("a bad ack id")]
    BadAckId,
    /// A binary packet that does not say how many attachments follow.
    #[error("a bad number of attachments")]
    BadAttachmentCount,
    /// More attachments than [`MAX_ATTACHMENTS`](super::MAX_ATTACHMENTS).
    #[error("too many attachments")]
    TooManyAttachments,
    /// Attachments larger than [`max_attachment_bytes`](super::Config::max_attachment_bytes).
    #[error("attachments too large")]
    AttachmentsTooLarge,
    /// A placeholder for an attachment that does not exist.
    #[error("a placeholder out of range")]
    BadPlaceholder,
    /// Text between a binary packet and its attachments.
    #[error("text while attachments are pending")]
    AttachmentExpected,
    /// Binary data that no packet has announced.
    #[error("unexpected binary data")]
    UnexpectedBinary,
    /// A packet for a namespace that the client has not connected to.
    #[error("a packet for a namespace that is not connected")]
    NotConnected,
    /// A CONNECT to a namespace that is connected, or about to be.
    #[error("a second CONNECT to a namespace")]
    AlreadyConnected,
    /// A CONNECT whose payload is not an object.
    #[error("a CONNECT whose payload is not an object")]
    BadAuth,
    /// A CONNECT_ERROR, which only servers send.
    #[error("a CONNECT_ERROR from a client")]
    ConnectError,
    /// A DISCONNECT with a payload.
    #[error("a DISCONNECT with a payload")]
    BadDisconnect,
    /// No namespace was connected in time.
    #[error("no CONNECT in time")]
    ConnectTimeout,
}

impl ProtocolError {
    /// A stable name in snake case, for metrics and as the close reason.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::UnknownPacketType => "unknown_packet_type",
            Self::BadJson => "bad_json",
            Self::BadEvent => "bad_event",
            Self::BadAck => "bad_ack",
            Self::BadAckId => "bad_ack_id",
            Self::BadAttachmentCount => "bad_attachment_count",
            Self::TooManyAttachments => "too_many_attachments",
            Self::AttachmentsTooLarge => "attachments_too_large",
            Self::BadPlaceholder => "bad_placeholder",
            Self::AttachmentExpected => "attachment_expected",
            Self::UnexpectedBinary => "unexpected_binary",
            Self::NotConnected => "not_connected",
            Self::AlreadyConnected => "already_connected",
            Self::BadAuth => "bad_auth",
            Self::ConnectError => "connect_error",
            Self::BadDisconnect => "bad_disconnect",
            Self::ConnectTimeout => "connect_timeout",
        }
    }
}
