//! What is put to the test: `callboard dev` in one process, or a fleet.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context;
use callboard_testbed::{
    fleet::{Fleet, FleetOptions},
    ports::{loopback, on_spare},
    process::{Ending, Process, Signal},
    redis::Persistence,
};
use http::Request;
use http_body_util::Full;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::{rest::Rest, truth::Database};

/// How long an end by SIGTERM may take.
const DRAIN: Duration = Duration::from_secs(20);

/// How long the answer may take whether a process is ready.
const LOOK: Duration = Duration::from_secs(2);

/// How long metrics may take to come.
const METRICS: Duration = Duration::from_secs(10);

/// What signs the tokens of a run.
pub const SECRET: &str = "a secret for the length of this run";

/// What servers are told besides: bounds that a load from few users would run into.
const ENVIRONMENT: [(&str, &str); 6] = [
    ("JWT_SECRET", SECRET),
    ("MAX_EVENTS_PER_MINUTE", "1000000"),
    ("MAX_REQUESTS_PER_MINUTE", "1000000"),
    // Less than one would give, so that slow readers are found out before the machine's memory.
    ("SEND_QUEUE", "128KiB"),
    ("RUST_LOG", "info"),
    ("LOG_FORMAT", "text"),
];

/// The server under test.
#[derive(Debug)]
pub enum Target {
    /// Everything in one process.
    Dev(Box<Dev>),
    /// APIs and gateways with everything they need.
    Fleet(Box<Fleet>),
}

/// What a target is told.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How often servers ping.
    pub ping_interval: Duration,
    /// How long they wait for the answer. With the interval it is how long clients take to notice
    /// that a server says nothing; alone it is how long slow readers have before they count as gone.
    pub ping_timeout: Duration,
    /// Further environment variables.
    pub more: Vec<(String, String)>,
}

impl Settings {
    fn environment(&self) -> Vec<(String, String)> {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let ping = |name: &str, every: Duration| (name.to_owned(), every.as_secs().to_string());
        let mut environment: Vec<_> = ENVIRONMENT.into_iter().map(owned).collect();
        environment.push(ping("PING_INTERVAL", self.ping_interval));
        environment.push(ping("PING_TIMEOUT", self.ping_timeout));
        environment.extend(self.more.iter().cloned());
        environment
    }
}

impl Target {
    /// Starts `callboard dev`.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub async fn dev(binary: &Path, settings: &Settings) -> anyhow::Result<Self> {
        let dev = Dev::start(binary, settings.environment()).await?;
        Ok(Self::Dev(Box::new(dev)))
    }

    /// Starts a fleet of two APIs and three gateways, in which everything can be broken.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub async fn fleet(binary: &Path, settings: &Settings) -> anyhow::Result<Self> {
        let mut options = FleetOptions::new(binary);
        options.links = true;
        options.redis_options.persistence = Persistence::AppendOnly;
        options.settings = settings.environment();
        options.progress = |what| tracing::info!("{what}");
        let fleet = Box::pin(Fleet::start(options)).await?;
        Ok(Self::Fleet(Box::new(fleet)))
    }

    /// Where clients connect.
    ///
    /// # Errors
    ///
    /// If the fleet's origin is no address.
    pub fn rest(&self) -> anyhow::Result<Rest> {
        Ok(Rest::new(match self {
            Self::Dev(dev) => dev.address,
            Self::Fleet(fleet) => fleet.origin().trim_start_matches("http://").parse()?,
        }))
    }

    /// Where the messages are.
    #[must_use]
    pub fn database(&self) -> Database {
        match self {
            Self::Dev(dev) => Database::Sqlite(dev.folder.path().join("data/callboard.db")),
            Self::Fleet(fleet) => Database::Postgres(fleet.database_url().to_owned()),
        }
    }

    /// The sum of a metric over all gateways.
    ///
    /// # Errors
    ///
    /// If one of them does not answer.
    pub async fn metric(&self, name: &str, label: &str) -> anyhow::Result<u64> {
        let listeners = match self {
            Self::Dev(dev) => vec![dev.admin],
            Self::Fleet(fleet) => {
                let gateways = 0..fleet.gateways.len();
                gateways
                    .map(|one| fleet.gateways.admin_address(one))
                    .collect()
            }
        };
        let mut sum = 0;
        for listener in listeners {
            sum += metric(listener, name, label).await?;
        }
        Ok(sum)
    }

    /// Ends it in good order.
    ///
    /// # Errors
    ///
    /// If it does not end well.
    pub async fn stop(self) -> anyhow::Result<()> {
        match self {
            Self::Dev(mut dev) => dev.terminate().await,
            Self::Fleet(fleet) => fleet.stop().await,
        }
    }
}

