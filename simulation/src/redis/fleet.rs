//! The Redis fleet as an operator sees it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use callboard_shared::{
    bus::PartitionId,
    clock::{Clock, Timestamp},
};

use super::{
    commands::Outcome,
    keyspace::{Keyspace, Text},
    server::{ConnectionId, Outlet, Server},
};
use crate::{network::Dice, rules::ScriptRule};

/// A process, alive or not.
pub(super) type ServerId = usize;

/// With what a process comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comeback {
    /// With everything that it had so long ago.
    Data(Duration),
    /// With nothing.
    Empty,
}

/// All Redis processes there have been, and which of them is the master of what. Cheap to clone.
#[derive(Clone)]
pub struct Fleet {
    dice: Dice,
    clock: Arc<dyn Clock>,
    without: Option<ScriptRule>,
    state: Arc<Mutex<State>>,
}

struct State {
    /// By id; none is ever used again.
    servers: Vec<Process>,
    /// The master of each node.
    masters: Vec<ServerId>,
    /// The node of each partition.
    homes: Vec<usize>,
    next_connection: ConnectionId,
}

struct Process {
    server: Server,
    alive: bool,
    /// When it got a replica.
    followed: Option<Timestamp>,
}

impl Fleet {
    /// Nodes, of which each has a replica or not, with the partitions spread over them.
    #[must_use]
    pub fn start(
        dice: &Dice,
        clock: Arc<dyn Clock>,
        nodes: usize,
        partitions: PartitionId,
        replicas: usize,
        without: Option<ScriptRule>,
    ) -> Self {
        let fleet = Self {
            dice: dice.clone(),
            clock,
            without,
            state: Arc::new(Mutex::new(State {
                servers: Vec::new(),
                masters: Vec::new(),
                homes: (0..usize::from(partitions))
                    .map(|partition| partition % nodes)
                    .collect(),
                next_connection: 0,
            })),
        };
        for _ in 0..nodes {
            let server = fleet.spawn(Keyspace::default(), None, replicas);
            fleet.lock().masters.push(server);
        }
        for partition in 0..usize::from(partitions) {
            for node in (0..nodes).filter(|node| *node != partition % nodes) {
                let state = &mut *fleet.lock();
                if let Some(server) = state.server(state.masters[node]) {
                    server.moved.insert(prefix(partition));
                }
            }
        }
        fleet
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn id(&self) -> String {
        let digit = |_| char::from(b"0123456789abcdef"[self.dice.below(16)]);
        (0..40).map(digit).collect()
    }

    fn spawn(&self, keys: Keyspace, library: Option<&str>, replicas: usize) -> ServerId {
        self.spawn_as(self.id(), keys, library, replicas)
    }

    fn spawn_as(
        &self,
        run_id: String,
        keys: Keyspace,
        library: Option<&str>,
        replicas: usize,
    ) -> ServerId {
        let ids = [run_id, self.id()];
        let now = self.now();
        let server = Server::start(ids, keys, library, replicas, self.without);
        let state = &mut *self.lock();
        state.servers.push(Process {
            server,
            alive: true,
            followed: (replicas > 0).then_some(now),
        });
        state.servers.len() - 1
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.now().as_millis()).unwrap_or(0) * 1_000
    }

    /// How many partitions there are.
    #[must_use]
    pub fn partitions(&self) -> PartitionId {
        PartitionId::try_from(self.lock().homes.len()).unwrap_or(PartitionId::MAX)
    }

