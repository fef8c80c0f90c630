//! Attaching a session to its user's conversations: on arriving, on coming back, and when the user
//! is added to a conversation meanwhile.
//!
//! ```text
//! CONNECT ─▶ token ─▶ subscribe user ─▶ ask the API ─▶ subscribe conversations ─▶ position S
//!                                                                                   │
//!              live ◀─ held beyond S ◀─ ready ◀─ missed up to S ◀─ CONNECT ◀─ read the logs
//! ```
//!
//! The user's own channel comes first: whoever is added before the API has answered is in its
//! answer, whoever is added after that is in a notice. Positions come in order with the events, so
//! what a session is sent before its `ready` and after it meet without a hole or an overlap.

use std::{collections::HashSet, sync::Arc};

use callboard_shared::{
    auth::{AuthError, Identity},
    bus::{BusError, Channel, Point},
    cursor::{Cursor, Position},
    event::{Takeover, VERSION},
    id::{ConversationId, UserId},
    random::random,
    rules::{Rule, holds},
};
use serde::Deserialize;

use super::{
    Messaging, NAMESPACE, Pid, Visible,
    events::Reply,
    membership,
    session::{Attach, Stage, User},
};
use crate::{
    backend::{Backend, Membership},
    error::{Refusal, connect_error},
    metrics::Resume,
    recovery::Found,
    registry::Rank,
    socketio::encode,
    subscriber::{Told, Want},
    worker::{Links, Slot},
};

/// What to do when subscriptions stand.
#[derive(Debug)]
pub(super) struct Step {
    slot: Slot,
    serial: u64,
    next: Next,
}

/// What is next to be done.
#[derive(Debug)]
pub(super) enum Next {
    /// Ask for the user's conversations.
    Memberships,
    /// The session has its subscriptions.
    Attached,
    /// Read what has happened in a conversation since the notice.
    Notice(ConversationId, Point),
    /// Make sure that the user still takes part in a conversation that the client joins.
    Join(ConversationId, Reply),
}

/// Where a user who arrives belongs.
struct Belonging {
    memberships: Vec<Membership>,
    /// What the session had joined, if it had been here before.
    joined: Result<Vec<ConversationId>, BusError>,
}

/// The payload of a CONNECT.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    token: Option<serde_json::Value>,
    pid: Option<serde_json::Value>,
    offset: Option<serde_json::Value>,
}

impl Messaging {
    /// The client wants in.
    pub(super) fn connect(&mut self, links: &mut Links, slot: Slot, auth: Option<&str>) {
        if !self.within_patience(links, slot) {
            return;
        }
        let auth: Auth = auth
            .and_then(|auth| serde_json::from_str(auth).ok())
            .unwrap_or_default();
        match self.authenticate(slot, &auth) {
            Ok(identity) => self.attach(links, slot, identity, &auth),
            Err(error) => self.refuse_connect(links, slot, error),
        }
    }

    /// Answers a CONNECT with why its token does not count.
    pub(super) fn refuse_connect(&mut self, links: &mut Links, slot: Slot, error: AuthError) {
        self.shared.metrics.error(error.code().as_str());
        let now = links.now();
        if self
            .sessions
            .get_mut(slot)
            .is_some_and(|session| session.connection.refuse(NAMESPACE, now))
        {
            let (message, data) = connect_error(error);
            links.send(
                slot,
                encode::connect_error(NAMESPACE, &message, Some(&data)),
            );
        }
    }

    fn authenticate(&self, slot: Slot, auth: &Auth) -> Result<Identity, AuthError> {
        let bearer = self
            .sessions
            .get(slot)
            .and_then(|session| session.bearer.as_deref());
        let token = match &auth.token {
            Some(serde_json::Value::String(token)) => {
                Some(token.as_str()).filter(|token| !token.is_empty())
            }
            Some(serde_json::Value::Null) | None => None,
            Some(_) => return Err(AuthError::Invalid),
        };
        let token = token.or(bearer).ok_or(AuthError::Missing)?;
        self.shared.verifier.verify(token, self.shared.clock.now())
    }

