//! Sending a session what it is behind, from the logs and from what was held, until it is live.

use std::sync::Arc;

use callboard_shared::{
    bus::BusError,
    cursor::Position,
    id::{ConversationId, Seq},
    rules::{Rule, holds},
    wire::Ready,
};

use super::{
    Messaging, Missed, NAMESPACE,
    catchup::Item,
    delivery::{Delivery, quoted},
    session::CURSOR_REFRESH,
};
use crate::{
    recovery::{Found, read_missed},
    socketio::encode,
    worker::{Links, Slot},
};

impl Messaging {
    /// Reads what a session has missed in all its conversations.
    pub(super) fn read(
        &self,
        slot: Slot,
        from: Position,
        upto: Position,
    ) -> impl Future<Output = Result<Option<Found>, BusError>> + use<> {
        let conversations = self.user(slot).map_or(&[][..], |user| &user.conversations);
        let visible = |conversation: &ConversationId| {
            let member = self
                .rooms
                .members(*conversation)
                .iter()
                .find(|member| member.slot == slot)?;
            Some((*conversation, member.visible.clone()))
        };
        let conversations = conversations.iter().filter_map(visible).collect();
        read_missed(
            Arc::clone(&self.shared.bus),
            conversations,
            from,
            upto,
            self.shared.settings.replay_limit,
        )
    }

    /// What was read, if it is complete.
    pub(super) fn found(&self, found: Result<Option<Found>, BusError>) -> Option<Found> {
        found.unwrap_or_else(|error| {
            tracing::warn!(%error, "the logs could not be read");
            self.shared.metrics.error("bus");
            None
        })
    }

    /// Puts what was read where it belongs in the backlog of a session.
    pub(super) fn insert(
        &mut self,
        links: &mut Links,
        slot: Slot,
        serial: u64,
        found: Result<Option<Found>, BusError>,
    ) {
        let found = self.found(found);
        let Some(user) = self.same_user_mut(slot, serial) else {
            return;
        };
        let Some(found) = found else {
            if holds(Rule::GapCloses) {
                links.close(slot, "gap");
            } else {
                self.step_done(links, slot);
            }
            return;
        };
        let mut over = found.over;
        if let Some(catchup) = &mut user.catchup {
            catchup.insert(found.missed);
            over.retain(|(conversation, _)| !catchup.will_read(*conversation));
            over.extend(catchup.take_leaving());
        }
        for (conversation, reached) in over {
            self.leave_past(slot, conversation, reached);
        }
        self.step_done(links, slot);
    }

    /// Takes a session out of a conversation that it has got up to this event, unless there is more to
    /// come: its user has come back to it meanwhile, or has come back and was removed again.
    pub(super) fn leave_past(&mut self, slot: Slot, conversation: ConversationId, reached: Seq) {
        let member = self.rooms.member_mut(conversation, slot);
        if member.is_some_and(|member| !member.visible.reaches_beyond(reached)) {
            self.leave(slot, conversation);
        }
    }

    pub(super) fn step_done(&mut self, links: &mut Links, slot: Slot) {
        if let Some(catchup) = self.user_mut(slot).and_then(|user| user.catchup.as_mut()) {
            catchup.done();
        }
        self.pump(links, slot);
    }

    /// Sends what a session is behind, as fast as its socket takes it, until it is live.
    pub(super) fn pump(&mut self, links: &mut Links, slot: Slot) {
        let Some(mut catchup) = self.user_mut(slot).and_then(|user| user.catchup.take()) else {
            return;
        };
        while links.is_drained(slot) {
            match catchup.next() {
                Some(item) => self.release(links, slot, &mut catchup.at, item),
                None => break,
            }
        }
        let (done, overflowed) = (
            catchup.is_empty(),
            catchup.is_empty() && catchup.take_overflow(),
        );
        if overflowed {
            catchup.begin();
            self.read_again(slot, catchup.at.clone());
        } else if !done && !catchup.is_frozen() {
            links.notify_drained(slot);
        }
        if done && !overflowed {
            self.rearm(links, slot);
        } else if let Some(user) = self.user_mut(slot) {
            user.catchup = Some(catchup);
        }
    }

    fn release(&mut self, links: &mut Links, slot: Slot, at: &mut Position, item: Item) {
        match item {
            Item::Held(delivery) => {
                *at = delivery.position.clone();
                self.send_held(links, slot, &delivery);
            }
            Item::Missed(Missed {
                conversation,
                partition,
                entry,
            }) => {
                at.advance(partition, entry.offset);
                let mut cursor = at.clone();
                if !holds(Rule::ProgressiveCursors) {
                    cursor = self.position.clone();
                }
                match Delivery::new(conversation, &entry, cursor) {
                    Ok(delivery) => self.send_missed(links, slot, &delivery),
                    Err(error) => {
                        tracing::error!(%error, "a payload in a log cannot be read; it is left out");
                        self.shared.metrics.error("unreadable_payload");
                    }
                }
            }
            Item::Ready(position) => {
                *at = position;
                if !holds(Rule::ReadyHasOwnCursor) {
                    *at = self.position.clone();
                }
                self.send_ready(links, slot, at);
            }
        }
    }

    /// More came than could be held: the logs have it.
    fn read_again(&mut self, slot: Slot, from: Position) {
        let Some(serial) = self.user(slot).map(|user| user.serial) else {
            return;
        };
        let read = self.read(slot, from, self.position.clone());
        self.handle.run(read, move |this, links, found| {
            this.insert(links, slot, serial, found);
        });
    }

    fn send_ready(&mut self, links: &mut Links, slot: Slot, at: &Position) {
        let now = self.shared.clock.now();
        let sent = links.now();
        let Some(user) = self.user_mut(slot) else {
            return;
        };
        user.last_cursor = sent;
        let ready = Ready {
            user_id: user.identity.user_id.clone(),
            connection_id: user.sid.to_string(),
            server_time: now,
        };
        // A struct of strings has a JSON form.
        if let Ok(ready) = serde_json::to_string(&ready) {
            links.send(
                slot,
                encode::event(NAMESPACE, "ready", &[ready, quoted(&at.cursor())]),
            );
        }
    }

    /// Gives a session that has been sent nothing for long a fresh cursor.
    pub(super) fn refresh_cursor(&mut self, links: &mut Links, slot: Slot) {
        let now = links.now();
        let live = self.user(slot).is_some_and(|user| {
            user.attach.is_none()
                && user.catchup.is_none()
                && user.last_cursor + CURSOR_REFRESH <= now
        });
        if live {
            let position = self.position.clone();
            self.send_ready(links, slot, &position);
        }
    }
}
