//! A subscriber's way in: for each partition a task with a connection of its own.
//!
//! ```text
//!  requests ─▶ queue ─▶ Subscription ─▶ connection ─▶ Redis
//!                            │                          │
//!  pushes ◀── Lost ──────────┤                          │
//!         ◀── the rest ── Feed ◀────────────────────────┘
//! ```
//!
//! What a connection pushes goes through a [`Feed`] that lives as long as the connection does, and is
//! closed for good at its first trouble. Only then is the partition called lost, so nothing of an old
//! connection can come after it. The answer to a position is pushed as well, on a channel that is the
//! link's own: so it comes the way that all pushes take, in order, while the command's own answer
//! takes another and proves nothing.

use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use redis::{
    Cmd, FromRedisValue, PushInfo, PushKind, RedisError, Value,
    aio::{AsyncPushSender, SendError},
    cmd,
};
use tokio::sync::{
    Notify,
    mpsc::{self, Receiver, Sender},
    oneshot,
};

use super::{
    super::{Ask, Channel, Epoch, Link, PartitionId, Push, Request, Requests},
    RedisBus, functions, messages, names,
    nodes::Connection,
};

/// How many requests may wait in one partition; past it, the partition is lost.
const REQUESTS: usize = 16_384;

/// How many commands are sent before their answers are awaited.
const AT_ONCE: usize = 512;

/// Why a partition is lost.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("a request failed")]
    Redis(#[from] RedisError),
    #[error("the connection has ended")]
    Ended,
    #[error("the partition has moved to another node")]
    Moved,
    #[error("a new epoch has begun on the same connection")]
    Begun,
    #[error("what was pushed cannot be read")]
    Unreadable,
    #[error("the subscriber does not keep up")]
    Behind,
    #[error("too many requests wait")]
    TooMany,
}

/// Opens a link.
pub(super) fn open(bus: &RedisBus) -> Link {
    let (sender, pushes) = mpsc::channel(bus.push_queue);
    let partitions = (0..bus.nodes.partitions()).map(|partition| {
        let (queue, requests) = mpsc::channel(REQUESTS);
        let refused = Arc::new(Notify::new());
        let subscription = Subscription {
            bus: bus.clone(),
            partition,
            requests,
            refused: Arc::clone(&refused),
            pushes: sender.clone(),
        };
        bus.lifecycle.spawn(subscription.run());
        Asking { queue, refused }
    });
    Link {
        requests: Box::new(RedisRequests(partitions.collect())),
        pushes,
    }
}

struct RedisRequests(Vec<Asking>);

/// The asking end of one partition.
struct Asking {
    queue: Sender<Ask>,
    refused: Arc<Notify>,
}

impl Requests for RedisRequests {
    fn send(&self, Request { partition, ask }: Request) {
        if let Some(Asking { queue, refused }) = self.0.get(usize::from(partition))
            && queue.try_send(ask).is_err()
        {
            refused.notify_one();
        }
    }
}

/// The serving end of one partition.
struct Subscription {
    bus: RedisBus,
    partition: PartitionId,
    requests: Receiver<Ask>,
    /// Told when there was no room for a request.
    refused: Arc<Notify>,
    pushes: Sender<Push>,
}

impl Subscription {
    /// Serves until the link is dropped. There is no connection until something is asked for, nor
    /// after a loss.
    async fn run(mut self) {
        while let Some(ask) = self.requests.recv().await {
            let Err(trouble) = self.serve(ask).await else {
                return;
            };
            tracing::warn!(
                partition = self.partition,
                error = &trouble as &dyn std::error::Error,
                "a subscriber's connection to Redis is given up"
            );
            let Ok(place) = self.pushes.reserve().await else {
                return;
            };
            while self.requests.try_recv().is_ok() {}
            // What was refused until now has been lost with it.
            let _ = self.refused.notified().now_or_never();
            place.send(Push::Lost(self.partition));
        }
    }

    /// Connects and serves until the link is dropped, or there is trouble.
    async fn serve(&mut self, ask: Ask) -> Result<(), Trouble> {
        let own = names::link(self.partition, (self.bus.random)());
        let (feed, ended) = Feed::open(self.partition, own.clone(), self.pushes.clone());
        let refused = Arc::clone(&self.refused);
        let outcome = tokio::select! {
            biased;
            trouble = ended => Err(trouble.unwrap_or(Trouble::Ended)),
            () = refused.notified() => Err(Trouble::TooMany),
            outcome = self.converse(ask, &feed, &own) => outcome,
        };
        feed.close();
        outcome
    }

