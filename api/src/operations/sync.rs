//! Catching up after a long absence.

use std::collections::BTreeMap;

use callboard_shared::{
    auth::Identity,
    id::{ConversationId, Seq},
};

use super::{Operations, Result};
use crate::store::{Backlog, SyncRequest};

/// The most events of one conversation in an answer.
const EVENTS_EACH: usize = 100;

/// The most events in an answer; what has no room is fetched from each conversation's events.
const EVENTS_IN_ALL: usize = 2_000;

/// The most unknown conversations in an answer; further ones are in the list of conversations.
const JOINED: usize = 1_000;

impl Operations {
    /// What someone has missed who knows these conversations up to these numbers. A number beyond a
    /// conversation's last is taken as "nothing".
    ///
    /// # Errors
    ///
    /// If the store is away.
    pub async fn sync(
        &self,
        reader: &Identity,
        cursors: BTreeMap<ConversationId, Seq>,
    ) -> Result<Backlog> {
        let request = SyncRequest {
            reader: reader.user_id.clone(),
            cursors,
            events_each: EVENTS_EACH,
            events_in_all: EVENTS_IN_ALL,
            joined: JOINED,
        };
        Ok(self.store().sync(request).await?)
    }
}
