//! The schema: who changes it, and whether this build can work with the one that is there.
//!
//! It changes in two steps, so that two releases can run side by side. *Expand* adds what the new
//! release uses; the old one goes on. *Contract*, a release later, takes away what nobody uses any
//! more, and raises `compatibility.oldest`; builds that knew only of the time before it are not
//! ready from then on.

use std::{io, time::Duration};

use callboard_shared::config::ConfigError;
use sqlx::{
    Connection, PgConnection, SqlSafeStr,
    error::DatabaseError,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
    query_as,
};
use tokio::time::{Instant, sleep, timeout};

use super::{ACQUIRE_TIMEOUT, settings::DatabaseSettings};
use crate::store::StoreError;

/// All migrations: the version that each leads to, its name and its statements.
const MIGRATIONS: [(i64, &str, &str); 1] = [(
    1,
    "initial",
    include_str!("../../../migrations/postgres/0001_initial.sql"),
)];

/// The version of the schema that this build was made for.
pub(super) const KNOWN: i64 = MIGRATIONS[MIGRATIONS.len() - 1].0;

/// How long a migration waits for a database that is away: it may be starting.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it waits before it tries again.
const RETRY: Duration = Duration::from_secs(1);

/// A schema that this build cannot work with.
#[derive(Debug, thiserror::Error)]
pub(super) enum Mismatch {
    #[error(
        "the database has schema {found} and this release needs {KNOWN}: run `callboard migrate`"
    )]
    Older { found: i64 },
    #[error(
        "the database's schema wants a release that knows schema {oldest} and this one knows {KNOWN}: run a newer release"
    )]
    Newer { oldest: i64 },
}

/// Why the schema was not brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// A setting cannot be used.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// A newer release has been there.
    #[error(
        "the database has schema {0}, made by a newer release, and this one knows {KNOWN}: run that release's `callboard migrate`"
    )]
    Newer(i64),
    /// The database is away, or does not let us in.
    #[error("the database {0} cannot be used")]
    Away(String, #[source] sqlx::Error),
    /// A migration failed; it leaves nothing behind.
    #[error("the database's schema could not be brought up to date")]
    Failed(#[source] MigrateError),
}

/// Brings the schema up to date. Several may try at once: one does it, the others wait for it.
///
/// # Errors
///
/// If a setting is wrong, the database is away, or a newer release has been there.
pub async fn migrate(settings: &DatabaseSettings) -> Result<(), MigrationError> {
    let mut connection = connect(settings).await?;
    // `run` does the same, but what it returns is not known to be `Send`.
    let migrated = migrator().run_direct(None, &mut connection, false).await;
    // Whether it ends in good order changes nothing any more.
    let _ = connection.close().await;
    migrated.map_err(|error| match error {
        MigrateError::VersionMissing(version) if version > KNOWN => MigrationError::Newer(version),
        other => MigrationError::Failed(other),
    })
}

/// Connects, once the database is there.
async fn connect(settings: &DatabaseSettings) -> Result<PgConnection, MigrationError> {
    let (options, place) = (settings.options()?, settings.place()?);
    tracing::info!(database = place, "connecting to the database");
    let given_up = Instant::now() + PATIENCE;
    loop {
        let connected = timeout(ACQUIRE_TIMEOUT, PgConnection::connect_with(&options)).await;
        match connected.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())) {
            Ok(connection) => return Ok(connection),
            Err(error) if Instant::now() < given_up && may_come(&error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    database = place,
                    "the database is away; trying again"
                );
            }
            Err(error) => return Err(MigrationError::Away(place, error)),
        }
        sleep(RETRY).await;
    }
}

/// Whether a database that cannot be connected to may be on its way up.
fn may_come(error: &sqlx::Error) -> bool {
    const STARTING: &str = "57P03";
    let code = error.as_database_error().and_then(DatabaseError::code);
    matches!(error, sqlx::Error::Io(_)) || code.as_deref() == Some(STARTING)
}

fn migrator() -> Migrator {
    let migration = |(version, name, statements): (i64, &'static str, &'static str)| {
        let statements = statements.into_sql_str();
        Migration::new(
            version,
            name.into(),
            MigrationType::Simple,
            statements,
            false,
        )
    };
    Migrator::with_migrations(MIGRATIONS.map(migration).into())
}

/// Whether this build can work with the schema: one that it knows, or one that is newer and has
/// lost nothing that it uses.
pub(super) async fn check(connection: &mut PgConnection) -> Result<(), StoreError> {
    let sql = "SELECT (SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success),
                      (SELECT coalesce(max(oldest), 0) FROM compatibility)";
    let (found, oldest): (i64, i64) = match query_as(sql).fetch_one(connection).await {
        Err(sqlx::Error::Database(error)) if is_missing(&*error) => (0, 0),
        other => other?,
    };
    let mismatch = if found < KNOWN {
        Mismatch::Older { found }
    } else if oldest > KNOWN {
        Mismatch::Newer { oldest }
    } else {
        return Ok(());
    };
    Err(StoreError::Unavailable(mismatch.into()))
}

/// Whether a table is not there: nothing has been migrated yet.
fn is_missing(error: &dyn DatabaseError) -> bool {
    error.code().as_deref() == Some("42P01")
}
