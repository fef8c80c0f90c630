//! `callboard token`: mints a token, for trying things out.

use std::time::Duration;

use callboard_shared::{
    auth::{AuthSettings, mint},
    clock::{Clock, SystemClock},
    config::positive_duration,
    id::UserId,
};
use clap::Args;

use crate::data::DataSettings;

/// Whose token, and for how long.
#[derive(Args)]
pub struct TokenSettings {
    /// The user's id.
    #[arg(long, env = "TOKEN_USER")]
    user: UserId,
    /// The user's display name.
    #[arg(long, env = "TOKEN_NAME")]
    name: Option<String>,
    /// How long the token is good for.
    #[arg(long, env = "TOKEN_TTL", value_parser = positive_duration, default_value = "24h")]
    ttl: Duration,
    #[command(flatten)]
    auth: AuthSettings,
    #[command(flatten)]
    data: DataSettings,
}

/// Prints a token.
///
/// # Errors
///
/// If the secret cannot be had or is too short.
pub fn run(settings: &TokenSettings) -> anyhow::Result<()> {
    let mut auth = settings.auth.clone();
    settings.data.fill_secret(&mut auth)?;
    println!(
        "{}",
        mint(
            &auth,
            &settings.user,
            settings.name.as_deref(),
            settings.ttl,
            SystemClock.now()
        )?
    );
    Ok(())
}
