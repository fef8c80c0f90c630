//! Display names: those of everyone's last token, written down when they change.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use callboard_shared::{auth::Identity, clock::Timestamp, id::UserId};

use super::Result;
use crate::store::{Store, UserName};

/// How many users' names are kept in mind; past it, all are forgotten and written down again.
const REMEMBERED: usize = 100_000;

pub(super) struct Names {
    store: Arc<dyn Store>,
    seen: Mutex<HashMap<UserId, Option<Arc<str>>>>,
}

impl Names {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            seen: Mutex::default(),
        }
    }

    pub(super) async fn see(&self, identities: &[Identity], at: Timestamp) -> Result<()> {
        let new = self.new_among(identities);
        if new.is_empty() {
            return Ok(());
        }
        self.store.see_users(&new, at).await?;
        let mut seen = self.lock();
        if seen.len() + new.len() > REMEMBERED {
            seen.clear();
        }
        seen.extend(new);
        Ok(())
    }

    fn new_among(&self, identities: &[Identity]) -> Vec<UserName> {
        let seen = self.lock();
        let new = identities
            .iter()
            .filter(|identity| seen.get(&identity.user_id) != Some(&identity.name));
        new.map(|identity| (identity.user_id.clone(), identity.name.clone()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Option<Arc<str>>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
