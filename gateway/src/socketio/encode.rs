//! Outgoing Socket.IO packets, written straight into the frames that go out.
//!
//! Arguments are pieces of JSON that somebody has serialised already; nothing is
//! parsed or reformatted here. The frames of a binary packet belong together:
//! whoever sends them writes nothing in between.

use std::fmt::Write as _;

use crate::engine::Frame;

/// CONNECT: the client is in, under the id `sid`. `pid` makes the connection one
/// that can be recovered.
#[must_use]
pub fn connect(namespace: &str, sid: &str, pid: Option<&str>) -> Frame {
    let capacity = 32 + namespace.len() + sid.len() + pid.map_or(0, str::len);
    Frame::compose(capacity, |packet| {
        head(packet, '0', 0, namespace, None);
        packet.push_str(r#"{"sid":"#);
        string(packet, sid);
        if let Some(pid) = pid {
            packet.push_str(r#","pid":"#);
            string(packet, pid);
        }
        packet.push('}');
    })
}

/// CONNECT_ERROR: the client stays out, with a message for people and, as JSON,
/// `data` for programs.
#[must_use]
pub fn connect_error(namespace: &str, message: &str, data: Option<&str>) -> Frame {
    let capacity = 32 + namespace.len() + message.len() + data.map_or(0, str::len);
    Frame::compose(capacity, |packet| {
        head(packet, '4', 0, namespace, None);
        packet.push_str(r#"{"message":"#);
        string(packet, message);
        if let Some(data) = data {
            packet.push_str(r#","data":"#);
            packet.push_str(data);
        }
        packet.push('}');
    })
}

/// DISCONNECT: the client is put out of a namespace. Stock clients do not come back.
#[must_use]
pub fn disconnect(namespace: &str) -> Frame {
    Frame::compose(3 + namespace.len(), |packet| {
        head(packet, '1', 0, namespace, None);
    })
}

/// EVENT.
#[must_use]
pub fn event<A: AsRef<str>>(namespace: &str, name: &str, arguments: &[A]) -> Frame {
    event_head(0, namespace, name, arguments)
}

/// ACK of the event that carried `id`.
#[must_use]
pub fn ack<A: AsRef<str>>(namespace: &str, id: u64, arguments: &[A]) -> Frame {
    ack_head(0, namespace, id, arguments)
}

/// BINARY_EVENT and its attachments; the arguments hold a
/// [`placeholder`] for each. Without attachments it is a plain EVENT.
#[must_use]
pub fn binary_event<A: AsRef<str>, B: AsRef<[u8]>>(
    namespace: &str,
    name: &str,
    arguments: &[A],
    attachments: &[B],
) -> Vec<Frame> {
    let head = event_head(attachments.len(), namespace, name, arguments);
    with_attachments(head, attachments)
}

/// BINARY_ACK and its attachments; see [`binary_event`].
#[must_use]
pub fn binary_ack<A: AsRef<str>, B: AsRef<[u8]>>(
    namespace: &str,
    id: u64,
    arguments: &[A],
    attachments: &[B],
) -> Vec<Frame> {
    let head = ack_head(attachments.len(), namespace, id, arguments);
    with_attachments(head, attachments)
}

/// The JSON that stands for an attachment.
#[must_use]
pub fn placeholder(number: usize) -> String {
    format!(r#"{{"_placeholder":true,"num":{number}}}"#)
}

fn event_head<A: AsRef<str>>(
    attachments: usize,
    namespace: &str,
    name: &str,
    arguments: &[A],
) -> Frame {
    let kind = if attachments == 0 { '2' } else { '5' };
    let capacity = capacity(namespace, arguments) + name.len();
    Frame::compose(capacity, |packet| {
        head(packet, kind, attachments, namespace, None);
        packet.push('[');
        string(packet, name);
        for argument in arguments {
            packet.push(',');
            packet.push_str(argument.as_ref());
        }
        packet.push(']');
    })
}

fn ack_head<A: AsRef<str>>(attachments: usize, namespace: &str, id: u64, arguments: &[A]) -> Frame {
    let kind = if attachments == 0 { '3' } else { '6' };
    Frame::compose(capacity(namespace, arguments), |packet| {
        head(packet, kind, attachments, namespace, Some(id));
        packet.push('[');
        for (index, argument) in arguments.iter().enumerate() {
            if index > 0 {
                packet.push(',');
            }
            packet.push_str(argument.as_ref());
        }
        packet.push(']');
    })
}

fn with_attachments<B: AsRef<[u8]>>(head: Frame, attachments: &[B]) -> Vec<Frame> {
    let attachments = attachments.iter().map(|data| Frame::binary(data.as_ref()));
    std::iter::once(head).chain(attachments).collect()
}

/// Everything but the name: head, ack id, brackets, arguments and commas.
fn capacity<A: AsRef<str>>(namespace: &str, arguments: &[A]) -> usize {
    let arguments: usize = arguments.iter().map(|json| 1 + json.as_ref().len()).sum();
    32 + namespace.len() + arguments
}

/// The Engine.IO message type, and all of a packet up to its JSON.
fn head(packet: &mut String, kind: char, attachments: usize, namespace: &str, id: Option<u64>) {
    packet.push('4');
    packet.push(kind);
    // Writing to a string does not fail.
    if attachments > 0 {
        let _ = write!(packet, "{attachments}-");
    }
    if namespace != "/" {
        packet.push_str(namespace);
        packet.push(',');
    }
    if let Some(id) = id {
        let _ = write!(packet, "{id}");
    }
}

/// Appends a JSON string (RFC 8259, 7).
fn string(packet: &mut String, text: &str) {
    packet.push('"');
    for c in text.chars() {
        match c {
            '"' => packet.push_str("\\\""),
            '\\' => packet.push_str("\\\\"),
            '\0'..='\x1f' => {
                let _ = write!(packet, "\\u{:04x}", u32::from(c));
            }
            _ => packet.push(c),
        }
    }
    packet.push('"');
}
