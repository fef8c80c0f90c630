//! Who is there: users, their clients, and the conversations that they have.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use callboard_shared::{
    auth::{AuthSettings, mint},
    clock::{Clock, SystemClock},
    id::ConversationId,
};
use futures::{StreamExt, TryStreamExt, future::join_all, stream};
use http::Method;
use rand::{SeedableRng, rngs::StdRng, seq::IteratorRandom};
use serde_json::json;
use tokio::{sync::watch, time::sleep};

use crate::{
    client::{Client, Identity, Network, Orders, Wire},
    journal::{Beginning, ClientJournal},
    rest::Rest,
    truth::{self, Database, Truth},
};

/// Clients of a user.
const TABS: usize = 2;

/// Members of a conversation: fewer than what an event lists, because the truth is read from that.
const MEMBERS: usize = 20;

/// Conversations of a user.
const CONVERSATIONS: usize = 3;

/// How long tokens are good for: longer than any run.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);

/// The receive buffer of clients that are to be slow: the smallest that the kernel gives.
const SLOW_BUFFER: u32 = 4096;

/// How many conversations are read at a time.
const READERS: usize = 8;

/// How many clients connect at a time.
const RAMP: usize = 50;

/// What a world is made of.
#[derive(Debug, Clone)]
pub struct Size {
    /// How many clients.
    pub clients: usize,
    /// How many of them can be made slow.
    pub slow: usize,
    /// The stock client's waits between its attempts, times this.
    pub backoff: f64,
    /// Decides on who talks to whom.
    pub seed: u64,
}

/// A conversation.
#[derive(Debug)]
pub struct Room {
    /// Its id.
    pub id: ConversationId,
    /// Its first members, apart from the director.
    pub members: Vec<String>,
}

/// Clients that are given orders together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// Half of those that are not slow.
    Left,
    /// The other half.
    Right,
    /// The slow ones.
    Slow,
}

/// Everybody.
#[derive(Debug)]
pub struct World {
    /// What the clients share.
    pub network: Arc<Network>,
    /// Creates all conversations, takes part in all of them and is never removed; has no clients.
    pub director: String,
    /// The conversations that are talked in.
    pub rooms: Vec<Room>,
    /// That of the slow clients.
    pub flooded: Option<Room>,
    /// Every client.
    pub clients: Vec<Client>,
    tokens: HashMap<String, String>,
    by_user: HashMap<String, Vec<usize>>,
    orders: HashMap<Group, watch::Sender<Orders>>,
}

impl World {
    /// Creates the conversations and connects everybody.
    ///
    /// # Errors
    ///
    /// If a conversation cannot be created.
    pub async fn create(address: Rest, secret: &str, size: &Size) -> anyhow::Result<Self> {
        let mut random = StdRng::seed_from_u64(size.seed);
        let run = SystemClock.now().as_millis();
        let normal = size.clients - size.slow;
        let users: Vec<_> = (0..normal.div_ceil(TABS))
            .map(|index| format!("{run}-user-{index}"))
            .collect();
        let slow: Vec<_> = (0..size.slow)
            .map(|index| format!("{run}-slow-{index}"))
            .collect();
        let director = format!("{run}-director");
        let everybody = users.iter().chain(&slow).chain([&director]);
        let tokens = everybody
            .map(|user| Ok((user.clone(), token(secret, user)?)))
            .collect::<anyhow::Result<_>>()?;
        let network = Network {
            rest: address,
            beginning: Beginning::now(),
            backoff: size.backoff,
            live: AtomicUsize::new(0),
            received: AtomicU64::new(0),
        };
        let orders = [Group::Left, Group::Right, Group::Slow].map(|group| {
            let (orders, _) = watch::channel(Orders::default());
            (group, orders)
        });
        let mut world = Self {
            network: Arc::new(network),
            director,
            rooms: Vec::new(),
            flooded: None,
            clients: Vec::new(),
            tokens,
            by_user: HashMap::new(),
            orders: orders.into(),
        };
        for _ in 0..(users.len() * CONVERSATIONS).div_ceil(MEMBERS) {
            let members = users.iter().cloned().choose_multiple(&mut random, MEMBERS);
            let room = world.room(members).await?;
            world.rooms.push(room);
        }
        if !slow.is_empty() {
            world.flooded = Some(world.room(slow.clone()).await?);
        }
        world.connect(&users, &slow, normal, size.seed).await;
        Ok(world)
    }

