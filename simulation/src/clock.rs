//! Wall time that goes with the runtime's virtual time.

use std::time::Duration;

use callboard_shared::clock::{Clock, Timestamp};
use tokio::time::Instant;

/// Where every simulation begins.
const START: Timestamp = Timestamp::from_secs(1_800_000_000);

/// A clock that shows virtual time, and goes wrong by a constant.
#[derive(Clone, Copy)]
pub struct VirtualClock {
    start: Instant,
    ahead: Duration,
}

impl VirtualClock {
    /// A clock that starts now.
    #[must_use]
    pub fn new() -> Self {
        Self {
            start: Instant::now(),
            ahead: Duration::ZERO,
        }
    }

    /// The same time on a clock that is ahead by this much.
    #[must_use]
    pub fn ahead(self, ahead: Duration) -> Self {
        Self { ahead, ..self }
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        START.plus(self.start.elapsed() + self.ahead)
    }
}
