//! What Callboard makes of its connections: the application that each worker runs.
//!
//! A connection becomes a session with a user when its CONNECT brings a token that counts. The
//! session is attached to its user's conversations ([`attach`]), is sent what happens in them
//! ([`deliver`]), and says what its user does ([`events`]). All of that happens in turns of the
//! worker; whatever takes time runs beside them and comes back as a turn of its own.
//!
//! It knows Socket.IO, but no transport; it asks the [`Backend`](crate::backend::Backend) for
//! everything that lasts.

mod attach;
mod catchup;
mod client_event;
mod deliver;
mod delivery;
mod events;
mod kept;
mod membership;
mod operations;
mod pid;
mod receipts;
mod replay;
mod rooms;
#[cfg(feature = "sabotage")]
mod sabotage;
mod session;
mod typing;

use std::{collections::HashMap, sync::Arc, time::Duration};

use callboard_shared::{
    auth::Verifier,
    bus::{Bus, Channel},
    clock::Clock,
    cursor::Position,
    id::ConversationId,
    rules::{Rule, holds},
};
use slotmap::SecondaryMap;
use tokio::sync::mpsc;

use crate::{
    backend::Backend,
    engine::{CloseReason, Message, Transport},
    metrics::Metrics,
    rate::Rate,
    registry::{Place, Registry},
    settings::GatewaySettings,
    signals::Signals,
    socketio::{self, Connection, Incoming},
    subscriber::{Told, Want},
    typing::Typists,
    worker::{Application, Handle, Handshake, Links, Slot},
};

pub(crate) use delivery::{Delivery, Missed, Typing};
pub(crate) use pid::Pid;
pub(crate) use rooms::Visible;
pub(crate) use typing::{RELAY_EVERY, STOPS_AFTER};

use attach::Step;
use receipts::Receipts;
use rooms::Rooms;
use session::{Session, User};

/// The one namespace there is.
const NAMESPACE: &str = "/";

/// Over how long the connections are closed that have to start over.
const START_OVER_WITHIN: Duration = Duration::from_secs(5);

/// What the workers of a gateway have in common.
pub(crate) struct Shared {
    pub(crate) settings: GatewaySettings,
    pub(crate) socketio: Arc<socketio::Config>,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) registry: Registry,
    pub(crate) signals: Signals,
    pub(crate) typists: Arc<Typists>,
    /// The queues of all workers, once they have started.
    pub(crate) workers: std::sync::OnceLock<Vec<mpsc::Sender<Told>>>,
}

/// The sessions of one worker.
pub(crate) struct Messaging {
    shared: Arc<Shared>,
    worker: usize,
    handle: Handle<Self>,
    /// To the subscriber. Unbounded, because a turn cannot wait; a connection has few wishes open at
    /// a time, so it is bounded by their number.
    wants: mpsc::UnboundedSender<Want>,
    sessions: SecondaryMap<Slot, Session>,
    rooms: Rooms,
    receipts: Receipts,
    /// What to do when the subscriptions asked for with a tag stand.
    steps: HashMap<u64, Step>,
    next_serial: u64,
    /// How far the worker is: everything of its channels up to here has been handled.
    position: Position,
    #[cfg(feature = "sabotage")]
    saboteur: sabotage::Saboteur,
}

impl Messaging {
    pub(crate) fn new(
        shared: Arc<Shared>,
        worker: usize,
        handle: Handle<Self>,
        wants: mpsc::UnboundedSender<Want>,
    ) -> Self {
        Self {
            // Nobody is told a position before the first one has come.
            position: Position::new(&[], shared.clock.now()),
            shared,
            worker,
            handle,
            wants,
            sessions: SecondaryMap::new(),
            rooms: Rooms::default(),
            receipts: Receipts::default(),
            steps: HashMap::new(),
            next_serial: 0,
            #[cfg(feature = "sabotage")]
            saboteur: sabotage::Saboteur::from_environment(),
        }
    }

