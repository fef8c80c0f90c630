//! The events that clients send, parsed into valid types.

use callboard_shared::{
    backend::MAX_MESSAGE_IDS,
    event::SignalName,
    id::{ConversationId, MessageId, Seq},
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    backend::{Receipt, SendMessage},
    error::{self, Refusal},
    socketio::Arguments,
};

/// What a client asks for.
#[derive(Debug)]
pub(super) enum ClientEvent {
    Join(ConversationId),
    Leave(ConversationId),
    Typing(ConversationId, SignalName),
    Receipt(ConversationId, Receipt),
    Send(SendMessage),
    RefreshToken(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MarkRead {
    conversation_id: ConversationId,
    message_ids: Option<Vec<MessageId>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MarkDelivered {
    conversation_id: ConversationId,
    seq: Seq,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Send {
    conversation_id: ConversationId,
    content: String,
    client_message_id: Option<String>,
}

#[derive(Deserialize)]
struct RefreshToken {
    token: String,
}

impl ClientEvent {
    /// Reads an event by its name and first argument; further arguments are ignored.
    pub(super) fn parse(name: &str, arguments: &Arguments) -> Result<Self, Refusal> {
        const CONVERSATION: &str = "a conversation's id";
        let argument = Argument {
            name,
            json: arguments.get(0).unwrap_or("null"),
        };
        Ok(match name {
            "join-conversation" => Self::Join(argument.parse(CONVERSATION)?),
            "leave-conversation" => Self::Leave(argument.parse(CONVERSATION)?),
            "typing-start" => Self::Typing(argument.parse(CONVERSATION)?, SignalName::TypingStart),
            "typing-stop" => Self::Typing(argument.parse(CONVERSATION)?, SignalName::TypingStop),
            "mark-read" => {
                let data: MarkRead = argument.parse("{conversationId, messageIds?}")?;
                let named = data.message_ids.as_ref().map_or(0, Vec::len);
                if named > MAX_MESSAGE_IDS {
                    let most = format!("messageIds: must name at most {MAX_MESSAGE_IDS} messages");
                    return Err(error::invalid(most));
                }
                Self::Receipt(
                    data.conversation_id,
                    data.message_ids.map_or(Receipt::ReadAll, Receipt::Read),
                )
            }
            "mark-delivered" => {
                let data: MarkDelivered = argument.parse("{conversationId, seq}")?;
                Self::Receipt(data.conversation_id, Receipt::Delivered(data.seq))
            }
            "send-message" => {
                let data: Send = argument.parse("{conversationId, content, clientMessageId?}")?;
                Self::Send(SendMessage {
                    conversation_id: data.conversation_id,
                    content: data.content,
                    client_message_id: data.client_message_id,
                })
            }
            "refresh-token" => Self::RefreshToken(argument.parse::<RefreshToken>("{token}")?.token),
            unknown => return Err(error::unknown_event(unknown)),
        })
    }
}

struct Argument<'a> {
    name: &'a str,
    json: &'a str,
}

impl Argument<'_> {
    fn parse<T: DeserializeOwned>(&self, shape: &str) -> Result<T, Refusal> {
        // serde takes an array for an object with the same values in the same order.
        let wrong = if self.json.trim_start().starts_with('[') {
            "it is an array".to_owned()
        } else {
            match serde_json::from_str(self.json) {
                Ok(parsed) => return Ok(parsed),
                Err(wrong) => wrong.to_string(),
            }
        };
        Err(error::invalid(format!(
            "{}: expected {shape}: {wrong}",
            self.name
        )))
    }
}
