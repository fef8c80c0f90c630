//! Who types: what the gateway has heard of typists.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use callboard_shared::{
    id::{ConversationId, UserId},
    wire,
};

use crate::messaging::{RELAY_EVERY, STOPS_AFTER};

/// What is heard of a typist counts this long. The gateway of a typist says when they stop, unless
/// it dies; the last start that it had may have come [`RELAY_EVERY`] after the last one it relayed.
const HEARD_FOR: Duration = STOPS_AFTER
    .saturating_add(RELAY_EVERY)
    .saturating_add(Duration::from_secs(1));

/// Whom the gateway knows to be typing, in the conversations it is subscribed to. The subscriber
/// keeps it; workers look when a client joins.
#[derive(Default)]
pub(crate) struct Typists(Mutex<BTreeMap<ConversationId, Vec<Typist>>>);

struct Typist {
    user: UserId,
    name: Option<Box<str>>,
    until: Instant,
}

impl Typists {
    /// Somebody types, or goes on.
    pub(crate) fn start(
        &self,
        conversation: ConversationId,
        user: &UserId,
        name: Option<&str>,
        now: Instant,
    ) {
        self.stop(conversation, user);
        let typist = Typist {
            user: user.clone(),
            name: name.map(Box::from),
            until: now + HEARD_FOR,
        };
        self.lock().entry(conversation).or_default().push(typist);
    }

    /// Forgets a typist; says whether there was one.
    pub(crate) fn stop(&self, conversation: ConversationId, user: &UserId) -> bool {
        let mut conversations = self.lock();
        let Some(typists) = conversations.get_mut(&conversation) else {
            return false;
        };
        let before = typists.len();
        typists.retain(|typist| typist.user != *user);
        let stopped = typists.len() < before;
        if typists.is_empty() {
            conversations.remove(&conversation);
        }
        stopped
    }

    /// Who types in a conversation.
    pub(crate) fn of(&self, conversation: ConversationId) -> Vec<wire::Typist> {
        let conversations = self.lock();
        let typists = conversations
            .get(&conversation)
            .map_or(&[][..], Vec::as_slice);
        let wire = |typist: &Typist| wire::Typist {
            user_id: typist.user.clone(),
            user_name: typist.name.as_deref().map(str::to_owned),
        };
        typists.iter().map(wire).collect()
    }

    /// Those of whom nothing was heard any more.
    pub(crate) fn expired(&self, now: Instant) -> Vec<(ConversationId, UserId)> {
        let conversations = self.lock();
        let all = conversations.iter().flat_map(|(conversation, typists)| {
            typists.iter().map(move |typist| (*conversation, typist))
        });
        all.filter(|(_, typist)| typist.until <= now)
            .map(|(conversation, typist)| (conversation, typist.user.clone()))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ConversationId, Vec<Typist>>> {
        // No change in here can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
