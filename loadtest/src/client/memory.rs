//! What a product's client knows of its conversations: the `seq` up to which it has everything.

use std::collections::HashMap;

use callboard_shared::id::ConversationId;

use crate::journal::{Received, Synced};

/// What a client tells when it syncs.
pub(crate) type Cursors = HashMap<ConversationId, u64>;

/// What one client knows.
#[derive(Debug, Default)]
pub(super) struct Memory {
    known: Cursors,
    /// While what was missed is not there yet, what comes in does not mean that all before it is
    /// known: `None` for a conversation that the user has been taken out of.
    ahead: Option<HashMap<ConversationId, Option<u64>>>,
}

impl Memory {
    /// What was missed will not be replayed.
    pub(super) fn begin_session(&mut self) {
        self.ahead = Some(HashMap::new());
    }

    pub(super) fn needs_sync(&self) -> bool {
        self.ahead.is_some()
    }

    /// Up to where everything is known.
    pub(super) fn cursors(&self) -> Cursors {
        self.known.clone()
    }

    /// Up to where anything is known.
    pub(super) fn known(&self) -> Cursors {
        let mut known = self.known.clone();
        for (conversation, seq) in self.ahead.iter().flatten() {
            advance(&mut known, *conversation, *seq);
        }
        known
    }

    pub(super) fn take(&mut self, received: Received) {
        let (conversation, seq) = match received {
            Received::Event {
                conversation, seq, ..
            } => (conversation, Some(seq)),
            Received::Gone { conversation } => (conversation, None),
        };
        match &mut self.ahead {
            Some(ahead) => {
                let last = ahead.entry(conversation).or_default();
                *last = seq.map(|seq| last.unwrap_or(0).max(seq));
            }
            None => advance(&mut self.known, conversation, seq),
        }
    }

    /// What was missed is there, and what came in meanwhile follows it without a gap.
    pub(super) fn synced(&mut self, synced: &Synced) {
        let mut known = Cursors::new();
        for (conversation, events) in &synced.missed {
            let before = self.known.get(conversation).copied().unwrap_or(0);
            let last = events.last().copied().unwrap_or(before);
            known.insert(*conversation, last.max(before));
        }
        known.extend(synced.joined.iter().copied());
        for (conversation, seq) in self.ahead.take().into_iter().flatten() {
            advance(&mut known, conversation, seq);
        }
        self.known = known;
    }
}

fn advance(known: &mut Cursors, conversation: ConversationId, seq: Option<u64>) {
    match seq {
        Some(seq) => {
            let last = known.entry(conversation).or_default();
            *last = seq.max(*last);
        }
        None => drop(known.remove(&conversation)),
    }
}

#[cfg(test)]
mod tests {
    use callboard_shared::clock::Timestamp;

    use super::*;

    fn conversation() -> ConversationId {
        ConversationId::from_bytes([7; 16])
    }

    fn event(seq: u64) -> Received {
        Received::Event {
            conversation: conversation(),
            seq,
            attempt: None,
        }
    }

    #[test]
    fn what_comes_before_the_sync_does_not_hide_what_was_missed() {
        let mut memory = Memory::default();
        memory.take(event(3));
        memory.begin_session();
        memory.take(event(9));
        assert_eq!(memory.cursors()[&conversation()], 3);
        memory.synced(&Synced {
            missed: vec![(conversation(), vec![4, 5, 6, 7, 8])],
            joined: Vec::new(),
            asked_until: Timestamp::from_secs(0),
        });
        assert_eq!(memory.cursors()[&conversation()], 9);
        assert!(!memory.needs_sync());
    }

    #[test]
    fn whoever_left_knows_nothing() {
        let mut memory = Memory::default();
        memory.take(event(3));
        memory.take(Received::Gone {
            conversation: conversation(),
        });
        assert!(memory.known().is_empty());
    }
}
