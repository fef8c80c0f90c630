//! Deliveries that go wrong on purpose, so that a checker can show that it notices.
//!
//! Only in builds with the feature `sabotage`, which tests alone turn on, and only if the variable
//! `CALLBOARD_SABOTAGE` says how.

use std::collections::HashMap;

use callboard_shared::id::ConversationId;

use crate::{
    engine::Frame,
    worker::{Links, Slot},
};

/// One delivery in so many goes wrong: rare enough to be overlooked by whoever looks at samples.
const EVERY: u64 = 97;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Not sent.
    Drop,
    /// Sent twice.
    Double,
    /// Sent after the next one of the same conversation.
    Reorder,
    /// Whoever was removed goes on hearing what happens.
    Leak,
}

/// Spoils deliveries of one worker.
#[derive(Default)]
pub(super) struct Saboteur {
    kind: Option<Kind>,
    deliveries: u64,
    held: HashMap<(Slot, ConversationId), Frame>,
}

impl Saboteur {
    /// As the environment says.
    pub(super) fn from_environment() -> Self {
        let wanted = std::env::var("CALLBOARD_SABOTAGE").unwrap_or_default();
        let kind = match wanted.as_str() {
            "drop" => Some(Kind::Drop),
            "double" => Some(Kind::Double),
            "reorder" => Some(Kind::Reorder),
            "leak" => Some(Kind::Leak),
            _ => None,
        };
        if !wanted.is_empty() {
            tracing::warn!(?kind, "deliveries are sabotaged");
        }
        Self {
            kind,
            ..Self::default()
        }
    }

    /// Whether this delivery was its victim, and is seen to.
    pub(super) fn spoils(
        &mut self,
        links: &mut Links,
        slot: Slot,
        conversation: ConversationId,
        frame: &Frame,
    ) -> bool {
        if let Some(held) = self.held.remove(&(slot, conversation)) {
            links.send(slot, frame.clone());
            links.send(slot, held);
            return true;
        }
        self.deliveries += 1;
        if !self.deliveries.is_multiple_of(EVERY) {
            return false;
        }
        match self.kind {
            Some(Kind::Drop) => {}
            Some(Kind::Double) => {
                links.send(slot, frame.clone());
                links.send(slot, frame.clone());
            }
            Some(Kind::Reorder) => {
                self.held.insert((slot, conversation), frame.clone());
            }
            Some(Kind::Leak) | None => return false,
        }
        true
    }

    /// Whether those stay whom an event removes.
    pub(super) fn keeps_removed(&self) -> bool {
        self.kind == Some(Kind::Leak)
    }
}
