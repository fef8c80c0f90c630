//! What clients ask for: checks each event and does it, or says why not.

use callboard_shared::{auth::AuthError, error::ErrorCode};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Messaging, NAMESPACE,
    client_event::ClientEvent,
    operations::Operation,
    session::{Expiry, REFRESH_TIME},
};
use crate::{
    error::{self, Refusal},
    socketio::{Arguments, encode},
    worker::{Links, Slot},
};

/// Where the answer to an event goes.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) slot: Slot,
    /// The session that asked: another one on the same connection is not answered.
    serial: u64,
    /// The acknowledgement that the client wants.
    pub(super) id: Option<u64>,
    event: Box<str>,
}

/// A good acknowledgement: `ok`, and what the event adds.
#[derive(Serialize)]
pub(super) struct Done<T> {
    ok: bool,
    #[serde(flatten)]
    added: T,
}

impl Messaging {
    pub(super) fn client_event(
        &mut self,
        links: &mut Links,
        slot: Slot,
        id: Option<u64>,
        name: &str,
        arguments: &Arguments,
    ) {
        let serial = self.user(slot).map_or(0, |user| user.serial);
        let reply = Reply {
            slot,
            serial,
            id,
            event: name.into(),
        };
        match self
            .admit(links, slot, name)
            .and_then(|()| ClientEvent::parse(name, arguments))
        {
            Ok(event) => self.handle_event(links, slot, event, reply),
            Err(refusal) => self.refuse(links, &reply, &refusal),
        }
    }

    /// Whether the connection may send an event now.
    fn admit(&mut self, links: &mut Links, slot: Slot, name: &str) -> Result<(), Refusal> {
        self.within_rate(links, slot)?;
        let time = self.shared.clock.now();
        match self.user(slot) {
            Some(user) if !user.identity.valid_at(time) && name != "refresh-token" => {
                Err(AuthError::Expired.into())
            }
            _ => Ok(()),
        }
    }

    /// Counts an event. A connection that goes on and on past its rate is closed.
    fn within_rate(&mut self, links: &mut Links, slot: Slot) -> Result<(), Refusal> {
        let (now, rate) = (links.now(), self.rate());
        let Some(session) = self.sessions.get_mut(slot) else {
            return Ok(());
        };
        if session.allowance.take(rate, now) {
            return Ok(());
        }
        self.within_patience(links, slot);
        Err(error::rate_limited())
    }

    /// Counts what is not worth an answer: an event past the rate, a CONNECT. A connection with too
    /// many of these is closed.
    pub(super) fn within_patience(&mut self, links: &mut Links, slot: Slot) -> bool {
        let (now, refusals) = (links.now(), self.refusals());
        let within = self
            .sessions
            .get_mut(slot)
            .is_some_and(|session| session.strikes.take(refusals, now));
        if !within {
            links.close(slot, "rate_limited");
        }
        within
    }

    fn handle_event(&mut self, links: &mut Links, slot: Slot, event: ClientEvent, reply: Reply) {
        let result = match event {
            ClientEvent::Join(conversation) => {
                return self.enqueue(links, slot, Operation::Join(conversation, reply));
            }
            ClientEvent::Leave(conversation) => {
                return self.enqueue(links, slot, Operation::Leave(conversation, reply));
            }
            ClientEvent::Send(message) => {
                return self.enqueue(links, slot, Operation::Send(message, reply));
            }
            ClientEvent::Receipt(conversation, receipt) => {
                return self.receipt(links, slot, conversation, receipt, reply);
            }
            ClientEvent::Typing(conversation, signal) => {
                if self.user(slot).is_some_and(|user| user.is_in(conversation)) {
                    self.typing(links, slot, conversation, signal);
                    Ok(json!({}))
                } else {
                    let operation = Operation::Typing(conversation, signal, reply);
                    return self.enqueue(links, slot, operation);
                }
            }
            ClientEvent::RefreshToken(token) => self.refresh_token(links, slot, &token),
        };
        self.answer(links, &reply, result);
    }

    /// Answers that it was done, or why not.
    pub(super) fn answer(&self, links: &mut Links, reply: &Reply, result: Result<Value, Refusal>) {
        match result {
            Ok(added) => self.acknowledge(links, reply, added),
            Err(refusal) => self.refuse(links, reply, &refusal),
        }
    }

    /// Answers that it was done.
    pub(super) fn acknowledge(&self, links: &mut Links, reply: &Reply, added: impl Serialize) {
        if let Some(id) = reply.id.filter(|_| self.is_current(reply)) {
            match serde_json::to_string(&Done { ok: true, added }) {
                Ok(ack) => links.send(reply.slot, encode::ack(NAMESPACE, id, &[ack])),
                Err(error) => tracing::error!(%error, "an acknowledgement could not be written"),
            }
        }
    }

    /// Whether the session that asked is still the connection's.
    pub(super) fn is_current(&self, reply: &Reply) -> bool {
        self.user(reply.slot)
            .is_some_and(|user| user.serial == reply.serial)
    }

    /// Answers why it was not done.
    pub(super) fn refuse(&self, links: &mut Links, reply: &Reply, refusal: &Refusal) {
        self.shared.metrics.error(refusal.code.as_str());
        if !self.is_current(reply) {
            return;
        }
        let frame = match reply.id {
            Some(id) => encode::ack(NAMESPACE, id, &[error::negative_ack(refusal)]),
            None => encode::event(
                NAMESPACE,
                "error",
                &[error::error_event(refusal, &reply.event)],
            ),
        };
        links.send(reply.slot, frame);
    }

    fn refresh_token(
        &mut self,
        links: &mut Links,
        slot: Slot,
        token: &str,
    ) -> Result<serde_json::Value, Refusal> {
        let fresh = self
            .shared
            .verifier
            .verify(token, self.shared.clock.now())?;
        let expiry = self.shared.expiry(&fresh, links.now());
        let user = self.user_mut(slot).ok_or_else(error::not_found)?;
        if fresh.user_id != user.identity.user_id {
            return Err(Refusal::new(
                ErrorCode::Forbidden,
                "the token is another user's; connect anew to become someone else",
            ));
        }
        let expires_at = fresh.expires_at;
        user.identity = fresh;
        user.expiry = expiry;
        Ok(json!({"expiresAt": expires_at}))
    }

    /// Tells the client that its token has expired, and closes the connection if it brings no other.
    pub(super) fn check_expiry(&mut self, links: &mut Links, slot: Slot) {
        let (now, time) = (links.now(), self.shared.clock.now());
        let Some(user) = self.user(slot) else { return };
        let expiry = match user.expiry {
            Expiry::Closes(at) if at <= now => return links.close(slot, "token_expired"),
            Expiry::At(at) if at <= now && user.identity.valid_at(time) => {
                self.shared.expiry(&user.identity, now)
            }
            // It is not in yet, and cannot bring another one.
            Expiry::At(at) if at <= now && user.attach.is_some() => {
                self.detach(slot);
                return self.refuse_connect(links, slot, AuthError::Expired);
            }
            Expiry::At(at) if at <= now => {
                links.send(slot, encode::event(NAMESPACE, "token-expired", &["{}"]));
                Expiry::Closes(now + REFRESH_TIME)
            }
            unchanged => unchanged,
        };
        if let Some(user) = self.user_mut(slot) {
            user.expiry = expiry;
        }
    }
}
