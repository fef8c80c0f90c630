//! A Socket.IO client with connection state recovery, as small as it can be, that keeps a record of
//! everything sequenced it was sent.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// How long anything may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What a client was sent of one conversation, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The event of this number.
    Event(u64),
    /// That it is gone.
    Deleted,
}

/// One tab of a user.
pub(crate) struct Client {
    /// Where it connects.
    pub(crate) address: SocketAddr,
    token: String,
    pub(crate) stream: Option<Stream>,
    pub(crate) pid: Option<String>,
    pub(crate) offset: Option<String>,
    next_ack: u64,
    /// By conversation.
    pub(crate) seen: BTreeMap<String, Vec<Seen>>,
    /// How often it came back with and without what it had missed.
    pub(crate) recovered: usize,
    pub(crate) expired: usize,
}

impl Client {
    pub(crate) fn new(address: SocketAddr, token: &str) -> Self {
        Self {
            address,
            token: token.to_owned(),
            stream: None,
            pid: None,
            offset: None,
            next_ack: 0,
            seen: BTreeMap::new(),
            recovered: 0,
            expired: 0,
        }
    }

    /// Connects, or comes back; returns once `ready` is there. `true` if what was missed has come.
    pub(crate) async fn connect(&mut self) -> anyhow::Result<bool> {
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", self.address);
        let (stream, _) = timeout(PATIENCE, connect_async(url)).await??;
        self.stream = Some(stream);
        let mut auth = json!({"token": self.token});
        if let (Some(pid), Some(offset)) = (&self.pid, &self.offset) {
            auth["pid"] = json!(pid);
            auth["offset"] = json!(offset);
        }
        self.send(format!("40{auth}")).await?;
        let before = self.pid.clone();
        self.until(|_, name, _| name == "ready").await?;
        let recovered = before.is_some() && before == self.pid;
        match (before.is_some(), recovered) {
            (true, true) => self.recovered += 1,
            (true, false) => self.expired += 1,
            (false, _) => {}
        }
        Ok(recovered)
    }

    /// Drops the TCP connection without a word.
    pub(crate) fn cut(&mut self) {
        self.stream = None;
    }

    /// Sends an event and waits for its acknowledgement.
    pub(crate) async fn request(&mut self, event: &str, data: Value) -> anyhow::Result<Value> {
        self.next_ack += 1;
        let id = self.next_ack;
        self.send(format!("42{id}{}", json!([event, data]))).await?;
        let prefix = format!("43{id}");
        timeout(PATIENCE, async {
            loop {
                let text = self.packet().await?;
                if let Some(arguments) = text.strip_prefix(&prefix) {
                    let arguments: Vec<Value> = serde_json::from_str(arguments)?;
                    return Ok(arguments.into_iter().next().unwrap_or_default());
                }
                self.take(&text)?;
            }
        })
        .await?
    }

    /// Handles what comes until an event (its name and data) is what is waited for.
    pub(crate) async fn until(
        &mut self,
        wanted: impl Fn(&Self, &str, &Value) -> bool,
    ) -> anyhow::Result<()> {
        timeout(PATIENCE, async {
            loop {
                let text = self.packet().await?;
                if let Some((name, data)) = self.take(&text)?
                    && wanted(self, &name, &data)
                {
                    return Ok(());
                }
            }
        })
        .await?
    }

    /// Handles what has come already.
    pub(crate) async fn take_all(&mut self) -> anyhow::Result<()> {
        while self.stream.is_some() {
            match timeout(Duration::from_millis(1), self.packet()).await {
                Ok(text) => drop(self.take(&text?)?),
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// The number of the last event of a conversation.
    pub(crate) fn last_seq(&self, conversation: &str) -> u64 {
        let seen = self.seen.get(conversation).map_or(&[][..], Vec::as_slice);
        let last = seen.iter().rev().find_map(|seen| match seen {
            Seen::Event(seq) => Some(*seq),
            Seen::Deleted => None,
        });
        last.unwrap_or(0)
    }

    async fn send(&mut self, text: String) -> anyhow::Result<()> {
        let stream = self
            .stream
            .as_mut()
            .ok_or_else(|| anyhow::anyhow!("not connected"))?;
        Ok(stream.send(Message::text(text)).await?)
    }

    /// The next Socket.IO packet; pings are answered. The connection is forgotten when it ends.
    async fn packet(&mut self) -> anyhow::Result<String> {
        loop {
            let stream = self
                .stream
                .as_mut()
                .ok_or_else(|| anyhow::anyhow!("not connected"))?;
            match stream.next().await {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => {
                    self.send("3".to_owned()).await?;
                }
                Some(Ok(Message::Text(text))) if text.starts_with('4') => {
                    return Ok(text.to_string());
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => {
                    self.stream = None;
                    anyhow::bail!("the connection has ended");
                }
                Some(Ok(_)) => {}
            }
        }
    }

    /// Takes note of a packet; an event's name and data are returned.
    fn take(&mut self, text: &str) -> anyhow::Result<Option<(String, Value)>> {
        if let Some(connected) = text.strip_prefix("40") {
            let connected: Value = serde_json::from_str(connected)?;
            self.pid = connected["pid"].as_str().map(str::to_owned);
            return Ok(None);
        }
        anyhow::ensure!(!text.starts_with("44"), "refused: {text}");
        let Some(arguments) = text.strip_prefix("42") else {
            return Ok(None);
        };
        let arguments: Vec<Value> = serde_json::from_str(arguments)?;
        let (Some(name), Some(data)) =
            (arguments.first().and_then(Value::as_str), arguments.get(1))
        else {
            return Ok(None);
        };
        if let Some(cursor) = arguments.last().and_then(Value::as_str) {
            self.offset = Some(cursor.to_owned());
        }
        let conversation = data["conversationId"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        match name {
            "new-message" | "conversation-updated" => {
                let seq = data["seq"]
                    .as_u64()
                    .ok_or_else(|| anyhow::anyhow!("{name} without seq"))?;
                self.seen
                    .entry(conversation)
                    .or_default()
                    .push(Seen::Event(seq));
            }
            "conversation-deleted" => self
                .seen
                .entry(conversation)
                .or_default()
                .push(Seen::Deleted),
            _ => {}
        }
        Ok(Some((name.to_owned(), data.clone())))
    }
}
