//! `callboard`: the one binary. Reads the settings of a command and runs it.

use std::process::ExitCode;

use callboard::{api, dev, gateway, migrate, token};
use callboard_shared::config::{ConfigError, one_line};
use clap::{CommandFactory, Parser, Subcommand};

/// Real-time messaging for Socket.IO clients.
#[derive(Parser)]
#[command(name = "callboard", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything in one process on one port, with SQLite and an in-process bus: nothing to install.
    Dev(Box<dev::DevSettings>),
    /// An API process, on PostgreSQL and Redis.
    Api(Box<api::ApiSettings>),
    /// A gateway, on Redis and an API.
    Gateway(Box<gateway::GatewayRoleSettings>),
    /// Bring the database's schema up to date.
    Migrate(migrate::MigrateSettings),
    /// Mint a token, for trying things out.
    Token(token::TokenSettings),
}

/// Bad configuration.
const MISCONFIGURED: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let Some(line) = one_line(&Cli::command(), &error) else {
                error.exit()
            };
            eprintln!("{line}");
            return ExitCode::from(MISCONFIGURED);
        }
    };
    let result = match cli.command {
        Command::Dev(settings) => dev::run(*settings),
        Command::Api(settings) => api::run(*settings),
        Command::Gateway(settings) => gateway::run(*settings),
        Command::Migrate(settings) => migrate::run(&settings),
        Command::Token(settings) => token::run(&settings),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(if error.is::<ConfigError>() {
                MISCONFIGURED
            } else {
                1
            })
        }
    }
}
