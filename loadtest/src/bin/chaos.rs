//! `make chaos`: the checker under one fault after the other, and one table of what came out.

use std::{process::ExitCode, time::Duration};

use callboard_loadtest::{
    fault::Fault,
    report,
    run::{Plan, run},
    target::{Settings, Target, binary},
    world::Size,
};
use clap::{Parser, ValueEnum};
use tracing_subscriber::EnvFilter;

/// Runs the loss checker under faults.
#[derive(Parser)]
struct Options {
    /// Decides on everything that chance decides on.
    #[arg(long)]
    seed: Option<u64>,
    /// These faults alone; may be given several times.
    #[arg(long)]
    only: Vec<Fault>,
    /// How many clients.
    #[arg(long)]
    clients: Option<usize>,
    /// Messages a second.
    #[arg(long)]
    rate: Option<u32>,
    /// `callboard dev` instead of a fleet.
    #[arg(long)]
    dev: bool,
    /// A short form of everything, for `make test`.
    #[arg(long)]
    short: bool,
}

impl Options {
    fn plan(&self, seed: u64) -> Plan {
        let (clients, rate, load, hold, patience, backoff) = if self.short {
            (120, 40, 1, 8, 30, 0.2)
        } else {
            (1_000, 100, 15, 30, 90, 1.0)
        };
        let clients = self.clients.unwrap_or(clients);
        Plan {
            size: Size {
                clients,
                slow: (clients / 40).clamp(1, 20),
                backoff,
                seed,
            },
            rate: self.rate.unwrap_or(rate),
            load: Duration::from_secs(load),
            hold: Duration::from_secs(hold),
            patience: Duration::from_secs(patience),
        }
    }

    fn settings(&self) -> Settings {
        // Clients notice a server that says nothing before the longest fault is over.
        let (ping_interval, ping_timeout) = if self.short { (1, 6) } else { (5, 15) };
        Settings {
            ping_interval: Duration::from_secs(ping_interval),
            ping_timeout: Duration::from_secs(ping_timeout),
            more: Vec::new(),
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into()))
        .with_writer(std::io::stderr)
        .init();
    let seed = options.seed.unwrap_or_else(rand::random);
    let plan = options.plan(seed);
    println!("seed {seed}; {plan:?}\n");
    let settings = options.settings();
    let mut target = if options.dev {
        Target::dev(&binary()?, &settings).await?
    } else {
        Target::fleet(&binary()?, &settings).await?
    };
    let wanted = if options.only.is_empty() {
        Fault::value_variants().to_vec()
    } else {
        options.only
    };
    let faults = wanted.into_iter();
    let faults = faults.filter(|fault| fault.can_happen_to(&target));
    let faults: Vec<_> = faults.collect();
    let mut rows = Vec::new();
    let mut good = true;
    for fault in faults {
        match run(&mut target, fault, &plan).await {
            Ok(report) => {
                good &= report.verdict.is_good();
                for example in &report.verdict.examples {
                    println!("{fault}: {example}");
                }
                rows.push(report.row());
            }
            Err(error) => {
                good = false;
                println!("{fault}: {error:#}");
                rows.push(format!("| {fault} | could not be carried out |"));
            }
        }
    }
    println!("\n{}\n{}", report::head(), rows.join("\n"));
    target.stop().await?;
    Ok(if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
