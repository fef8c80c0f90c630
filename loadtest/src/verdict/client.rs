//! What was promised to one client.

use std::collections::{BTreeSet, HashMap, HashSet};

use callboard_shared::id::ConversationId;

use super::{Verdict, Violation};
use crate::{
    journal::{Attempt, ClientJournal, Line, Received},
    truth::{Happened, History, Stay, Truth},
};

/// When each user took part in what: worked out once for all clients of a user.
#[derive(Default)]
pub(super) struct Stays(HashMap<String, HashMap<ConversationId, Vec<Stay>>>);

impl Stays {
    fn of(&mut self, truth: &Truth, user: &str) -> &HashMap<ConversationId, Vec<Stay>> {
        self.0.entry(user.to_owned()).or_insert_with(|| {
            let all = truth.conversations.iter();
            let stays = all.map(|(id, history)| (*id, history.stays(user)));
            stays.filter(|(_, stays)| !stays.is_empty()).collect()
        })
    }
}

/// One thing of one conversation that a client was sent.
#[derive(Clone, Copy)]
enum Item {
    Event(u64, Option<Attempt>),
    Gone,
}

/// What a client was sent within one session, by conversation.
type Session = HashMap<ConversationId, Vec<Item>>;

/// What a client has of a conversation in the end.
#[derive(Default)]
struct Coverage {
    /// It was given these.
    given: HashSet<u64>,
    /// Everything up to here is history that it can read, or is out of its user's reach.
    settled: u64,
    /// A session should have had these, but had not.
    left_out: BTreeSet<u64>,
}

/// Judges what one client was sent.
pub(super) fn judge(
    verdict: &mut Verdict,
    truth: &Truth,
    stays: &mut Stays,
    index: usize,
    journal: &ClientJournal,
) {
    let stays = stays.of(truth, &journal.user);
    let name = format!("client {index} of {}", journal.user);
    let mut coverage: HashMap<ConversationId, Coverage> = HashMap::new();
    for session in sessions(journal, stays, &mut coverage) {
        for (id, items) in session {
            let Some((history, stays)) = truth.conversations.get(&id).zip(stays.get(&id)) else {
                verdict.violate(Violation::Stranger, || {
                    format!("{name} heard of {id}, of which it never was a part")
                });
                continue;
            };
            let mut stream = Stream {
                verdict,
                history,
                stays,
                name: format!("{name}, conversation {id}"),
                seen: BTreeSet::new(),
                last: None,
            };
            stream.judge(&items, coverage.entry(id).or_default());
        }
    }
    if !is_live_at_the_end(journal) {
        verdict.violate(Violation::Stranded, || {
            format!("{name}: {:?}", journal.lines.last())
        });
        return;
    }
    for (id, stays) in stays {
        let Some(history) = truth.conversations.get(id) else {
            continue;
        };
        let coverage = coverage.entry(*id).or_default();
        for seq in expected(stays, 1, history.last_seq()) {
            if coverage.given.contains(&seq) || seq <= coverage.settled {
                continue;
            }
            coverage.left_out.remove(&seq);
            verdict.violate(Violation::Undelivered, || {
                format!(
                    "{name} was never given {seq} of {id}: {:?}",
                    history.event(seq)
                )
            });
        }
        for seq in &coverage.left_out {
            verdict.violate(Violation::Gap, || {
                format!("{name} was not sent {seq} of {id} in its session")
            });
        }
    }
}

/// The sessions of a client; what it was given besides goes to the coverage.
fn sessions(
    journal: &ClientJournal,
    stays: &HashMap<ConversationId, Vec<Stay>>,
    coverage: &mut HashMap<ConversationId, Coverage>,
) -> Vec<Session> {
    let mut sessions = vec![Session::new()];
    for (_, line) in &journal.lines {
        match line {
            Line::Connected { recovered: false } => sessions.push(Session::new()),
            Line::Received(received) => {
                let (conversation, item) = match *received {
                    Received::Event {
                        conversation,
                        seq,
                        attempt,
                    } => (conversation, Item::Event(seq, attempt)),
                    Received::Gone { conversation } => (conversation, Item::Gone),
                };
                let session = sessions.last_mut().into_iter();
                for session in session {
                    session.entry(conversation).or_default().push(item);
                }
            }
            Line::Synced(synced) => {
                let mut present = HashSet::new();
                for (id, seqs) in &synced.missed {
                    present.insert(*id);
                    coverage.entry(*id).or_default().given.extend(seqs);
                }
                for (id, seq) in &synced.joined {
                    present.insert(*id);
                    let settled = &mut coverage.entry(*id).or_default().settled;
                    *settled = (*settled).max(*seq);
                }
                // Whoever does not take part any more cannot ask what happened until then.
                for (id, stays) in stays.iter().filter(|(id, _)| !present.contains(id)) {
                    let left = stays.iter().filter_map(|stay| stay.left);
                    let before = left.filter(|(_, at)| *at <= synced.asked_until);
                    let settled = &mut coverage.entry(*id).or_default().settled;
                    *settled = before.map(|(seq, _)| seq).fold(*settled, u64::max);
                }
            }
            _ => {}
        }
    }
    sessions
}

