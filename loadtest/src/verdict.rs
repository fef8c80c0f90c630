//! The verdict: a pure function of what was written down and of what is true in the end.
//!
//! A client's *session* is a chain of recovered connections; within it every event that its user may
//! see has to come once and in order. Between two sessions the client has synced, and what that gave
//! it counts as delivered.

mod client;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
};

use crate::{
    journal::{Attempt, ClientJournal, Outcome, Try},
    truth::{Happened, Truth},
};

/// How many violations are told in full.
const EXAMPLES: usize = 20;

/// What must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Violation {
    /// Acknowledged, but not in the database or not among the events.
    NotStored,
    /// Refused for good, but in the database.
    RefusedButStored,
    /// One attempt, repeated or not, is in the database more than once.
    StoredTwice,
    /// Not delivered to somebody who takes part: neither live, nor recovered, nor by a sync.
    Undelivered,
    /// Left out within a session that claims to be complete, though a later sync brought it.
    Gap,
    /// Delivered twice within a session.
    Doubled,
    /// Delivered after something that comes later in the conversation.
    Reordered,
    /// Delivered to somebody who does not take part, not yet or not any more.
    Stranger,
    /// Delivered, but not what the database has in that place.
    Phantom,
    /// A client that was not there in the end.
    Stranded,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotStored => "acknowledged, not stored",
            Self::RefusedButStored => "refused, but stored",
            Self::StoredTwice => "stored twice",
            Self::Undelivered => "not delivered",
            Self::Gap => "left out within a session",
            Self::Doubled => "delivered twice",
            Self::Reordered => "out of order",
            Self::Stranger => "delivered to a stranger",
            Self::Phantom => "delivered, not stored",
            Self::Stranded => "client never came back",
        })
    }
}

/// What came out.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Attempts that were acknowledged.
    pub acknowledged: usize,
    /// Attempts that were refused.
    pub refused: usize,
    /// Attempts whose sender does not know.
    pub unknown: usize,
    /// Of those, how many were sent nevertheless: allowed.
    pub unknown_but_stored: usize,
    /// Events that clients were sent.
    pub delivered: usize,
    /// How often each thing happened that must not happen.
    pub violations: BTreeMap<Violation, usize>,
    /// The first of them.
    pub examples: Vec<String>,
}

impl Verdict {
    /// Judges.
    #[must_use]
    pub fn over(truth: &Truth, tries: &[Try], clients: &[ClientJournal]) -> Self {
        let mut verdict = Self::default();
        verdict.judge_attempts(truth, tries);
        let mut stays = client::Stays::default();
        for (index, journal) in clients.iter().enumerate() {
            client::judge(&mut verdict, truth, &mut stays, index, journal);
        }
        verdict
    }

    /// Whether everything is as it must be.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.violations.is_empty()
    }

    /// How often something of these happened.
    #[must_use]
    pub fn count(&self, violations: &[Violation]) -> usize {
        let counts = violations.iter();
        counts.filter_map(|one| self.violations.get(one)).sum()
    }

    fn violate(&mut self, violation: Violation, example: impl FnOnce() -> String) {
        *self.violations.entry(violation).or_default() += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(format!("{violation}: {}", example()));
        }
    }

    /// What was promised to senders.
    fn judge_attempts(&mut self, truth: &Truth, tries: &[Try]) {
        let mut attempts: BTreeMap<Attempt, Vec<&Try>> = BTreeMap::new();
        for one in tries {
            attempts.entry(one.attempt).or_default().push(one);
        }
        let mut stored: HashMap<Attempt, usize> = HashMap::new();
        let mut messages = HashMap::new();
        for message in &truth.stored {
            messages.insert(message.id, message);
            if let Some(attempt) = message.attempt {
                *stored.entry(attempt).or_default() += 1;
            }
        }
        for (attempt, tries) in attempts {
            let times = stored.get(&attempt).copied().unwrap_or(0);
            if times > 1 {
                self.violate(Violation::StoredTwice, || {
                    format!("{attempt:?} is stored {times} times")
                });
            }
            for one in &tries {
                let Outcome::Acknowledged { message, seq } = &one.outcome else {
                    continue;
                };
                let there = messages.get(message).is_some_and(|stored| {
                    stored.attempt == Some(attempt)
                        && stored.conversation == one.conversation
                        && stored.seq == *seq
                });
                let history = truth.conversations.get(&one.conversation);
                let event = history.and_then(|history| history.event(*seq));
                let listed = matches!(event, Some(Happened::Message { id, .. }) if id == message);
                if !there || !listed {
                    self.violate(Violation::NotStored, || {
                        let place = if there { "the events" } else { "the database" };
                        format!("{one:?} is not in {place}")
                    });
                }
            }
            let any = |wanted: fn(&Outcome) -> bool| tries.iter().any(|one| wanted(&one.outcome));
            if any(|outcome| matches!(outcome, Outcome::Acknowledged { .. })) {
                self.acknowledged += 1;
            } else if any(|outcome| *outcome == Outcome::Unknown) {
                self.unknown += 1;
                self.unknown_but_stored += usize::from(times > 0);
            } else {
                self.refused += 1;
                if times > 0 {
                    self.violate(Violation::RefusedButStored, || format!("{tries:?}"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
