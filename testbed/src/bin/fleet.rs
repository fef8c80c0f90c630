//! `make fleet`: from nothing to a fleet on one origin, until Ctrl-C.

use std::{
    env,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, Result, ensure};
use callboard_testbed::{
    fleet::{Fleet, FleetOptions, RedisKind, Role},
    ports::loopback,
};
use clap::Parser;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Whom tokens are made for.
const USERS: [(&str, &str); 3] = [("alice", "Alice"), ("bob", "Bob"), ("carol", "Carol")];

/// The origin's port, or the next one that is free.
const PORT: u16 = 5001;

/// Starts PostgreSQL, Redis, APIs, gateways and haproxy on this machine; Ctrl-C ends all of it.
#[derive(Parser)]
struct Options {
    /// Where the origin listens [default: 127.0.0.1:5001, or the next port that is free]
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// How many API processes.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..))]
    apis: u8,
    /// How many gateways.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..))]
    gateways: u8,
    /// A Redis cluster of three masters and three replicas, where one server is the default.
    #[arg(long)]
    cluster: bool,
    /// The callboard program [default: the one beside this program]
    #[arg(long)]
    binary: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<()> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    let fleet = tokio::select! {
        fleet = Fleet::start(fleet_options(options)?) => fleet?,
        () = told_to_end(&mut interrupt, &mut terminate) => return Ok(()),
    };
    greet(&fleet).await?;
    told_to_end(&mut interrupt, &mut terminate).await;
    eprintln!("\nstopping; Ctrl-C again ends everything at once");
    tokio::select! {
        stopped = fleet.stop() => stopped,
        () = told_to_end(&mut interrupt, &mut terminate) => Ok(()),
    }
}

async fn told_to_end(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

fn fleet_options(options: Options) -> Result<FleetOptions> {
    let beside = || Ok(env::current_exe()?.with_file_name("callboard"));
    let binary = options.binary.map_or_else(beside, anyhow::Ok)?;
    ensure!(
        binary.is_file(),
        "no program {}: cargo build --release",
        binary.display()
    );
    let listen = match options.listen {
        Some(listen) => listen,
        None => first_free(PORT)?,
    };
    Ok(FleetOptions {
        listen: Some(listen),
        apis: options.apis.into(),
        gateways: options.gateways.into(),
        redis: if options.cluster {
            RedisKind::Cluster
        } else {
            RedisKind::One
        },
        progress: |line| eprintln!("{line}"),
        ..FleetOptions::new(binary)
    })
}

fn first_free(first: u16) -> Result<SocketAddr> {
    let mut ports = (first..=u16::MAX).map(loopback);
    let free = ports.find(|address| TcpListener::bind(address).is_ok());
    free.context("no free port")
}

/// Says where everything is and how to get in.
async fn greet(fleet: &Fleet) -> Result<()> {
    println!("callboard is listening on {}", fleet.origin());
    println!(
        "\nTokens, good for 24 hours (`callboard token` with the JWT_SECRET below makes others):"
    );
    for (user, name) in USERS {
        println!("  {user:<6} {}", fleet.token(user, name).await?);
    }
    println!("\nProcesses, with their public listeners and where /metrics and /readyz are:");
    list(&fleet.apis);
    list(&fleet.gateways);
    let secret = fleet.setting("JWT_SECRET").unwrap_or_default();
    println!("\nJWT_SECRET    {secret}");
    println!("DATABASE_URL  {}", fleet.database_url());
    println!("REDIS_URL     {}", fleet.redis.url());
    println!("logs          {}", fleet.logs().display());
    Ok(())
}

fn list(role: &Role) {
    for number in 0..role.len() {
        println!(
            "  {:<10} http://{}   http://{}",
            role.member(number),
            role.address(number),
            role.admin_address(number)
        );
    }
}
