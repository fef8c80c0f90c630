//! Names in Redis. Everything of one partition carries its tag, so that it lives in one slot.

use std::str;

use super::super::{Channel, PartitionId};
use crate::id::GatewayId;

/// The partition that something is in, by the bytes of its id (FNV-1a).
pub(super) fn partition_of(id: &[u8], partitions: PartitionId) -> PartitionId {
    let hash = id.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the remainder is below a u16"
    )]
    let partition = (hash % u64::from(partitions)) as PartitionId;
    partition
}

pub(super) fn meta(partition: PartitionId) -> String {
    format!("{{p{partition}}}:meta")
}

/// What this partition is one of, as recorded at the first start.
pub(super) fn layout(partition: PartitionId) -> String {
    format!("{{p{partition}}}:layout")
}

/// The sharded channel, and the stem of the keys.
pub(super) fn channel(partition: PartitionId, channel: &Channel) -> String {
    match channel {
        Channel::Conversation(id) => format!("{{p{partition}}}:conversation:{id}"),
        Channel::User(id) => format!("{{p{partition}}}:user:{}", id.as_str()),
    }
}

/// The keys of a channel's head and log.
pub(super) fn head_and_log(partition: PartitionId, of: &Channel) -> [String; 2] {
    let stem = channel(partition, of);
    [format!("{stem}:head"), format!("{stem}:log")]
}

/// The channel that is a link's own, for the answers to what it alone asks.
pub(super) fn link(partition: PartitionId, id: u64) -> String {
    format!("{{p{partition}}}:link:{id:016x}")
}

pub(super) fn joined(partition: PartitionId, session: &str) -> String {
    format!("{{p{partition}}}:joined:{session}")
}

/// Where a gateway is.
pub(super) fn gateway(partition: PartitionId, gateway: GatewayId) -> String {
    format!("{{p{partition}}}:gateway:{gateway}")
}

/// The channel of a name in this partition.
pub(super) fn parse_channel(partition: PartitionId, name: &[u8]) -> Option<Channel> {
    let name = str::from_utf8(name).ok()?;
    let (tag, rest) = name.split_once(':')?;
    if tag.strip_prefix("{p")?.strip_suffix('}')?.parse() != Ok(partition) {
        return None;
    }
    let (kind, id) = rest.split_once(':')?;
    match kind {
        "conversation" => id.parse().ok().map(Channel::Conversation),
        "user" => id.parse().ok().map(Channel::User),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for text in ["alice", "a:b}{p1}:user:c", "{p0}:meta"] {
            let of = Channel::User(text.parse().unwrap());
            assert_eq!(parse_channel(7, channel(7, &of).as_bytes()), Some(of));
        }
        let of = Channel::Conversation("0199c5a2-9f3e-7cc0-8a34-6d1e1f0b7a55".parse().unwrap());
        assert_eq!(
            parse_channel(0, channel(0, &of).as_bytes()),
            Some(of.clone())
        );
        assert_eq!(parse_channel(1, channel(0, &of).as_bytes()), None);
        assert_eq!(parse_channel(0, link(0, 9).as_bytes()), None);
    }

    #[test]
    fn a_thing_stays_in_its_partition_for_ever() {
        assert_eq!(partition_of(b"anything", 1), 0);
        assert_eq!(
            [b"a", b"b", b"c", b"d"].map(|id| partition_of(id, 8)),
            [4, 5, 2, 3]
        );
    }
}
