//! One thing that happened in a conversation, in the form in which sockets get it.
//!
//! Made once by the subscriber and shared by every socket that gets it; made again, with another
//! cursor, only for a socket that catches up from the log.

use callboard_shared::{
    bus::{LogEntry, PartitionId, Place},
    clock::Timestamp,
    cursor::{Cursor, Position},
    event::{ConversationEvent, DecodeError, EventName},
    id::{ConversationId, UserId},
    wire::{self, ConversationDeleted, NewMessage, Notification},
};

use crate::{engine::Frame, socketio::encode};

/// The longest preview of a notification, in Unicode scalars.
const PREVIEW: usize = 140;

/// Something sequenced, or a receipt, as sockets get it.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) conversation: ConversationId,
    /// How far whoever has been sent this has got.
    pub(crate) position: Position,
    /// Decides who may see it.
    pub(crate) place: Place,
    /// When it was committed.
    pub(crate) at: Timestamp,
    /// For participants.
    pub(crate) frame: Frame,
    /// Who hears that the conversation is gone instead, and nothing after that.
    pub(crate) removal: Option<Removal>,
    message: Option<Message>,
}

/// Who is taken out of a conversation by an event.
#[derive(Debug)]
pub(crate) struct Removal {
    users: Vec<UserId>,
    everyone: bool,
    /// `conversation-deleted`.
    frame: Frame,
}

impl Removal {
    fn concerns(&self, user: &UserId) -> bool {
        self.everyone || self.users.contains(user)
    }
}

/// What a new message means beside itself.
#[derive(Debug)]
struct Message {
    /// Gets no notification.
    sender: UserId,
    /// For sockets that have not joined the conversation.
    notification: Frame,
}

impl Delivery {
    /// Makes the frames of a log entry for whoever is at `position` once they have been sent it.
    ///
    /// # Errors
    ///
    /// If the payload cannot be read.
    pub(crate) fn new(
        conversation: ConversationId,
        entry: &LogEntry,
        position: Position,
    ) -> Result<Self, DecodeError> {
        let event = ConversationEvent::decode(&entry.payload)?;
        let cursor = position.cursor();
        let gone = |users| -> Result<Removal, DecodeError> {
            let data = serde_json::to_string(&ConversationDeleted {
                conversation_id: conversation,
            })?;
            let everyone = event.event == EventName::ConversationDeleted;
            Ok(Removal {
                users,
                everyone,
                frame: framed(EventName::ConversationDeleted, &data, &cursor),
            })
        };
        let removal = match event.event {
            EventName::ConversationDeleted => Some(gone(Vec::new())?),
            _ if !event.removed.is_empty() => Some(gone(event.removed)?),
            _ => None,
        };
        let message = match event.event {
            EventName::NewMessage => Some(Message {
                sender: event.by,
                notification: notification(&serde_json::from_str(event.data.get())?)?,
            }),
            _ => None,
        };
        Ok(Self {
            conversation,
            frame: framed(event.event, event.data.get(), &cursor),
            position,
            place: entry.place,
            at: event.at,
            removal,
            message,
        })
    }
}

impl Delivery {
    /// Whether it takes a user out of the conversation.
    pub(crate) fn removes(&self, user: &UserId) -> bool {
        self.removal
            .as_ref()
            .is_some_and(|removal| removal.concerns(user))
    }

    /// What a participant is sent.
    pub(crate) fn frame_for(&self, user: &UserId) -> &Frame {
        match &self.removal {
            Some(removal) if removal.concerns(user) => &removal.frame,
            _ => &self.frame,
        }
    }

    /// Who sent the message that it is about, who therefore does not type any more.
    pub(crate) fn sender(&self) -> Option<&UserId> {
        self.message.as_ref().map(|message| &message.sender)
    }

    /// What a participant is sent besides, on a socket that has joined the conversation or not.
    pub(crate) fn notification_for(&self, user: &UserId, joined: bool) -> Option<&Frame> {
        let message = self
            .message
            .as_ref()
            .filter(|message| !joined && message.sender != *user)?;
        Some(&message.notification)
    }
}

/// Something of a log that a socket has missed.
#[derive(Debug, Clone)]
pub(crate) struct Missed {
    pub(crate) conversation: ConversationId,
    pub(crate) partition: PartitionId,
    pub(crate) entry: LogEntry,
}

/// Somebody types, or has stopped, as sockets get it.
#[derive(Debug)]
pub(crate) struct Typing {
    pub(crate) conversation: ConversationId,
    /// Is not told.
    pub(crate) user: UserId,
    pub(crate) frame: Frame,
}

impl Typing {
    /// `user-typing`.
    pub(crate) fn start(
        conversation: ConversationId,
        user: UserId,
        name: Option<String>,
    ) -> serde_json::Result<Self> {
        Self::new("user-typing", conversation, user, Some(name))
    }

    /// `user-stop-typing`.
    pub(crate) fn stop(conversation: ConversationId, user: UserId) -> serde_json::Result<Self> {
        Self::new("user-stop-typing", conversation, user, None)
    }

    fn new(
        event: &str,
        conversation: ConversationId,
        user: UserId,
        user_name: Option<Option<String>>,
    ) -> serde_json::Result<Self> {
        let typing = wire::Typing {
            conversation_id: conversation,
            user_id: user.clone(),
            user_name,
        };
        let frame = encode::event("/", event, &[serde_json::to_string(&typing)?]);
        Ok(Self {
            conversation,
            user,
            frame,
        })
    }
}

/// An event whose last argument is the cursor.
fn framed(event: EventName, data: &str, cursor: &Cursor) -> Frame {
    encode::event("/", event.as_str(), &[data, &quoted(cursor)])
}

/// A cursor as JSON: it needs no escapes.
pub(crate) fn quoted(cursor: &Cursor) -> String {
    format!("\"{cursor}\"")
}

fn notification(event: &NewMessage) -> serde_json::Result<Frame> {
    let message = &event.message;
    let notification = Notification {
        kind: EventName::NewMessage.as_str().to_owned(),
        conversation_id: event.conversation_id,
        message_id: message.id,
        sender_id: message.sender_id.clone(),
        sender_name: message.sender_name.clone(),
        preview: message.content.chars().take(PREVIEW).collect(),
    };
    Ok(encode::event(
        "/",
        "notification",
        &[serde_json::to_string(&notification)?],
    ))
}
