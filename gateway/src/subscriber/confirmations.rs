//! Which subscriptions stand, as the positions tell that come after them.
//!
//! A subscription is confirmed by every partition that one of its channels lives in: a partition that
//! is away keeps nobody waiting who wants nothing of it. Of each partition one position is asked for
//! at a time; what is subscribed meanwhile is confirmed by the next, for all at once.

use std::collections::{BTreeMap, BTreeSet};

use callboard_shared::bus::PartitionId;

/// A subscription: its worker, and the tag that the worker knows it by.
pub(super) type Wish = (usize, u64);

/// The subscriptions that do not stand yet.
#[derive(Default)]
pub(super) struct Confirmations {
    /// Each with the partitions that have still to confirm it.
    pending: BTreeMap<Wish, BTreeSet<PartitionId>>,
    partitions: BTreeMap<PartitionId, Confirming>,
}

/// What one partition is to confirm.
#[derive(Default)]
struct Confirming {
    /// The tag of the position that was asked for, and what it confirms.
    asked: Option<(u64, Vec<Wish>)>,
    /// What the next one confirms.
    waiting: Vec<Wish>,
}

impl Confirmations {
    /// A subscription waits for these partitions.
    pub(super) fn wait(&mut self, wish: Wish, partitions: BTreeSet<PartitionId>) {
        for partition in &partitions {
            let confirming = self.partitions.entry(*partition).or_default();
            confirming.waiting.push(wish);
        }
        self.pending.insert(wish, partitions);
    }

    /// Nobody waits for it any more.
    pub(super) fn forget(&mut self, wish: Wish) {
        self.pending.remove(&wish);
    }

    /// The partitions whose position is to be asked for.
    pub(super) fn due(&self) -> Vec<PartitionId> {
        let due =
            |confirming: &Confirming| confirming.asked.is_none() && !confirming.waiting.is_empty();
        let due = self.partitions.iter().filter(|(_, state)| due(state));
        due.map(|(partition, _)| *partition).collect()
    }

    /// A partition's position is being asked for with this tag.
    pub(super) fn ask(&mut self, partition: PartitionId, tag: u64) {
        let confirming = self.partitions.entry(partition).or_default();
        confirming.asked = Some((tag, std::mem::take(&mut confirming.waiting)));
    }

    /// The tag of the position of a partition that has not come yet.
    pub(super) fn asked(&self, partition: PartitionId) -> Option<u64> {
        let (tag, _) = self.partitions.get(&partition)?.asked.as_ref()?;
        Some(*tag)
    }

    /// A position has come: the subscriptions that stand by it.
    pub(super) fn answered(&mut self, partition: PartitionId, tag: u64) -> Vec<Wish> {
        if self.asked(partition) != Some(tag) {
            return Vec::new();
        }
        let confirming = self.partitions.remove(&partition).unwrap_or_default();
        if !confirming.waiting.is_empty() {
            let (waiting, asked) = (confirming.waiting, None);
            self.partitions
                .insert(partition, Confirming { asked, waiting });
        }
        let (_, mut wishes) = confirming.asked.unwrap_or_default();
        wishes.retain(|wish| {
            let Some(outstanding) = self.pending.get_mut(wish) else {
                return false;
            };
            outstanding.remove(&partition);
            let stands = outstanding.is_empty();
            if stands {
                self.pending.remove(wish);
            }
            stands
        });
        wishes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_when_its_own_partitions_have_answered() {
        let mut confirmations = Confirmations::default();
        confirmations.wait((0, 1), [0, 1].into());
        confirmations.wait((1, 1), [0].into());
        assert_eq!(confirmations.due(), [0, 1]);
        confirmations.ask(0, 10);
        confirmations.ask(1, 11);
        assert_eq!(confirmations.answered(0, 10), [(1, 1)]);
        assert_eq!(confirmations.answered(1, 11), [(0, 1)]);
        assert!(confirmations.pending.is_empty() && confirmations.partitions.is_empty());
    }

    #[test]
    fn what_is_subscribed_meanwhile_is_confirmed_by_the_next_position() {
        let mut confirmations = Confirmations::default();
        confirmations.wait((0, 1), [0].into());
        confirmations.ask(0, 10);
        confirmations.wait((0, 2), [0].into());
        assert!(confirmations.due().is_empty(), "one is on its way");
        assert!(
            confirmations.answered(0, 9).is_empty(),
            "that of another time"
        );
        assert_eq!(confirmations.answered(0, 10), [(0, 1)]);
        assert_eq!(confirmations.due(), [0]);
        confirmations.forget((0, 2));
        confirmations.ask(0, 12);
        assert_eq!(confirmations.asked(0), Some(12));
        assert!(confirmations.answered(0, 12).is_empty(), "nobody waits");
    }
}
