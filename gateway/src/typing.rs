//! Who types: signals on their way to the bus, and what the gateway has heard of typists.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use callboard_shared::{
    auth::Identity,
    bus::Bus,
    event::{Signal, SignalName, VERSION},
    id::{ConversationId, UserId},
    wire,
};
use tokio::sync::mpsc;

use crate::{
    messaging::{RELAY_EVERY, STOPS_AFTER},
    metrics::Metrics,
};

/// How many signals may wait for the bus; past it they are dropped and counted: typing is best
/// effort, and delays nothing.
const QUEUE: usize = 1_024;

/// Sends signals, in order, without waiting.
#[derive(Clone)]
pub(crate) struct Signals {
    queue: mpsc::Sender<(ConversationId, Bytes)>,
    metrics: Arc<Metrics>,
}

impl Signals {
    /// The sender, and the task that takes its signals to the bus.
    pub(crate) fn new(
        bus: Arc<dyn Bus>,
        metrics: Arc<Metrics>,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (queue, mut waiting) = mpsc::channel(QUEUE);
        let signals = Self {
            queue,
            metrics: Arc::clone(&metrics),
        };
        let task = async move {
            while let Some((conversation, payload)) = waiting.recv().await {
                if let Err(error) = bus.signal(conversation, payload).await {
                    tracing::debug!(%error, "a typing signal was not sent");
                    metrics.error("signal_dropped");
                }
            }
        };
        (signals, task)
    }

    /// The user types, or goes on.
    pub(crate) fn start(&self, conversation: ConversationId, identity: &Identity) {
        self.send(SignalName::TypingStart, conversation, identity);
    }

    /// The user has stopped.
    pub(crate) fn stop(&self, conversation: ConversationId, identity: &Identity) {
        self.send(SignalName::TypingStop, conversation, identity);
    }

    fn send(&self, signal: SignalName, conversation: ConversationId, identity: &Identity) {
        let signal = Signal {
            v: VERSION,
            signal,
            conversation_id: conversation,
            user_id: identity.user_id.clone(),
            user_name: identity
                .name
                .as_deref()
                .filter(|_| signal == SignalName::TypingStart)
                .map(str::to_owned),
        };
        let sent = signal
            .encode()
            .is_ok_and(|payload| self.queue.try_send((conversation, payload)).is_ok());
        if !sent {
            self.metrics.error("signal_dropped");
        }
    }
}

/// What is heard of a typist counts this long. The gateway of a typist says when they stop, unless
/// it dies; the last start that it had may have come [`RELAY_EVERY`] after the last one it relayed.
const HEARD_FOR: Duration = STOPS_AFTER
    .saturating_add(RELAY_EVERY)
    .saturating_add(Duration::from_secs(1));

/// Whom the gateway knows to be typing, in the conversations it is subscribed to. The subscriber
/// keeps it; workers look when a client joins.
#[derive(Default)]
pub(crate) struct Typists(Mutex<HashMap<ConversationId, Vec<Typist>>>);

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

    fn lock(&self) -> MutexGuard<'_, HashMap<ConversationId, Vec<Typist>>> {
        // No change in here can panic half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