    async fn room(&self, members: Vec<String>) -> anyhow::Result<Room> {
        let body = json!({"participantIds": members});
        let token = self.token(&self.director);
        let rest = &self.network.rest;
        let (status, created) = rest
            .call(token, Method::POST, "conversations", Some(&body))
            .await?;
        anyhow::ensure!(status.is_success(), "no conversation: {status} {created}");
        let id = created["id"].as_str().context("no id")?.parse()?;
        Ok(Room { id, members })
    }

    async fn connect(&mut self, users: &[String], slow: &[String], normal: usize, seed: u64) {
        for index in 0..normal + slow.len() {
            let (user, wire, group) = if index < normal {
                let wires = [
                    Wire::WebSocket,
                    Wire::Upgrade,
                    Wire::WebSocket,
                    Wire::Polling,
                ];
                // The halves and the wires are not to coincide.
                let group = [Group::Left, Group::Right][(index / 4) % 2];
                (&users[index % users.len()], wires[index % 4], group)
            } else {
                (&slow[index - normal], Wire::WebSocket, Group::Slow)
            };
            let identity = Identity {
                user: user.clone(),
                token: self.token(user).to_owned(),
                wire,
                receive_buffer: (group == Group::Slow).then_some(SLOW_BUFFER),
                seed: seed.wrapping_add(index as u64),
            };
            let orders = self.orders[&group].subscribe();
            self.by_user.entry(user.clone()).or_default().push(index);
            let client = Client::start(Arc::clone(&self.network), identity, orders);
            self.clients.push(client);
            while self.clients.len() - self.live() >= RAMP {
                sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// A user's token.
    #[must_use]
    pub fn token(&self, user: &str) -> &str {
        self.tokens.get(user).map_or("", String::as_str)
    }

    /// A user's clients.
    #[must_use]
    pub fn clients_of(&self, user: &str) -> Vec<&Client> {
        let indices = self.by_user.get(user).into_iter().flatten();
        indices.map(|index| &self.clients[*index]).collect()
    }

    /// How many clients are up to date.
    #[must_use]
    pub fn live(&self) -> usize {
        self.network.live.load(Ordering::Relaxed)
    }

    /// Gives a group of clients an order.
    pub fn order(&self, group: Group, change: impl FnOnce(&mut Orders)) {
        if let Some(orders) = self.orders.get(&group) {
            orders.send_modify(change);
        }
    }

    /// Reads what is true.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    pub async fn truth(&self, database: &Database) -> anyhow::Result<Truth> {
        let mut truth = Truth::default();
        let token = self.token(&self.director);
        let rooms = self.rooms.iter().chain(&self.flooded);
        let histories = rooms.map(async |room| {
            let history = truth::history(&self.network.rest, token, room.id).await?;
            anyhow::Ok((room.id, history))
        });
        let histories = stream::iter(histories).buffer_unordered(READERS);
        truth.conversations = histories.try_collect().await?;
        let ours: HashSet<_> = truth.conversations.keys().copied().collect();
        truth.stored = database.messages(&ours).await?;
        Ok(truth)
    }

    /// How many clients lack something that has happened by now; those away count.
    pub async fn behind(&self, truth: &Truth) -> usize {
        let mut behind = 0;
        let mut wanted: HashMap<&str, Vec<(ConversationId, u64)>> = HashMap::new();
        // All at once: each answer takes a turn of a busy scheduler.
        let known = join_all(self.clients.iter().map(Client::known)).await;
        for (client, known) in self.clients.iter().zip(known) {
            let wanted = wanted.entry(&client.user).or_insert_with(|| {
                let all = truth.conversations.iter();
                all.filter(|(_, history)| {
                    let last = history.stays(&client.user).pop();
                    last.is_some_and(|stay| stay.left.is_none())
                })
                .map(|(id, history)| (*id, history.last_seq()))
                .collect()
            });
            let has = |(id, seq): &(ConversationId, u64)| known.get(id) >= Some(seq);
            behind += usize::from(!wanted.iter().all(has));
        }
        behind
    }

    /// Ends all clients; what they have written down.
    ///
    /// # Errors
    ///
    /// If one has panicked.
    pub async fn end(self) -> Result<Vec<ClientJournal>, tokio::task::JoinError> {
        for orders in self.orders.values() {
            orders.send_modify(|orders| orders.stop = true);
        }
        let mut journals = Vec::with_capacity(self.clients.len());
        for client in self.clients {
            journals.push(client.journal().await?);
        }
        Ok(journals)
    }
}

fn token(secret: &str, user: &str) -> anyhow::Result<String> {
    let settings = AuthSettings {
        jwt_secret: Some(secret.into()),
        jwt_user_claim: None,
        jwt_issuer: None,
        jwt_audience: None,
    };
    let now = SystemClock.now();
    Ok(mint(&settings, &user.parse()?, None, TOKEN_LIFE, now)?)
}