    /// How many nodes there are.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.lock().masters.len()
    }

    /// The process that is a partition's master.
    pub(super) fn master_of(&self, partition: PartitionId) -> ServerId {
        let state = self.lock();
        state.masters[state.homes[usize::from(partition)]]
    }

    /// Carries out a command in a process; `None` if it is dead.
    pub(super) fn run(
        &self,
        server: ServerId,
        connection: Option<ConnectionId>,
        arguments: &[Text],
    ) -> Option<Outcome> {
        let time = self.micros();
        let state = &mut *self.lock();
        let server = state.server(server)?;
        if connection.is_some_and(|id| !server.is_connected(id)) {
            return None;
        }
        Some(server.run(connection, arguments, time))
    }

    /// Connects to a process; `None` if it is dead.
    pub(super) fn connect(&self, server: ServerId, outlet: Outlet) -> Option<ConnectionId> {
        let state = &mut *self.lock();
        state.next_connection += 1;
        let id = state.next_connection;
        state.server(server)?.connect(id, outlet);
        Some(id)
    }

    /// Ends a connection.
    pub(super) fn disconnect(&self, server: ServerId, connection: ConnectionId, told: bool) {
        if let Some(server) = self.lock().server(server) {
            server.disconnect(connection, told);
        }
    }

    /// Cuts some of the connections to a node; the other ends hear of it, or do not.
    pub fn cut(&self, node: usize, told: bool) {
        let state = &mut *self.lock();
        let master = state.masters[node];
        if let Some(server) = state.server(master) {
            for connection in server.connections() {
                if self.dice.percent(50) {
                    server.disconnect(connection, told);
                }
            }
        }
    }

    /// Starts a node's master again, dead or alive, with what it comes back with.
    pub fn restart(&self, node: usize, comeback: Comeback) {
        let (keys, library, replicas) = {
            let state = self.lock();
            let server = &state.servers[state.masters[node]].server;
            let (keys, library) = match comeback {
                Comeback::Data(ago) => (server.as_of(self.millis_ago(ago)), server.library()),
                Comeback::Empty => (Keyspace::default(), None),
            };
            (keys, library, server.replicas())
        };
        let server = self.spawn(keys, library.as_deref(), replicas);
        let old = self.replace(node, server);
        self.kill(old);
    }

    fn millis_ago(&self, ago: Duration) -> u64 {
        u64::try_from(self.now().minus(ago).as_millis()).unwrap_or(0)
    }

    /// Lets a replica that is this far behind take a node over. Returns the old master, which lives
    /// on until it is [killed](Self::kill): what it takes from now on is lost.
    pub fn promote(&self, node: usize, behind: Duration) -> usize {
        self.hand_over(node, behind, self.id())
    }

    /// Lets a process that has been the master before take a node over again: it has followed the
    /// present master meanwhile, is this far behind, and has never ended.
    pub fn promote_again(&self, node: usize, behind: Duration, before: usize) -> usize {
        let run_id = self.lock().servers[before].server.run_id();
        self.kill(before);
        self.hand_over(node, behind, run_id)
    }

    fn hand_over(&self, node: usize, behind: Duration, run_id: String) -> ServerId {
        let (keys, library) = {
            let state = self.lock();
            let server = &state.servers[state.masters[node]].server;
            (server.as_of(self.millis_ago(behind)), server.library())
        };
        let server = self.spawn_as(run_id, keys, library.as_deref(), 0);
        self.replace(node, server)
    }

    /// Gives a node's master a replica again.
    pub fn attach_replica(&self, node: usize) {
        let state = &mut *self.lock();
        let master = state.masters[node];
        if let Some(server) = state.server(master) {
            server.set_replicas(1);
            state.servers[master].followed = Some(self.now());
        }
    }

    /// For how long a node's master has had a replica. Only after a while may it take over: until
    /// then nobody counts on it.
    #[must_use]
    pub fn followed_for(&self, node: usize) -> Option<Duration> {
        let state = self.lock();
        let followed = state.servers[state.masters[node]].followed?;
        Some(self.now().since(followed))
    }

    /// Makes another process a node's master; it refuses what the old one refuses.
    fn replace(&self, node: usize, server: ServerId) -> ServerId {
        let state = &mut *self.lock();
        let old = std::mem::replace(&mut state.masters[node], server);
        let moved = state.servers[old].server.moved.clone();
        if let Some(server) = state.server(server) {
            server.moved = moved;
        }
        old
    }

    /// Lets a process refuse all writes, in these words.
    pub fn refuse_writes(&self, server: usize, refusal: Option<&'static str>) {
        if let Some(server) = self.lock().server(server) {
            server.refusal = refusal;
        }
    }

    /// The process that is a node's master.
    #[must_use]
    pub fn master(&self, node: usize) -> usize {
        self.lock().masters[node]
    }

    /// Ends a process; whoever was connected hears of it.
    pub fn kill(&self, server: usize) {
        let state = &mut *self.lock();
        let process = &mut state.servers[server];
        process.alive = false;
        for connection in process.server.connections() {
            process.server.disconnect(connection, true);
        }
    }

    /// Ends whatever is no master, and lets the masters serve.
    pub fn heal(&self) {
        let (masters, count) = {
            let state = self.lock();
            (state.masters.clone(), state.servers.len())
        };
        for (node, master) in masters.iter().enumerate() {
            if self.lock().server(*master).is_none() {
                self.restart(node, Comeback::Data(Duration::ZERO));
            }
        }
        let masters = self.lock().masters.clone();
        for server in 0..count {
            if !masters.contains(&server) {
                self.kill(server);
            }
        }
        for master in masters {
            self.refuse_writes(master, None);
        }
    }

    /// Moves a partition, with its data, to another node.
    pub fn migrate(&self, partition: PartitionId, to: usize) {
        let time = self.micros();
        let state = &mut *self.lock();
        let from = std::mem::replace(&mut state.homes[usize::from(partition)], to);
        if from == to {
            return;
        }
        let prefix = prefix(usize::from(partition));
        let (from, to) = (state.masters[from], state.masters[to]);
        let source = &mut state.servers[from].server;
        let (slots, library) = (source.give(&prefix, time), source.library());
        {
            let server = &mut state.servers[to].server;
            server.take(&prefix, slots, time);
            if let Some(library) = library.filter(|_| server.library().is_none()) {
                server.load(&library);
            }
        }
    }
}

impl State {
    fn server(&mut self, id: ServerId) -> Option<&mut Server> {
        let process = self.servers.get_mut(id)?;
        process.alive.then_some(&mut process.server)
    }
}

/// What the keys of a partition begin with.
fn prefix(partition: usize) -> Text {
    format!("{{p{partition}}}:").into_bytes()
}
