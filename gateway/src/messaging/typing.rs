//! What connections say of their users' typing.

use std::time::{Duration, Instant};

use callboard_shared::{
    event::SignalName,
    id::{ConversationId, UserId},
};

use super::Messaging;
use crate::worker::{Links, Slot};

/// A start is relayed at most this often for a connection.
pub(crate) const RELAY_EVERY: Duration = Duration::from_secs(2);

/// Without another start, typing stops by itself after this.
pub(crate) const STOPS_AFTER: Duration = Duration::from_secs(5);

/// What a connection has said of its user's typing in one conversation.
#[derive(Debug)]
pub(super) struct Typing {
    pub(super) conversation: ConversationId,
    relayed: Instant,
    /// When it stops by itself.
    pub(super) expires: Instant,
}

impl Messaging {
    /// The client says that its user, a participant, types or has stopped.
    pub(super) fn typing(
        &mut self,
        links: &Links,
        slot: Slot,
        conversation: ConversationId,
        signal: SignalName,
    ) {
        let now = links.now();
        let signals = self.shared.signals.clone();
        let Some(user) = self.user_mut(slot) else {
            return;
        };
        let known = user
            .typing
            .iter()
            .position(|typing| typing.conversation == conversation);
        match (signal, known) {
            (SignalName::TypingStart, Some(index)) => {
                let typing = &mut user.typing[index];
                typing.expires = now + STOPS_AFTER;
                if now < typing.relayed + RELAY_EVERY {
                    return;
                }
                typing.relayed = now;
                signals.start_typing(conversation, &user.identity);
            }
            (SignalName::TypingStart, None) => {
                user.typing.push(Typing {
                    conversation,
                    relayed: now,
                    expires: now + STOPS_AFTER,
                });
                signals.start_typing(conversation, &user.identity);
            }
            (SignalName::TypingStop, Some(index)) => {
                user.typing.swap_remove(index);
                signals.stop_typing(conversation, &user.identity);
            }
            (SignalName::TypingStop, None) => {}
        }
    }

    /// Stops what a connection has not renewed.
    pub(super) fn expire_typing(&mut self, slot: Slot, now: Instant) {
        self.end_typing(slot, |typing| typing.expires <= now);
    }

    /// Tells the others where a connection types no more.
    pub(super) fn end_typing(&mut self, slot: Slot, is_over: impl Fn(&Typing) -> bool) {
        let signals = self.shared.signals.clone();
        let Some(user) = self.user_mut(slot) else {
            return;
        };
        for typing in user.typing.extract_if(.., |typing| is_over(typing)) {
            signals.stop_typing(typing.conversation, &user.identity);
        }
    }

    /// A user has sent a message: they do not type any more, on no connection.
    pub(super) fn stopped_typing(&mut self, conversation: ConversationId, user: &UserId) {
        for slot in self.rooms.user(user) {
            if let Some(user) = self
                .sessions
                .get_mut(*slot)
                .and_then(|session| session.user.as_deref_mut())
            {
                user.typing
                    .retain(|typing| typing.conversation != conversation);
            }
        }
    }
}
