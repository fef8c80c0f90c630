//! A PostgreSQL server of its own, with fsync on: what it says is committed is on disk.

use std::{
    fs,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::{
    ports,
    process::{Ending, Process, Signal},
    program,
};

/// Enough for several API processes and their tests.
const CONNECTIONS: &str = "max_connections=200";

/// How long a server may take to end connections, write a checkpoint and end.
const FAST: Duration = Duration::from_secs(20);

/// The account that Debian's package makes: PostgreSQL refuses to run as root.
const ACCOUNT: &str = "postgres";

/// The database that every server has.
const FIRST_DATABASE: &str = "postgres";

/// A server, running or stopped.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    port: u16,
    process: Option<Process>,
    folder: TempDir,
}

impl Postgres {
    /// Makes an empty server and starts it.
    ///
    /// # Errors
    ///
    /// If PostgreSQL is not installed or does not start.
    pub async fn start() -> Result<Self> {
        let programs = program::postgres_folder()?;
        let folder = tempfile::Builder::new()
            .prefix("callboard-postgres-")
            .tempdir()?;
        if let Some((user, group)) = account()? {
            chown(folder.path(), Some(user), Some(group))?;
        }
        let mut initdb = server_command(&programs.join("initdb"))?;
        initdb
            .args([
                "--username",
                ACCOUNT,
                "--auth",
                "trust",
                "--encoding",
                "UTF8",
            ])
            .args(["--locale", "C.UTF-8", "--no-sync", "--pgdata"])
            .arg(folder.path().join("data"));
        program::run(initdb).await?;
        let (port, process) = ports::on_spare(1, |ports| {
            let server = serve(&programs, folder.path(), ports[0]);
            async move { Ok((ports[0], server.await?)) }
        })
        .await?;
        Ok(Self {
            programs,
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

    /// The process id, if it is running.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    /// The URL of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{ACCOUNT}@127.0.0.1:{}/{database}", self.port)
    }

    /// Makes an empty database with a name of its own, and returns its URL.
    ///
    /// # Errors
    ///
    /// If the server does not.
    pub async fn create_database(&self) -> Result<String> {
        let name = format!("test_{:016x}", rand::random::<u64>());
        self.query(FIRST_DATABASE, &format!("CREATE DATABASE {name}"))
            .await?;
        Ok(self.url(&name))
    }

    /// Runs SQL and returns the rows, a line each, with `|` between columns.
    ///
    /// # Errors
    ///
    /// If the server is not running or refuses.
    pub async fn query(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set", "ON_ERROR_STOP=1", "--command", sql])
            .args(["--dbname", &self.url(database)]);
        program::run(psql).await
    }

    /// Stops it in good order, cutting its clients off.
    ///
    /// # Errors
    ///
    /// If it had to be killed.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(process) = self.process.take() {
            let status = process.stop(Signal::INT, FAST).await?;
            ensure!(status.success(), "PostgreSQL ended with {status}");
        }
        Ok(())
    }

    /// Kills it, as a crash would.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
    }

    /// Starts it again, on the same port and data, after stopping it if it is running.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        let process = serve(&self.programs, self.folder.path(), self.port).await?;
        self.process = Some(process);
        Ok(())
    }
}

async fn serve(programs: &Path, folder: &Path, port: u16) -> Result<Process> {
    let mut postgres = server_command(&programs.join("postgres"))?;
    postgres
        .arg("-D")
        .arg(folder.join("data"))
        .args(["-p", &port.to_string()])
        .args(["-c", "listen_addresses=127.0.0.1"])
        .args(["-c", "unix_socket_directories="])
        .args(["-c", "fsync=on", "-c", CONNECTIONS]);
    let log = folder.join("postgres.log");
    let mut process = Process::spawn("PostgreSQL", postgres, &log, Ending::Quit)?;
    let answers = || async {
        let mut ready = Command::new(programs.join("pg_isready"));
        ready.args([
            "--quiet",
            "--host",
            "127.0.0.1",
            "--port",
            &port.to_string(),
        ]);
        program::run(ready).await.is_ok()
    };
    process.answers(answers).await?;
    Ok(process)
}

/// A command that runs as the account that may run a server.
fn server_command(program: &Path) -> Result<Command> {
    let mut command = Command::new(program);
    if let Some((user, group)) = account()? {
        command.uid(user).gid(group);
    }
    // Not this process's working folder: the account may not be allowed to enter it.
    command.current_dir("/");
    Ok(command)
}

/// User and group of the account to run as, if this process is root's.
fn account() -> Result<Option<(u32, u32)>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let accounts = fs::read_to_string("/etc/passwd")?;
    let entry = accounts.lines().find_map(|line| {
        let mut fields = line.strip_prefix(ACCOUNT)?.strip_prefix(':')?.split(':');
        let user = fields.nth(1)?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        Some((user, group))
    });
    let entry = entry.context("no account `postgres`: sudo apt-get install postgresql")?;
    Ok(Some(entry))
}
