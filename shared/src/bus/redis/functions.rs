//! The library of functions that runs inside Redis: how it is called, and what its answers mean.

use bytes::Bytes;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, Value, cmd};

use super::{
    super::{
        Channel, Epoch, Head, LogEntry, LogLimits, Offset, PartitionId, Place, Point, Publication,
        Reply, Slice, Standing,
    },
    names,
};
use crate::id::Seq;

/// The library's source.
pub const LIBRARY: &str = include_str!("callboard.lua");

const PUBLISH: &str = "callboard_1_publish";
const POSITION: &str = "callboard_1_position";
const READ: &str = "callboard_1_read";

/// Loads the library.
pub(super) fn load() -> Cmd {
    let mut command = cmd("FUNCTION");
    command.arg("LOAD").arg(LIBRARY);
    command
}

/// Whether Redis does not have the library: nothing was done.
pub(super) fn is_missing(error: &RedisError) -> bool {
    error
        .detail()
        .is_some_and(|detail| detail.starts_with("Function not found"))
}

/// Whether somebody else has loaded the library meanwhile.
pub(super) fn is_there_already(error: &RedisError) -> bool {
    error
        .detail()
        .is_some_and(|detail| detail.contains("already exists"))
}

pub(super) fn publish(
    partition: PartitionId,
    publication: &Publication,
    floor: Option<Seq>,
    limits: LogLimits,
    proposed: Epoch,
) -> Cmd {
    let users = publication.notices.iter();
    let channels = users.map(|(user, _)| Channel::User(user.clone()));
    let mut keys = vec![names::meta(partition)];
    let conversation = Channel::Conversation(publication.conversation);
    for channel in std::iter::once(conversation).chain(channels) {
        keys.extend(names::head_and_log(partition, &channel));
    }
    let mut command = function(PUBLISH, &keys, proposed);
    command
        .arg(u64::try_from(limits.life.as_millis()).unwrap_or(u64::MAX))
        .arg(limits.entries)
        .arg(place(publication.place))
        .arg(publication.committed_at.as_millis());
    match floor {
        Some(floor) => command.arg(floor.get()),
        None => command.arg(""),
    };
    command.arg(&publication.payload[..]);
    for (_, notice) in &publication.notices {
        command.arg(&notice[..]);
    }
    command
}

/// Asks how far a partition is; the answer is pushed to a channel as well, with a tag.
pub(super) fn position(partition: PartitionId, proposed: Epoch, push: Option<(&str, u64)>) -> Cmd {
    let mut command = function(POSITION, &[names::meta(partition)], proposed);
    if let Some((channel, tag)) = push {
        command.arg(channel).arg(tag);
    }
    command
}

pub(super) fn read(
    partition: PartitionId,
    channel: &Channel,
    after: Offset,
    limit: usize,
    proposed: Epoch,
) -> Cmd {
    let [head, log] = names::head_and_log(partition, channel);
    let mut command = function(READ, &[names::meta(partition), head, log], proposed);
    command.arg(after).arg(limit);
    command
}

fn function(name: &str, keys: &[String], proposed: Epoch) -> Cmd {
    let mut command = cmd("FCALL");
    command
        .arg(name)
        .arg(keys.len())
        .arg(keys)
        .arg(hex(proposed));
    command
}

pub(super) fn reply(value: Value) -> RedisResult<Reply> {
    let words = Vec::<String>::from_redis_value(value)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let reply = match words[..] {
        ["published", epoch, replicated] => standing(epoch, replicated).map(Reply::Published),
        ["duplicate", epoch, replicated] => standing(epoch, replicated).map(Reply::Duplicate),
        ["next", seq] => seq.parse().ok().map(|seq| Reply::Next(Seq::new(seq))),
        ["absent"] => Some(Reply::Absent),
        _ => None,
    };
    reply.ok_or_else(unreadable)
}

fn standing(epoch: &str, replicated: &str) -> Option<Standing> {
    match replicated {
        "0" => Some(Standing::Settled),
        "1" => parse_epoch(epoch).map(Standing::Unsettled),
        _ => None,
    }
}

pub(super) fn point(partition: PartitionId, value: Value) -> RedisResult<Point> {
    let (epoch, offset) = <(String, Offset)>::from_redis_value(value)?;
    Ok(Point {
        partition,
        epoch: parse_epoch(&epoch).ok_or_else(unreadable)?,
        offset,
    })
}

/// An entry as `XRANGE` gives it: its id, then two fields with their values.
type Entry = (String, (String, String, String, Bytes));

pub(super) fn slice(value: Value) -> RedisResult<Slice> {
    let mut parts = Vec::<Value>::from_redis_value(value)?.into_iter();
    let epoch = String::from_redis_value(parts.next().ok_or_else(unreadable)?)?;
    let epoch = parse_epoch(&epoch).ok_or_else(unreadable)?;
    let (Some(seq), Some(last), Some(entries)) = (parts.next(), parts.next(), parts.next()) else {
        return Ok(Slice {
            epoch,
            head: None,
            entries: Vec::new(),
        });
    };
    let head = Head {
        seq: Seq::new(u64::from_redis_value(seq)?),
        last: Offset::from_redis_value(last)?,
    };
    let entries = Vec::<Entry>::from_redis_value(entries)?.into_iter();
    let entries = entries.map(|(id, (_, at, _, payload))| {
        let offset = id.strip_suffix("-0")?.parse().ok()?;
        let (previous, place) = at.split_once(' ')?;
        Some(LogEntry {
            offset,
            previous: previous.parse().ok()?,
            place: parse_place(place)?,
            payload,
        })
    });
    Ok(Slice {
        epoch,
        head: Some(head),
        entries: entries.collect::<Option<_>>().ok_or_else(unreadable)?,
    })
}

fn unreadable() -> RedisError {
    RedisError::from((
        ErrorKind::UnexpectedReturnType,
        "an answer that cannot be read",
    ))
}

fn hex(epoch: Epoch) -> String {
    format!("{epoch:?}")
}

pub(super) fn parse_epoch(text: &str) -> Option<Epoch> {
    u64::from_str_radix(text, 16).ok().map(Epoch)
}

fn place(place: Place) -> String {
    match place {
        Place::Sequenced(seq) => format!("s{seq}"),
        Place::Tagged(seq) => format!("t{seq}"),
        Place::Notice => "n".to_owned(),
    }
}

pub(super) fn parse_place(text: &str) -> Option<Place> {
    let seq = || text.get(1..)?.parse().ok().map(Seq::new);
    match text.as_bytes().first()? {
        b's' => seq().map(Place::Sequenced),
        b't' => seq().map(Place::Tagged),
        b'n' => Some(Place::Notice),
        _ => None,
    }
}
