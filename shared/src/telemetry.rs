//! Logging: what is written, in which form; and the one metric that all parts have in common. The
//! others live beside what they count.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use prometheus::{IntCounterVec, Opts, Registry};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::ConfigError;

/// What is logged, and how.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Logging")]
pub struct TelemetrySettings {
    /// A tracing filter, such as `info` or `callboard_gateway=debug,info`.
    #[arg(long, env = "RUST_LOG", default_value = "info", value_name = "FILTER")]
    pub rust_log: String,
    /// One line of text, or of JSON, for each record.
    #[arg(long, env = "LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// The form of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Starts logging to standard error, for the rest of the process.
///
/// # Errors
///
/// If the filter is malformed.
pub fn init(settings: &TelemetrySettings) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(&settings.rust_log).map_err(|error| {
        ConfigError::new(
            "RUST_LOG",
            error.to_string(),
            "a tracing filter (such as info or callboard_gateway=debug)",
        )
    })?;
    let registry = tracing_subscriber::registry().with(filter);
    let layer = fmt::layer().with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Text => registry
            .with(layer.with_ansi(std::io::stderr().is_terminal()))
            .init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).init(),
    }
    Ok(())
}

/// `callboard_errors_total`: what went wrong, by kind. Some kinds are there from the start, so that
/// a rate can be taken of them.
///
/// # Errors
///
/// If the registry has it already.
pub fn errors(registry: &Registry) -> prometheus::Result<IntCounterVec> {
    let errors = IntCounterVec::new(
        Opts::new("callboard_errors_total", "What went wrong, by kind"),
        &["kind"],
    )?;
    registry.register(Box::new(errors.clone()))?;
    for kind in [
        "api_internal",
        "api_unavailable",
        "publish",
        "backend",
        "bus",
        "new_epoch",
        "partition_lost",
        "gap",
    ] {
        errors.with_label_values(&[kind]).reset();
    }
    Ok(errors)
}
