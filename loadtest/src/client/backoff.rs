//! How long a client waits before it tries again, as the stock client does.

use std::time::Duration;

use rand::Rng;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(5);
/// The part of a wait that chance decides on, both ways.
const JITTER: f64 = 0.5;

/// The waits of one client.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    scale: f64,
    attempts: i32,
}

impl Backoff {
    /// Waits of the stock length times `scale`.
    pub(crate) fn new(scale: f64) -> Self {
        Self { scale, attempts: 0 }
    }

    /// The handshake has succeeded.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// The next wait.
    pub(crate) fn next(&mut self, random: &mut impl Rng) -> Duration {
        let doubled = FIRST.as_secs_f64() * 2_f64.powi(self.attempts.min(10));
        self.attempts += 1;
        let jittered = doubled * (1.0 + JITTER * random.random_range(-1.0..1.0));
        LONGEST
            .min(Duration::from_secs_f64(jittered))
            .mul_f64(self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    #[test]
    fn waits_double_up_to_the_longest_and_begin_again() {
        let mut random = StdRng::seed_from_u64(1);
        let mut backoff = Backoff::new(1.0);
        for (low, high) in [(500, 1500), (1000, 3000), (2000, 5000), (4000, 5000)] {
            let wait = backoff.next(&mut random).as_millis();
            assert!((low..=high).contains(&wait), "{wait} not in {low}..{high}");
        }
        assert_eq!(backoff.next(&mut random), LONGEST);
        backoff.reset();
        assert!(backoff.next(&mut random).as_millis() <= 1500);
    }

    #[test]
    fn short_runs_wait_less() {
        let mut random = StdRng::seed_from_u64(1);
        let mut backoff = Backoff::new(0.1);
        assert!(backoff.next(&mut random).as_millis() <= 150);
    }
}
