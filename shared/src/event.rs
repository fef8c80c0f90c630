//! What travels on the bus: conversation events, membership notices and signals.
//!
//! The API makes events and notices, gateways make signals, gateways read all three. The part that
//! clients see (`data`) is carried as finished JSON: a gateway frames it without parsing it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::{
    clock::Timestamp,
    id::{ConversationId, Seq, UserId},
};

/// The version of these types that this build writes, and the only one it reads so far.
pub const VERSION: u8 = 1;

/// The events of a conversation, by the names they have on the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventName {
    /// A message was sent.
    NewMessage,
    /// It was created or renamed, or its participants changed.
    ConversationUpdated,
    /// It was deleted.
    ConversationDeleted,
    /// Someone has read further.
    MessagesRead,
    /// Something was delivered to someone.
    MessagesDelivered,
}

impl EventName {
    /// The name on the socket.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NewMessage => "new-message",
            Self::ConversationUpdated => "conversation-updated",
            Self::ConversationDeleted => "conversation-deleted",
            Self::MessagesRead => "messages-read",
            Self::MessagesDelivered => "messages-delivered",
        }
    }
}

/// Something that happened in a conversation, as published on its channel.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationEvent<'a> {
    /// [`VERSION`].
    pub v: u8,
    /// What happened.
    pub event: EventName,
    /// Where.
    pub conversation_id: ConversationId,
    /// When it was committed.
    pub at: Timestamp,
    /// Who did it: the sender of a message.
    pub by: UserId,
    /// Who was added by it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<UserId>,
    /// Who was removed by it, and hears `conversation-deleted` instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<UserId>,
    /// The event's data, exactly as clients get it.
    #[serde(borrow)]
    pub data: &'a RawValue,
}

/// Tells a user's gateways that the user was added to a conversation, or removed from it. Those who
/// are told of the conversation hear it from the event itself; the notice is for those who are not,
/// or not yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipNotice {
    /// [`VERSION`].
    pub v: u8,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// What happened to the user.
    pub change: MembershipChange,
    /// The event that did it: the first they may see, or the last.
    pub seq: Seq,
}

/// What a [`MembershipNotice`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MembershipChange {
    /// The user was added.
    Joined,
    /// The user was removed, has left, or the conversation was deleted.
    Left,
}

/// Something that is never stored: typing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Signal {
    /// [`VERSION`].
    pub v: u8,
    /// What it says.
    pub signal: SignalName,
    /// Where.
    pub conversation_id: ConversationId,
    /// Who.
    pub user_id: UserId,
    /// Their display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
}

/// What a [`Signal`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalName {
    /// Someone started typing, or goes on.
    TypingStart,
    /// Someone stopped.
    TypingStop,
}

/// That a session goes on on another connection, which makes those it had before superfluous: a
/// signal on the user's channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Takeover {
    /// [`VERSION`].
    pub v: u8,
    /// Which session.
    pub pid: String,
    /// The connection it goes on on: the Socket.IO session id.
    pub connection_id: String,
    /// Since when that connection hears what is said to its user. The latest is the newest, and
    /// stays; of two at once, the one with the higher id.
    pub at: Timestamp,
}

/// A payload that this build cannot read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// It is not the JSON that was expected.
    #[error("the payload is malformed")]
    Malformed(#[from] serde_json::Error),
    /// It was written by another version.
    #[error("the payload has version {0}, this build reads version {VERSION}")]
    Version(u8),
}

/// A type with a version field, carried as JSON.
trait Versioned {
    fn version(&self) -> u8;
}

fn checked<T: Versioned>(value: T) -> Result<T, DecodeError> {
    match value.version() {
        VERSION => Ok(value),
        other => Err(DecodeError::Version(other)),
    }
}

macro_rules! payload {
    ($type:ty) => {
        impl Versioned for $type {
            fn version(&self) -> u8 {
                self.v
            }
        }

        impl $type {
            /// As it travels.
            ///
            /// # Errors
            ///
            /// None in practice: every field has a JSON form.
            pub fn encode(&self) -> Result<Bytes, serde_json::Error> {
                serde_json::to_vec(self).map(Bytes::from)
            }
        }
    };
}

payload!(ConversationEvent<'_>);
payload!(MembershipNotice);
payload!(Signal);
payload!(Takeover);

impl<'a> ConversationEvent<'a> {
    /// Reads it back.
    ///
    /// # Errors
    ///
    /// If it is malformed or of another version.
    pub fn decode(payload: &'a [u8]) -> Result<Self, DecodeError> {
        checked(serde_json::from_slice(payload)?)
    }
}

impl MembershipNotice {
    /// Reads it back.
    ///
    /// # Errors
    ///
    /// If it is malformed or of another version.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        checked(serde_json::from_slice(payload)?)
    }
}

impl Signal {
    /// Reads it back.
    ///
    /// # Errors
    ///
    /// If it is malformed or of another version.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        checked(serde_json::from_slice(payload)?)
    }
}

impl Takeover {
    /// Reads it back.
    ///
    /// # Errors
    ///
    /// If it is malformed or of another version.
    pub fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        checked(serde_json::from_slice(payload)?)
    }
}