    fn attach(&mut self, links: &mut Links, slot: Slot, identity: Identity, auth: &Auth) {
        let (serial, now) = (self.serial(), links.now());
        let text = |value: &Option<serde_json::Value>| {
            value
                .as_ref()
                .and_then(|value| value.as_str().map(str::to_owned))
        };
        let claimed = text(&auth.pid).and_then(|pid| Pid::parse(&pid, &identity.user_id));
        let cursor = text(&auth.offset).and_then(|offset| offset.parse::<Cursor>().ok());
        let returning = auth.pid.is_some();
        let (pid, resume) = match (claimed, cursor) {
            (Some(pid), Some(cursor)) => (pid, Some(cursor)),
            _ => (Pid::new(&identity.user_id), None),
        };
        let user_id = identity.user_id.clone();
        let mut user = User {
            serial,
            sid: sid().into(),
            pid,
            since: self.shared.clock.now(),
            attach: Some(Box::new(Attach {
                resume,
                returning,
                stage: Stage::User,
            })),
            conversations: Vec::new(),
            joined: Vec::new(),
            kept: now,
            tags: Vec::new(),
            catchup: None,
            typing: Vec::new(),
            operations: std::collections::VecDeque::new(),
            busy: false,
            expiry: self.shared.expiry(&identity, now),
            last_cursor: now,
            identity,
        };
        user.freeze(self.position.clone(), self.shared.settings.held);
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        session.user = Some(Box::new(user));
        self.rooms.add_user(&user_id, slot);
        let user = vec![Channel::User(user_id)];
        self.subscribe(slot, serial, user, Next::Memberships);
        if !holds(Rule::UserChannelFirst) {
            self.ask_memberships(slot, serial);
        }
    }

    /// Asks for subscriptions, and for what is next to be done when they stand.
    pub(super) fn subscribe(
        &mut self,
        slot: Slot,
        serial: u64,
        channels: Vec<Channel>,
        next: Next,
    ) {
        let tag = self.serial();
        let Some(user) = self.same_user_mut(slot, serial) else {
            return;
        };
        user.tags.push(tag);
        self.steps.insert(tag, Step { slot, serial, next });
        let worker = self.worker;
        // Fails only when the gateway is going down.
        let _ = self.wants.send(Want::Subscribe {
            worker,
            channels,
            tag,
        });
    }

    /// The subscriptions asked for with this tag stand, and the worker's position is theirs.
    pub(super) fn subscribed(&mut self, links: &mut Links, tag: u64) {
        let Some(Step { slot, serial, next }) = self.steps.remove(&tag) else {
            return;
        };
        let Some(user) = self.same_user_mut(slot, serial) else {
            return;
        };
        user.tags.retain(|other| *other != tag);
        match next {
            Next::Memberships => self.ask_memberships(slot, serial),
            Next::Attached => self.one_attached(links, slot, serial),
            Next::Notice(conversation, point) => {
                self.noticed(links, slot, serial, conversation, point);
            }
            Next::Join(conversation, reply) => self.confirm_join(slot, serial, conversation, reply),
        }
    }

    fn ask_memberships(&mut self, slot: Slot, serial: u64) {
        let now = self.shared.clock.now();
        let Some(user) = self.user_mut(slot) else {
            return;
        };
        let Some(attach) = &mut user.attach else {
            return;
        };
        user.since = now;
        attach.stage = Stage::Memberships(Vec::new());
        let resumes = attach.resume.is_some();
        let (identity, pid) = (user.identity.clone(), user.pid.clone());
        let (backend, bus) = (
            Arc::clone(&self.shared.backend),
            Arc::clone(&self.shared.bus),
        );
        let limit = self.shared.settings.max_subscriptions;
        let ask = async move {
            let mut memberships = backend.memberships(&identity, limit).await?;
            let mut joined = Ok(Vec::new());
            if resumes {
                joined = bus.joined(pid.as_str()).await;
            }
            if let Ok(joined) = &joined {
                add_joined(&*backend, &identity, joined, &mut memberships).await?;
            }
            Ok(Belonging {
                memberships,
                joined,
            })
        };
        self.handle.run(ask, move |this, links, answer| {
            this.memberships(links, slot, serial, answer);
        });
    }

