//! Conversations that a connected user comes into or leaves: membership notices, and joining what
//! the session is not subscribed to.

use std::sync::Arc;

use callboard_shared::{
    bus::{Channel, Point},
    event::{MembershipChange, MembershipNotice},
    id::{ConversationId, UserId},
    rules::{Rule, holds},
};

use super::{
    Messaging, Visible,
    attach::Next,
    events::Reply,
    session::{Attach, Stage},
};
use crate::{
    backend::Membership,
    error,
    recovery::read_missed,
    worker::{Links, Slot},
};

impl Messaging {
    /// A user was added to a conversation, or removed from it.
    pub(super) fn notice(
        &mut self,
        links: &mut Links,
        user: &UserId,
        notice: &MembershipNotice,
        point: Point,
    ) {
        for slot in self.rooms.user(user).to_vec() {
            match self
                .user_mut(slot)
                .and_then(|user| user.attach.as_deref_mut())
            {
                // The API has not been asked yet: its answer will have it.
                Some(Attach {
                    stage: Stage::User, ..
                }) => {}
                Some(Attach {
                    stage: Stage::Memberships(notices),
                    ..
                }) => notices.push(notice.clone()),
                _ => match notice.change {
                    MembershipChange::Joined if holds(Rule::JoiningIsNoticed) => {
                        self.add(links, slot, notice, point);
                    }
                    MembershipChange::Left if holds(Rule::LeavingIsNoticed) => {
                        self.expect_removal(slot, notice);
                    }
                    _ => {}
                },
            }
        }
    }

    /// The event that removes the user follows, or is read from the log by a session that is not
    /// subscribed yet. One that begins anew before that never hears of the conversation.
    fn expect_removal(&mut self, slot: Slot, notice: &MembershipNotice) {
        let Some(member) = self.rooms.member_mut(notice.conversation_id, slot) else {
            return;
        };
        member.visible.end(notice.seq);
        let over = !member.visible.reaches_beyond(notice.seq);
        if over
            && self
                .user(slot)
                .is_some_and(|user| user.is_early() && !user.will_replay())
        {
            self.leave(slot, notice.conversation_id);
        }
    }

    /// Subscribes a session to a conversation that its user was added to.
    fn add(&mut self, links: &mut Links, slot: Slot, notice: &MembershipNotice, point: Point) {
        let (conversation, since) = (notice.conversation_id, notice.seq);
        let position = self.position.clone();
        let (max, held) = (
            self.shared.settings.max_subscriptions,
            self.shared.settings.held,
        );
        let Some(user) = self.user_mut(slot) else {
            return;
        };
        let serial = user.serial;
        // The client has heard of it elsewhere, and joins it already.
        let joining = user
            .catchup
            .as_deref_mut()
            .is_some_and(|catchup| catchup.end_join(conversation));
        if user.is_in(conversation) && !joining {
            if let Some(member) = self.rooms.member_mut(conversation, slot) {
                member.visible.rejoin(since);
            }
            return;
        }
        if !joining {
            if user.conversations.len() >= max {
                self.shared.metrics.error("subscription_limit");
                return;
            }
            user.conversations.push(conversation);
            self.rooms.add(conversation, slot, Visible::From(since));
        }
        let Some(user) = self.user_mut(slot) else {
            return;
        };
        let next = match user.attach.as_deref_mut() {
            Some(Attach {
                stage: Stage::Channels(outstanding),
                ..
            }) => {
                *outstanding += 1;
                Next::Attached
            }
            _ => {
                user.freeze(position, held).read(conversation);
                Next::Notice(conversation, point)
            }
        };
        self.subscribe(
            slot,
            serial,
            vec![Channel::Conversation(conversation)],
            next,
        );
        self.pump(links, slot);
    }

    /// The channel that a notice was about is subscribed: what came between is in its log.
    pub(super) fn noticed(
        &mut self,
        links: &mut Links,
        slot: Slot,
        serial: u64,
        conversation: ConversationId,
        point: Point,
    ) {
        let member = self
            .rooms
            .members(conversation)
            .iter()
            .find(|member| member.slot == slot);
        let Some(visible) = member.map(|member| member.visible.clone()) else {
            // Its client has left it by a gap.
            return self.step_done(links, slot);
        };
        let upto = self.position.clone();
        let from = upto.back_at(point.partition, point.offset);
        let limit = self.shared.settings.replay_limit;
        let read = read_missed(
            Arc::clone(&self.shared.bus),
            vec![(conversation, visible)],
            from,
            upto,
            limit,
        );
        self.handle.run(read, move |this, links, found| {
            if let Some(catchup) = this
                .same_user_mut(slot, serial)
                .and_then(|user| user.catchup.as_mut())
            {
                catchup.has_read(conversation);
            }
            this.insert(links, slot, serial, found);
        });
    }

    /// Subscribes a session to a conversation that its client joins and it is not in yet: one past
    /// `MAX_SUBSCRIPTIONS`, or one that the user has just been added to.
    pub(super) fn subscribe_to_join(&mut self, slot: Slot, membership: &Membership, reply: Reply) {
        let (position, held) = (self.position.clone(), self.shared.settings.held);
        let conversation = membership.conversation_id;
        let Some(user) = self.user_mut(slot) else {
            return;
        };
        let serial = user.serial;
        user.conversations.push(conversation);
        user.freeze(position, held).join(conversation);
        self.rooms
            .add(conversation, slot, Visible::From(membership.joined_seq));
        self.subscribe(
            slot,
            serial,
            vec![Channel::Conversation(conversation)],
            Next::Join(conversation, reply),
        );
    }

    /// The user may have been removed before the subscription stood, so the API is asked once more:
    /// what happens after its answer is seen here.
    pub(super) fn confirm_join(
        &mut self,
        slot: Slot,
        serial: u64,
        conversation: ConversationId,
        reply: Reply,
    ) {
        let Some(user) = self.user(slot).map(|user| user.identity.user_id.clone()) else {
            return;
        };
        let backend = Arc::clone(&self.shared.backend);
        let ask = async move { backend.membership(&user, conversation).await };
        self.handle.run(ask, move |this, links, answer| {
            let Some(user) = this.same_user_mut(slot, serial) else {
                return;
            };
            let answer = answer.and_then(|found| found.ok_or_else(error::not_found));
            if let Some(catchup) = &mut user.catchup
                && (catchup.end_join(conversation) || answer.is_err())
            {
                catchup.forget(
                    conversation,
                    answer.as_ref().ok().map(|(_, last_seq)| *last_seq),
                );
            }
            if answer.is_err() {
                this.leave(slot, conversation);
            }
            this.joined(
                links,
                slot,
                serial,
                conversation,
                reply,
                answer.map(|(_, last_seq)| last_seq),
            );
            this.step_done(links, slot);
        });
    }
}

/// What a notice says about an answer that may have been given before it.
pub(super) fn apply(notice: &MembershipNotice, memberships: &mut Vec<Membership>) {
    let mut same = memberships
        .iter_mut()
        .filter(|membership| membership.conversation_id == notice.conversation_id);
    match notice.change {
        MembershipChange::Joined => {
            if !same.any(|membership| membership.joined_seq >= notice.seq) {
                memberships.push(Membership {
                    conversation_id: notice.conversation_id,
                    joined_seq: notice.seq,
                    left_seq: None,
                });
            }
        }
        MembershipChange::Left => {
            for membership in same.filter(|membership| membership.joined_seq <= notice.seq) {
                membership.left_seq.get_or_insert(notice.seq);
            }
        }
    }
}
