//! Which Redis, and how it is divided.

use clap::Args;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};
use secrecy::{ExposeSecret, SecretString};

use super::servers;
use crate::{
    bus::PartitionId,
    config::{ConfigError, required},
};

const ACCEPTED_URL: &str = "Redis URLs, comma separated (such as redis://:password@10.0.0.5:6379 or \
                            rediss://redis.example.com), without a database number";

/// Where the bus is.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Redis")]
pub struct RedisSettings {
    /// The URL of a Redis server, of several that do not know of each other, comma separated, or of
    /// one or more nodes of a cluster. `rediss://` for TLS.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<SecretString>,
    /// Into how many partitions the bus is divided. Without it, as it was at the first start; then
    /// one for each server, or 8 in a cluster.
    #[arg(long, env = "REDIS_PARTITIONS", value_parser = partitions)]
    pub redis_partitions: Option<PartitionId>,
}

impl RedisSettings {
    /// Whether they can be used.
    ///
    /// # Errors
    ///
    /// What is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.servers().map(drop)
    }

    /// The servers that the URL names.
    pub(super) fn servers(&self) -> Result<Vec<ConnectionInfo>, ConfigError> {
        let urls = required("REDIS_URL", self.redis_url.as_ref(), ACCEPTED_URL)?;
        let server = |url: &str| {
            let server = url.trim().into_connection_info();
            let server = server.map_err(|_| "it has a part that is not a Redis URL")?;
            match (server.addr(), server.redis_settings().db()) {
                (ConnectionAddr::Unix(_), _) => Err("it names a socket file of one machine"),
                (_, 0) => Ok(servers::settled(server)),
                _ => Err("it names a database; channels would be the same in all of them"),
            }
        };
        let servers = urls.expose_secret().split(',').map(server);
        servers
            .collect::<Result<_, _>>()
            .map_err(|problem| ConfigError::new("REDIS_URL", problem, ACCEPTED_URL))
    }
}

/// More than these would make cursors long for nothing.
const MAX_PARTITIONS: PartitionId = 64;

fn partitions(text: &str) -> Result<PartitionId, &'static str> {
    text.parse()
        .ok()
        .filter(|count| (1..=MAX_PARTITIONS).contains(count))
        .ok_or("a whole number from 1 to 64")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> RedisSettings {
        RedisSettings {
            redis_url: Some(url.into()),
            redis_partitions: None,
        }
    }

    #[test]
    fn urls_are_read_and_never_shown() {
        let two = settings("redis://:hunter2@a:1, rediss://b");
        assert_eq!(two.servers().unwrap().len(), 2);
        assert!(!format!("{two:?}").contains("hunter2"));
        for refused in [
            "",
            "http://hunter2",
            "redis://a:1/3",
            "redis://a:1,",
            "unix:///run/hunter2.sock",
            "redis+unix:///run/redis.sock?pass=hunter2",
        ] {
            let error = settings(refused).servers().unwrap_err().to_string();
            assert!(error.starts_with("REDIS_URL: "), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
