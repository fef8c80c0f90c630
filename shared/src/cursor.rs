//! How far a client has got: the opaque last argument of `ready`, of sequenced events and of
//! receipts.
//!
//! A cursor is a statement: "this client has been sent everything of its channels up to here". It
//! names the epochs in which its offsets count, and the time up to which it is true, because a bus
//! forgets in time that it ever knew a channel. That is not when the cursor was made: a gateway may not
//! have heard from a part of its bus for long, and a client that catches up is as old as its old cursor
//! until it has got everything.

use std::{fmt, str::FromStr, time::Duration};

use smallvec::SmallVec;

use crate::{
    bus::{Epoch, Offset, PartitionId, Point},
    clock::Timestamp,
    rules::{Rule, holds},
};

/// A cursor older than this proves nothing: one hour less than a channel's head lives.
pub const CURSOR_LIFE: Duration = Duration::from_secs(23 * 3600);

/// One offset for each partition, and the epochs they count in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    epochs: SmallVec<[Epoch; 1]>,
    offsets: SmallVec<[Offset; 1]>,
    /// All that happened before this lies before it, in every partition.
    as_of: Timestamp,
}

impl Position {
    /// The position of a gateway whose bus has answered for every partition, in order, since then.
    #[must_use]
    pub fn new(points: &[Point], as_of: Timestamp) -> Self {
        Self {
            as_of,
            epochs: points.iter().map(|point| point.epoch).collect(),
            offsets: points.iter().map(|point| point.offset).collect(),
        }
    }

    /// How far it is in a partition; zero in one it does not know.
    #[must_use]
    pub fn offset(&self, partition: PartitionId) -> Offset {
        self.offsets
            .get(usize::from(partition))
            .copied()
            .unwrap_or(0)
    }

    /// The epoch it counts in, in a partition.
    #[must_use]
    pub fn epoch(&self, partition: PartitionId) -> Option<Epoch> {
        self.epochs.get(usize::from(partition)).copied()
    }

    /// Moves it forward in one partition, never back.
    pub fn advance(&mut self, partition: PartitionId, offset: Offset) {
        if let Some(at) = self.offsets.get_mut(usize::from(partition)) {
            *at = offset.max(*at);
        }
    }

    /// The bus has answered since: all that happened before lies before this place.
    pub fn confirm(&mut self, as_of: Timestamp) {
        self.as_of = as_of;
    }

    /// The same place but for one partition, where a new epoch has begun.
    #[must_use]
    pub fn in_new_epoch(&self, point: Point) -> Self {
        let (mut position, index) = (self.clone(), usize::from(point.partition));
        if let (Some(epoch), Some(offset)) = (
            position.epochs.get_mut(index),
            position.offsets.get_mut(index),
        ) {
            (*epoch, *offset) = (point.epoch, point.offset);
        }
        position
    }

    /// The same place but for one partition, where it is back at an earlier offset.
    #[must_use]
    pub fn back_at(&self, partition: PartitionId, offset: Offset) -> Self {
        let mut earlier = self.clone();
        if let Some(at) = earlier.offsets.get_mut(usize::from(partition)) {
            *at = offset.min(*at);
        }
        earlier
    }

    /// Whether it is nowhere beyond `other`.
    #[must_use]
    pub fn within(&self, other: &Self) -> bool {
        self.offsets.len() == other.offsets.len()
            && self
                .offsets
                .iter()
                .zip(&other.offsets)
                .all(|(mine, theirs)| mine <= theirs)
    }

    /// A short name for the epochs, all that a cursor keeps of them.
    fn epoch_hash(&self) -> u32 {
        // FNV-1a over the epochs' bytes: they are random already, it only has to mix them.
        let bytes = self.epochs.iter().flat_map(|epoch| epoch.0.to_le_bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
        #[expect(clippy::cast_possible_truncation, reason = "folds 64 bits into 32")]
        let folded = (hash ^ (hash >> 32)) as u32;
        folded
    }

    /// The cursor that says "up to here".
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor {
            epochs: self.epoch_hash(),
            stamp: self.as_of,
            offsets: self.offsets.clone(),
        }
    }

