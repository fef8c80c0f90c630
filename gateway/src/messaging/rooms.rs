//! Who of a worker's connections is to be told what.

use std::collections::HashMap;

use callboard_shared::{
    bus::Place,
    id::{ConversationId, Seq, UserId},
    rules::{Rule, holds},
};

use crate::{backend::Membership, worker::Slot};

/// Which events of a conversation a connection may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Visible {
    /// Those from this one on.
    From(Seq),
    /// Those within these intervals, both ends included: the user left and came back while events
    /// of the time before may still be on their way.
    Within(Box<[(Seq, Option<Seq>)]>),
}

impl Visible {
    /// What these memberships of one conversation allow; `None` if there are none.
    pub(crate) fn new(memberships: &[Membership]) -> Option<Self> {
        match memberships {
            [] => None,
            [
                Membership {
                    joined_seq,
                    left_seq: None,
                    ..
                },
            ] => Some(Self::From(*joined_seq)),
            several => Some(Self::Within(
                several
                    .iter()
                    .map(|interval| (interval.joined_seq, interval.left_seq))
                    .collect(),
            )),
        }
    }

    /// Whether something may be seen. A receipt that was written after the event that removed the
    /// user bears that event's number: it is not theirs any more.
    pub(crate) fn includes(&self, place: Place) -> bool {
        let seq = place.seq();
        let after = |since: Seq| seq >= since || !holds(Rule::NothingBeforeJoining);
        match self {
            Self::From(since) => after(*since),
            Self::Within(intervals) => intervals.iter().any(|(since, until)| {
                after(*since)
                    && until.is_none_or(|until| match place {
                        _ if !holds(Rule::NothingAfterLeaving) => true,
                        Place::Sequenced(seq) => seq <= until,
                        Place::Tagged(seq) => seq < until,
                        Place::Notice => false,
                    })
            }),
        }
    }

    /// The first event of the interval that is open.
    pub(super) fn current(&self) -> Option<Seq> {
        match self {
            Self::From(since) => Some(*since),
            Self::Within(intervals) => intervals
                .iter()
                .find(|(_, until)| until.is_none())
                .map(|(since, _)| *since),
        }
    }

    /// The first event that may be seen.
    pub(crate) fn since(&self) -> Seq {
        match self {
            Self::From(since) => *since,
            Self::Within(intervals) => intervals
                .iter()
                .map(|(since, _)| *since)
                .min()
                .unwrap_or_default(),
        }
    }

    /// Whether an event after `seq` may be seen.
    pub(crate) fn reaches_beyond(&self, seq: Seq) -> bool {
        match self {
            Self::From(_) => true,
            Self::Within(intervals) => intervals
                .iter()
                .any(|(_, until)| until.is_none_or(|until| until > seq)),
        }
    }

    /// Ends the interval that is open at `last`: nothing after it may be seen.
    pub(super) fn end(&mut self, last: Seq) {
        match self {
            // It ended another stay, before this one.
            Self::From(since) if *since > last => {}
            Self::From(since) => *self = Self::Within([(*since, Some(last))].into()),
            Self::Within(intervals) => {
                for (since, until) in intervals {
                    if *since <= last && until.is_none() {
                        *until = Some(last);
                    }
                }
            }
        }
    }

    /// Adds the interval that begins with `since`.
    pub(super) fn rejoin(&mut self, since: Seq) {
        let mut intervals = match self {
            Self::From(start) if *start <= since => return,
            Self::From(_) => Vec::new(),
            Self::Within(intervals) if intervals.iter().any(|(start, _)| *start == since) => return,
            Self::Within(intervals) => intervals.to_vec(),
        };
        intervals.push((since, None));
        *self = Self::Within(intervals.into());
    }
}

/// A connection in a conversation.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) slot: Slot,
    pub(super) visible: Visible,
    /// The client has the conversation open.
    pub(super) joined: bool,
}

/// The members of conversations and the connections of users.
#[derive(Default)]
pub(super) struct Rooms {
    conversations: HashMap<ConversationId, Vec<Member>>,
    users: HashMap<UserId, Vec<Slot>>,
}

impl Rooms {
    /// The connections of a conversation.
    pub(super) fn members(&self, conversation: ConversationId) -> &[Member] {
        self.conversations
            .get(&conversation)
            .map_or(&[], Vec::as_slice)
    }

    pub(super) fn member_mut(
        &mut self,
        conversation: ConversationId,
        slot: Slot,
    ) -> Option<&mut Member> {
        self.conversations
            .get_mut(&conversation)?
            .iter_mut()
            .find(|member| member.slot == slot)
    }

    /// The connections of a user.
    pub(super) fn user(&self, user: &UserId) -> &[Slot] {
        self.users.get(user).map_or(&[], Vec::as_slice)
    }

