//! Chance, and the network made of it: everything that travels takes a random time, and may find
//! that what it travels to is away, silent, or gone when the answer is due.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{task::yield_now, time::sleep};

/// How long one waits for an answer that does not come.
const PATIENCE: Duration = Duration::from_secs(2);

/// The one source of chance of a simulation, so that all of it follows from the seed.
#[derive(Clone)]
pub struct Dice(Arc<Mutex<StdRng>>);

impl Dice {
    /// Dice whose throws follow from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    fn lock(&self) -> MutexGuard<'_, StdRng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number below `bound`.
    #[must_use]
    pub fn below(&self, bound: usize) -> usize {
        self.lock().random_range(0..bound.max(1))
    }

    /// A number from `low` to `high`, both included.
    #[must_use]
    pub fn between(&self, low: u64, high: u64) -> u64 {
        self.lock().random_range(low..=high)
    }

    /// Whether something happens that happens `percent` times in a hundred.
    #[must_use]
    pub fn percent(&self, percent: u32) -> bool {
        self.lock().random_range(0..100) < percent
    }

    /// One of several.
    #[must_use]
    pub fn pick<'a, T>(&self, several: &'a [T]) -> Option<&'a T> {
        (!several.is_empty()).then(|| &several[self.below(several.len())])
    }

    /// So many milliseconds.
    #[must_use]
    pub fn millis(&self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.between(low, high))
    }

    /// How long something travels: mostly hardly at all, seldom long.
    #[must_use]
    pub fn travel(&self) -> Duration {
        match self.below(200) {
            0..150 => self.millis(0, 2),
            150..190 => self.millis(0, 15),
            190..199 => self.millis(10, 120),
            _ => self.millis(100, 1_500),
        }
    }

    /// Lets something travel.
    pub async fn pause(&self) {
        let travel = self.travel();
        if travel.is_zero() {
            yield_now().await;
        } else {
            sleep(travel).await;
        }
    }
}

/// How something answers that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Manner {
    /// As it should.
    #[default]
    Open,
    /// It refuses connections.
    Refusing,
    /// It swallows everything.
    Silent,
    /// It does everything, and keeps some of the answers for later.
    Late,
}

/// What stands between those who ask and what they ask: a service, or the way to it.
#[derive(Clone, Default)]
pub struct Gate(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    manner: Manner,
    /// Counts the times that everything on its way was lost.
    breaks: u64,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets it answer like this from now on.
    pub fn set(&self, manner: Manner) {
        self.lock().manner = manner;
    }

    /// How it answers.
    #[must_use]
    pub fn manner(&self) -> Manner {
        self.lock().manner
    }

    /// Loses what is on its way.
    pub fn interrupt(&self) {
        self.lock().breaks += 1;
    }
}

/// Why nothing came back.
#[derive(Debug, thiserror::Error)]
pub enum Away {
    /// It was not even taken.
    #[error("connection refused")]
    Refused,
    /// It may have been carried out.
    #[error("no answer")]
    NoAnswer,
}

/// A request on its way: how often each gate had lost everything when it set out.
pub struct Call(Vec<u64>);

/// The way from one process to a service.
#[derive(Clone)]
pub struct Line {
    dice: Option<Dice>,
    gates: Vec<Gate>,
}

impl Line {
    /// A way through these gates.
    #[must_use]
    pub fn new(dice: &Dice, gates: Vec<Gate>) -> Self {
        Self {
            dice: Some(dice.clone()),
            gates,
        }
    }

    /// A way on which nothing takes time or is lost.
    #[must_use]
    pub fn perfect() -> Self {
        Self {
            dice: None,
            gates: Vec::new(),
        }
    }

    /// Whether nothing takes time on it.
    #[must_use]
    pub fn is_perfect(&self) -> bool {
        self.dice.is_none()
    }

    /// How long something travels on it.
    #[must_use]
    pub fn travel_time(&self) -> Duration {
        self.dice.as_ref().map_or(Duration::ZERO, Dice::travel)
    }

    fn lives(&self) -> Vec<u64> {
        self.gates.iter().map(|gate| gate.lock().breaks).collect()
    }

    async fn travel(&self) -> Result<(), Away> {
        if let Some(dice) = &self.dice {
            dice.pause().await;
        }
        for gate in &self.gates {
            match gate.manner() {
                Manner::Open | Manner::Late => {}
                Manner::Refusing => return Err(Away::Refused),
                Manner::Silent => {
                    sleep(PATIENCE).await;
                    return Err(Away::NoAnswer);
                }
            }
        }
        Ok(())
    }

    /// A request travels.
    ///
    /// # Errors
    ///
    /// If it does not arrive.
    pub async fn there(&self) -> Result<Call, Away> {
        self.travel().await?;
        Ok(Call(self.lives()))
    }

    /// Its answer travels back.
    ///
    /// # Errors
    ///
    /// If it does not arrive.
    pub async fn back(&self, call: Call) -> Result<(), Away> {
        for gate in &self.gates {
            let late = gate.manner() == Manner::Late;
            if late && self.dice.as_ref().is_some_and(|dice| dice.percent(10)) {
                while gate.manner() == Manner::Late {
                    sleep(Duration::from_secs(1)).await;
                }
            }
        }
        self.travel().await.map_err(|_| Away::NoAnswer)?;
        if call.0 == self.lives() {
            Ok(())
        } else {
            Err(Away::NoAnswer)
        }
    }
}
