//! Receipts that could not be recorded yet: what is left of them when the API is away, until it is
//! back. It knows no time and asks nobody.

use std::collections::{BTreeMap, HashMap};

use callboard_shared::id::{ConversationId, UserId};

use crate::backend::{Receipt, ReceiptRequest};

/// How many receipts are kept, one of a kind for each user and conversation; past it, the oldest
/// goes.
const KEPT: usize = 10_000;

/// Of how many messages that were read the ids are kept; by their ids these are the newest.
const NEWEST: usize = 100;

/// How many are recorded in one go.
const BATCH: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Kind {
    Read,
    Delivered,
}

impl Kind {
    pub(super) fn of(receipt: &Receipt) -> Self {
        match receipt {
            Receipt::Read(_) | Receipt::ReadAll => Self::Read,
            Receipt::Delivered(_) => Self::Delivered,
        }
    }
}

/// What there is one receipt of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) user: UserId,
    pub(super) conversation: ConversationId,
    pub(super) kind: Kind,
}

impl Key {
    pub(super) fn request(&self, receipt: Receipt) -> ReceiptRequest {
        ReceiptRequest {
            user_id: self.user.clone(),
            conversation_id: self.conversation,
            receipt,
        }
    }

    fn of(request: &ReceiptRequest) -> Self {
        Self {
            user: request.user_id.clone(),
            conversation: request.conversation_id,
            kind: Kind::of(&request.receipt),
        }
    }
}

/// The receipts that are kept, the oldest first.
#[derive(Default)]
pub(super) struct Kept {
    receipts: HashMap<Key, Waiting>,
    line: BTreeMap<u64, Key>,
    next: u64,
}

/// One of them.
struct Waiting {
    /// Its place in the line.
    place: u64,
    receipt: Receipt,
    /// It was refused as a whole: its messages are offered one by one.
    apart: bool,
}

/// Whether a receipt fits.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Room {
    Enough,
    /// The oldest had to go.
    Made,
}

impl Kept {
    pub(super) fn is_empty(&self) -> bool {
        self.receipts.is_empty()
    }

    /// Whether it may be recorded later and still mean the same. Reading everything would come to
    /// mean what its user has never seen.
    pub(super) fn may_keep(receipt: &Receipt) -> bool {
        !matches!(receipt, Receipt::ReadAll)
    }

    /// Keeps a receipt, as one with what is kept of the same kind.
    pub(super) fn keep(&mut self, request: ReceiptRequest) -> Room {
        let key = Key::of(&request);
        if let Some(kept) = self.receipts.get_mut(&key) {
            merge(&mut kept.receipt, request.receipt);
            return Room::Enough;
        }
        let mut room = Room::Enough;
        if self.receipts.len() >= KEPT
            && let Some((_, oldest)) = self.line.pop_first()
        {
            self.receipts.remove(&oldest);
            room = Room::Made;
        }
        let mut receipt = request.receipt;
        trim(&mut receipt);
        self.line.insert(self.next, key.clone());
        let waiting = Waiting {
            place: self.next,
            receipt,
            apart: false,
        };
        self.receipts.insert(key, waiting);
        self.next += 1;
        room
    }

    /// The oldest of them. They stay until they are [`done`](Self::done).
    pub(super) fn oldest(&self) -> Vec<ReceiptRequest> {
        let oldest = self.line.values();
        oldest
            .filter_map(|key| Some((key, self.receipts.get(key)?)))
            .flat_map(|(key, kept)| kept.offers().map(|receipt| key.request(receipt)))
            .take(BATCH)
            .collect()
    }

    /// A receipt was recorded, or refused for good; what was said meanwhile stays.
    pub(super) fn done(&mut self, request: &ReceiptRequest) {
        let key = Key::of(request);
        let Some(kept) = self.receipts.get_mut(&key) else {
            return;
        };
        let nothing_left = match (&mut kept.receipt, &request.receipt) {
            (Receipt::Read(kept), Receipt::Read(done)) => {
                kept.retain(|message| !done.contains(message));
                kept.is_empty()
            }
            (kept, done) => kept == done,
        };
        if nothing_left {
            self.line.remove(&kept.place);
            self.receipts.remove(&key);
        }
    }

    /// A receipt was refused. One of several messages may be so for the sake of a single one: it
    /// stays, to be offered in parts. Any other is done with.
    pub(super) fn refused(&mut self, request: &ReceiptRequest) {
        if matches!(&request.receipt, Receipt::Read(messages) if messages.len() > 1) {
            if let Some(kept) = self.receipts.get_mut(&Key::of(request)) {
                kept.apart = true;
            }
        } else {
            self.done(request);
        }
    }
}

