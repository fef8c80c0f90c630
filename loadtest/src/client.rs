//! One client: a tab of a user, which behaves as the stock `socket.io-client` 4.8 does, with
//! connection state recovery, and as a product's code around it does, which syncs when what it
//! missed could not be replayed. It writes down everything that it is sent.

mod backoff;
mod link;
mod memory;
mod packet;
mod sync;
mod transport;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use callboard_shared::id::ConversationId;
use rand::{SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};

pub use transport::Wire;

use crate::{
    journal::{Beginning, ClientJournal, Line, Outcome},
    rest::Rest,
    sender::outcome,
};
use backoff::Backoff;
use link::{Link, Moved, Online};
use memory::Memory;
use packet::{Event, Packet, What};

/// Commands that may wait for a client; further ones are not taken.
const COMMANDS: usize = 4;

/// What all clients of a run share.
#[derive(Debug)]
pub struct Network {
    /// The way to the server.
    pub rest: Rest,
    /// When the run began.
    pub beginning: Beginning,
    /// The stock client's waits between its attempts, times this.
    pub backoff: f64,
    /// How many clients are up to date.
    pub live: AtomicUsize,
    /// How much all clients were sent.
    pub received: AtomicU64,
}

/// What is asked of a group of clients at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Orders {
    /// Whenever it changes, they lose their connection.
    pub cuts: u64,
    /// They stop reading.
    pub paused: bool,
    /// They end.
    pub stop: bool,
}

/// Who a client is.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The user.
    pub user: String,
    /// The user's token.
    pub token: String,
    /// How it connects.
    pub wire: Wire,
    /// The kernel's receive buffer, for clients that are to be slow.
    pub receive_buffer: Option<u32>,
    /// Decides on its waits.
    pub seed: u64,
}

/// What is asked of one client.
#[derive(Debug)]
enum Command {
    /// Send a message; `None` if it is not connected and did not try.
    Send(Value, oneshot::Sender<Option<Outcome>>),
    /// Up to where it knows each of its conversations.
    Known(oneshot::Sender<HashMap<ConversationId, u64>>),
}

/// A client that runs.
#[derive(Debug)]
pub struct Client {
    /// Whose it is.
    pub user: String,
    commands: mpsc::Sender<Command>,
    task: JoinHandle<ClientJournal>,
}

impl Client {
    /// Starts one; it ends when `orders` say so.
    #[must_use]
    pub fn start(
        network: Arc<Network>,
        identity: Identity,
        orders: watch::Receiver<Orders>,
    ) -> Self {
        let (sender, commands) = mpsc::channel(COMMANDS);
        let user = identity.user.clone();
        let running = Running {
            journal: ClientJournal {
                user: identity.user.clone(),
                lines: Vec::new(),
            },
            backoff: Backoff::new(network.backoff),
            random: StdRng::seed_from_u64(identity.seed),
            link: Link::opening(network.rest.clone(), &identity),
            network,
            identity,
            pid: None,
            offset: None,
            memory: Memory::default(),
            acknowledgements: HashMap::new(),
            next_acknowledgement: 0,
        };
        Self {
            user,
            commands: sender,
            task: tokio::spawn(Box::pin(running.run(commands, orders))),
        }
    }

    /// Sends a message by the socket; `None` if it could not try.
    pub async fn send_message(&self, data: Value) -> Option<Outcome> {
        let (answer, answered) = oneshot::channel();
        self.commands.try_send(Command::Send(data, answer)).ok()?;
        // It takes what it has accepted with it when its connection ends.
        answered.await.unwrap_or(Some(Outcome::Unknown))
    }

    /// Up to where it knows each of its conversations; nothing if it does not answer.
    pub async fn known(&self) -> HashMap<ConversationId, u64> {
        let (answer, answered) = oneshot::channel();
        if self.commands.send(Command::Known(answer)).await.is_err() {
            return HashMap::new();
        }
        answered.await.unwrap_or_default()
    }

    /// What it has written down, once it has ended.
    ///
    /// # Errors
    ///
    /// If it has panicked.
    pub async fn journal(self) -> Result<ClientJournal, tokio::task::JoinError> {
        self.task.await
    }
}

struct Running {
    network: Arc<Network>,
    identity: Identity,
    journal: ClientJournal,
    backoff: Backoff,
    random: StdRng,
    link: Link,
    /// As the stock client keeps them: the offset outlives the pid it came with.
    pid: Option<String>,
    offset: Option<String>,
    memory: Memory,
    acknowledgements: HashMap<u64, oneshot::Sender<Option<Outcome>>>,
    next_acknowledgement: u64,
}

