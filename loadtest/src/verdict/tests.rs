//! Made-up runs, one for each thing that must not happen.

use std::time::Duration;

use callboard_shared::{
    clock::Timestamp,
    id::{ConversationId, MessageId},
};

use super::*;
use crate::{
    journal::{Line, Received, Synced, Way},
    truth::{History, StoredMessage},
};

fn conversation() -> ConversationId {
    ConversationId::from_bytes([1; 16])
}

fn message(seq: u64) -> MessageId {
    let mut bytes = [2; 16];
    bytes[8..].copy_from_slice(&seq.to_be_bytes());
    MessageId::from_bytes(bytes)
}

/// Bob takes part from 1 to 4, when he is removed, and again since 6: 1 created, 2 and 3 messages,
/// 4 removed, 5 a message, 6 added, 7 and 8 messages. A message's attempt has the number of its place.
fn truth() -> Truth {
    let updated = |at, participants: &[&str]| Happened::Updated {
        at: Timestamp::from_secs(at),
        participants: participants.iter().map(ToString::to_string).collect(),
    };
    let sent = |seq| Happened::Message {
        id: message(seq),
        attempt: Some(Attempt::new(seq)),
    };
    let events = vec![
        updated(1, &["alice", "bob"]),
        sent(2),
        sent(3),
        updated(4, &["alice"]),
        sent(5),
        updated(6, &["alice", "bob"]),
        sent(7),
        sent(8),
    ];
    let stored = [2, 3, 5, 7, 8].map(|seq| StoredMessage {
        conversation: conversation(),
        seq,
        id: message(seq),
        attempt: Some(Attempt::new(seq)),
    });
    Truth {
        conversations: [(conversation(), History { events })].into(),
        stored: stored.into(),
    }
}

fn tried(attempt: u64, outcome: Outcome) -> Try {
    Try {
        attempt: Attempt::new(attempt),
        conversation: conversation(),
        way: Way::Rest,
        began: Duration::ZERO,
        outcome,
    }
}

fn acknowledged(seq: u64) -> Outcome {
    Outcome::Acknowledged {
        message: message(seq),
        seq,
    }
}

fn event(seq: u64) -> Line {
    let is_message = [2, 3, 5, 7, 8].contains(&seq);
    Line::Received(Received::Event {
        conversation: conversation(),
        seq,
        attempt: is_message.then(|| Attempt::new(seq)),
    })
}

fn gone() -> Line {
    Line::Received(Received::Gone {
        conversation: conversation(),
    })
}

fn fresh() -> Line {
    Line::Connected { recovered: false }
}

fn recovered() -> Line {
    Line::Connected { recovered: true }
}

fn lost() -> Line {
    Line::Disconnected {
        reason: "cut".to_owned(),
    }
}

/// A sync, answered at a time when the last event was that of this number.
fn synced(missed: &[u64], at: i64) -> Line {
    Line::Synced(Synced {
        missed: vec![(conversation(), missed.to_vec())],
        joined: Vec::new(),
        asked_until: Timestamp::from_secs(at),
    })
}

fn left_when_synced(at: i64) -> Line {
    Line::Synced(Synced {
        missed: Vec::new(),
        joined: Vec::new(),
        asked_until: Timestamp::from_secs(at),
    })
}

fn of_user(user: &str, lines: Vec<Line>) -> Verdict {
    let journal = ClientJournal {
        user: user.to_owned(),
        lines: (0..).map(Duration::from_secs).zip(lines).collect(),
    };
    Verdict::over(&truth(), &[], &[journal])
}

#[track_caller]
fn assert_only(verdict: &Verdict, expected: &[(Violation, usize)]) {
    let expected = expected.iter().copied().collect();
    assert_eq!(verdict.violations, expected, "{:#?}", verdict.examples);
}

fn all_of_alice() -> Vec<Line> {
    let mut lines = vec![fresh(), Line::Live];
    lines.extend((1..=8).map(event));
    lines
}

fn all_of_bob() -> Vec<Line> {
    let mut lines = vec![fresh(), Line::Live];
    lines.extend([
        event(1),
        event(2),
        event(3),
        gone(),
        event(6),
        event(7),
        event(8),
    ]);
    lines
}

#[test]
fn everything_once_and_in_order_is_good() {
    assert!(of_user("alice", all_of_alice()).is_good());
    assert!(of_user("bob", all_of_bob()).is_good());
}

#[test]
fn a_recovered_connection_goes_on_with_its_session() {
    let mut lines = all_of_bob();
    lines.splice(4..4, [lost(), recovered(), Line::Live]);
    assert!(of_user("bob", lines.clone()).is_good());
    lines.insert(7, event(2));
    assert_only(&of_user("bob", lines), &[(Violation::Doubled, 1)]);
}

#[test]
fn what_never_came_is_undelivered() {
    let mut lines = all_of_alice();
    lines.remove(4);
    assert_only(
        &of_user("alice", lines.clone()),
        &[(Violation::Undelivered, 1)],
    );
    lines.pop();
    assert_only(&of_user("alice", lines), &[(Violation::Undelivered, 2)]);
    let mut lines = all_of_bob();
    lines.remove(5);
    assert_only(&of_user("bob", lines), &[(Violation::Undelivered, 1)]);
}

