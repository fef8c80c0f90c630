//! Signals on their way to the bus: who types, and which session goes on on another connection.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use callboard_shared::{
    auth::Identity,
    bus::{Bus, BusError, Channel},
    event::{Signal, SignalName, Takeover, VERSION},
    id::{ConversationId, UserId},
};
use futures::{FutureExt, StreamExt, future::join_all, stream};
use tokio::{sync::mpsc, time::timeout};

use crate::metrics::Metrics;

/// How many signals may wait in each queue; past it they are dropped and counted: they are best
/// effort, and delay nothing.
const QUEUE: usize = 1_024;

/// How long the bus may take over one.
const SEND_TIME: Duration = Duration::from_secs(2);

/// How many take-overs are sent at once: they may come in any order.
const TAKEOVERS_AT_ONCE: usize = 64;

/// Sends signals without waiting. Those of a partition's conversations have a queue of their own,
/// where they stay in order: a node of the bus that hangs holds up nothing else.
#[derive(Clone)]
pub(crate) struct Signals {
    bus: Arc<dyn Bus>,
    /// One for each partition.
    typing: Arc<[Queue]>,
    takeovers: Queue,
    metrics: Arc<Metrics>,
}

type Queue = mpsc::Sender<(Channel, Bytes)>;

impl Signals {
    /// The sender, and the task that takes what it is given to the bus.
    pub(crate) fn new(
        bus: Arc<dyn Bus>,
        metrics: Arc<Metrics>,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let partitions = 0..bus.partitions();
        let (typing, typing_waits): (Vec<_>, Vec<_>) =
            partitions.map(|_| mpsc::channel(QUEUE)).unzip();
        let (takeovers, takeovers_wait) = mpsc::channel(QUEUE);
        let signals = Self {
            bus: Arc::clone(&bus),
            typing: typing.into(),
            takeovers,
            metrics: Arc::clone(&metrics),
        };
        let send = move |(channel, payload): (Channel, Bytes)| {
            let (bus, metrics) = (Arc::clone(&bus), Arc::clone(&metrics));
            async move {
                let sent = timeout(SEND_TIME, bus.signal(&channel, payload)).await;
                let sent = sent.unwrap_or_else(|_| Err(BusError::new("it takes too long")));
                if let Err(error) = sent {
                    tracing::debug!(%error, "a signal was not sent");
                    metrics.error("signal_dropped");
                }
            }
        };
        let all = typing_waits.into_iter().map(|waiting| (waiting, 1));
        let all = all.chain([(takeovers_wait, TAKEOVERS_AT_ONCE)]);
        let tasks = all.map(|(mut waiting, at_once)| {
            stream::poll_fn(move |context| waiting.poll_recv(context))
                .for_each_concurrent(at_once, send.clone())
        });
        let tasks = join_all(tasks.collect::<Vec<_>>());
        (signals, tasks.map(drop))
    }

    /// The user types, or goes on.
    pub(crate) fn start_typing(&self, conversation: ConversationId, identity: &Identity) {
        self.typing(SignalName::TypingStart, conversation, identity);
    }

    /// The user has stopped.
    pub(crate) fn stop_typing(&self, conversation: ConversationId, identity: &Identity) {
        self.typing(SignalName::TypingStop, conversation, identity);
    }

    fn typing(&self, signal: SignalName, conversation: ConversationId, identity: &Identity) {
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
        let queue = &self.typing[usize::from(self.bus.partition_of(conversation))];
        self.send(queue, Channel::Conversation(conversation), signal.encode());
    }

    /// A session of the user goes on on another connection.
    pub(crate) fn taken_over(&self, user: &UserId, takeover: &Takeover) {
        let channel = Channel::User(user.clone());
        self.send(&self.takeovers, channel, takeover.encode());
    }

    fn send(&self, queue: &Queue, channel: Channel, payload: serde_json::Result<Bytes>) {
        let sent = payload.is_ok_and(|payload| queue.try_send((channel, payload)).is_ok());
        if !sent {
            self.metrics.error("signal_dropped");
        }
    }
}
