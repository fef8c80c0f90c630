//! What is handled in the order of a connection's asking, because each step takes time.

use std::{sync::Arc, time::Instant};

use callboard_shared::{
    event::SignalName,
    id::{ConversationId, Seq, UserId},
    wire,
};
use serde::Serialize;
use serde_json::{json, value::RawValue};

use super::{Messaging, NAMESPACE, events::Reply, session::KEEP_AGAIN};
use crate::{
    backend::{Backend, Membership, SendMessage},
    error::{self, Refusal},
    socketio::encode,
    worker::{Links, Slot},
};

/// How many operations of one connection may wait; past it they are refused.
const OPERATIONS: usize = 128;

/// What is handled in the order of a connection's asking.
#[derive(Debug)]
pub(super) enum Operation {
    Join(ConversationId, Reply),
    Leave(ConversationId, Reply),
    Typing(ConversationId, SignalName, Reply),
    Send(SendMessage, Reply),
}

impl Operation {
    fn reply(&self) -> &Reply {
        match self {
            Self::Join(_, reply)
            | Self::Leave(_, reply)
            | Self::Typing(_, _, reply)
            | Self::Send(_, reply) => reply,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Joined {
    last_seq: Seq,
    typing: Vec<wire::Typist>,
}

impl Messaging {
    /// Takes an operation up, behind those that wait.
    pub(super) fn enqueue(&mut self, links: &mut Links, slot: Slot, operation: Operation) {
        let Some(user) = self.user_mut(slot) else {
            return;
        };
        if user.operations.len() >= OPERATIONS {
            return self.refuse(links, operation.reply(), &error::too_many_waiting());
        }
        user.operations.push_back(operation);
        self.next_operation(slot);
    }

    /// Takes up the next operation, unless one is in hand.
    fn next_operation(&mut self, slot: Slot) {
        let backend = Arc::clone(&self.shared.backend);
        let Some(user) = self.user_mut(slot).filter(|user| !user.busy) else {
            return;
        };
        let Some(operation) = user.operations.pop_front() else {
            return;
        };
        user.busy = true;
        let (serial, identity) = (user.serial, user.identity.clone());
        match operation {
            Operation::Join(conversation, reply) => {
                let ask = async move { backend.membership(&identity.user_id, conversation).await };
                self.handle.run(ask, move |this, links, answer| {
                    this.join(links, slot, serial, answer, reply);
                });
            }
            Operation::Leave(conversation, reply) => {
                let known = user.is_in(conversation);
                let closed = user.close(conversation);
                if let Some(member) = self.rooms.member_mut(conversation, slot) {
                    member.joined = false;
                }
                let keep = closed.then(|| self.kept_joined(slot)).flatten();
                let leave = async move {
                    if let Some(keep) = keep {
                        keep.await;
                    }
                    if known {
                        return Ok(());
                    }
                    takes_part(&*backend, &identity.user_id, conversation).await
                };
                self.handle.run(leave, move |this, links, left| {
                    this.answer(links, &reply, left.map(|()| json!({})));
                    this.operation_done(slot, serial);
                });
            }
            Operation::Typing(conversation, signal, reply) => {
                let ask =
                    async move { takes_part(&*backend, &identity.user_id, conversation).await };
                self.handle.run(ask, move |this, links, answer| {
                    if answer.is_ok() && this.same_user_mut(slot, serial).is_some() {
                        this.typing(links, slot, conversation, signal);
                    }
                    this.answer(links, &reply, answer.map(|()| json!({})));
                    this.operation_done(slot, serial);
                });
            }
            Operation::Send(message, reply) => {
                let send = async move { backend.send_message(&identity, message).await };
                self.handle.run(
                    send,
                    move |this, links, answer: Result<Box<RawValue>, Refusal>| {
                        match answer {
                            Ok(message) => this.acknowledge_message(links, &reply, &message),
                            Err(refusal) => this.refuse(links, &reply, &refusal),
                        }
                        this.operation_done(slot, serial);
                    },
                );
            }
        }
    }

    /// Flattening would take the message apart again, so this one is put together by hand.
    fn acknowledge_message(&self, links: &mut Links, reply: &Reply, message: &RawValue) {
        if let Some(id) = reply.id.filter(|_| self.is_current(reply)) {
            let ack = format!(r#"{{"ok":true,"message":{message}}}"#);
            links.send(reply.slot, encode::ack(NAMESPACE, id, &[ack]));
        }
    }

    fn operation_done(&mut self, slot: Slot, serial: u64) {
        if let Some(user) = self.same_user_mut(slot, serial) {
            user.busy = false;
            self.next_operation(slot);
        }
    }

    /// The API has said whether the user takes part.
    fn join(
        &mut self,
        links: &mut Links,
        slot: Slot,
        serial: u64,
        answer: Result<Option<(Membership, Seq)>, Refusal>,
        reply: Reply,
    ) {
        let Some(user) = self.same_user_mut(slot, serial) else {
            return;
        };
        match answer.and_then(|found| found.ok_or_else(error::not_found)) {
            Ok((membership, _)) if !user.is_in(membership.conversation_id) => {
                self.subscribe_to_join(slot, &membership, reply);
            }
            Ok((membership, last_seq)) => {
                self.joined(
                    links,
                    slot,
                    serial,
                    membership.conversation_id,
                    reply,
                    Ok(last_seq),
                );
            }
            Err(refusal) => {
                self.refuse(links, &reply, &refusal);
                self.operation_done(slot, serial);
            }
        }
    }

    /// The client has a conversation open, and the session is in it; or it may not.
    pub(super) fn joined(
        &mut self,
        links: &mut Links,
        slot: Slot,
        serial: u64,
        conversation: ConversationId,
        reply: Reply,
        answer: Result<Seq, Refusal>,
    ) {
        let answer = match answer {
            Ok(last_seq) if self.user(slot).is_some_and(|user| user.is_in(conversation)) => {
                Ok(last_seq)
            }
            Ok(_) => Err(error::not_found()),
            Err(refusal) => Err(refusal),
        };
        let last_seq = match answer {
            Ok(last_seq) => last_seq,
            Err(refusal) => {
                self.refuse(links, &reply, &refusal);
                return self.operation_done(slot, serial);
            }
        };
        if let Some(user) = self
            .user_mut(slot)
            .filter(|user| !user.has_open(conversation))
        {
            user.joined.push(conversation);
            if let Some(member) = self.rooms.member_mut(conversation, slot) {
                member.joined = true;
            }
        }
        let keep = self.kept_joined(slot);
        self.handle.run(
            async move {
                if let Some(keep) = keep {
                    keep.await;
                }
            },
            move |this, links, ()| {
                let typing = this.typists(slot, conversation);
                this.acknowledge(links, &reply, Joined { last_seq, typing });
                this.operation_done(slot, serial);
            },
        );
    }

    /// Who else types in a conversation.
    fn typists(&self, slot: Slot, conversation: ConversationId) -> Vec<wire::Typist> {
        let mut typists = self.shared.typists.of(conversation);
        if let Some(user) = self.user(slot) {
            typists.retain(|typist| typist.user_id != user.identity.user_id);
        }
        typists
    }

    /// Remembers which conversations the session has open, for when it comes back elsewhere.
    pub(super) fn keep_joined(&self, slot: Slot) {
        if let Some(keep) = self.kept_joined(slot) {
            self.handle.run(keep, |_, _, ()| {});
        }
    }

    /// Sees to it that what has been open for long is not forgotten.
    pub(super) fn keep_again(&mut self, slot: Slot, now: Instant) {
        if let Some(user) = self.user_mut(slot)
            && user.kept + KEEP_AGAIN <= now
            && !user.joined.is_empty()
        {
            user.kept = now;
            self.keep_joined(slot);
        }
    }

    fn kept_joined(&self, slot: Slot) -> Option<impl Future<Output = ()> + use<>> {
        let user = self.user(slot)?;
        let (bus, pid, joined) = (
            Arc::clone(&self.shared.bus),
            user.pid.clone(),
            user.joined.clone(),
        );
        Some(async move {
            if let Err(error) = bus.keep_joined(pid.as_str(), joined).await {
                tracing::warn!(%error, "the joined conversations of a session could not be kept");
            }
        })
    }
}

/// Whether a user takes part in a conversation.
async fn takes_part(
    backend: &dyn Backend,
    user: &UserId,
    conversation: ConversationId,
) -> Result<(), Refusal> {
    backend
        .membership(user, conversation)
        .await?
        .map(drop)
        .ok_or_else(error::not_found)
}
