//! What a connection costs: resident memory of an idle one, and CPU of a delivery.
//!
//! ```sh
//! cargo bench --bench footprint            # 10,000 connections
//! CONNECTIONS=2000 cargo bench --bench footprint
//! ```
//!
//! Starts the release binary as a process of its own, opens connections to it over loopback, each
//! of its own user who takes part in ten conversations of a hundred people, and reads the process's
//! memory and CPU time from `/proc`. Needs as many file descriptors as connections.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, ensure};
use callboard_shared::{
    auth::{AuthSettings, mint},
    clock::{Clock, SystemClock},
};
use clap::Parser;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::{sleep, timeout},
};

const SECRET: &str = "a secret for the length of this measurement";
const PATIENCE: Duration = Duration::from_secs(60);

/// People in a conversation; conversations of a person.
const PEOPLE: usize = 100;
const CONVERSATIONS: usize = 10;

/// Coprime to ten, so that each spreads the people over the conversations in another way.
const SPREAD: [usize; CONVERSATIONS] = [1, 3, 7, 9, 11, 13, 17, 19, 21, 23];

/// Messages for the measurement of deliveries.
const MESSAGES: usize = 200;

/// Sockets that get them.
const SOCKETS: usize = 1_000;

#[derive(Parser)]
struct Tokens {
    #[command(flatten)]
    settings: AuthSettings,
}

/// The server under measurement.
struct Server {
    process: Child,
    address: SocketAddr,
    http: reqwest::Client,
    auth: AuthSettings,
    _data: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    async fn start() -> anyhow::Result<Self> {
        let spare = || anyhow::Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?);
        let (address, admin, data) = (spare()?, spare()?, tempfile::tempdir()?);
        let process = Command::new(env!("CARGO_BIN_EXE_callboard"))
            .arg("dev")
            .env("LISTEN", address.to_string())
            .env("ADMIN_LISTEN", admin.to_string())
            .env("DATA_DIR", data.path())
            .env("JWT_SECRET", SECRET)
            .env("MAX_REQUESTS_PER_MINUTE", "1000000")
            .stdout(Stdio::null())
            .spawn()?;
        let auth =
            Tokens::try_parse_from(["footprint", &format!("--jwt-secret={SECRET}")])?.settings;
        let server = Self {
            process,
            address,
            http: reqwest::Client::new(),
            auth,
            _data: data,
        };
        timeout(PATIENCE, async {
            while server
                .http
                .get(format!("http://{admin}/readyz"))
                .send()
                .await
                .is_err()
            {
                sleep(Duration::from_millis(20)).await;
            }
        })
        .await?;
        Ok(server)
    }

    fn token(&self, user: usize) -> anyhow::Result<String> {
        let id = format!("user-{user}").parse()?;
        Ok(mint(
            &self.auth,
            &id,
            None,
            Duration::from_secs(3600),
            SystemClock.now(),
        )?)
    }

    async fn post(&self, user: usize, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self
            .http
            .post(format!("http://{}/messages{path}", self.address));
        let response = request
            .bearer_auth(self.token(user)?)
            .json(body)
            .send()
            .await?;
        Ok(response.error_for_status()?.json().await?)
    }

    async fn create(&self, people: &[usize]) -> anyhow::Result<String> {
        let others: Vec<String> = people.iter().map(|user| format!("user-{user}")).collect();
        let created = self
            .post(
                people[0],
                "/conversations",
                &json!({"participantIds": others}),
            )
            .await?;
        Ok(created["id"]
            .as_str()
            .context("a conversation has an id")?
            .to_owned())
    }

    /// Resident memory, in bytes.
    fn resident(&self) -> anyhow::Result<usize> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? * 1024)
    }

    /// CPU time used so far.
    fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let ticks = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
        // Linux counts in hundredths of a second on every platform we build for.
        Ok(Duration::from_millis(ticks * 10))
    }
}

/// A WebSocket that speaks just enough Socket.IO.
struct Socket(BufReader<TcpStream>);

