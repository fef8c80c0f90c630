//! Thousands of worlds, and what they would miss.

use std::{
    env, mem,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use callboard_simulation::{rules::Without, world::Run};

/// How many worlds have to be without fault.
const SEEDS: u64 = 2_000;

/// How many worlds may pass before one finds out that a rule is switched off.
const PATIENCE: u64 = 6_000;

fn seeds() -> u64 {
    let seeds = env::var("SIMULATION_SEEDS").ok();
    seeds.map_or(SEEDS, |seeds| seeds.parse().expect("a number"))
}

/// Does something for each of these numbers, on all processors.
fn each(numbers: u64, work: impl Fn(u64) -> Option<String> + Sync) -> Vec<String> {
    let (next, wrong) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= numbers {
                        return;
                    }
                    if let Some(how) = work(number) {
                        wrong.lock().expect("nobody panicked").push(how);
                    }
                }
            });
        }
    });
    mem::take(&mut *wrong.lock().expect("nobody panicked"))
}

fn run(seed: u64) -> Run {
    Run {
        seed,
        ..Run::default()
    }
}

#[test]
fn no_promise_is_broken() {
    let broken = each(seeds(), |seed| {
        let outcome = run(seed).run().unwrap();
        outcome.broken.map(|how| format!("seed {seed}: {how}"))
    });
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_seed_replays_exactly() {
    let different = each(200, |seed| {
        let (one, other) = (run(seed).run().unwrap(), run(seed).run().unwrap());
        let same = (one.hash, one.steps, one.broken) == (other.hash, other.steps, other.broken);
        (!same).then(|| format!("seed {seed}"))
    });
    assert!(different.is_empty(), "{different:#?}");
}

#[test]
fn every_rule_is_missed() {
    let mut unnoticed = Vec::new();
    for rule in Without::all() {
        let found = rule.first_found(0..PATIENCE).unwrap();
        println!("{rule:<26} {found}");
        if found.first.is_none() {
            unnoticed.push(rule.to_string());
        }
    }
    assert!(unnoticed.is_empty(), "nobody misses {unnoticed:?}");
}

#[test]
fn the_passages_of_the_library_are_there() {
    let library = callboard_shared::bus::redis::functions::LIBRARY;
    for rule in Without::all() {
        if let Some(passage) = rule.passage() {
            assert!(library.contains(passage), "{rule}");
        }
    }
}
