//! Where the database is, and how it is talked to.

use std::time::Duration;

use callboard_shared::config::{ConfigError, required};
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;

const ACCEPTED: &str = "a PostgreSQL URL, such as postgres://user:password@host:5432/database";

/// How PostgreSQL is reached.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseSettings {
    /// PostgreSQL, its primary: `postgres://user:password@host:5432/database`.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<SecretString>,
    /// The most connections of this process; past them, one waits, at most 3 s.
    #[arg(long, env = "DATABASE_CONNECTIONS", default_value = "8", value_parser = clap::value_parser!(u32).range(1..=1_000), value_name = "COUNT")]
    pub database_connections: u32,
}

/// How long one statement may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one may wait for a row that another transaction holds.
const LOCK_TIMEOUT: Duration = Duration::from_secs(3);

/// How long the server waits for the next statement of a transaction: a process that hangs must not
/// keep a conversation locked.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

impl DatabaseSettings {
    /// For the work of the API: nothing may take long. They hold for every connection, because they
    /// are part of how it is made.
    pub(super) fn for_work(&self) -> Result<PgConnectOptions, ConfigError> {
        let millis = |span: Duration| span.as_millis().to_string();
        Ok(self.options()?.options([
            ("statement_timeout", millis(STATEMENT_TIMEOUT)),
            ("lock_timeout", millis(LOCK_TIMEOUT)),
            ("idle_in_transaction_session_timeout", millis(IDLE_TIMEOUT)),
            // No query reads much; compiling one would cost more than it saves.
            ("jit", "off".to_owned()),
            // What was read once is in memory. A plan made for a small table must not outlive it.
            ("random_page_cost", "1.1".to_owned()),
        ]))
    }

    /// Where the database is, for people: the host, the port and the name.
    ///
    /// # Errors
    ///
    /// If the URL cannot be used.
    pub fn place(&self) -> Result<String, ConfigError> {
        let options = self.options()?;
        let name = options.get_database().unwrap_or(options.get_username());
        Ok(format!(
            "{}:{}/{name}",
            options.get_host(),
            options.get_port()
        ))
    }

    /// For migrations, which take as long as they take.
    pub(super) fn options(&self) -> Result<PgConnectOptions, ConfigError> {
        let url = required("DATABASE_URL", self.database_url.as_ref(), ACCEPTED)?.expose_secret();
        // What is wrong with it is not said: the URL has a password in it.
        let malformed = || ConfigError::new("DATABASE_URL", "it is malformed", ACCEPTED);
        let place = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"))
            .ok_or_else(malformed)?;
        if place.is_empty() || place.starts_with(['/', '?']) {
            // It would be found by the environment, or by chance.
            let problem = "it is without a host";
            return Err(ConfigError::new("DATABASE_URL", problem, ACCEPTED));
        }
        let options: PgConnectOptions = url.parse().map_err(|_| malformed())?;
        // The server finds out that we are gone, and lets go of what we have locked.
        Ok(options.application_name("callboard").options([
            ("tcp_keepalives_idle", "10"),
            ("tcp_keepalives_interval", "5"),
            ("tcp_keepalives_count", "3"),
            ("tcp_user_timeout", "20000"),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: Option<&str>) -> DatabaseSettings {
        DatabaseSettings {
            database_url: url.map(Into::into),
            database_connections: 8,
        }
    }

    #[test]
    fn a_url_that_cannot_be_used_is_named_and_not_shown() {
        for url in [
            None,
            Some(""),
            Some("mysql://user:hidden@host/x"),
            Some("postgres://user:hidden@host:port/x"),
            Some("postgres://user:hidden@/x"),
            Some("postgres:///hidden"),
            Some("postgresql://?host=hidden"),
            Some("postgres://"),
        ] {
            let error = settings(url).for_work().unwrap_err().to_string();
            assert!(error.starts_with("DATABASE_URL: it is "), "{error}");
            assert!(!error.contains("hidden"), "{error}");
        }
    }

    #[test]
    fn the_url_is_hidden() {
        let settings = settings(Some("postgres://user:hidden@host/x"));
        assert!(!format!("{settings:?}").contains("hidden"));
        settings.for_work().unwrap();
        assert_eq!(settings.place().unwrap(), "host:5432/x");
    }
}