impl Running {
    async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut orders: watch::Receiver<Orders>,
    ) -> ClientJournal {
        let mut cuts = orders.borrow().cuts;
        loop {
            let order = *orders.borrow_and_update();
            if order.stop {
                break;
            }
            if order.cuts != cuts {
                cuts = order.cuts;
                if let Link::Opening(_) | Link::Online(_) = self.link {
                    self.lose("cut");
                }
            }
            let paused = order.paused && matches!(self.link, Link::Online(_));
            tokio::select! {
                changed = orders.changed() => {
                    if changed.is_err() {
                        break;
                    }
                }
                Some(command) = commands.recv() => self.command(command),
                moved = self.link.moved(), if !paused => self.moved(moved),
            }
        }
        // Whoever is told to end was there until the end.
        self.set_live(false);
        self.journal
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Known(answer) => drop(answer.send(self.memory.known())),
            Command::Send(data, answer) => match &mut self.link {
                Link::Online(online) if online.live => {
                    let id = self.next_acknowledgement;
                    self.next_acknowledgement += 1;
                    self.acknowledgements.insert(id, answer);
                    let packet = format!("42{id}{}", json!(["send-message", data]));
                    online.transport.send(packet);
                }
                _ => drop(answer.send(None)),
            },
        }
    }

    fn moved(&mut self, moved: Moved) {
        match moved {
            Moved::Due => self.link = Link::opening(self.network.rest.clone(), &self.identity),
            Moved::Opened(mut transport, open) => {
                self.backoff.reset();
                transport.send(self.connect());
                self.link = Link::Online(Box::new(Online::new(transport, &open)));
            }
            Moved::Packet(text) => match Packet::read(&text) {
                Ok(packet) => self.packet(packet),
                Err(error) => self.lose(&error.to_string()),
            },
            Moved::Synced(synced) => {
                self.memory.synced(&synced);
                self.note(Line::Synced(synced));
                self.set_live(true);
            }
            Moved::Broken(error) => self.lose(&error.to_string()),
            Moved::Silent => self.lose("ping timeout"),
        }
    }

    /// CONNECT, with the session to go on with.
    fn connect(&self) -> String {
        let mut auth = json!({"token": self.identity.token});
        if let Some(pid) = &self.pid {
            auth["pid"] = json!(pid);
            if let Some(offset) = &self.offset {
                auth["offset"] = json!(offset);
            }
        }
        format!("40{auth}")
    }

    fn packet(&mut self, packet: Packet) {
        let Link::Online(online) = &mut self.link else {
            return;
        };
        match packet {
            Packet::Ping => online.heard(),
            Packet::Close => self.lose("closed by the server"),
            Packet::Connected { pid } => {
                let recovered = pid.is_some() && self.pid == pid;
                self.pid = pid;
                if !recovered {
                    self.memory.begin_session();
                }
                self.note(Line::Connected { recovered });
            }
            Packet::Refused(reason) => self.banish(reason),
            Packet::Disconnected => self.banish("disconnected by the server".to_owned()),
            Packet::Event(event) => self.event(event),
            Packet::Acknowledged { id, answer } => {
                if let Some(waiting) = self.acknowledgements.remove(&id) {
                    // Who gave up waiting does not need it.
                    let _ = waiting.send(Some(outcome(&answer)));
                }
            }
            Packet::Other => {}
        }
    }

    fn event(&mut self, event: Event) {
        self.network.received.fetch_add(1, Ordering::Relaxed);
        if event.offset.is_some() {
            self.offset = event.offset;
        }
        match event.what {
            What::Ready if self.memory.needs_sync() => {
                if let Link::Online(online) = &mut self.link {
                    let cursors = self.memory.cursors();
                    online.sync(self.network.rest.clone(), &self.identity.token, cursors);
                }
            }
            What::Ready => self.set_live(true),
            What::Received(received) => {
                self.memory.take(received);
                self.note(Line::Received(received));
            }
            What::Ephemeral => {}
        }
    }

    /// The connection is gone: try again in a while.
    fn lose(&mut self, reason: &str) {
        let wait = self.backoff.next(&mut self.random);
        if let Link::Online(_) = &self.link {
            self.note(Line::Disconnected {
                reason: reason.to_owned(),
            });
        }
        self.give_up();
        self.link = Link::waiting(wait);
    }

    /// The stock client does not come back by itself.
    fn banish(&mut self, reason: String) {
        self.note(Line::Banished { reason });
        self.give_up();
        self.link = Link::Ended;
    }

    fn give_up(&mut self) {
        self.set_live(false);
        self.acknowledgements.clear();
    }

    fn set_live(&mut self, live: bool) {
        let Link::Online(online) = &mut self.link else {
            return;
        };
        if online.live == live {
            return;
        }
        online.live = live;
        if live {
            self.network.live.fetch_add(1, Ordering::Relaxed);
            self.note(Line::Live);
        } else {
            self.network.live.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn note(&mut self, line: Line) {
        let at = self.network.beginning.elapsed();
        self.journal.lines.push((at, line));
    }
}
