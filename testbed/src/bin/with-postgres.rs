//! Runs a command with a PostgreSQL server of its own: `with-postgres command [argument …]`, with the
//! server's URL in POSTGRES_URL. Ends with the command's status.

use std::{env, process::ExitCode};

use anyhow::{Context, Result};
use callboard_testbed::postgres::Postgres;
use tokio::process::Command;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(status) => status,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    let program = arguments.next().context("which command is to be run?")?;
    let postgres = Postgres::start().await?;
    let status = Command::new(&program)
        .args(arguments)
        .env("POSTGRES_URL", postgres.url("postgres"))
        .status()
        .await
        .with_context(|| format!("{} cannot be run", program.display()))?;
    Ok(match status.code() {
        Some(0) => ExitCode::SUCCESS,
        code => code
            .and_then(|code| u8::try_from(code).ok())
            .map_or(ExitCode::FAILURE, ExitCode::from),
    })
}
