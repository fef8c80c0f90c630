//! What happened, when and to whom: a hash of it, to see that a seed replays exactly, and the text
//! when somebody wants to read it.

use std::{
    cell::RefCell,
    fmt::Write as _,
    hash::{DefaultHasher, Hash, Hasher},
    rc::Rc,
};

use tokio::time::Instant;

/// A record of one run. Cheap to clone.
#[derive(Clone)]
pub struct Trace(Rc<RefCell<Record>>);

struct Record {
    start: Instant,
    hash: DefaultHasher,
    steps: u64,
    lines: Option<String>,
}

impl Trace {
    /// A record that begins now; it keeps the text if that is wanted.
    #[must_use]
    pub fn new(readable: bool) -> Self {
        Self(Rc::new(RefCell::new(Record {
            start: Instant::now(),
            hash: DefaultHasher::new(),
            steps: 0,
            lines: readable.then(String::new),
        })))
    }

    /// Something happened.
    pub fn note(&self, who: &str, what: impl AsRef<str>) {
        let record = &mut *self.0.borrow_mut();
        let at = record.start.elapsed().as_millis();
        (at, who, what.as_ref()).hash(&mut record.hash);
        record.steps += 1;
        if let Some(lines) = &mut record.lines {
            let (seconds, millis) = (at / 1_000, at % 1_000);
            // Writing to a string does not fail.
            let _ = writeln!(
                lines,
                "{seconds:>6}.{millis:03}  {who:<12} {}",
                what.as_ref()
            );
        }
    }

    /// How many things happened.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.0.borrow().steps
    }

    /// The hash of all of it.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.0.borrow().hash.finish()
    }

    /// The text, if it was kept.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.borrow().lines.clone().unwrap_or_default()
    }
}
