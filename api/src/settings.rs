//! The API's limits. Each flag is an environment variable too; the names are the contract's.

use std::num::NonZeroU32;

use callboard_shared::config::{count, rate, size};
use clap::Args;

/// What the API accepts.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Limits of the API")]
pub struct ApiLimits {
    /// The largest REST body; past it, 413.
    #[arg(long, env = "MAX_BODY", value_parser = size, default_value = "64kB", value_name = "BYTES")]
    pub max_body: usize,
    /// The most participants of a conversation; past it, 400.
    #[arg(long, env = "MAX_PARTICIPANTS", value_parser = count, default_value = "1000", value_name = "COUNT")]
    pub max_participants: usize,
    /// REST requests a minute and user, in bursts of a third of it; past it, 429.
    #[arg(long, env = "MAX_REQUESTS_PER_MINUTE", value_parser = rate, default_value = "1200", value_name = "COUNT")]
    pub max_requests_per_minute: NonZeroU32,
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    #[test]
    fn the_defaults_are_the_contracts() {
        let command = ApiLimits::augment_args(clap::Command::new("test"));
        let limits = ApiLimits::from_arg_matches(&command.get_matches_from(["test"])).unwrap();
        assert_eq!(limits.max_body, 64_000);
        assert_eq!(limits.max_participants, 1_000);
        assert_eq!(limits.max_requests_per_minute.get(), 1_200);
    }
}