/// What one session was sent of one conversation.
struct Stream<'a> {
    verdict: &'a mut Verdict,
    history: &'a History,
    stays: &'a [Stay],
    name: String,
    seen: BTreeSet<u64>,
    last: Option<u64>,
}

impl Stream<'_> {
    fn judge(&mut self, items: &[Item], coverage: &mut Coverage) {
        for (index, item) in items.iter().enumerate() {
            match item {
                Item::Event(seq, attempt) => self.event(*seq, *attempt),
                Item::Gone => self.gone(&items[index + 1..]),
            }
        }
        let bounds = self.seen.first().zip(self.seen.last());
        if let Some((first, last)) = bounds {
            let expected = expected(self.stays, *first, *last);
            let missing = expected.filter(|seq| !self.seen.contains(seq));
            coverage.left_out.extend(missing);
        }
        coverage.given.extend(&self.seen);
    }

    fn event(&mut self, seq: u64, attempt: Option<Attempt>) {
        if !self.stays.iter().any(|stay| stay.includes(seq)) {
            self.violate(Violation::Stranger, seq);
            return;
        }
        let stored = match self.history.event(seq) {
            Some(Happened::Message { attempt, .. }) => Some(*attempt),
            Some(Happened::Updated { .. }) => Some(None),
            None => None,
        };
        if stored != Some(attempt) {
            self.violate(Violation::Phantom, seq);
        }
        self.take(seq);
    }

    /// Which removal the user was told of, nothing but the order can say.
    fn gone(&mut self, following: &[Item]) {
        let mut left = self.stays.iter().filter_map(|stay| stay.left);
        let next = following.iter().find_map(|item| match item {
            Item::Event(seq, _) => Some(*seq),
            Item::Gone => None,
        });
        let removal = match (self.last, next) {
            (Some(last), _) => left.find(|(seq, _)| *seq > last),
            (None, Some(next)) => left.rfind(|(seq, _)| *seq < next),
            (None, None) => left.next_back(),
        };
        match (removal, self.last) {
            (Some((seq, _)), _) => self.take(seq),
            (None, Some(last)) if self.stays.iter().any(|stay| stay.left.is_some()) => {
                self.violate(Violation::Doubled, last);
            }
            (None, last) => self.violate(Violation::Stranger, last.unwrap_or(0)),
        }
    }

    fn take(&mut self, seq: u64) {
        self.verdict.delivered += 1;
        if !self.seen.insert(seq) {
            self.violate(Violation::Doubled, seq);
        } else if self.last.is_some_and(|last| last > seq) {
            self.violate(Violation::Reordered, seq);
        }
        self.last = self.last.max(Some(seq));
    }

    fn violate(&mut self, violation: Violation, seq: u64) {
        let name = &self.name;
        let stays = self.stays;
        self.verdict.violate(violation, || {
            format!("{seq} to {name}, a part of it during {stays:?}")
        });
    }
}

/// What somebody gets from one number to another: each event of their stays, and of the one that
/// ends a stay that the conversation is gone.
fn expected(stays: &[Stay], first: u64, last: u64) -> impl Iterator<Item = u64> {
    let ranges = stays.iter().map(move |stay| {
        let end = stay.left.map_or(last, |(left, _)| left.min(last));
        stay.joined.max(first)..=end
    });
    ranges.collect::<Vec<_>>().into_iter().flatten()
}

fn is_live_at_the_end(journal: &ClientJournal) -> bool {
    let decisive = journal.lines.iter().rev().find_map(|(_, line)| match line {
        Line::Live => Some(true),
        Line::Connected { .. } | Line::Disconnected { .. } | Line::Banished { .. } => Some(false),
        Line::Received(_) | Line::Synced(_) => None,
    });
    decisive.unwrap_or(false)
}
