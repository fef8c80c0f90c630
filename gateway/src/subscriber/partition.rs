//! One partition, as the subscriber sees it: whether the bus can vouch for what it has pushed, and
//! what is being done about it when it cannot.
//!
//! ```text
//!          lost                   after a while, subscribing          the position
//!  Live ─────────▶ Lost ─────────────────▶ Resubscribed ─────────────────▶ Repairing ──▶ Live
//!                   ▲                           │ lost, or no answer            │ lost
//!                   └───────────────────────────┴───────────────────────────────┘
//! ```
//!
//! Other partitions go on meanwhile.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use callboard_shared::{
    bus::{Bus, BusError, Channel, LogEntry, Offset, PartitionId, Point, Push},
    clock::Timestamp,
    cursor::CURSOR_LIFE,
    id::Seq,
    rules::{Rule, holds},
};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::time::Instant;
use tokio_util::sync::DropGuard;

/// How often the position is asked for: a connection to a bus that says nothing ends when it does not
/// answer.
pub(super) const PING_EVERY: Duration = Duration::from_secs(1);

/// How long to wait before a partition that was lost again is tried again: at first, and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// How many pushes are held back while the logs of their partition are read; past it, they are
/// dropped and read from the logs as well.
const HELD: usize = 16_384;

/// The most entries read from one log: more than any log has.
const PAGE: usize = 10_000;

/// How many logs are read at once.
const READS_AT_ONCE: usize = 64;

/// A partition.
pub(super) struct Partition {
    pub(super) state: State,
    /// When the position was asked for that has not come.
    asked: Option<Timestamp>,
    /// All that happened before lies before the gateway's position.
    as_of: Timestamp,
    /// How long to wait when it is lost the next time, without having been live in between.
    patience: Duration,
}

/// How a partition is.
pub(super) enum State {
    /// What is pushed is all there is.
    Live,
    /// Nothing is subscribed; to be tried again at this time.
    Lost { retry: Instant },
    /// Everything was subscribed again. What is pushed counts from the position of this tag on.
    Resubscribed { tag: u64 },
    /// What was missed up to the position of this tag is being read from the logs.
    Repairing {
        tag: u64,
        held: VecDeque<Push>,
        /// Ends the reading when nobody waits for it any more.
        _reading: DropGuard,
    },
}

/// What has become of a push.
pub(super) enum Held {
    /// The logs are not being read: it is to be handled now.
    No(Push),
    /// It comes after what is being read.
    Yes,
    /// Too much is held back already: the repair is pointless.
    Full,
}

impl Partition {
    /// One of which the position was asked for then, and is known, and nothing subscribed yet.
    pub(super) fn live(as_of: Timestamp) -> Self {
        Self {
            state: State::Live,
            asked: None,
            as_of,
            patience: Duration::ZERO,
        }
    }

    /// Nothing is subscribed any more. The first time it is tried again at once.
    pub(super) fn lost(&mut self, now: Instant) {
        if !matches!(self.state, State::Lost { .. }) {
            self.state = State::Lost {
                retry: now + self.patience,
            };
            self.patience = (self.patience * 2).clamp(RETRY.0, RETRY.1);
            self.asked = None;
        }
    }

    /// Everything is being subscribed again, and the position asked for.
    pub(super) fn resubscribed(&mut self, tag: u64, now: Timestamp) {
        self.asked = Some(now);
        self.state = State::Resubscribed { tag };
    }

    /// The logs are being read, for as long as `reading` is kept.
    pub(super) fn repairing(&mut self, tag: u64, reading: DropGuard) {
        self.state = State::Repairing {
            tag,
            held: VecDeque::new(),
            _reading: reading,
        };
    }

    /// Nothing is missing any more; returns what was held back.
    pub(super) fn repaired(&mut self) -> VecDeque<Push> {
        self.patience = Duration::ZERO;
        self.answered();
        match std::mem::replace(&mut self.state, State::Live) {
            State::Repairing { held, .. } => held,
            _ => VecDeque::new(),
        }
    }

    /// A second has passed: whether to ask for the position.
    pub(super) fn ping(&mut self, now: Timestamp) -> bool {
        let due = matches!(self.state, State::Live) && self.asked.is_none();
        if due && holds(Rule::SilenceIsLoss) {
            self.asked = Some(now);
        }
        due && holds(Rule::SilenceIsLoss)
    }

    /// The gateway has reached the position that was asked for.
    pub(super) fn answered(&mut self) {
        self.as_of = self.asked.take().unwrap_or(self.as_of);
    }

    /// All that happened before this time lies before the gateway's position.
    pub(super) fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// Whether the position is so old that the bus may have forgotten what happened since: it is as good
    /// a proof as a client's cursor, and for as long.
    pub(super) fn is_forgotten(&self, now: Timestamp) -> bool {
        now.since(self.as_of) > CURSOR_LIFE && holds(Rule::OldPositionsAreRefused)
    }

    /// When it is to be tried again.
    pub(super) fn retry(&self) -> Option<Instant> {
        match self.state {
            State::Lost { retry } => Some(retry),
            _ => None,
        }
    }

    /// Whether requests reach the bus.
    pub(super) fn is_subscribed(&self) -> bool {
        !matches!(self.state, State::Lost { .. })
    }

    /// Keeps a push for later if the logs are being read.
    pub(super) fn hold(&mut self, push: Push) -> Held {
        match &mut self.state {
            State::Repairing { .. } if !holds(Rule::RepairHolds) => Held::No(push),
            State::Repairing { held, .. } if held.len() < HELD => {
                held.push_back(push);
                Held::Yes
            }
            State::Repairing { .. } => Held::Full,
            _ => Held::No(push),
        }
    }
}

/// What lies in a partition's logs between two positions.
pub(super) struct Missed {
    /// In order.
    pub(super) entries: Vec<(Channel, LogEntry)>,
    /// Channels of which something is missing.
    pub(super) gaps: Vec<Channel>,
}

/// The end of a repair: whose, and what was found.
pub(super) type Repair = (PartitionId, u64, Point, Result<Missed, BusError>);

/// Reads what was appended to these channels after `after` and up to `upto`.
pub(super) async fn read(
    bus: Arc<dyn Bus>,
    channels: Vec<Channel>,
    after: Offset,
    upto: Point,
) -> Result<Missed, BusError> {
    let mut logs = stream::iter(channels)
        .map(|channel| {
            let bus = Arc::clone(&bus);
            async move {
                let slice = bus.read(upto.partition, &channel, after, PAGE).await?;
                Ok::<_, BusError>((channel, slice))
            }
        })
        .buffered(READS_AT_ONCE);
    let mut missed = Missed {
        entries: Vec::new(),
        gaps: Vec::new(),
    };
    while let Some((channel, slice)) = logs.try_next().await? {
        if slice.epoch != upto.epoch {
            return Err(BusError::new(
                "the partition has started a new epoch meanwhile",
            ));
        }
        if !slice.covers(after, Seq::ZERO) || slice.entries.len() == PAGE {
            missed.gaps.push(channel.clone());
        }
        let entries = slice.entries.into_iter();
        missed.entries.extend(
            entries
                .filter(|entry| entry.offset <= upto.offset)
                .map(|entry| (channel.clone(), entry)),
        );
    }
    missed.entries.sort_by_key(|(_, entry)| entry.offset);
    Ok(missed)
}
