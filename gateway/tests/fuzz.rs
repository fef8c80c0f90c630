//! The fuzzers' targets on stable Rust, for as long as a test may take: the committed corpus, and
//! mutations of it. `make fuzz` goes on from there, guided by coverage.

#![cfg(feature = "fuzzing")]
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

use std::{fs, path::Path};

use callboard_gateway::fuzzing;
use rand::{Rng, SeedableRng, rngs::StdRng};

/// Mutations of each input in the corpus.
const MUTATIONS: usize = 3_000;

fn run(target: &str, fuzz: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let mut corpus: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    corpus.sort();
    assert!(!corpus.is_empty(), "{} has no inputs", folder.display());
    let corpus: Vec<Vec<u8>> = corpus.iter().map(|path| fs::read(path).unwrap()).collect();
    let mut rng = StdRng::seed_from_u64(7);
    for input in &corpus {
        fuzz(input);
        for _ in 0..MUTATIONS {
            let other = &corpus[rng.random_range(0..corpus.len())];
            fuzz(&mutated(input, other, &mut rng));
        }
    }
}

fn mutated(input: &[u8], other: &[u8], rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..=bytes.len());
        match rng.random_range(0..5) {
            0 => bytes.insert(at, rng.random()),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
            3 => bytes.truncate(at),
            _ => {
                let from = rng.random_range(0..=other.len());
                bytes.splice(at..at, other[from..].iter().copied());
            }
        }
    }
    bytes
}

#[test]
fn engine_packets() {
    run("engine_packets", fuzzing::engine_packets);
}

#[test]
fn socketio_packets() {
    run("socketio_packets", fuzzing::socketio_packets);
}

#[test]
fn session() {
    run("session", fuzzing::session);
}