impl Socket {
    async fn connect(server: &Server, user: usize) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(server.address).await?;
        stream.set_nodelay(true)?;
        let mut socket = Self(BufReader::with_capacity(1_024, stream));
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            server.address
        );
        socket.0.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.0.read_u8().await?);
        }
        ensure!(
            head.starts_with(b"HTTP/1.1 101"),
            "{}",
            String::from_utf8_lossy(&head)
        );
        socket
            .send(&format!("40{}", json!({"token": server.token(user)?})))
            .await?;
        socket.until("42[\"ready\"").await?;
        Ok(socket)
    }

    async fn send(&mut self, text: &str) -> anyhow::Result<()> {
        // Masked with zeros, which leaves the payload as it is.
        let mut frame = vec![0x81];
        match u8::try_from(text.len()) {
            Ok(length @ 0..=125) => frame.push(0x80 | length),
            _ => {
                frame.push(0x80 | 126);
                frame.extend(u16::try_from(text.len())?.to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        Ok(self.0.write_all(&frame).await?)
    }

    /// Reads frames until one begins with this; pings are answered.
    async fn until(&mut self, beginning: &str) -> anyhow::Result<()> {
        loop {
            let _ = self.0.read_u8().await?;
            let length = match self.0.read_u8().await? {
                126 => usize::from(self.0.read_u16().await?),
                127 => usize::try_from(self.0.read_u64().await?)?,
                short => usize::from(short),
            };
            let mut text = vec![0; length];
            self.0.read_exact(&mut text).await?;
            if text == b"2" {
                self.send("3").await?;
            }
            if text.starts_with(beginning.as_bytes()) {
                return Ok(());
            }
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // Under `cargo test --benches` there is nothing to check.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let connections = std::env::var("CONNECTIONS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(10_000);
    println!(
        "{} connections, {}",
        connections,
        cores(Path::new("/proc/cpuinfo"))
    );
    memory(connections).await?;
    for sockets in [1, 10, 100, SOCKETS] {
        deliveries(sockets).await?;
    }
    Ok(())
}

fn cores(cpuinfo: &Path) -> String {
    let info = fs::read_to_string(cpuinfo).unwrap_or_default();
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let count = info
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    format!(
        "{count} cores of {}",
        name.map_or("unknown make", |(_, name)| name)
    )
}

/// Memory of idle connections.
async fn memory(connections: usize) -> anyhow::Result<()> {
    ensure!(
        connections.is_multiple_of(PEOPLE),
        "CONNECTIONS must be a multiple of {PEOPLE}"
    );
    let server = Server::start().await?;
    let groups: Vec<Vec<usize>> = SPREAD
        .iter()
        .flat_map(|factor| {
            let mut order: Vec<usize> = (0..connections).collect();
            order.sort_by_key(|user| user * factor % connections);
            order
                .chunks(PEOPLE)
                .map(<[usize]>::to_vec)
                .collect::<Vec<_>>()
        })
        .collect();
    stream::iter(&groups)
        .map(|people| server.create(people))
        .buffer_unordered(16)
        .try_collect::<Vec<_>>()
        .await?;

    // The allocator, the pools and the rows of users are warm after the first connections.
    let mut sockets = Vec::with_capacity(connections);
    let open = |users: std::ops::Range<usize>| {
        stream::iter(users)
            .map(|user| Socket::connect(&server, user))
            .buffered(64)
            .try_collect::<Vec<_>>()
    };
    sockets.extend(open(0..connections / 10).await?);
    let (before, warm) = (server.resident()?, sockets.len());
    sockets.extend(open(warm..connections).await?);
    sleep(Duration::from_secs(2)).await;
    let after = server.resident()?;
    let each = (after - before) / (connections - warm);
    println!(
        "memory: {:.1} MiB with {warm} connections, {:.1} MiB with {connections}: {each} bytes a connection",
        mib(before),
        mib(after)
    );
    Ok(())
}

/// CPU of delivering a message to many sockets.
async fn deliveries(sockets: usize) -> anyhow::Result<()> {
    let server = Server::start().await?;
    let people: Vec<usize> = (0..sockets).collect();
    let conversation = server.create(&people).await?;
    let connect = |user| {
        let (server, conversation) = (&server, &conversation);
        async move {
            let mut socket = Socket::connect(server, user).await?;
            socket
                .send(&format!(
                    "421{}",
                    json!(["join-conversation", conversation])
                ))
                .await?;
            socket.until("431[").await?;
            anyhow::Ok(socket)
        }
    };
    let open: Vec<Socket> = stream::iter(people)
        .map(connect)
        .buffered(64)
        .try_collect()
        .await?;
    let readers: Vec<_> = open
        .into_iter()
        .map(|mut socket| {
            tokio::spawn(async move {
                for _ in 0..MESSAGES {
                    socket.until("42[\"new-message\"").await?;
                }
                anyhow::Ok(socket)
            })
        })
        .collect();
    let path = format!("/conversations/{conversation}/messages");
    let content = "x".repeat(100);
    let before = server.cpu()?;
    for _ in 0..MESSAGES {
        server.post(0, &path, &json!({"content": content})).await?;
    }
    for reader in readers {
        timeout(PATIENCE, reader).await???;
    }
    let used = server.cpu()? - before;
    let messages = u32::try_from(MESSAGES)?;
    let count = messages * u32::try_from(sockets)?;
    println!(
        "deliveries: {MESSAGES} messages to {sockets} sockets: {:?} of CPU, {:.1} µs a message, {:.2} µs a delivery",
        used,
        (used / messages).as_secs_f64() * 1e6,
        (used / count).as_secs_f64() * 1e6
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn mib(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