    fn serial(&mut self) -> u64 {
        self.next_serial += 1;
        self.next_serial
    }

    fn place(&self, slot: Slot) -> Place {
        Place {
            worker: self.worker,
            slot,
        }
    }

    /// The events that a connection may send.
    fn rate(&self) -> Rate {
        let per_minute = self.shared.settings.max_events_per_minute.get();
        Rate::new(per_minute, per_minute.div_ceil(3))
    }

    /// The events past that which are refused before the connection is closed.
    fn refusals(&self) -> Rate {
        let per_minute = self.shared.settings.max_events_per_minute.get();
        Rate::new(per_minute, per_minute)
    }

    fn user(&self, slot: Slot) -> Option<&User> {
        self.sessions.get(slot)?.user.as_deref()
    }

    fn user_mut(&mut self, slot: Slot) -> Option<&mut User> {
        self.sessions.get_mut(slot)?.user.as_deref_mut()
    }

    /// The session's user, unless the connection has meanwhile connected as another one.
    fn same_user_mut(&mut self, slot: Slot, serial: u64) -> Option<&mut User> {
        self.user_mut(slot).filter(|user| user.serial == serial)
    }

    fn unsubscribe(&self, channels: Vec<Channel>) {
        if !channels.is_empty() {
            let worker = self.worker;
            // Fails only when the gateway is going down.
            let _ = self.wants.send(Want::Unsubscribe { worker, channels });
        }
    }

    /// Sets the connection's timer to the first thing that is due.
    fn rearm(&self, links: &mut Links, slot: Slot) {
        let due = self.sessions.get(slot).and_then(Session::next_due);
        links.set_due(slot, due);
    }

    fn incoming(&mut self, links: &mut Links, slot: Slot, incoming: Incoming) {
        match incoming {
            Incoming::Connect { auth, .. } => self.connect(links, slot, auth.as_deref()),
            Incoming::Event {
                id,
                name,
                arguments,
                ..
            } => self.client_event(links, slot, id, &name, &arguments),
            Incoming::Disconnect { .. } => self.detach(slot),
            Incoming::UnknownNamespace { answer } => links.send(slot, answer),
            // We ask for no acknowledgements.
            Incoming::Ack { .. } => {}
        }
    }

    /// Lets go of everything that a connection had as its user's.
    fn detach(&mut self, slot: Slot) {
        let Some(user) = self
            .sessions
            .get_mut(slot)
            .and_then(|session| session.user.take())
        else {
            return;
        };
        let mut channels = Vec::new();
        for conversation in &user.conversations {
            if self.rooms.remove(*conversation, slot) {
                channels.push(Channel::Conversation(*conversation));
            }
        }
        let id = &user.identity.user_id;
        if self.rooms.remove_user(id, slot) {
            channels.push(Channel::User(id.clone()));
        }
        self.unsubscribe(channels);
        for tag in user.tags {
            self.steps.remove(&tag);
            let worker = self.worker;
            let _ = self.wants.send(Want::Forget { worker, tag });
        }
        self.shared.registry.leave(id, self.place(slot));
        for typing in &user.typing {
            self.shared
                .signals
                .stop_typing(typing.conversation, &user.identity);
        }
        tracing::debug!(connection.id = &*user.sid, "session ended");
    }

    /// Every cursor is void: nobody is sent anything any more, and all have to come back. They are
    /// closed one after the other, so that they do not come back all at once.
    fn start_over(&mut self) {
        let slots: Vec<Slot> = self.sessions.keys().collect();
        let count = u32::try_from(slots.len()).unwrap_or(u32::MAX);
        for (index, slot) in (0..).zip(slots) {
            self.detach(slot);
            self.handle
                .after(START_OVER_WITHIN * index / count, move |_, links| {
                    links.close(slot, "new_epoch");
                });
        }
    }

