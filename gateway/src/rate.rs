//! Rates: of the events that a connection may send, of the handshakes that a gateway takes.

use std::time::{Duration, Instant};

/// A rate with bursts: the generic cell rate algorithm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    interval: Duration,
    burst: u32,
}

impl Rate {
    /// `per_minute` events a minute, and up to `burst` of them at once.
    pub(crate) fn new(per_minute: u32, burst: u32) -> Self {
        Self {
            interval: Duration::from_secs(60) / per_minute.max(1),
            burst: burst.max(1),
        }
    }

    /// So many a second, and as many at once.
    pub(crate) fn per_second(count: u32) -> Self {
        Self {
            interval: Duration::from_secs(1) / count.max(1),
            burst: count.max(1),
        }
    }
}

/// What has been used of a rate: when its account would be even again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowance(Instant);

impl Allowance {
    pub(crate) fn new(now: Instant) -> Self {
        Self(now)
    }

    /// Takes one event off, unless there is none left.
    pub(crate) fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let even = self.0.max(now) + rate.interval;
        let allowed = even <= now + rate.interval * rate.burst;
        if allowed {
            self.0 = even;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        #[expect(
            clippy::disallowed_methods,
            reason = "a starting point for times that are added to it"
        )]
        let start = Instant::now();
        let rate = Rate::new(60, 5);
        let mut allowance = Allowance::new(start);
        let mut taken = |at| (0..20).filter(|_| allowance.take(rate, at)).count();
        assert_eq!(taken(start), 5);
        assert_eq!(taken(start + Duration::from_secs(2)), 2);
        assert_eq!(taken(start + Duration::from_secs(60)), 5);
    }
}
