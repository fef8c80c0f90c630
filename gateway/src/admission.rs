//! Who is let in: how many connections a gateway takes.
//!
//! Load is shed before the Engine.IO handshake, with 503: a client that gets through the handshake
//! resets its back-off, one that is refused before it slows down.

use crate::engine::Transport;
use prometheus::IntGaugeVec;

/// File descriptors kept for everything that is not a connection.
const RESERVED: u64 = 256;

/// Counts connections against a bound.
#[derive(Clone)]
pub(crate) struct Admission {
    open: IntGaugeVec,
    max: i64,
}

impl Admission {
    /// At most `max` connections; 0: what the process's file descriptors allow.
    pub(crate) fn new(open: IntGaugeVec, max: u32) -> Self {
        let max = if max == 0 {
            by_file_descriptors()
        } else {
            i64::from(max)
        };
        Self { open, max }
    }

    /// Whether there is room for one more.
    pub(crate) fn admit(&self) -> bool {
        let open = |transport: Transport| self.open.with_label_values(&[transport.name()]).get();
        open(Transport::Polling) + open(Transport::WebSocket) < self.max
    }
}

fn by_file_descriptors() -> i64 {
    let (soft, _) = rlimit::Resource::NOFILE.get().unwrap_or((1_024, 1_024));
    i64::try_from(soft.saturating_sub(RESERVED).max(64)).unwrap_or(i64::MAX)
}
