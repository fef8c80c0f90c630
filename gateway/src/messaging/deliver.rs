//! Handing on what happens to the sessions of this worker.

use std::sync::Arc;

use callboard_shared::{
    id::{ConversationId, UserId},
    rules::{Rule, holds},
};

use super::{Messaging, delivery::Delivery};
use crate::{
    engine::Frame,
    worker::{Links, Slot},
};

impl Messaging {
    /// Something happened in a conversation: one frame, shared by all who get it.
    pub(super) fn deliver(&mut self, links: &mut Links, delivery: &Arc<Delivery>) {
        self.position.clone_from(&delivery.position);
        let now = links.now();
        let mut sent = 0;
        for member in self.rooms.members(delivery.conversation) {
            let visible = member.visible.includes(delivery.place);
            #[cfg(feature = "sabotage")]
            let visible = visible || self.saboteur.keeps_removed();
            if !visible {
                continue;
            }
            let Some(user) = self
                .sessions
                .get_mut(member.slot)
                .and_then(|session| session.user.as_deref_mut())
            else {
                continue;
            };
            if user.is_early() && holds(Rule::EarlyIsDropped) {
                continue;
            }
            if let Some(catchup) = &mut user.catchup
                && (holds(Rule::WholeSessionFreezes)
                    || user.attach.is_some()
                    || catchup.will_read(delivery.conversation))
            {
                catchup.hold(Arc::clone(delivery));
                continue;
            }
            sent += 1;
            user.last_cursor = now;
            let frame = delivery.frame_for(&user.identity.user_id);
            #[cfg(feature = "sabotage")]
            if self
                .saboteur
                .spoils(links, member.slot, delivery.conversation, frame)
            {
                continue;
            }
            links.send(member.slot, frame.clone());
            if let Some(notification) =
                delivery.notification_for(&user.identity.user_id, member.joined)
            {
                links.send(member.slot, notification.clone());
            }
        }
        if sent > 0 {
            self.shared
                .metrics
                .delivered_to(sent, delivery.at, self.shared.clock.now());
        }
        if let Some(sender) = delivery.sender() {
            self.stopped_typing(delivery.conversation, sender);
        }
        if delivery.removal.is_some() {
            self.remove(delivery);
        }
    }

    /// Takes out of the conversation whom the event has removed. Those who are frozen are told in
    /// their turn; nothing after this is held for them. Who has still to read the log stays until
    /// then, because what they may read there is kept with their place in the room.
    fn remove(&mut self, delivery: &Delivery) {
        #[cfg(feature = "sabotage")]
        if self.saboteur.keeps_removed() {
            return;
        }
        let (conversation, seq) = (delivery.conversation, delivery.place.seq());
        let members = self.rooms.members(conversation).iter();
        for slot in members.map(|member| member.slot).collect::<Vec<_>>() {
            let Some(user) = self
                .sessions
                .get_mut(slot)
                .and_then(|session| session.user.as_deref_mut())
            else {
                continue;
            };
            let Some(member) = self.rooms.member_mut(conversation, slot) else {
                continue;
            };
            if !delivery.removes(&user.identity.user_id) {
                continue;
            }
            member.visible.end(seq);
            if member.visible.reaches_beyond(seq) || user.will_replay() {
                continue;
            }
            match user
                .catchup
                .as_deref_mut()
                .filter(|catchup| catchup.will_read(conversation))
            {
                Some(catchup) => catchup.leave_when_read(conversation, seq),
                None => self.leave(slot, conversation),
            }
        }
    }

    /// What was held for a session, in its turn.
    pub(super) fn send_held(&mut self, links: &mut Links, slot: Slot, delivery: &Delivery) {
        self.send_missed(links, slot, delivery);
        let Some(user) = self.user(slot) else { return };
        let joined = user.has_open(delivery.conversation);
        if let Some(notification) = delivery.notification_for(&user.identity.user_id, joined) {
            links.send(slot, notification.clone());
        }
    }

    /// What a session had missed, in its turn.
    pub(super) fn send_missed(&mut self, links: &mut Links, slot: Slot, delivery: &Delivery) {
        let now = links.now();
        let Some(user) = self.user_mut(slot) else {
            return;
        };
        user.last_cursor = now;
        links.send(slot, delivery.frame_for(&user.identity.user_id).clone());
        // Who has been added again meanwhile is a participant, but has not opened it again.
        if delivery.removes(&user.identity.user_id) && user.close(delivery.conversation) {
            if let Some(member) = self.rooms.member_mut(delivery.conversation, slot) {
                member.joined = false;
            }
            self.keep_joined(slot);
        }
        self.shared.metrics.delivered.inc();
    }

    /// Sends a frame to those who have the conversation open, apart from the user it is about. It has
    /// no place among the events, so those who are behind get it at once too.
    pub(super) fn send_to_joined(
        &self,
        links: &mut Links,
        conversation: ConversationId,
        about: &UserId,
        frame: &Frame,
    ) {
        let members = self.rooms.members(conversation).iter();
        for member in members.filter(|member| member.joined) {
            if self
                .user(member.slot)
                .is_some_and(|user| user.identity.user_id != *about)
            {
                links.send(member.slot, frame.clone());
            }
        }
    }
}