    fn memberships(
        &mut self,
        links: &mut Links,
        slot: Slot,
        serial: u64,
        answer: Result<Belonging, Refusal>,
    ) {
        let Some(user) = self.same_user_mut(slot, serial) else {
            return;
        };
        let Some(attach) = &mut user.attach else {
            return;
        };
        let Belonging {
            mut memberships,
            joined,
        } = match answer {
            Ok(answer) => answer,
            Err(error) => {
                // Not a CONNECT_ERROR: after that stock clients do not come back.
                tracing::debug!(%error, "the conversations of a user could not be had");
                self.shared.metrics.error(error.code.as_str());
                links.close(slot, "unavailable");
                return;
            }
        };
        let Stage::Memberships(notices) = std::mem::replace(&mut attach.stage, Stage::Channels(1))
        else {
            return;
        };
        user.joined = joined.unwrap_or_else(|error| {
            tracing::warn!(%error, "what a session had joined could not be read; it begins anew");
            attach.resume = None;
            user.pid = Pid::new(&user.identity.user_id);
            Vec::new()
        });
        for notice in notices.iter().filter(|_| holds(Rule::NoticesMeanwhile)) {
            membership::apply(notice, &mut memberships);
        }
        if attach.resume.is_none() || !holds(Rule::EndedStays) {
            // Nothing of the past is replayed, so what was left is of no interest.
            memberships.retain(|membership| membership.left_seq.is_none());
        }
        memberships.sort_by_key(|membership| (membership.conversation_id, membership.joined_seq));
        let mut channels = Vec::with_capacity(memberships.len());
        let mut conversations = Vec::with_capacity(memberships.len());
        for group in memberships.chunk_by(|a, b| a.conversation_id == b.conversation_id) {
            let conversation = group[0].conversation_id;
            if let Some(visible) = Visible::new(group) {
                self.rooms.add(conversation, slot, visible);
                conversations.push(conversation);
                channels.push(Channel::Conversation(conversation));
            }
        }
        if let Some(user) = self.user_mut(slot) {
            user.conversations = conversations;
        }
        self.subscribe(slot, serial, channels, Next::Attached);
    }

    /// One of the subscriptions of a session on its way stands; after the last one, the position is
    /// the one from which the session is live.
    fn one_attached(&mut self, links: &mut Links, slot: Slot, serial: u64) {
        let start = self.position.clone();
        let now = self.shared.clock.now();
        let Some(user) = self.user_mut(slot) else {
            return;
        };
        let Some(attach) = &mut user.attach else {
            return;
        };
        let Stage::Channels(outstanding) = &mut attach.stage else {
            return;
        };
        *outstanding -= 1;
        if *outstanding > 0 {
            return;
        }
        attach.stage = Stage::Reading;
        let from = attach
            .resume
            .as_ref()
            .and_then(|cursor| start.resume(cursor, now));
        let Some(from) = from else {
            self.attached(links, slot, start, None);
            return;
        };
        let read = self.read(slot, from.clone(), start.clone());
        self.handle.run(read, move |this, links, found| {
            if this.same_user_mut(slot, serial).is_some() {
                let found = this.found(found).filter(|found| this.is_all(found));
                this.attached(links, slot, start, found.map(|found| (from, found)));
            }
        });
    }

    /// Whether what was found is all that the session has missed. Of a user in more conversations than
    /// `MAX_SUBSCRIPTIONS` it has the most active ones now, which may not be those that it had. If one of
    /// them was quiet meanwhile, so was whatever is less active than that.
    fn is_all(&self, found: &Found) -> bool {
        let busy: HashSet<_> = found
            .missed
            .iter()
            .map(|missed| missed.conversation)
            .collect();
        busy.len() < self.shared.settings.max_subscriptions
    }