/// `callboard dev` as a process of its own.
#[derive(Debug)]
pub struct Dev {
    binary: PathBuf,
    environment: Vec<(String, String)>,
    folder: TempDir,
    address: SocketAddr,
    admin: SocketAddr,
    process: Option<Process>,
}

impl Dev {
    /// Starts one with a database of its own.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    async fn start(binary: &Path, environment: Vec<(String, String)>) -> anyhow::Result<Self> {
        on_spare(2, async |ports| {
            let mut dev = Self {
                binary: binary.to_owned(),
                environment: environment.clone(),
                folder: tempfile::tempdir()?,
                address: loopback(ports[0]),
                admin: loopback(ports[1]),
                process: None,
            };
            dev.run().await?;
            Ok(dev)
        })
        .await
    }

    /// Starts it again, where it was.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub async fn run(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new(&self.binary);
        command
            .arg("dev")
            .envs(self.environment.iter().cloned())
            .env("LISTEN", self.address.to_string())
            .env("ADMIN_LISTEN", self.admin.to_string())
            .env("DATA_DIR", self.folder.path().join("data"));
        let log = self.folder.path().join("log");
        let mut process = Process::spawn("callboard dev", command, &log, Ending::Kill)?;
        let address = self.admin;
        let ready = async || is_ready(address).await.unwrap_or(false);
        process.answers(ready).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Kills it.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Ends it as an operator does.
    ///
    /// # Errors
    ///
    /// If it does not end well.
    pub async fn terminate(&mut self) -> anyhow::Result<()> {
        let process = self.process.take().context("it does not run")?;
        let status = process.stop(Signal::TERM, DRAIN).await?;
        anyhow::ensure!(status.success(), "it ended with {status}");
        Ok(())
    }

    /// Sends it a signal.
    ///
    /// # Errors
    ///
    /// If the kernel refuses.
    pub fn signal(&mut self, signal: Signal) -> anyhow::Result<()> {
        let process = self.process.as_mut().context("it does not run")?;
        process.signal(signal)
    }
}

/// The binary of the same build as the program that runs, or as the test that does.
///
/// # Errors
///
/// If it has not been built.
pub fn binary() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folders = program.ancestors().skip(1).take(2);
    let mut candidates = folders.map(|folder| folder.join("callboard"));
    candidates
        .find(|binary| binary.is_file())
        .context("callboard is not built: cargo build --bin callboard")
}

async fn is_ready(admin: SocketAddr) -> anyhow::Result<bool> {
    let request = Request::get(format!("http://{admin}/readyz")).body(Full::default())?;
    let (status, _) = timeout(LOOK, Rest::new(admin).send(request)).await??;
    Ok(status.is_success())
}

async fn metric(admin: SocketAddr, name: &str, label: &str) -> anyhow::Result<u64> {
    let request = Request::get(format!("http://{admin}/metrics")).body(Full::default())?;
    let (_, body) = timeout(METRICS, Rest::new(admin).send(request)).await??;
    let text = String::from_utf8_lossy(&body);
    let lines = text.lines();
    let ours = lines.filter(|line| line.starts_with(name) && line.contains(label));
    let values = ours.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    Ok(values.sum())
}