impl Waiting {
    /// The receipts to be recorded for it.
    fn offers(&self) -> impl Iterator<Item = Receipt> {
        let parts = match &self.receipt {
            Receipt::Read(messages) if self.apart => messages
                .iter()
                .map(|message| Receipt::Read(vec![*message]))
                .collect(),
            whole => vec![whole.clone()],
        };
        parts.into_iter()
    }
}

/// A process that ends takes them along.
impl Drop for Kept {
    fn drop(&mut self) {
        if !self.is_empty() {
            let receipts = self.receipts.len();
            tracing::warn!(receipts, "receipts were not recorded before the end");
        }
    }
}

/// Makes one of two of a kind.
fn merge(kept: &mut Receipt, further: Receipt) {
    match (&mut *kept, further) {
        (Receipt::Delivered(kept), Receipt::Delivered(seq)) => *kept = seq.max(*kept),
        (Receipt::Read(kept), Receipt::Read(messages)) => kept.extend(messages),
        (kept, further) => *kept = further,
    }
    trim(kept);
}

fn trim(receipt: &mut Receipt) {
    if let Receipt::Read(messages) = receipt {
        messages.sort_unstable();
        messages.dedup();
        messages.drain(..messages.len().saturating_sub(NEWEST));
    }
}

#[cfg(test)]
mod tests {
    use callboard_shared::{
        clock::Timestamp,
        id::{MessageId, Seq},
    };

    use super::*;

    fn request(user: usize, receipt: Receipt) -> ReceiptRequest {
        ReceiptRequest {
            user_id: user.to_string().parse().unwrap(),
            conversation_id: ConversationId::from_bytes([7; 16]),
            receipt,
        }
    }

    fn delivered(user: usize, seq: u64) -> ReceiptRequest {
        request(user, Receipt::Delivered(Seq::new(seq)))
    }

    fn read(user: usize, times: impl Iterator<Item = i64>) -> ReceiptRequest {
        let messages = times.map(|time| MessageId::new(Timestamp::from_millis(time)));
        request(user, Receipt::Read(messages.collect()))
    }

    #[test]
    fn those_of_a_kind_are_one() {
        let mut kept = Kept::default();
        for seq in [3, 9, 5] {
            kept.keep(delivered(1, seq));
        }
        kept.keep(read(1, 0..60));
        let newest = read(1, 60..130);
        kept.keep(newest.clone());
        let oldest = kept.oldest();
        assert_eq!(oldest[0], delivered(1, 9));
        let (Receipt::Read(messages), Receipt::Read(newest)) = (&oldest[1].receipt, newest.receipt)
        else {
            panic!("{oldest:?}");
        };
        assert_eq!((oldest.len(), messages.len()), (2, NEWEST));
        assert!(newest.iter().all(|message| messages.contains(message)));
    }

    #[test]
    fn what_is_said_meanwhile_stays() {
        let mut kept = Kept::default();
        kept.keep(delivered(1, 3));
        kept.keep(delivered(2, 3));
        let recording = kept.oldest();
        kept.keep(delivered(1, 4));
        for request in &recording {
            kept.done(request);
        }
        assert_eq!(kept.oldest(), [delivered(1, 4)]);
        kept.done(&delivered(1, 4));
        assert!(kept.is_empty() && kept.line.is_empty());
    }

    #[test]
    fn one_bad_message_does_not_spoil_those_it_was_kept_with() {
        let mut kept = Kept::default();
        kept.keep(read(1, 3..4));
        kept.keep(read(1, 5..6));
        let together = kept.oldest();
        assert_eq!(together.len(), 1);
        kept.refused(&together[0]);
        let apart = kept.oldest();
        assert_eq!(apart.len(), 2);
        kept.refused(&apart[0]);
        assert_eq!(kept.oldest(), apart[1..]);
        kept.done(&apart[1]);
        assert!(kept.is_empty() && kept.line.is_empty());
    }

    #[test]
    fn past_the_bound_the_oldest_goes() {
        let mut kept = Kept::default();
        for user in 0..KEPT {
            assert_eq!(kept.keep(delivered(user, 1)), Room::Enough);
        }
        assert_eq!(kept.keep(delivered(0, 2)), Room::Enough);
        assert_eq!(kept.keep(delivered(KEPT, 1)), Room::Made);
        assert_eq!((kept.receipts.len(), kept.line.len()), (KEPT, KEPT));
        assert_eq!(kept.oldest()[0], delivered(1, 1));
        kept.line.clear();
        kept.receipts.clear();
    }
}
