//! Display names: those of everyone's last token, written down when they change.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use callboard_shared::{auth::Identity, clock::Timestamp, id::UserId};

use super::Result;
use crate::store::Store;

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

    pub(super) async fn see(&self, identity: &Identity, at: Timestamp) -> Result<()> {
        if !self.is_new(identity) {
            return Ok(());
        }
        self.store
            .see_user(&identity.user_id, identity.name.as_deref(), at)
            .await?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= REMEMBERED {
            seen.clear();
        }
        seen.insert(identity.user_id.clone(), identity.name.clone());
        Ok(())
    }

    fn is_new(&self, identity: &Identity) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.get(&identity.user_id) != Some(&identity.name)
    }
}