    /// Takes one connection out of a conversation.
    fn leave(&mut self, slot: Slot, conversation: ConversationId) {
        self.end_typing(slot, |typing| typing.conversation == conversation);
        if let Some(user) = self.user_mut(slot) {
            user.conversations.retain(|other| *other != conversation);
            if user.close(conversation) {
                self.keep_joined(slot);
            }
        }
        if self.rooms.remove(conversation, slot) {
            self.unsubscribe(vec![Channel::Conversation(conversation)]);
        }
    }
}

impl Application for Messaging {
    type Event = Told;

    fn is_idle(&self) -> bool {
        self.sessions.is_empty()
            && self.rooms.is_empty()
            && self.steps.is_empty()
            && self.receipts.is_empty()
    }

    fn opened(&mut self, links: &mut Links, slot: Slot, handshake: Handshake) {
        let connection = Connection::new(links.now(), &self.shared.socketio);
        self.sessions.insert(
            slot,
            Session::new(connection, handshake.bearer, links.now()),
        );
        self.rearm(links, slot);
    }

    fn message(&mut self, links: &mut Links, slot: Slot, message: Message) {
        let now = links.now();
        let Some(session) = self.sessions.get_mut(slot) else {
            return;
        };
        match session.connection.receive(message, now) {
            Ok(Some(incoming)) => self.incoming(links, slot, incoming),
            Ok(None) => {}
            Err(error) => {
                self.shared.metrics.error(error.label());
                links.close(slot, error.label());
            }
        }
        self.rearm(links, slot);
    }

    fn due(&mut self, links: &mut Links, slot: Slot) {
        let now = links.now();
        if let Some(Err(error)) = self
            .sessions
            .get(slot)
            .map(|session| session.connection.tick(now))
        {
            self.shared.metrics.error(error.label());
            links.close(slot, error.label());
            return;
        }
        self.expire_typing(slot, now);
        self.check_expiry(links, slot);
        self.refresh_cursor(links, slot);
        self.keep_again(slot, now);
        self.rearm(links, slot);
    }

    fn drained(&mut self, links: &mut Links, slot: Slot) {
        self.pump(links, slot);
    }

    fn closed(&mut self, _: &mut Links, slot: Slot, transport: Transport, reason: CloseReason) {
        self.detach(slot);
        self.sessions.remove(slot);
        tracing::debug!(
            transport = transport.name(),
            reason = reason.label(),
            "connection closed"
        );
    }

    fn event(&mut self, links: &mut Links, told: Told) {
        match told {
            Told::Delivery(delivery) => self.deliver(links, &delivery),
            Told::Notice {
                user,
                notice,
                point,
                position,
            } => {
                self.position = position;
                self.notice(links, &user, &notice, point);
            }
            Told::Typing(typing) => {
                self.send_to_joined(links, typing.conversation, &typing.user, &typing.frame);
            }
            Told::Takeover { user, takeover } => self.taken_over(links, &user, &takeover),
            Told::Subscribed { tag, position } => {
                self.position = position;
                self.subscribed(links, tag);
            }
            Told::Position(position) => self.position = position,
            Told::Gap(_) if !holds(Rule::GapCloses) => {}
            Told::Gap(Channel::Conversation(conversation)) => {
                let slots: Vec<Slot> = self
                    .rooms
                    .members(conversation)
                    .iter()
                    .map(|member| member.slot)
                    .collect();
                for slot in slots {
                    // Out first, so that nothing of what comes after the gap reaches them.
                    self.leave(slot, conversation);
                    links.close(slot, "gap");
                }
            }
            Told::Gap(Channel::User(user)) => {
                for slot in self.rooms.user(&user).to_vec() {
                    links.close(slot, "gap");
                }
            }
            Told::NewEpoch(position) => {
                self.position = position;
                if holds(Rule::EpochCloses) {
                    self.start_over();
                }
            }
            Told::End(slot, reason) => links.close(slot, reason),
        }
    }
}
