//! A stock Socket.IO client with connection state recovery, on HTTP long-polling: what it keeps
//! between its connections, and one connection.
//!
//! It does what `socket.io-client` 4.8 does, the parts included that one would not choose: events
//! that come before CONNECT wait in a buffer that is never cleared, and the last argument of an
//! event counts as its offset whenever it is a string.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

use axum::{body::Bytes, http::Method};
use serde_json::{Value, json};
use tokio::{
    sync::{Notify, oneshot},
    task::{JoinHandle, spawn_local},
    time::sleep,
};

use crate::{
    network::{Away, Dice},
    process::GatewayProcess,
};

/// What a client is told by its connection.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// It is connected; what it missed comes, or does not.
    Connected {
        /// The session goes on.
        recovered: bool,
    },
    /// An event: its name, its data, and its cursor.
    Event(String, Value, Option<String>),
    /// Something that no server should say.
    Nonsense(String),
}

/// What a client keeps from connection to connection.
#[derive(Default)]
pub struct Client {
    token: String,
    pid: RefCell<Option<String>>,
    offset: RefCell<Option<String>>,
    /// Events that came before CONNECT.
    buffer: RefCell<Vec<Vec<Value>>>,
    connected: Cell<bool>,
    next_ack: Cell<u64>,
    acks: RefCell<BTreeMap<u64, oneshot::Sender<Value>>>,
    outgoing: RefCell<VecDeque<String>>,
    has_outgoing: Notify,
    /// Whether the gateway is to hear of it when a request is given up.
    loud: Rc<Cell<bool>>,
}

/// A request under way. Given up silently, it goes on, and its answer is lost.
struct UnderWay {
    task: JoinHandle<Result<(u16, Bytes), Away>>,
    loud: Rc<Cell<bool>>,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if self.loud.get() {
            self.task.abort();
        }
    }
}

impl Client {
    /// A client that has never been connected.
    #[must_use]
    pub fn new(token: String) -> Self {
        Self {
            token,
            ..Self::default()
        }
    }

