//! How many requests a user may make.

use std::{num::NonZeroU32, time::Duration};

use callboard_shared::id::UserId;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};

/// A rate limit for each user, in this process.
pub(crate) struct RateLimit {
    users: DefaultKeyedRateLimiter<UserId>,
}

impl RateLimit {
    /// So many a minute, in bursts of a third of it.
    pub(crate) fn new(per_minute: NonZeroU32) -> Self {
        let burst = NonZeroU32::new(per_minute.get() / 3).unwrap_or(NonZeroU32::MIN);
        Self {
            users: RateLimiter::keyed(Quota::per_minute(per_minute).allow_burst(burst)),
        }
    }

    /// Counts a request; past the limit, tells how long to wait.
    pub(crate) fn check(&self, user: &UserId) -> Result<(), Duration> {
        self.users
            .check_key(user)
            .map_err(|until| until.wait_time_from(self.users.clock().now()))
    }

    /// Forgets users who have their whole burst again.
    pub(crate) fn forget_idle(&self) {
        self.users.retain_recent();
        self.users.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_a_burst_of_their_own() {
        let limit = RateLimit::new(NonZeroU32::new(12).unwrap());
        let [alice, bob]: [UserId; 2] = ["alice", "bob"].map(|name| name.parse().unwrap());
        for _ in 0..4 {
            assert_eq!(limit.check(&alice), Ok(()));
        }
        let wait = limit.check(&alice).unwrap_err();
        assert!(wait <= Duration::from_secs(5), "{wait:?}");
        assert_eq!(limit.check(&bob), Ok(()));
    }
}