    pub(super) fn add(&mut self, conversation: ConversationId, slot: Slot, visible: Visible) {
        let member = Member {
            slot,
            visible,
            joined: false,
        };
        self.conversations
            .entry(conversation)
            .or_insert_with(|| Vec::with_capacity(1))
            .push(member);
    }

    /// Takes a connection out of a conversation; `true` if it was the last one.
    pub(super) fn remove(&mut self, conversation: ConversationId, slot: Slot) -> bool {
        let Some(members) = self.conversations.get_mut(&conversation) else {
            return false;
        };
        if let Some(index) = members.iter().position(|member| member.slot == slot) {
            members.swap_remove(index);
        }
        let empty = members.is_empty();
        if empty {
            self.conversations.remove(&conversation);
        }
        empty
    }

    pub(super) fn add_user(&mut self, user: &UserId, slot: Slot) {
        self.users
            .entry(user.clone())
            .or_insert_with(|| Vec::with_capacity(1))
            .push(slot);
    }

    /// Forgets a connection of a user; `true` if it was the last one.
    pub(super) fn remove_user(&mut self, user: &UserId, slot: Slot) -> bool {
        let Some(slots) = self.users.get_mut(user) else {
            return false;
        };
        slots.retain(|other| *other != slot);
        let empty = slots.is_empty();
        if empty {
            self.users.remove(user);
        }
        empty
    }

    pub(super) fn is_empty(&self) -> bool {
        self.conversations.is_empty() && self.users.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use callboard_shared::clock::Timestamp;
    use slotmap::SlotMap;

    use super::*;

    fn seq(number: u64) -> Seq {
        Seq::new(number)
    }

    fn stay(joined: u64, left: Option<u64>) -> Membership {
        let conversation_id = ConversationId::new(Timestamp::from_secs(1));
        Membership {
            conversation_id,
            joined_seq: seq(joined),
            left_seq: left.map(seq),
        }
    }

    fn seen(visible: &Visible) -> Vec<u64> {
        (1..=12)
            .filter(|number| visible.includes(Place::Sequenced(seq(*number))))
            .collect()
    }

    #[test]
    fn a_participant_sees_from_joining_to_leaving() {
        assert_eq!(Visible::new(&[]), None);
        assert_eq!(
            seen(&Visible::new(&[stay(10, None)]).unwrap()),
            [10, 11, 12]
        );
        assert_eq!(seen(&Visible::new(&[stay(3, Some(5))]).unwrap()), [3, 4, 5]);
        let both = Visible::new(&[stay(3, Some(5)), stay(9, None)]).unwrap();
        assert_eq!(seen(&both), [3, 4, 5, 9, 10, 11, 12]);
        assert_eq!(both.since(), seq(3));
    }

    #[test]
    fn a_receipt_of_after_the_removal_is_not_theirs() {
        let visible = Visible::new(&[stay(3, Some(5))]).unwrap();
        let receipts = (1..=6).filter(|number| visible.includes(Place::Tagged(seq(*number))));
        assert_eq!(receipts.collect::<Vec<_>>(), [3, 4]);
        assert_eq!(visible.current(), None);
    }

    #[test]
    fn removal_ends_a_stay_and_adding_begins_another() {
        let mut visible = Visible::From(seq(2));
        visible.end(seq(4));
        assert_eq!(seen(&visible), [2, 3, 4]);
        assert!(!visible.reaches_beyond(seq(4)));
        visible.rejoin(seq(7));
        visible.rejoin(seq(7));
        assert_eq!(seen(&visible), [2, 3, 4, 7, 8, 9, 10, 11, 12]);
        assert!(visible.reaches_beyond(seq(4)));
        visible.end(seq(8));
        assert_eq!(seen(&visible), [2, 3, 4, 7, 8]);
        assert!(!visible.reaches_beyond(seq(8)));
    }

    #[test]
    fn a_late_removal_does_not_end_the_stay_after_it() {
        let mut visible = Visible::From(seq(10));
        visible.end(seq(8));
        assert_eq!(visible, Visible::From(seq(10)));
        assert!(visible.reaches_beyond(seq(8)));
    }

    #[test]
    fn a_room_is_gone_with_its_last_member() {
        let mut slots = SlotMap::<Slot, ()>::with_key();
        let (first, second) = (slots.insert(()), slots.insert(()));
        let conversation = ConversationId::new(Timestamp::from_secs(1));
        let user: UserId = "alice".parse().unwrap();
        let mut rooms = Rooms::default();
        for slot in [first, second] {
            rooms.add(conversation, slot, Visible::From(seq(1)));
            rooms.add_user(&user, slot);
        }
        assert!(!rooms.remove(conversation, first) && rooms.remove(conversation, second));
        assert!(!rooms.remove(conversation, second), "not twice");
        assert!(!rooms.remove_user(&user, first) && rooms.remove_user(&user, second));
        assert!(rooms.is_empty());
    }
}
