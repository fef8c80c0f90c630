//! When each connection of a worker wants to be looked at next.

use std::{collections::BTreeSet, rc::Rc, time::Instant};

use tokio::sync::Notify;

use super::Slot;

/// One deadline for each connection, ordered. Exact to the runtime's millisecond: a coarser wheel
/// would end sessions visibly late.
#[derive(Default)]
pub(super) struct Timers {
    queue: BTreeSet<(Instant, Slot)>,
    /// Tells the worker that the first deadline has moved forward.
    sooner: Rc<Notify>,
}

impl Timers {
    /// Moves a connection's deadline from `armed` to `deadline`.
    pub(super) fn set(
        &mut self,
        slot: Slot,
        armed: &mut Option<Instant>,
        deadline: Option<Instant>,
    ) {
        if *armed == deadline {
            return;
        }
        if let Some(at) = armed.take() {
            self.queue.remove(&(at, slot));
        }
        if let Some(at) = deadline {
            if self.first().is_none_or(|first| at < first) {
                self.sooner.notify_one();
            }
            self.queue.insert((at, slot));
        }
        *armed = deadline;
    }

    /// The first deadline.
    pub(super) fn first(&self) -> Option<Instant> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// The first connection whose deadline has come.
    pub(super) fn due(&self, now: Instant) -> Option<Slot> {
        self.queue
            .first()
            .filter(|(at, _)| *at <= now)
            .map(|(_, slot)| *slot)
    }

    /// Told when the first deadline has moved forward.
    pub(super) fn sooner(&self) -> Rc<Notify> {
        Rc::clone(&self.sooner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
