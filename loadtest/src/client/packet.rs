//! As much of Engine.IO 4 and Socket.IO 5 as a client of one namespace needs: text packets.

use std::time::Duration;

use callboard_shared::id::ConversationId;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::journal::{Attempt, Received};

/// Between the packets of a polling body.
pub(crate) const SEPARATOR: char = '\u{1e}';

/// What a server's Engine.IO handshake says.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Open {
    pub(crate) sid: String,
    ping_interval: u64,
    ping_timeout: u64,
}

impl Open {
    /// Reads an `open` packet.
    pub(crate) fn read(packet: &str) -> Option<Self> {
        serde_json::from_str(packet.strip_prefix('0')?).ok()
    }

    /// A client that has heard no ping for so long gives the connection up.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(self.ping_interval + self.ping_timeout)
    }
}

/// What a server sends after the handshake.
#[derive(Debug)]
pub(crate) enum Packet {
    Ping,
    /// The connection ends.
    Close,
    /// The answer to CONNECT.
    Connected {
        pid: Option<String>,
    },
    /// CONNECT was refused.
    Refused(String),
    /// A Socket.IO DISCONNECT.
    Disconnected,
    Event(Event),
    Acknowledged {
        id: u64,
        answer: Value,
    },
    /// Nothing that a client has to care about.
    Other,
}

/// An event, as far as a checker looks at it.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) what: What,
    /// The last argument, where that is a string.
    pub(crate) offset: Option<String>,
}

/// What an event tells.
#[derive(Debug)]
pub(crate) enum What {
    Ready,
    Received(Received),
    Ephemeral,
}

/// A packet that a server must not send.
#[derive(Debug, thiserror::Error)]
#[error("not a packet: {0}")]
pub(crate) struct Malformed(String);

/// The data of the events that have a place in a conversation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sequenced {
    conversation_id: ConversationId,
    seq: Option<u64>,
    message: Option<Content>,
}

#[derive(Deserialize)]
struct Content {
    content: String,
}

impl Packet {
    /// Reads an Engine.IO packet.
    pub(crate) fn read(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed(text.chars().take(200).collect());
        let mut characters = text.chars();
        match characters.next() {
            Some('1') => return Ok(Self::Close),
            Some('2') => return Ok(Self::Ping),
            Some('4') => {}
            Some('3' | '5' | '6') => return Ok(Self::Other),
            _ => return Err(malformed()),
        }
        let kind = characters.next();
        let rest = characters.as_str();
        Ok(match kind {
            Some('0') => {
                #[derive(Deserialize)]
                struct Connected {
                    pid: Option<String>,
                }
                let connected: Connected = serde_json::from_str(rest).map_err(|_| malformed())?;
                Self::Connected { pid: connected.pid }
            }
            Some('1') => Self::Disconnected,
            Some('2') => {
                let arguments: Vec<&RawValue> =
                    serde_json::from_str(rest).map_err(|_| malformed())?;
                Self::Event(Event::read(&arguments).ok_or_else(malformed)?)
            }
            Some('3') => {
                let digits = rest.find('[').ok_or_else(malformed)?;
                let id = rest[..digits].parse().map_err(|_| malformed())?;
                let arguments: Vec<Value> =
                    serde_json::from_str(&rest[digits..]).map_err(|_| malformed())?;
                let answer = arguments.into_iter().next().unwrap_or_default();
                Self::Acknowledged { id, answer }
            }
            Some('4') => Self::Refused(rest.to_owned()),
            _ => return Err(malformed()),
        })
    }
}

impl Event {
    fn read(arguments: &[&RawValue]) -> Option<Self> {
        let (name, last) = (arguments.first()?, arguments.last()?);
        let name: String = serde_json::from_str(name.get()).ok()?;
        let data = arguments.get(1);
        let sequenced = || serde_json::from_str::<Sequenced>(data?.get()).ok();
        let what = match name.as_str() {
            "ready" => What::Ready,
            "new-message" | "conversation-updated" => {
                let data = sequenced()?;
                What::Received(Received::Event {
                    conversation: data.conversation_id,
                    seq: data.seq?,
                    attempt: data
                        .message
                        .and_then(|message| Attempt::of(&message.content)),
                })
            }
            "conversation-deleted" => What::Received(Received::Gone {
                conversation: sequenced()?.conversation_id,
            }),
            _ => What::Ephemeral,
        };
        let offset = (arguments.len() > 1)
            .then(|| serde_json::from_str(last.get()).ok())
            .flatten();
        Some(Self { what, offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_with_its_place_and_cursor() {
        let text = r#"42["new-message",{"conversationId":"01a208f2-2c45-70b9-9bf7-2aef1d3a7448","seq":2,"message":{"content":"attempt 17 xxx"}},"cursor"]"#;
        let Ok(Packet::Event(event)) = Packet::read(text) else {
            panic!("not an event");
        };
        assert_eq!(event.offset.as_deref(), Some("cursor"));
        let What::Received(Received::Event { seq, attempt, .. }) = event.what else {
            panic!("not a message");
        };
        assert_eq!((seq, attempt), (2, Some(Attempt::new(17))));
    }

    #[test]
    fn an_event_whose_last_argument_is_no_string_brings_no_cursor() {
        let text = r#"42["notification",{"type":"new-message"}]"#;
        let Ok(Packet::Event(event)) = Packet::read(text) else {
            panic!("not an event");
        };
        assert!(event.offset.is_none());
    }

    #[test]
    fn acknowledgements_come_with_their_id() {
        let Ok(Packet::Acknowledged { id, answer }) = Packet::read(r#"4312[{"ok":true}]"#) else {
            panic!("not an acknowledgement");
        };
        assert_eq!((id, &answer["ok"]), (12, &Value::Bool(true)));
    }

    #[test]
    fn what_is_no_packet_is_told_apart() {
        for text in ["", "9", "42{}", "43", "4x", r#"42["new-message",{}]"#] {
            assert!(Packet::read(text).is_err(), "{text}");
        }
    }
}
