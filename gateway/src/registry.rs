//! Which connections each user has on this gateway, over all workers.
//!
//! It is asked when a session begins or ends, never when something is delivered.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use callboard_shared::id::UserId;

use crate::{messaging::Pid, worker::Slot};

/// A connection, wherever it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) worker: usize,
    pub(crate) slot: Slot,
}

/// The users' connections, oldest first.
#[derive(Default)]
pub(crate) struct Registry(Mutex<HashMap<UserId, Vec<(Pid, Place)>>>);

/// Connections that have to make way for a new one.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Displaced {
    /// The same session on an older connection.
    pub(crate) same_session: Option<Place>,
    /// The user's oldest, when there are too many.
    pub(crate) oldest: Option<Place>,
}

impl Registry {
    /// Enters a connection, of which a user may have `max`.
    pub(crate) fn enter(&self, user: &UserId, pid: &Pid, place: Place, max: usize) -> Displaced {
        let mut users = self.lock();
        let connections = users
            .entry(user.clone())
            .or_insert_with(|| Vec::with_capacity(1));
        let mut displaced = Displaced::default();
        if let Some(index) = connections.iter().position(|(other, _)| other == pid) {
            displaced.same_session = Some(connections.remove(index).1);
        }
        connections.push((pid.clone(), place));
        if connections.len() > max {
            displaced.oldest = Some(connections.remove(0).1);
        }
        displaced
    }

    /// Forgets a connection.
    pub(crate) fn leave(&self, user: &UserId, place: Place) {
        let mut users = self.lock();
        if let Some(connections) = users.get_mut(user) {
            connections.retain(|(_, other)| *other != place);
            if connections.is_empty() {
                users.remove(user);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Vec<(Pid, Place)>>> {
        // No change in here can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use slotmap::SlotMap;

    use super::*;

    #[test]
    fn the_oldest_makes_way_and_a_session_is_there_once() {
        let mut slots = SlotMap::<Slot, ()>::with_key();
        let mut place = || Place {
            worker: 0,
            slot: slots.insert(()),
        };
        let user: UserId = "alice".parse().unwrap();
        let registry = Registry::default();
        let (first, second, third, again) = (place(), place(), place(), place());
        let pid = Pid::new(&user);
        assert_eq!(registry.enter(&user, &pid, first, 2), Displaced::default());
        assert_eq!(
            registry.enter(&user, &Pid::new(&user), second, 2),
            Displaced::default()
        );
        let displaced = registry.enter(&user, &pid, again, 2);
        assert_eq!(
            displaced,
            Displaced {
                same_session: Some(first),
                oldest: None
            }
        );
        assert_eq!(
            registry.enter(&user, &Pid::new(&user), third, 2).oldest,
            Some(second)
        );
        for place in [first, second, third, again] {
            registry.leave(&user, place);
        }
        assert!(registry.lock().is_empty());
    }
}
