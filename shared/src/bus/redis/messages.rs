//! What is pushed: a line that says what it is, then its data.
//!
//! | line                                            | data            | on                |
//! |-------------------------------------------------|-----------------|-------------------|
//! | `e <epoch> <offset> <previous offset> <place>`  | what was published | a channel      |
//! | `s`                                             | the signal      | a channel         |
//! | `p <epoch> <offset> <tag>`                      | –               | a link's own      |

use std::str;

use bytes::Bytes;

use super::{
    super::{LogEntry, PartitionId, Point, Push},
    functions::{parse_epoch, parse_place},
    names,
};

/// A signal, as it is pushed.
pub(super) fn signal(payload: &[u8]) -> Vec<u8> {
    [b"s\n", payload].concat()
}

/// What was pushed on a channel of this partition; `None` if it is nothing of ours.
pub(super) fn parse(partition: PartitionId, channel: &[u8], mut message: Bytes) -> Option<Push> {
    let end = message.iter().position(|byte| *byte == b'\n');
    let line = message.split_to(end.unwrap_or(message.len()));
    let payload = message.slice(message.len().min(1)..);
    let words: Vec<&str> = str::from_utf8(&line).ok()?.split(' ').collect();
    let point = |epoch, offset: &str| {
        Some(Point {
            partition,
            epoch: parse_epoch(epoch)?,
            offset: offset.parse().ok()?,
        })
    };
    match words[..] {
        ["e", epoch, offset, previous, place] => {
            let point = point(epoch, offset)?;
            Some(Push::Entry {
                point,
                channel: names::parse_channel(partition, channel)?,
                entry: LogEntry {
                    offset: point.offset,
                    previous: previous.parse().ok()?,
                    place: parse_place(place)?,
                    payload,
                },
            })
        }
        ["s"] => Some(Push::Signal {
            channel: names::parse_channel(partition, channel)?,
            payload,
        }),
        ["p", epoch, offset, tag] => Some(Push::Position {
            tag: tag.parse().ok()?,
            point: point(epoch, offset)?,
        }),
        _ => None,
    }
}
