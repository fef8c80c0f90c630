//! What a run came to, for people: one line of a table.

use std::{collections::HashMap, time::Duration};

use crate::{
    fault::Fault,
    journal::{At, Attempt, ClientJournal, Line, Received, Try},
    verdict::{Verdict, Violation},
};

/// What came of one run.
#[derive(Debug)]
pub struct Report {
    /// What was done.
    pub fault: Fault,
    /// To how many clients.
    pub clients: usize,
    /// Whether everything was as promised.
    pub verdict: Verdict,
    /// How long things took.
    pub measures: Measures,
}

/// The head of the table that [`Report::row`] belongs to.
#[must_use]
pub fn head() -> String {
    "| fault | clients | acknowledged | delivered | lost | doubled | reordered | to strangers | other | \
     99 % back | recovered / expired | p50 | p99 |\n\
     |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
        .to_owned()
}

impl Report {
    /// One row.
    #[must_use]
    pub fn row(&self) -> String {
        use Violation as V;
        let verdict = &self.verdict;
        let measures = &self.measures;
        let lost = verdict.count(&[V::NotStored, V::Undelivered, V::Gap]);
        let doubled = verdict.count(&[V::Doubled, V::StoredTwice]);
        let other = verdict.count(&[V::RefusedButStored, V::Phantom, V::Stranded]);
        let back = measures.back.map_or_else(|| "never".to_owned(), seconds);
        format!(
            "| {} | {} | {} | {} | {lost} | {doubled} | {} | {} | {other} | {back} | {} / {} | {} | {} |",
            self.fault,
            self.clients,
            verdict.acknowledged,
            verdict.delivered,
            verdict.count(&[V::Reordered]),
            verdict.count(&[V::Stranger]),
            measures.recovered,
            measures.expired,
            milliseconds(measures.p50),
            milliseconds(measures.p99),
        )
    }
}

/// How long things took.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// From the fault until 99 % of the clients were up to date, and stayed so; nothing if they never
    /// were again.
    pub back: Option<Duration>,
    /// Connections lost since the fault.
    pub disconnected: usize,
    /// Returns since the fault that were recovered.
    pub recovered: usize,
    /// Returns since the fault that had to sync.
    pub expired: usize,
    /// The median of the time from the beginning of an attempt to its delivery, without what was
    /// under way between the fault and the return of 99 %.
    pub p50: Duration,
    /// The 99th percentile of the same.
    pub p99: Duration,
}

impl Measures {
    /// What the journals say; `struck` is when the fault was.
    #[must_use]
    pub fn of(journals: &[ClientJournal], tries: &[Try], struck: At) -> Self {
        let back = back(journals, struck);
        let calm_again = back.map_or(Duration::MAX, |back| struck + back);
        let mut latencies = latencies(journals, tries, |began, received| {
            received < struck || began > calm_again
        });
        latencies.sort_unstable();
        let percentile = |share: usize| {
            let index = latencies.len().saturating_sub(1) * share / 100;
            latencies.get(index).copied().unwrap_or_default()
        };
        let since = journals.iter().flat_map(|journal| {
            let lines = journal.lines.iter();
            lines.filter(|(at, _)| *at >= struck).map(|(_, line)| line)
        });
        let mut measures = Self {
            back,
            p50: percentile(50),
            p99: percentile(99),
            ..Self::default()
        };
        for line in since {
            match line {
                Line::Disconnected { .. } => measures.disconnected += 1,
                Line::Connected { recovered: true } => measures.recovered += 1,
                Line::Connected { recovered: false } => measures.expired += 1,
                _ => {}
            }
        }
        measures
    }
}

/// How long after `struck` it was that 99 % of the clients were live, and stayed so.
fn back(journals: &[ClientJournal], struck: At) -> Option<Duration> {
    let mut changes: Vec<(At, isize)> = Vec::new();
    for journal in journals {
        let mut live = false;
        for (at, line) in &journal.lines {
            match line {
                Line::Live if !live => {
                    live = true;
                    changes.push((*at, 1));
                }
                Line::Disconnected { .. } | Line::Banished { .. } if live => {
                    live = false;
                    changes.push((*at, -1));
                }
                _ => {}
            }
        }
    }
    changes.sort_unstable_by_key(|(at, _)| *at);
    let needed = (journals.len() * 99).div_ceil(100).cast_signed();
    let mut live = 0;
    let mut enough_since = None;
    for (at, change) in changes {
        live += change;
        if live < needed {
            enough_since = None;
        } else {
            enough_since = enough_since.or(Some(at));
        }
    }
    enough_since.map(|at| at.saturating_sub(struck))
}

/// From the beginning of an attempt's first try to its arrival, for those that `counts` lets in.
fn latencies(
    journals: &[ClientJournal],
    tries: &[Try],
    counts: impl Fn(At, At) -> bool,
) -> Vec<Duration> {
    let mut began: HashMap<Attempt, At> = HashMap::new();
    for one in tries {
        let first = began.entry(one.attempt).or_insert(one.began);
        *first = one.began.min(*first);
    }
    let lines = journals.iter().flat_map(|journal| &journal.lines);
    let arrivals = lines.filter_map(|(at, line)| match line {
        Line::Received(Received::Event {
            attempt: Some(attempt),
            ..
        }) => Some((*began.get(attempt)?, *at)),
        _ => None,
    });
    arrivals
        .filter(|(began, at)| counts(*began, *at))
        .map(|(began, at)| at.saturating_sub(began))
        .collect()
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(lines: &[(u64, Line)]) -> ClientJournal {
        ClientJournal {
            user: "alice".to_owned(),
            lines: lines
                .iter()
                .map(|(at, line)| (Duration::from_secs(*at), line.clone()))
                .collect(),
        }
    }

    fn gone() -> Line {
        Line::Disconnected {
            reason: String::new(),
        }
    }

    #[test]
    fn back_is_when_enough_are_live_for_good() {
        let journals = [
            journal(&[
                (0, Line::Live),
                (10, gone()),
                (12, Line::Live),
                (13, gone()),
                (17, Line::Live),
            ]),
            journal(&[(1, Line::Live)]),
        ];
        let struck = Duration::from_secs(9);
        assert_eq!(back(&journals, struck), Some(Duration::from_secs(8)));
    }

    #[test]
    fn who_never_left_was_back_at_once_and_who_stays_away_never() {
        let struck = Duration::from_secs(9);
        let here = journal(&[(0, Line::Live)]);
        let away = journal(&[(0, Line::Live), (10, gone())]);
        assert_eq!(
            back(std::slice::from_ref(&here), struck),
            Some(Duration::ZERO)
        );
        assert_eq!(back(&[here, away], struck), None);
    }
}