    async fn converse(&mut self, ask: Ask, feed: &Arc<Feed>, own: &str) -> Result<(), Trouble> {
        let pushes: Arc<dyn AsyncPushSender> = feed.clone();
        let mut connection = self.bus.nodes.connect(self.partition, pushes).await?;
        self.prepare(&mut *connection).await?;
        let mut commands = vec![subscribe(own.to_owned())];
        let mut next = Some(ask);
        while let Some(ask) = next {
            self.add(ask, own, &mut commands);
            while commands.len() < AT_ONCE
                && let Ok(ask) = self.requests.try_recv()
            {
                self.add(ask, own, &mut commands);
            }
            while !commands.is_empty() {
                let now = commands.drain(..commands.len().min(AT_ONCE)).collect();
                connection.run(now).await?;
            }
            next = self.requests.recv().await;
        }
        Ok(())
    }

    /// Sees to it that the node has the library.
    async fn prepare(&self, connection: &mut dyn Connection) -> Result<(), RedisError> {
        let position = functions::position(self.partition, self.bus.propose(), None);
        match connection.run(vec![position]).await {
            Err(error) if functions::is_missing(&error) => {}
            answer => return answer.map(drop),
        }
        match connection.run(vec![functions::load()]).await {
            Err(error) if !functions::is_there_already(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Adds the commands that carry out a request.
    fn add(&self, ask: Ask, own: &str, commands: &mut Vec<Cmd>) {
        let name = |channel: &Channel| names::channel(self.partition, channel);
        match ask {
            Ask::Subscribe(channels) => {
                commands.extend(channels.iter().map(name).map(subscribe));
            }
            Ask::Unsubscribe(channels) => {
                commands.extend(channels.iter().map(name).map(unsubscribe));
            }
            Ask::Position(tag) => {
                let proposed = self.bus.propose();
                let push = Some((own, tag));
                commands.push(functions::position(self.partition, proposed, push));
            }
        }
    }
}

fn subscribe(channel: String) -> Cmd {
    let mut command = cmd("SSUBSCRIBE");
    command.arg(channel);
    command
}

fn unsubscribe(channel: String) -> Cmd {
    let mut command = cmd("SUNSUBSCRIBE");
    command.arg(channel);
    command
}

/// Brings what one connection pushes to the subscriber, until the first trouble.
struct Feed {
    partition: PartitionId,
    /// The link's own channel.
    own: String,
    open: Mutex<Option<Open>>,
}

struct Open {
    pushes: Sender<Push>,
    ended: oneshot::Sender<Trouble>,
    /// That of the connection's first point.
    epoch: Option<Epoch>,
}

impl Open {
    /// Brings one push. A Redis that is emptied keeps its connections; the next one is made with all
    /// that a new Redis has to be told.
    fn bring(&mut self, push: Push) -> Result<(), Trouble> {
        if let Push::Entry { point, .. } | Push::Position { point, .. } = &push
            && *self.epoch.get_or_insert(point.epoch) != point.epoch
        {
            return Err(Trouble::Begun);
        }
        self.pushes.try_send(push).map_err(|_| Trouble::Behind)
    }
}

impl Feed {
    fn open(
        partition: PartitionId,
        own: String,
        pushes: Sender<Push>,
    ) -> (Arc<Self>, oneshot::Receiver<Trouble>) {
        let (ended, trouble) = oneshot::channel();
        let feed = Self {
            partition,
            own,
            open: Mutex::new(Some(Open {
                pushes,
                ended,
                epoch: None,
            })),
        };
        (Arc::new(feed), trouble)
    }

    /// Nothing passes any more.
    fn close(&self) {
        self.lock().take();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the subscriber is to know of it.
    fn read(&self, PushInfo { kind, data }: PushInfo) -> Result<Option<Push>, Trouble> {
        match kind {
            PushKind::SMessage => {
                let [channel, message] = <[Value; 2]>::try_from(data)
                    .map_err(|_| Trouble::Unreadable)?
                    .map(bytes::Bytes::from_redis_value);
                let (Ok(channel), Ok(message)) = (channel, message) else {
                    return Err(Trouble::Unreadable);
                };
                let push = messages::parse(self.partition, &channel, message);
                push.map(Some).ok_or(Trouble::Unreadable)
            }
            // A node that gives up a slot unsubscribes everybody from everything in it. Nobody else
            // ever unsubscribes a link's own channel.
            PushKind::SUnsubscribe => match data.first() {
                Some(Value::BulkString(channel)) if *channel == self.own.as_bytes() => {
                    Err(Trouble::Moved)
                }
                _ => Ok(None),
            },
            PushKind::Disconnection => Err(Trouble::Ended),
            _ => Ok(None),
        }
    }
}

impl AsyncPushSender for Feed {
    fn send(&self, info: PushInfo) -> Result<(), SendError> {
        let mut open = self.lock();
        let Some(to) = open.as_mut() else {
            return Err(SendError);
        };
        let push = self.read(info);
        let sent = push.and_then(|push| push.map_or(Ok(()), |push| to.bring(push)));
        sent.map_err(|trouble| {
            if let Some(Open { ended, .. }) = open.take() {
                // Whoever served the connection may have given it up already.
                let _ = ended.send(trouble);
            }
            SendError
        })
    }
}