    /// Everything stands: the client is in.
    fn attached(
        &mut self,
        links: &mut Links,
        slot: Slot,
        start: Position,
        found: Option<(Position, Found)>,
    ) {
        if found.is_none() {
            self.begin_anew(slot);
        }
        let (place, max) = (self.place(slot), self.shared.settings.max_user_connections);
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        let Some(user) = session.user.as_deref_mut() else {
            return;
        };
        if !session.connection.accept(NAMESPACE) {
            return;
        }
        let Some(attach) = user.attach.take() else {
            return;
        };
        let resume = match &found {
            Some(_) => Resume::Recovered,
            None if attach.returning => Resume::Expired,
            None => Resume::None,
        };
        if found.is_none() && attach.resume.is_some() && holds(Rule::NewPid) {
            user.pid = Pid::new(&user.identity.user_id);
        }
        user.joined
            .retain(|conversation| user.conversations.contains(conversation));
        for conversation in &user.joined {
            if let Some(member) = self.rooms.member_mut(*conversation, slot) {
                member.joined = true;
            }
        }
        if found.is_some() {
            self.shared.signals.taken_over(
                &user.identity.user_id,
                &Takeover {
                    v: VERSION,
                    pid: user.pid.as_str().to_owned(),
                    connection_id: user.sid.to_string(),
                    at: user.since,
                },
            );
        }
        let displaced =
            self.shared
                .registry
                .enter(&user.identity.user_id, &user.pid, user.rank(), place, max);
        let connect = encode::connect(NAMESPACE, &user.sid, Some(user.pid.as_str()));
        if holds(Rule::ConnectFirst) {
            links.send(slot, connect.clone());
        }
        tracing::debug!(connection.id = &*user.sid, ?resume, "session connected");
        self.shared.metrics.opened(links.transport(slot), resume);

        let (from, found) = found.unwrap_or_else(|| {
            (
                start.clone(),
                Found {
                    missed: Vec::new(),
                    over: Vec::new(),
                },
            )
        });
        if let Some(catchup) = &mut user.catchup {
            catchup.at = from;
            catchup.start(found.missed, start);
            catchup.done();
        }
        for (conversation, reached) in found.over {
            self.leave_past(slot, conversation, reached);
        }
        for (other, reason) in [
            (displaced.same_session, "replaced"),
            (displaced.oldest, "too_many_connections"),
        ] {
            if let Some(other) = other {
                self.end(links, other, reason);
            }
        }
        self.pump(links, slot);
        if !holds(Rule::ConnectFirst) {
            links.send(slot, connect);
        }
        self.rearm(links, slot);
    }

    /// A session that begins anew is in the conversations that its user takes part in now, and has
    /// none of them open.
    fn begin_anew(&mut self, slot: Slot) {
        if let Some(user) = self.user_mut(slot) {
            user.joined.clear();
        }
        let conversations = self
            .user(slot)
            .map(|user| user.conversations.clone())
            .unwrap_or_default();
        for conversation in conversations {
            let Some(member) = self.rooms.member_mut(conversation, slot) else {
                continue;
            };
            match member.visible.current() {
                Some(since) => member.visible = Visible::From(since),
                None => self.leave(slot, conversation),
            }
        }
    }

    /// A session goes on on another connection: those it had here before make way. Which one is the
    /// newest is decided by since when each hears its user's channel, so that signals may come late
    /// and in any order, and an older connection is sure to hear of a newer one. Clocks that disagree
    /// can spare an old connection, which then ends by its time-out, or close the newest, whose client
    /// comes back. Two clients that were given one `pid` close each other in turn, and that is left to
    /// them: what would end it, no recovery soon after a takeover, would fail a client whose network
    /// breaks twice in a row.
    pub(super) fn taken_over(&self, links: &mut Links, user: &UserId, takeover: &Takeover) {
        let rank = Rank {
            since: takeover.at,
            sid: takeover.connection_id.as_str().into(),
        };
        for slot in self.rooms.user(user).to_vec() {
            let superseded = self
                .user(slot)
                .is_some_and(|user| user.pid.as_str() == takeover.pid && user.rank() < rank);
            if superseded {
                links.close(slot, "replaced");
            }
        }
    }

    /// Ends a connection, wherever on this gateway it lives.
    fn end(&self, links: &mut Links, place: crate::registry::Place, reason: &'static str) {
        if place.worker == self.worker {
            links.close(place.slot, reason);
        } else if let Some(worker) = self
            .shared
            .workers
            .get()
            .and_then(|workers| workers.get(place.worker))
            .cloned()
        {
            self.handle.run(
                async move { worker.send(Told::End(place.slot, reason)).await },
                |_, _, _| {},
            );
        }
    }
}

/// Adds to `memberships` those of the conversations that a session had joined which are past
/// `MAX_SUBSCRIPTIONS`.
async fn add_joined(
    backend: &dyn Backend,
    identity: &Identity,
    joined: &[ConversationId],
    memberships: &mut Vec<Membership>,
) -> Result<(), Refusal> {
    for conversation in joined {
        let current = |membership: &Membership| {
            membership.conversation_id == *conversation && membership.left_seq.is_none()
        };
        if !memberships.iter().any(current)
            && let Some((membership, _)) =
                backend.membership(&identity.user_id, *conversation).await?
        {
            memberships.push(membership);
        }
    }
    Ok(())
}

/// A Socket.IO session id.
fn sid() -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    BASE64_URL_SAFE_NO_PAD.encode(random::<[u8; 15]>())
}
