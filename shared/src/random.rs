//! Randomness for ids and epochs: the operating system's, except in a simulation, whose every draw
//! follows from its seed.

use rand::distr::{Distribution, StandardUniform};

/// A random value.
#[must_use]
pub fn random<T>() -> T
where
    StandardUniform: Distribution<T>,
{
    #[cfg(feature = "simulation")]
    if let Some(value) = simulated::draw() {
        return value;
    }
    rand::random()
}

#[cfg(feature = "simulation")]
pub use simulated::seed;

#[cfg(feature = "simulation")]
mod simulated {
    use std::cell::RefCell;

    use rand::{
        Rng, SeedableRng,
        distr::{Distribution, StandardUniform},
        rngs::StdRng,
    };

    thread_local! {
        /// A simulation is one thread.
        static SEEDED: RefCell<Option<StdRng>> = const { RefCell::new(None) };
    }

    /// Lets all randomness of this thread follow from a seed, or none again.
    pub fn seed(seed: Option<u64>) {
        SEEDED.set(seed.map(StdRng::seed_from_u64));
    }

    pub(super) fn draw<T>() -> Option<T>
    where
        StandardUniform: Distribution<T>,
    {
        SEEDED.with_borrow_mut(|seeded| seeded.as_mut().map(Rng::random))
    }
}
