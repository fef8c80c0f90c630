//! One Redis process: data, functions, and who has subscribed to what.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redis::{PushInfo, PushKind, Value as Answer};

use super::{
    commands::{Data, Outcome, writes},
    keyspace::{Keyspace, Slot, Text},
    script::Script,
};
use crate::rules::ScriptRule;

/// A connection of a process.
pub(super) type ConnectionId = u64;

/// Takes what is pushed on one connection, to deliver it in order.
pub(super) type Outlet = Box<dyn Fn(PushInfo) + Send>;

/// A Redis process.
pub(super) struct Server {
    data: Arc<Mutex<Data>>,
    script: Script,
    /// The rule that its library does not keep.
    without: Option<ScriptRule>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// What it says to writes instead of doing them.
    pub(super) refusal: Option<&'static str>,
    /// The partitions, by the prefix of their keys, that have moved away.
    pub(super) moved: BTreeSet<Text>,
}

struct Connection {
    outlet: Outlet,
    channels: BTreeSet<Text>,
}

impl Server {
    /// A process with this data and library.
    pub(super) fn start(
        [run_id, history]: [String; 2],
        keys: Keyspace,
        library: Option<&str>,
        replicas: usize,
        without: Option<ScriptRule>,
    ) -> Self {
        let data = Arc::new(Mutex::new(Data {
            keys,
            run_id,
            history,
            replicas,
            time: 0,
            published: Vec::new(),
        }));
        #[expect(clippy::expect_used, reason = "a simulation without Lua is none")]
        let mut script = Script::new(&data).expect("Lua");
        if let Some(library) = library {
            // It was loaded before, so it can be.
            let _ = script.load(library);
        }
        Self {
            data,
            script,
            without,
            connections: BTreeMap::new(),
            refusal: None,
            moved: BTreeSet::new(),
        }
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out one command of a connection, or of none that is ever pushed anything.
    pub(super) fn run(
        &mut self,
        connection: Option<ConnectionId>,
        arguments: &[Text],
        time: u64,
    ) -> Outcome {
        self.data().time = time;
        let [name, rest @ ..] = arguments else {
            return Err("ERR empty command".to_owned());
        };
        let name = name.to_ascii_uppercase();
        if let Some(prefix) = self.moved.iter().find(|prefix| touches(rest, prefix)) {
            return Err(format!("MOVED {} elsewhere:6379", prefix.len()));
        }
        if let Some(refusal) = self.refusal.filter(|_| writes(&name)) {
            return Err(refusal.to_owned());
        }
        let outcome = match (name.as_slice(), connection) {
            (b"FCALL", _) => self.script.call(rest),
            (b"FUNCTION", _) => match rest {
                [.., source] => {
                    let source = String::from_utf8_lossy(source).into_owned();
                    let without = self.without.map(|rule| rule.leave_out(&source));
                    self.script.load(&without.unwrap_or(source))
                }
                [] => Err("ERR wrong number of arguments".to_owned()),
            },
            (b"SSUBSCRIBE", Some(connection)) => Ok(self.subscribe(connection, rest)),
            (b"SUNSUBSCRIBE", Some(connection)) => Ok(self.unsubscribe(connection, rest)),
            _ => self.data().run(arguments),
        };
        let published = std::mem::take(&mut self.data().published);
        for (channel, message) in published {
            self.push(&channel, &message);
        }
        outcome
    }

    fn push(&self, channel: &[u8], message: &[u8]) {
        for connection in self.connections.values() {
            if connection.channels.contains(channel) {
                (connection.outlet)(PushInfo {
                    kind: PushKind::SMessage,
                    data: [channel, message]
                        .map(|text| Answer::BulkString(text.to_vec()))
                        .to_vec(),
                });
            }
        }
    }

    pub(super) fn connect(&mut self, id: ConnectionId, outlet: Outlet) {
        let channels = BTreeSet::new();
        self.connections.insert(id, Connection { outlet, channels });
    }

    pub(super) fn is_connected(&self, id: ConnectionId) -> bool {
        self.connections.contains_key(&id)
    }

    /// Forgets a connection, whose other end may or may not hear of it.
    pub(super) fn disconnect(&mut self, id: ConnectionId, told: bool) {
        if let Some(connection) = self.connections.remove(&id).filter(|_| told) {
            (connection.outlet)(PushInfo {
                kind: PushKind::Disconnection,
                data: Vec::new(),
            });
        }
    }

    pub(super) fn connections(&self) -> Vec<ConnectionId> {
        self.connections.keys().copied().collect()
    }

    fn subscribe(&mut self, id: ConnectionId, channels: &[Text]) -> Answer {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Answer::Nil;
        };
        let mut last = Answer::Nil;
        for channel in channels {
            connection.channels.insert(channel.clone());
            last = confirm(connection, PushKind::SSubscribe, channel);
        }
        last
    }

    fn unsubscribe(&mut self, id: ConnectionId, channels: &[Text]) -> Answer {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Answer::Nil;
        };
        let mut last = Answer::Nil;
        for channel in channels {
            connection.channels.remove(channel);
            last = confirm(connection, PushKind::SUnsubscribe, channel);
        }
        last
    }

    /// Gives a partition away: its data, and whoever has subscribed in it is told.
    pub(super) fn give(&mut self, prefix: &[u8], time: u64) -> Vec<(Text, Slot)> {
        for connection in self.connections.values_mut() {
            let gone: Vec<Text> = connection
                .channels
                .iter()
                .filter(|channel| channel.starts_with(prefix))
                .cloned()
                .collect();
            for channel in gone {
                connection.channels.remove(&channel);
                confirm(connection, PushKind::SUnsubscribe, &channel);
            }
        }
        self.moved.insert(prefix.to_vec());
        self.data().keys.take(prefix, time / 1_000)
    }

    /// Takes a partition over.
    pub(super) fn take(&mut self, prefix: &[u8], slots: Vec<(Text, Slot)>, time: u64) {
        self.moved.remove(prefix);
        let mut data = self.data();
        for (key, slot) in slots {
            data.keys.set(&key, Some(slot), time / 1_000);
        }
    }

    /// Its data as it was at a time (ms since 1970).
    pub(super) fn as_of(&self, time: u64) -> Keyspace {
        self.data().keys.as_of(time)
    }

    pub(super) fn load(&mut self, library: &str) {
        // It was loaded elsewhere, so it can be.
        let _ = self.script.load(library);
    }

    pub(super) fn library(&self) -> Option<String> {
        self.script.library.clone()
    }

    pub(super) fn run_id(&self) -> String {
        self.data().run_id.clone()
    }

    pub(super) fn replicas(&self) -> usize {
        self.data().replicas
    }

    pub(super) fn set_replicas(&self, replicas: usize) {
        self.data().replicas = replicas;
    }
}

/// Says that a subscription stands, or does not any more.
fn confirm(connection: &Connection, kind: PushKind, channel: &[u8]) -> Answer {
    let count = i64::try_from(connection.channels.len()).unwrap_or(i64::MAX);
    let data = vec![Answer::BulkString(channel.to_vec()), Answer::Int(count)];
    let info = PushInfo {
        kind: kind.clone(),
        data: data.clone(),
    };
    (connection.outlet)(info);
    Answer::Push { kind, data }
}

fn touches(arguments: &[Text], prefix: &[u8]) -> bool {
    arguments
        .iter()
        .any(|argument| argument.starts_with(prefix))
}
