//! What a channel's log and head say of its past, how much of it is kept, and what follows from it.

use std::time::Duration;

use bytes::Bytes;
use clap::Args;

use super::{Epoch, Offset, Place};
use crate::{config::positive_duration, id::Seq};

/// How much of a channel's past is kept.
#[derive(Debug, Clone, Copy)]
pub struct LogLimits {
    /// How long a log outlives its last append.
    pub life: Duration,
    /// The most entries in one log; the oldest go first.
    pub entries: usize,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self {
            life: Duration::from_secs(120),
            entries: 1_000,
        }
    }
}

/// How much of the past can be made good.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Recovery")]
pub struct RecoverySettings {
    /// For how long a client may be away and get what it missed: a channel's log is kept for half as long
    /// again after the last thing that happened in it.
    #[arg(long, env = "RECOVERY_WINDOW", value_parser = positive_duration, default_value = "120")]
    pub recovery_window: Duration,
}

impl RecoverySettings {
    /// The logs that cover it. They are kept for longer than that: a client may notice late that its network
    /// is gone (after 45 s, by its heartbeat), and takes a moment to come back.
    #[must_use]
    pub fn log_limits(&self) -> LogLimits {
        LogLimits {
            life: self.recovery_window * 3 / 2,
            ..LogLimits::default()
        }
    }
}

/// One thing in a channel's log.
#[derive(Debug, Clone)]
pub struct LogEntry {
    /// Its offset.
    pub offset: Offset,
    /// The offset of the one before it in the same channel; zero if there was none.
    pub previous: Offset,
    /// Its place in its conversation.
    pub place: Place,
    /// What was published.
    pub payload: Bytes,
}

/// What a channel has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of the last event published.
    pub seq: Seq,
    /// The offset of the last thing appended.
    pub last: Offset,
}

/// What a log holds after an offset.
#[derive(Debug, Clone)]
pub struct Slice {
    /// The epoch of its offsets.
    pub epoch: Epoch,
    /// The channel's head, unless nothing was appended for [`HEAD_LIFE`](super::HEAD_LIFE).
    pub head: Option<Head>,
    /// The entries in order, at most as many as were asked for.
    pub entries: Vec<LogEntry>,
}

impl Slice {
    /// Whether the slice, read after `after`, begins with the first thing that a participant since
    /// `since` has not seen, so that nothing is missing before its first entry.
    ///
    /// What came before `since` may be missing: it is not theirs.
    #[must_use]
    pub fn covers(&self, after: Offset, since: Seq) -> bool {
        let Some(head) = self.head else { return true };
        if head.last <= after {
            return true;
        }
        let Some(first) = self.entries.first() else {
            return false;
        };
        first.previous <= after
            || match first.place {
                Place::Sequenced(seq) => seq <= since,
                // It may have been published again, long after what it was written after.
                Place::Tagged(_) | Place::Notice => false,
            }
    }
}
