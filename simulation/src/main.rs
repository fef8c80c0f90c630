//! Runs many seeds, or replays one.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::Context as _;
use callboard_simulation::{rules::Without, world::Run};
use clap::Parser;
use tokio::time::Instant;

/// Runs a fleet in virtual time, a world for each seed, until one breaks a promise.
#[derive(Parser)]
struct Arguments {
    /// The first seed.
    #[arg(long, default_value = "0")]
    from: u64,
    /// How many seeds.
    #[arg(long, default_value = "1000")]
    seeds: u64,
    /// For how many seconds, instead of a number of seeds.
    #[arg(long)]
    seconds: Option<u64>,
    /// Run this seed alone, and write down what happens.
    #[arg(long)]
    replay: Option<u64>,
    /// Switch a rule off.
    #[arg(long)]
    without: Option<String>,
    /// Switch each rule off in turn, and look for the first seed that finds it out.
    #[arg(long)]
    rules: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let without = match &arguments.without {
        Some(name) => Some(Without::named(name).context("there is no such rule")?),
        None => None,
    };
    if arguments.rules {
        for rule in Without::all() {
            let found = rule.first_found(arguments.from..arguments.from + arguments.seeds)?;
            println!("{rule:<26} {found}");
        }
        return Ok(());
    }
    if let Some(seed) = arguments.replay {
        let run = Run {
            seed,
            readable: true,
            without,
        };
        let outcome = run.run()?;
        print!("{}", outcome.text);
        return match outcome.broken {
            Some(broken) => anyhow::bail!("seed {seed}: {broken}"),
            None => Ok(()),
        };
    }
    let start = Instant::now();
    let last = arguments
        .seconds
        .map_or(arguments.from + arguments.seeds, |_| u64::MAX);
    let patience = arguments.seconds.map_or(Duration::MAX, Duration::from_secs);
    let (next, steps) = (AtomicU64::new(arguments.from), AtomicU64::new(0));
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while start.elapsed() < patience {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= last {
                        return;
                    }
                    let run = Run {
                        seed,
                        without,
                        readable: false,
                    };
                    let broken = match run.run() {
                        Ok(outcome) => {
                            steps.fetch_add(outcome.steps, Ordering::Relaxed);
                            outcome.broken
                        }
                        Err(error) => Some(format!("{error:#}")),
                    };
                    if let Some(broken) = broken {
                        println!("seed {seed}: {broken}");
                        failed
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(seed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    let seeds = next.load(Ordering::Relaxed).min(last) - arguments.from;
    println!(
        "{seeds} seeds, {} steps, {:.0?}, {} failed",
        steps.load(Ordering::Relaxed),
        start.elapsed(),
        failed.len()
    );
    failed
        .is_empty()
        .then_some(())
        .context("a promise was broken; replay the seed with --replay")
}
