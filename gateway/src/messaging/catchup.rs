//! What a session has still to be sent before it is live.
//!
//! While something about a session's subscriptions is open (it is being attached, it was added to a
//! conversation, it missed something), the session is *frozen*: what comes for it is held here, in
//! order, and what it missed is put in front of it. Once nothing is open any more, everything is
//! released in order, as fast as the socket takes it, and the session is live.

use std::{collections::VecDeque, sync::Arc};

use callboard_shared::{
    cursor::Position,
    id::{ConversationId, Seq},
    rules::{Rule, holds},
};

use super::delivery::{Delivery, Missed};

/// Something to be sent, in its place.
#[derive(Debug)]
pub(super) enum Item {
    /// It came while the session was frozen.
    Held(Arc<Delivery>),
    /// It was read from a log.
    Missed(Missed),
    /// `ready`: the session has got everything up to here.
    Ready(Position),
}

impl Item {
    /// Whether whoever has been sent this has everything of `partition` up to `offset`.
    fn reaches(&self, missed: &Missed) -> bool {
        let (partition, offset) = (missed.partition, missed.entry.offset);
        match self {
            Self::Held(delivery) => delivery.position.offset(partition) >= offset,
            Self::Missed(other) => other.partition == partition && other.entry.offset >= offset,
            Self::Ready(position) => position.offset(partition) >= offset,
        }
    }
}

/// The backlog of a frozen session.
#[derive(Debug)]
pub(super) struct Catchup {
    /// How far the session has got. Its cursor never goes below, for what it has still to be sent lies
    /// beyond: a log is read from where the session was frozen, or later, and put before what was held.
    pub(super) at: Position,
    /// Steps that have still to be taken before anything is released.
    open: usize,
    items: VecDeque<Item>,
    held: usize,
    /// The most that may be held.
    limit: usize,
    /// Conversations whose logs are still to be read.
    reading: Vec<ConversationId>,
    /// Those of them that the session's user was removed from.
    leaving: Vec<(ConversationId, Seq)>,
    /// Conversations that the client is joining, and that the user was not known to be in.
    joining: Vec<ConversationId>,
    /// Something was dropped: the logs have it.
    overflowed: bool,
}

impl Catchup {
    /// The backlog of a session that has got everything up to `at`, for which `limit` events are held at
    /// most; no step is open yet.
    pub(super) fn new(at: Position, limit: usize) -> Self {
        Self {
            at,
            open: 0,
            items: VecDeque::new(),
            held: 0,
            limit,
            reading: Vec::new(),
            leaving: Vec::new(),
            joining: Vec::new(),
            overflowed: false,
        }
    }

    /// One more step has to be taken.
    pub(super) fn begin(&mut self) {
        self.open += 1;
    }

