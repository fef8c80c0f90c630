//! A redis-server of its own.

use std::{fmt::Write as _, fs, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result};
use redis::{AsyncConnectionConfig, Cmd, FromRedisValue, aio::MultiplexedConnection};
use tempfile::TempDir;

use crate::{
    ports,
    process::{Ending, Process, Signal},
    program,
};

/// What every server is told, before what its options say.
const CONFIG: &str = "bind 127.0.0.1
save \"\"
maxmemory-policy noeviction
repl-diskless-sync-delay 0
";

/// How long a server may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a server may take to connect and to answer: a paused one never does.
const ANSWER: Duration = Duration::from_secs(2);

/// What of the data outlives a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Persistence {
    /// Nothing: each start is an empty one.
    #[default]
    None,
    /// All of it, in an append-only file, unless a restart is told otherwise.
    AppendOnly,
}

/// How a server is started.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    /// What outlives a process.
    pub persistence: Persistence,
    /// Further lines of redis.conf; they win over the testbed's own.
    pub config: Vec<String>,
}

/// A server, running or stopped.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    process: Option<Process>,
    folder: TempDir,
}

impl Redis {
    /// Starts an empty server.
    ///
    /// # Errors
    ///
    /// If Redis is not installed or does not start.
    pub async fn start(options: RedisOptions) -> Result<Self> {
        ports::on_spare(1, |ports| Self::start_on(ports[0], options.clone())).await
    }

    /// The same on a port of the caller's choice.
    pub(crate) async fn start_on(port: u16, options: RedisOptions) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("callboard-redis-")
            .tempdir()?;
        let mut config = CONFIG.to_owned();
        writeln!(config, "port {port}\ndir {}/data", folder.path().display())?;
        if options.persistence == Persistence::AppendOnly {
            config.push_str("appendonly yes\n");
        }
        for line in options.config {
            writeln!(config, "{line}")?;
        }
        fs::create_dir(folder.path().join("data"))?;
        fs::write(folder.path().join("redis.conf"), config)?;
        let process = serve(folder.path(), port).await?;
        Ok(Self {
            port,
            process: Some(process),
            folder,
        })
    }

    /// The port on 127.0.0.1: the same for as long as this value lives.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// The process id, if it is running.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// Whether it has been started, and neither stopped nor killed since.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Runs a command on a connection of its own.
    ///
    /// # Errors
    ///
    /// If the server does not answer within two seconds, or with an error.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        Ok(command.query_async(&mut connect(self.port).await?).await?)
    }

    /// Stops it in good order.
    ///
    /// # Errors
    ///
    /// If it had to be killed.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(process) = self.process.take() {
            process.stop(Signal::TERM, PATIENCE).await?;
        }
        Ok(())
    }

    /// Kills it, as a crash would.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Starts it again on the same port, after stopping it if it is running; with what its
    /// persistence has kept, or empty.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub async fn restart(&mut self, keep_data: bool) -> Result<()> {
        self.stop().await?;
        if !keep_data {
            let data = self.folder.path().join("data");
            fs::remove_dir_all(&data)?;
            fs::create_dir(&data)?;
        }
        self.process = Some(serve(self.folder.path(), self.port).await?);
        Ok(())
    }

    /// Stops it from running, with its connections open (SIGSTOP).
    ///
    /// # Errors
    ///
    /// If it is not running.
    pub fn pause(&mut self) -> Result<()> {
        self.running()?.signal(Signal::STOP)
    }

    /// Lets it run again.
    ///
    /// # Errors
    ///
    /// If it is not running.
    pub fn resume(&mut self) -> Result<()> {
        self.running()?.signal(Signal::CONT)
    }

    fn running(&mut self) -> Result<&mut Process> {
        self.process.as_mut().context("Redis is not running")
    }
}

/// The URL of a server on a port.
pub(crate) fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}/")
}

async fn serve(folder: &Path, port: u16) -> Result<Process> {
    let mut server = Command::new(program::find("redis-server", "redis-server")?);
    server.arg(folder.join("redis.conf"));
    let log = folder.join("redis.log");
    let mut process = Process::spawn("redis-server", server, &log, Ending::Kill)?;
    let answers = || async {
        let Ok(mut connection) = connect(port).await else {
            return false;
        };
        // While a server loads its data it answers with an error.
        let pong = redis::cmd("PING").query_async::<()>(&mut connection).await;
        pong.is_ok()
    };
    process.answers(answers).await?;
    Ok(process)
}

async fn connect(port: u16) -> Result<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(ANSWER))
        .set_response_timeout(Some(ANSWER));
    let client = redis::Client::open(url(port))?;
    let connection = client.get_multiplexed_async_connection_with_config(&config);
    Ok(connection.await?)
}
