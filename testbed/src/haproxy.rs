//! An haproxy of its own, that can be reloaded.

use std::{collections::HashMap, fs, net::SocketAddr, path::Path, process::Command};

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
};

use crate::{
    process::{Ending, Process, Signal},
    program,
};

/// What the kernel may hold for a connection on either side of it, in bytes: for clients that do not
/// read it would hold megabytes, and the gateway would not learn of it.
const BUFFERS: &str = "    tune.sndbuf.client 65536\n    tune.rcvbuf.server 65536\n";

/// A running haproxy: a master and its worker.
#[derive(Debug)]
pub struct Haproxy {
    process: Process,
    folder: TempDir,
}

impl Haproxy {
    /// Starts it with these sections of a configuration (the `global` one is added), and waits until
    /// it listens on `address`.
    ///
    /// # Errors
    ///
    /// If it is not installed or does not start.
    pub async fn start(address: SocketAddr, sections: &str) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("callboard-haproxy-")
            .tempdir()?;
        let configuration = folder.path().join("haproxy.cfg");
        // Listeners go from the old worker to the new one over this socket: a reload refuses nobody.
        let socket = folder.path().join("socket");
        let global = format!(
            "global\n    stats socket {} mode 600 level admin expose-fd listeners\n{BUFFERS}",
            socket.display()
        );
        fs::write(&configuration, format!("{global}\n{sections}"))?;
        let mut haproxy = Command::new(program::find("haproxy", "haproxy")?);
        haproxy.args(["-W", "-db", "-f"]).arg(configuration);
        haproxy.arg("-S").arg(folder.path().join("master"));
        let log = folder.path().join("haproxy.log");
        let process = Process::spawn("haproxy", haproxy, &log, Ending::Kill)?;
        let mut started = Self { process, folder };
        let folder = started.folder.path();
        // The worker listens before the master can be told anything.
        let answers =
            || async { reloads(folder).await.is_ok() && TcpStream::connect(address).await.is_ok() };
        started.process.answers(answers).await?;
        Ok(started)
    }

    /// The master's process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Starts a new worker and waits until it has taken over. The old one serves the connections
    /// that it has until they end.
    ///
    /// # Errors
    ///
    /// If the new worker does not start.
    pub async fn reload(&mut self) -> Result<()> {
        let folder = self.folder.path();
        let before = reloads(folder).await?;
        self.process.signal(Signal::USR2)?;
        let reloaded = || async { reloads(folder).await.is_ok_and(|now| now > before) };
        self.process.answers(reloaded).await
    }

    /// What haproxy thinks of each server (`UP`, `DOWN`, …), by `backend/server`.
    ///
    /// # Errors
    ///
    /// If it does not say.
    pub async fn servers(&self) -> Result<HashMap<String, String>> {
        let table = ask(&self.folder.path().join("socket"), "show stat").await?;
        let mut lines = table
            .lines()
            .map(|line| line.split(',').collect::<Vec<_>>());
        let head = lines.next().context("haproxy has no statistics")?;
        let column = |name| head.iter().position(|title| title.ends_with(name));
        let column = column("status").context("haproxy tells no status")?;
        let servers = lines.filter_map(|line| match line.get(..2)? {
            [_, "FRONTEND" | "BACKEND"] => None,
            [backend, server] => Some((
                format!("{backend}/{server}"),
                (*line.get(column)?).to_owned(),
            )),
            _ => None,
        });
        Ok(servers.collect())
    }
}

/// How often the master has been reloaded.
async fn reloads(folder: &Path) -> Result<u32> {
    let table = ask(&folder.join("master"), "show proc").await?;
    let mut lines = table.lines().map(str::split_whitespace);
    let mut master = lines.find(|line| line.clone().nth(1) == Some("master"));
    let reloads = master.as_mut().and_then(|line| line.nth(2)?.parse().ok());
    reloads.with_context(|| format!("haproxy's master tells no reloads: {table}"))
}

async fn ask(socket: &Path, command: &str) -> Result<String> {
    let mut socket = UnixStream::connect(socket).await?;
    socket.write_all(format!("{command}\n").as_bytes()).await?;
    // The master answers until it sees the end of what it is asked.
    socket.shutdown().await?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await?;
    Ok(answer)
}