    /// The position that a cursor stands for, if it is of these epochs, not beyond this position,
    /// and young enough to prove something.
    #[must_use]
    pub fn resume(&self, cursor: &Cursor, now: Timestamp) -> Option<Self> {
        let at = Self {
            epochs: self.epochs.clone(),
            offsets: cursor.offsets.clone(),
            as_of: cursor.stamp,
        };
        let foreign = cursor.epochs != self.epoch_hash() && holds(Rule::ForeignCursorsAreRefused);
        let old = now.since(cursor.stamp) > CURSOR_LIFE && holds(Rule::OldCursorsAreRefused);
        let valid = !foreign && !old && at.within(self);
        valid.then_some(at)
    }
}

/// A cursor as a client holds it: `<epochs>.<seconds>.<offset>[-<offset>…]`, all hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    epochs: u32,
    stamp: Timestamp,
    offsets: SmallVec<[Offset; 1]>,
}

/// Not a cursor of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct InvalidCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}.{:x}", self.epochs, self.stamp.as_millis() / 1000)?;
        for (index, offset) in self.offsets.iter().enumerate() {
            write!(f, "{}{offset:x}", if index == 0 { '.' } else { '-' })?;
        }
        Ok(())
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        fn hex<T, E>(parsed: Result<T, E>) -> Result<T, InvalidCursor> {
            parsed.map_err(|_| InvalidCursor)
        }
        let mut parts = text.split('.');
        let (Some(epochs), Some(stamp), Some(offsets), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidCursor);
        };
        Ok(Self {
            epochs: hex(u32::from_str_radix(epochs, 16))?,
            stamp: Timestamp::from_secs(hex(i64::from_str_radix(stamp, 16))?),
            offsets: offsets
                .split('-')
                .map(|offset| hex(Offset::from_str_radix(offset, 16)))
                .collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);

    fn position(offsets: &[Offset]) -> Position {
        let points: Vec<Point> = (0..)
            .zip(offsets)
            .map(|(partition, &offset)| Point {
                partition,
                epoch: Epoch(7),
                offset,
            })
            .collect();
        Position::new(&points, NOW)
    }

    proptest! {
        #[test]
        fn text_and_back(offsets in prop::collection::vec(any::<u64>(), 1..5), seconds in 0_i64..1 << 40) {
            let mut position = position(&offsets);
            position.confirm(Timestamp::from_secs(seconds));
            let cursor = position.cursor();
            prop_assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        }

        #[test]
        fn anything_else_is_refused_or_read_back_the_same(text in "\\PC{0,40}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
            }
        }
    }

    #[test]
    fn a_cursor_counts_only_in_its_own_epochs_and_time() {
        let now = NOW.plus(Duration::from_secs(60));
        let cursor = position(&[5]).cursor();
        let mut here = position(&[9]);
        here.confirm(now);
        assert_eq!(
            here.resume(&cursor, now),
            Some(position(&[5])),
            "no younger than it was"
        );
        assert_eq!(
            position(&[4]).resume(&cursor, now),
            None,
            "beyond the gateway"
        );
        assert_eq!(
            position(&[9, 9]).resume(&cursor, now),
            None,
            "another number of partitions"
        );
        assert_eq!(
            here.resume(&cursor, NOW.plus(CURSOR_LIFE + Duration::from_secs(1))),
            None,
            "too old"
        );
        let elsewhere = here.in_new_epoch(Point {
            partition: 0,
            epoch: Epoch(8),
            offset: 9,
        });
        assert_eq!(elsewhere.resume(&cursor, now), None, "another epoch");
    }

    #[test]
    fn a_position_never_goes_back() {
        let mut position = position(&[5, 5]);
        position.advance(1, 9);
        position.advance(1, 7);
        assert_eq!((position.offset(0), position.offset(1)), (5, 9));
    }
}