#[test]
fn what_a_sync_brought_is_delivered() {
    let before = [fresh(), Line::Live, event(1), event(2), lost(), fresh()];
    let after = [synced(&[3, 4, 5, 6], 6), Line::Live, event(7), event(8)];
    assert!(of_user("alice", [&before[..], &after[..]].concat()).is_good());
    let after = [synced(&[4, 5, 6], 6), Line::Live, event(7), event(8)];
    let verdict = of_user("alice", [&before[..], &after[..]].concat());
    assert_only(&verdict, &[(Violation::Undelivered, 1)]);
}

#[test]
fn what_a_sync_brought_late_was_left_out_of_the_session() {
    let lines = vec![
        fresh(),
        Line::Live,
        event(1),
        event(2),
        event(4),
        lost(),
        fresh(),
        synced(&[3, 4, 5, 6, 7, 8], 8),
        Line::Live,
    ];
    assert_only(&of_user("alice", lines), &[(Violation::Gap, 1)]);
}

#[test]
fn who_was_removed_while_away_cannot_ask_what_they_missed() {
    let lines = |at| {
        vec![
            fresh(),
            Line::Live,
            event(1),
            lost(),
            fresh(),
            left_when_synced(at),
            Line::Live,
            event(6),
            event(7),
            event(8),
        ]
    };
    assert!(of_user("bob", lines(5)).is_good());
    // Before the removal they could.
    let verdict = of_user("bob", lines(3));
    assert_only(&verdict, &[(Violation::Undelivered, 3)]);
}

#[test]
fn what_was_there_before_the_first_connection_is_history() {
    let joined = Line::Synced(Synced {
        missed: Vec::new(),
        joined: vec![(conversation(), 6)],
        asked_until: Timestamp::from_secs(6),
    });
    let lines = vec![fresh(), joined, Line::Live, event(7), event(8)];
    assert!(of_user("alice", lines).is_good());
}

#[test]
fn twice_is_doubled_and_late_is_reordered() {
    let mut lines = all_of_alice();
    lines.insert(5, event(3));
    assert_only(&of_user("alice", lines), &[(Violation::Doubled, 1)]);
    let mut lines = all_of_alice();
    lines.swap(4, 5);
    assert_only(&of_user("alice", lines), &[(Violation::Reordered, 1)]);
}

#[test]
fn strangers_hear_nothing() {
    let mut lines = all_of_bob();
    lines.insert(6, event(5));
    assert_only(&of_user("bob", lines), &[(Violation::Stranger, 1)]);
    // The event that removes somebody reaches them in another form.
    let mut lines = all_of_bob();
    lines.insert(5, event(4));
    assert_only(&of_user("bob", lines), &[(Violation::Stranger, 1)]);
    let lines = vec![fresh(), Line::Live, event(2)];
    assert_only(&of_user("carol", lines), &[(Violation::Stranger, 1)]);
}

#[test]
fn what_is_not_in_the_database_is_a_phantom() {
    let mut lines = all_of_alice();
    lines[4] = Line::Received(Received::Event {
        conversation: conversation(),
        seq: 3,
        attempt: Some(Attempt::new(99)),
    });
    assert_only(&of_user("alice", lines.clone()), &[(Violation::Phantom, 1)]);
}

#[test]
fn who_does_not_come_back_is_stranded() {
    let mut lines = all_of_alice();
    lines.push(lost());
    assert_only(&of_user("alice", lines), &[(Violation::Stranded, 1)]);
}

#[test]
fn what_is_acknowledged_is_stored() {
    let good = [tried(2, acknowledged(2)), tried(9, Outcome::Unknown)];
    let verdict = Verdict::over(&truth(), &good, &[]);
    assert!(verdict.is_good());
    assert_eq!((verdict.acknowledged, verdict.unknown), (1, 1));
    for wrong in [tried(9, acknowledged(9)), tried(2, acknowledged(3))] {
        let verdict = Verdict::over(&truth(), &[wrong], &[]);
        assert_only(&verdict, &[(Violation::NotStored, 1)]);
    }
}

#[test]
fn what_is_unknown_may_be_stored_but_what_is_refused_may_not() {
    let refused = || Outcome::Refused("not_found".to_owned());
    let verdict = Verdict::over(&truth(), &[tried(2, Outcome::Unknown)], &[]);
    assert!(verdict.is_good());
    assert_eq!(verdict.unknown_but_stored, 1);
    let verdict = Verdict::over(&truth(), &[tried(2, refused())], &[]);
    assert_only(&verdict, &[(Violation::RefusedButStored, 1)]);
    // It may have been the first try that got through, before the sender was removed.
    let tries = [tried(2, Outcome::Unknown), tried(2, refused())];
    assert!(Verdict::over(&truth(), &tries, &[]).is_good());
}

#[test]
fn a_repeated_attempt_is_stored_once() {
    let mut truth = truth();
    truth.stored[1].attempt = Some(Attempt::new(2));
    let tries = [tried(2, Outcome::Unknown), tried(2, acknowledged(2))];
    let verdict = Verdict::over(&truth, &tries, &[]);
    assert_only(&verdict, &[(Violation::StoredTwice, 1)]);
}
