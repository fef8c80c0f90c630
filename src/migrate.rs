//! `callboard migrate`: brings the database's schema up to date.

use callboard_api::store::postgres::{DatabaseSettings, MigrationError, migrate};
use callboard_shared::telemetry::{self, TelemetrySettings};
use clap::Args;

/// The settings of `callboard migrate`.
#[derive(Debug, Clone, Args)]
pub struct MigrateSettings {
    #[command(flatten)]
    database: DatabaseSettings,
    #[command(flatten)]
    telemetry: TelemetrySettings,
}

/// Brings it up to date. Safe to run at any time, by several at once.
///
/// # Errors
///
/// If a setting cannot be used, the database is away, or a newer release has been there.
pub fn run(settings: &MigrateSettings) -> anyhow::Result<()> {
    telemetry::init(&settings.telemetry)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match runtime.block_on(migrate(&settings.database)) {
        Err(MigrationError::Settings(error)) => Err(error.into()),
        done => Ok(done?),
    }
}
