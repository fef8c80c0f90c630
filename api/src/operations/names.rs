//! Display names: those of everyone's last token, written down when they change.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use callboard_shared::{auth::Identity, clock::Timestamp, id::UserId};

use super::Result;
use crate::store::{Store, UserName};

/// How many users' names are kept in mind; past it, all are forgotten and written down again.
const REMEMBERED: usize = 100_000;

/// How long a name counts as written down: another process may have written a newer one since.
const FRESH: Duration = Duration::from_secs(600);

pub(super) struct Names {
    store: Arc<dyn Store>,
    seen: Mutex<HashMap<UserId, Seen>>,
}

/// A name, and when it was written down.
type Seen = (Option<Arc<str>>, Timestamp);

impl Names {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            seen: Mutex::default(),
        }
    }

    pub(super) async fn see(&self, identities: &[Identity], at: Timestamp) -> Result<()> {
        let new = self.new_among(identities, at);
        if new.is_empty() {
            return Ok(());
        }
        self.store.see_users(&new, at).await?;
        let mut seen = self.lock();
        if seen.len() + new.len() > REMEMBERED {
            seen.clear();
        }
        seen.extend(new.into_iter().map(|(user, name)| (user, (name, at))));
        Ok(())
    }

    fn new_among(&self, identities: &[Identity], at: Timestamp) -> Vec<UserName> {
        let seen = self.lock();
        let is_known = |identity: &Identity| {
            seen.get(&identity.user_id)
                .is_some_and(|(name, then)| *name == identity.name && at.since(*then) < FRESH)
        };
        let new = identities.iter().filter(|identity| !is_known(identity));
        new.map(|identity| (identity.user_id.clone(), identity.name.clone()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
