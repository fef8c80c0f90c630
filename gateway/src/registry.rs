//! Which connections each user has on this gateway, over all workers.
//!
//! It is asked when a session begins or ends, never when something is delivered.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use callboard_shared::{clock::Timestamp, id::UserId};

use crate::{messaging::Pid, worker::Slot};

/// A connection, wherever it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) worker: usize,
    pub(crate) slot: Slot,
}

/// Of the connections of one session, the highest stays: the latest, and of two at once the same one
/// wherever they are compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// Since when the connection hears what is said to its user.
    pub(crate) since: Timestamp,
    /// Its Socket.IO session id.
    pub(crate) sid: Arc<str>,
}

/// The users' connections, oldest first.
#[derive(Default)]
pub(crate) struct Registry(Mutex<HashMap<UserId, Vec<Connection>>>);

struct Connection {
    pid: Pid,
    rank: Rank,
    place: Place,
}

/// Connections that have to make way.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Displaced {
    /// The lower of two connections of the same session, which may be the one that was entered.
    pub(crate) same_session: Option<Place>,
    /// The user's oldest, when there are too many.
    pub(crate) oldest: Option<Place>,
}

impl Registry {
    /// Enters a connection, of which a user may have `max`.
    pub(crate) fn enter(
        &self,
        user: &UserId,
        pid: &Pid,
        rank: Rank,
        place: Place,
        max: usize,
    ) -> Displaced {
        let mut users = self.lock();
        let connections = users
            .entry(user.clone())
            .or_insert_with(|| Vec::with_capacity(1));
        let mut displaced = Displaced::default();
        if let Some(index) = connections.iter().position(|other| other.pid == *pid) {
            if connections[index].rank > rank {
                displaced.same_session = Some(place);
                return displaced;
            }
            displaced.same_session = Some(connections.remove(index).place);
        }
        let pid = pid.clone();
        connections.push(Connection { pid, rank, place });
        if connections.len() > max {
            displaced.oldest = Some(connections.remove(0).place);
        }
        displaced
    }

    /// Forgets a connection.
    pub(crate) fn leave(&self, user: &UserId, place: Place) {
        let mut users = self.lock();
        if let Some(connections) = users.get_mut(user) {
            connections.retain(|other| other.place != place);
            if connections.is_empty() {
                users.remove(user);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Vec<Connection>>> {
        // No change in here can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use slotmap::SlotMap;

    use super::*;

    fn rank(at: i64, sid: &str) -> Rank {
        Rank {
            since: Timestamp::from_millis(at),
            sid: sid.into(),
        }
    }

    #[test]
    fn the_oldest_makes_way_and_a_session_is_there_once() {
        let mut slots = SlotMap::<Slot, ()>::with_key();
        let mut place = || Place {
            worker: 0,
            slot: slots.insert(()),
        };
        let user: UserId = "alice".parse().unwrap();
        let registry = Registry::default();
        let enter = |pid: &Pid, rank, place| registry.enter(&user, pid, rank, place, 2);
        let (first, second, third, again, late) = (place(), place(), place(), place(), place());
        let [pid, of_second, of_third] = [(); 3].map(|()| Pid::new(&user));
        assert_eq!(enter(&pid, rank(1, "b"), first), Displaced::default());
        assert_eq!(
            enter(&of_second, rank(2, "a"), second),
            Displaced::default()
        );
        let same_session = |place| Displaced {
            same_session: Some(place),
            oldest: None,
        };
        assert_eq!(enter(&pid, rank(1, "c"), again), same_session(first));
        for lower in [rank(0, "d"), rank(1, "b")] {
            assert_eq!(enter(&pid, lower, late), same_session(late));
        }
        assert_eq!(enter(&of_third, rank(0, "a"), third).oldest, Some(second));
        for place in [first, second, third, again, late] {
            registry.leave(&user, place);
        }
        assert!(registry.lock().is_empty());
    }
}