    /// Whether it is connected, as far as it knows.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connected.get()
    }

    /// Sends an event; what comes back is its acknowledgement, if one comes.
    pub fn send(&self, event: &str, data: &Value) -> oneshot::Receiver<Value> {
        let (sender, answer) = oneshot::channel();
        let id = self.next_ack.get() + 1;
        self.next_ack.set(id);
        self.acks.borrow_mut().insert(id, sender);
        self.post(format!("42{id}{}", json!([event, data])));
        answer
    }

    fn post(&self, packet: String) {
        self.outgoing.borrow_mut().push_back(packet);
        self.has_outgoing.notify_one();
    }

    /// One connection, from the handshake until it ends, for whatever reason.
    ///
    /// # Errors
    ///
    /// Always: why it has ended.
    pub async fn connection(
        &self,
        gateway: &GatewayProcess,
        dice: &Dice,
        slow: bool,
        hear: &dyn Fn(Heard),
    ) -> Result<(), Away> {
        self.outgoing.borrow_mut().clear();
        self.acks.borrow_mut().clear();
        let query = "EIO=4&transport=polling";
        let (status, body) = self
            .request(gateway, Method::GET, query, String::new())
            .await?;
        let open = String::from_utf8_lossy(&body).into_owned();
        let sid = open
            .split('\u{1e}')
            .next()
            .and_then(|open| serde_json::from_str::<Value>(open.strip_prefix('0')?).ok())
            .and_then(|open| Some(open["sid"].as_str()?.to_owned()));
        let (Some(sid), 200) = (sid, status) else {
            return Err(Away::Refused);
        };
        let mut auth = json!({"token": self.token});
        if let Some(pid) = &*self.pid.borrow() {
            auth["pid"] = json!(pid);
            auth["offset"] = json!(*self.offset.borrow());
        }
        self.post(format!("40{auth}"));
        let query = format!("{query}&sid={sid}");
        let result = tokio::select! {
            biased;
            ended = self.poll(gateway, dice, slow, &query, hear) => ended,
            ended = self.push(gateway, &query) => ended,
        };
        self.connected.set(false);
        result
    }

    /// To be called when a connection's future was dropped.
    pub fn forget(&self) {
        self.connected.set(false);
    }

    /// Sets whether the gateway hears of it when a connection's future is dropped.
    pub fn set_loud(&self, loud: bool) {
        self.loud.set(loud);
    }

    async fn request(
        &self,
        gateway: &GatewayProcess,
        method: Method,
        query: &str,
        body: String,
    ) -> Result<(u16, Bytes), Away> {
        let (gateway, query) = (gateway.clone(), query.to_owned());
        let mut under_way = UnderWay {
            task: spawn_local(async move { gateway.request(method, &query, body).await }),
            loud: Rc::clone(&self.loud),
        };
        (&mut under_way.task).await.unwrap_or(Err(Away::NoAnswer))
    }

    async fn poll(
        &self,
        gateway: &GatewayProcess,
        dice: &Dice,
        slow: bool,
        query: &str,
        hear: &dyn Fn(Heard),
    ) -> Result<(), Away> {
        loop {
            let (status, body) = self
                .request(gateway, Method::GET, query, String::new())
                .await?;
            if status != 200 {
                return Err(Away::Refused);
            }
            for packet in String::from_utf8_lossy(&body).split('\u{1e}') {
                match packet.as_bytes().first() {
                    Some(b'2') => self.post("3".to_owned()),
                    Some(b'4') => self.message(&packet[1..], hear),
                    Some(b'6') => {}
                    _ => return Err(Away::Refused),
                }
            }
            if slow {
                sleep(dice.millis(0, 2_000)).await;
            }
        }
    }

    async fn push(&self, gateway: &GatewayProcess, query: &str) -> Result<(), Away> {
        loop {
            let packets: Vec<String> = self.outgoing.borrow_mut().drain(..).collect();
            if packets.is_empty() {
                self.has_outgoing.notified().await;
                continue;
            }
            let body = packets.join("\u{1e}");
            let (status, _) = self.request(gateway, Method::POST, query, body).await?;
            if status != 200 {
                return Err(Away::Refused);
            }
        }
    }

    /// A Socket.IO packet.
    fn message(&self, packet: &str, hear: &dyn Fn(Heard)) {
        let (kind, rest) = packet.split_at(1);
        match kind {
            "0" => self.on_connect(rest, hear),
            "2" => match serde_json::from_str::<Vec<Value>>(rest) {
                Ok(arguments) if self.connected.get() => self.emit(arguments, hear),
                Ok(arguments) => self.buffer.borrow_mut().push(arguments),
                Err(_) => hear(Heard::Nonsense(packet.to_owned())),
            },
            "3" => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                let (id, answer) = rest.split_at(digits);
                let waiting = id
                    .parse()
                    .ok()
                    .and_then(|id| self.acks.borrow_mut().remove(&id));
                let answer = serde_json::from_str::<Vec<Value>>(answer).unwrap_or_default();
                if let Some(waiting) = waiting {
                    // Nobody may want to know any more.
                    let _ = waiting.send(answer.into_iter().next().unwrap_or_default());
                }
            }
            _ => hear(Heard::Nonsense(packet.to_owned())),
        }
    }

    fn on_connect(&self, rest: &str, hear: &dyn Fn(Heard)) {
        let pid = serde_json::from_str::<Value>(rest)
            .ok()
            .and_then(|connect| Some(connect["pid"].as_str()?.to_owned()));
        let recovered = pid.is_some() && *self.pid.borrow() == pid;
        *self.pid.borrow_mut() = pid;
        self.connected.set(true);
        hear(Heard::Connected { recovered });
        for arguments in self.buffer.take() {
            self.emit(arguments, hear);
        }
    }

    fn emit(&self, mut arguments: Vec<Value>, hear: &dyn Fn(Heard)) {
        let cursor = match arguments.last() {
            Some(Value::String(offset)) if arguments.len() > 1 => Some(offset.clone()),
            _ => None,
        };
        if arguments.len() < 2 {
            return hear(Heard::Nonsense(format!("{arguments:?}")));
        }
        let data = arguments.swap_remove(1);
        let name = arguments[0].as_str().unwrap_or_default().to_owned();
        hear(Heard::Event(name, data, cursor.clone()));
        if let (Some(cursor), true) = (cursor, self.pid.borrow().is_some()) {
            *self.offset.borrow_mut() = Some(cursor);
        }
    }
}