    /// A step was taken.
    pub(super) fn done(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// Whether steps are open.
    pub(super) fn is_frozen(&self) -> bool {
        self.open > 0
    }

    /// Holds back what has come. Once something was dropped, all that follows is too.
    pub(super) fn hold(&mut self, delivery: Arc<Delivery>) {
        self.overflowed |= self.held >= self.limit;
        if !self.overflowed {
            self.held += 1;
            self.items.push_back(Item::Held(delivery));
        }
    }

    /// The client joins a conversation that the user is not known to be in.
    pub(super) fn join(&mut self, conversation: ConversationId) {
        self.joining.push(conversation);
    }

    /// The joining is over, or is found to be of what the user is told of anyway; says whether it was
    /// going on.
    pub(super) fn end_join(&mut self, conversation: ConversationId) -> bool {
        let before = self.joining.len();
        self.joining.retain(|other| *other != conversation);
        self.joining.len() < before
    }

    /// The log of a conversation is going to be read.
    pub(super) fn read(&mut self, conversation: ConversationId) {
        self.reading.push(conversation);
    }

    /// It has been read.
    pub(super) fn has_read(&mut self, conversation: ConversationId) {
        self.reading.retain(|other| *other != conversation);
    }

    /// The session's user was removed from a conversation whose log is going to be read.
    pub(super) fn leave_when_read(&mut self, conversation: ConversationId, seq: Seq) {
        self.leaving.push((conversation, seq));
    }

    /// Conversations to leave, now that their logs have been read.
    pub(super) fn take_leaving(&mut self) -> Vec<(ConversationId, Seq)> {
        let (later, now) = std::mem::take(&mut self.leaving)
            .into_iter()
            .partition(|(conversation, _)| self.will_read(*conversation));
        self.leaving = later;
        now
    }

    /// Whether a conversation's log is going to be read.
    pub(super) fn will_read(&self, conversation: ConversationId) -> bool {
        self.overflowed || self.reading.contains(&conversation)
    }

    /// Drops what is held of a conversation up to an event, or all of it.
    pub(super) fn forget(&mut self, conversation: ConversationId, upto: Option<Seq>) {
        self.items.retain(|item| match item {
            Item::Held(delivery) if delivery.conversation == conversation => {
                upto.is_some_and(|upto| delivery.place.seq() > upto)
            }
            _ => true,
        });
    }

    /// Puts what was missed, and then `ready`, in front of everything.
    pub(super) fn start(&mut self, missed: Vec<Missed>, ready: Position) {
        self.items.push_front(Item::Ready(ready));
        for missed in missed.into_iter().rev() {
            self.items.push_front(Item::Missed(missed));
        }
    }

    /// Puts each thing that was missed before the first one that is not before it, unless it is
    /// there already. What would come behind something that was dropped is left to be read with that.
    pub(super) fn insert(&mut self, missed: Vec<Missed>) {
        for missed in missed {
            let index = self
                .items
                .iter()
                .position(|item| item.reaches(&missed) && holds(Rule::MissedBeforeHeld));
            if index.is_none() && self.overflowed && holds(Rule::NothingBehindDropped) {
                continue;
            }
            let index = index.unwrap_or(self.items.len());
            let there = match self.items.get(index) {
                Some(Item::Held(delivery)) => {
                    delivery.conversation == missed.conversation
                        && delivery.position.offset(missed.partition) == missed.entry.offset
                }
                Some(Item::Missed(other)) => {
                    other.partition == missed.partition && other.entry.offset == missed.entry.offset
                }
                Some(Item::Ready(_)) | None => false,
            };
            if !there {
                self.items.insert(index, Item::Missed(missed));
            }
        }
    }

    /// The next thing to be sent; `None` while frozen, and when there is nothing left.
    pub(super) fn next(&mut self) -> Option<Item> {
        if self.is_frozen() {
            None
        } else {
            self.items.pop_front()
        }
    }

    /// Whether everything has been sent, apart from what was dropped.
    pub(super) fn is_empty(&self) -> bool {
        !self.is_frozen() && self.items.is_empty()
    }

    /// Whether something was dropped, which is to be read from the logs now: holding begins again.
    pub(super) fn take_overflow(&mut self) -> bool {
        self.held = 0;
        std::mem::take(&mut self.overflowed)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use callboard_shared::{
        bus::{Epoch, LogEntry, Place, Point},
        clock::Timestamp,
        event::{ConversationEvent, EventName, VERSION},
    };
    use serde_json::value::RawValue;

    use super::*;

    const HELD: usize = 16;

    fn position(offset: u64) -> Position {
        let point = Point {
            partition: 0,
            epoch: Epoch(1),
            offset,
        };
        Position::new(&[point], Timestamp::from_secs(1))
    }

    fn frozen(at: u64) -> Catchup {
        let mut catchup = Catchup::new(position(at), HELD);
        catchup.begin();
        catchup
    }

    fn entry(offset: u64) -> LogEntry {
        let data = RawValue::from_string("{}".to_owned()).unwrap();
        let event = ConversationEvent {
            v: VERSION,
            event: EventName::MessagesRead,
            conversation_id: ConversationId::from_bytes([1; 16]),
            at: Timestamp::from_secs(1),
            by: "alice".parse().unwrap(),
            added: Vec::new(),
            removed: Vec::new(),
            data: &data,
        };
        LogEntry {
            offset,
            previous: 0,
            place: Place::Tagged(Seq::new(offset)),
            payload: event.encode().unwrap(),
        }
    }

    fn held(offset: u64) -> Arc<Delivery> {
        let conversation = ConversationId::from_bytes([1; 16]);
        Arc::new(Delivery::new(conversation, &entry(offset), position(offset)).unwrap())
    }

    fn missed(offset: u64) -> Missed {
        let payload = Bytes::new();
        let entry = LogEntry {
            payload,
            ..entry(offset)
        };
        Missed {
            conversation: ConversationId::from_bytes([1; 16]),
            partition: 0,
            entry,
        }
    }

    /// What is released, as text: `m3` missed, `h5` held, `r4` ready.
    fn release(catchup: &mut Catchup) -> String {
        let mut released = Vec::new();
        while let Some(item) = catchup.next() {
            released.push(match item {
                Item::Held(delivery) => format!("h{}", delivery.position.offset(0)),
                Item::Missed(missed) => format!("m{}", missed.entry.offset),
                Item::Ready(position) => format!("r{}", position.offset(0)),
            });
        }
        released.join(" ")
    }

    #[test]
    fn missed_then_ready_then_held() {
        let mut catchup = frozen(2);
        catchup.hold(held(7));
        catchup.hold(held(9));
        assert_eq!(release(&mut catchup), "", "frozen");
        catchup.start(vec![missed(3), missed(5)], position(6));
        catchup.done();
        assert_eq!(release(&mut catchup), "m3 m5 r6 h7 h9");
        assert!(catchup.is_empty());
    }

    #[test]
    fn what_is_read_later_goes_where_it_belongs_and_is_there_once() {
        let mut catchup = frozen(2);
        for offset in [4, 6, 8] {
            catchup.hold(held(offset));
        }
        catchup.insert(vec![missed(3), missed(6), missed(7), missed(9)]);
        catchup.done();
        assert_eq!(release(&mut catchup), "m3 h4 h6 m7 h8 m9");
    }

    #[test]
    fn a_step_more_keeps_it_frozen() {
        let mut catchup = frozen(2);
        catchup.begin();
        catchup.hold(held(3));
        catchup.done();
        assert_eq!(release(&mut catchup), "");
        catchup.done();
        assert_eq!(release(&mut catchup), "h3");
    }

    #[test]
    fn past_its_bound_it_drops_what_comes_and_says_so() {
        let mut catchup = frozen(0);
        catchup.start(vec![missed(1)], position(2));
        let last = 2 + HELD as u64;
        for offset in 3..=last + 100 {
            catchup.hold(held(offset));
        }
        catchup.done();
        let released = release(&mut catchup);
        assert!(released.starts_with("m1 r2 h3 ") && released.ends_with(&format!(" h{last}")));
        assert!(catchup.is_empty() && catchup.take_overflow() && !catchup.take_overflow());
        catchup.hold(held(9_000));
        assert_eq!(release(&mut catchup), "h9000", "it holds again");
    }

    #[test]
    fn nothing_comes_behind_what_was_dropped() {
        let mut catchup = frozen(0);
        let last = HELD as u64;
        for offset in 1..=last + 1 {
            catchup.hold(held(offset));
        }
        catchup.insert(vec![missed(last), missed(last + 2)]);
        catchup.done();
        let released = release(&mut catchup);
        assert!(released.ends_with(&format!(" h{last}")), "{released}");
        assert!(catchup.take_overflow(), "{} is read again", last + 1);
    }

    #[test]
    fn a_conversation_can_be_forgotten_up_to_an_event() {
        let mut catchup = frozen(2);
        for offset in 3..=6 {
            catchup.hold(held(offset));
        }
        catchup.forget(ConversationId::from_bytes([1; 16]), Some(Seq::new(5)));
        catchup.done();
        assert_eq!(release(&mut catchup), "h6");
    }
}
