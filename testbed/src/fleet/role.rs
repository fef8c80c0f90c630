//! The processes of one role, each on addresses of its own that it keeps from one start to the next.

use std::{net::SocketAddr, path::PathBuf, process::ExitStatus, time::Duration};

use anyhow::{Context, Result, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::command;
use crate::process::{Ending, Process, Signal};

/// How long an answer about readiness may take: a paused process accepts connections and says
/// nothing.
const ANSWER: Duration = Duration::from_secs(2);

/// Where one process listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    pub(super) public: SocketAddr,
    pub(super) admin: SocketAddr,
    pub(super) internal: SocketAddr,
}

/// What a role is made of.
pub(super) struct Plan {
    pub(super) binary: PathBuf,
    /// The command, and the beginning of every name.
    pub(super) role: &'static str,
    pub(super) logs: PathBuf,
    pub(super) settings: Vec<(String, String)>,
    /// Where each process listens, and its `REDIS_URL`.
    pub(super) members: Vec<(Addresses, String)>,
}

/// The processes of one role, by number.
#[derive(Debug)]
pub struct Role {
    binary: PathBuf,
    role: &'static str,
    logs: PathBuf,
    settings: Vec<(String, String)>,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    addresses: Addresses,
    redis_url: String,
    process: Option<Process>,
}

impl Role {
    /// Starts all and waits until they are ready.
    pub(super) async fn start(plan: Plan) -> Result<Self> {
        let members = plan
            .members
            .into_iter()
            .map(|(addresses, redis_url)| Member {
                addresses,
                redis_url,
                process: None,
            });
        let mut role = Self {
            binary: plan.binary,
            role: plan.role,
            logs: plan.logs,
            settings: plan.settings,
            members: members.collect(),
        };
        for number in 0..role.len() {
            role.launch(number)?;
        }
        for number in 0..role.len() {
            role.wait_ready(number).await?;
        }
        Ok(role)
    }

    /// How many processes there are, running or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// A process's name: that of its log file too.
    #[must_use]
    pub fn member(&self, number: usize) -> String {
        format!("{}-{number}", self.role)
    }

    /// A process's public address.
    #[must_use]
    pub fn address(&self, number: usize) -> SocketAddr {
        self.members[number].addresses.public
    }

    /// Where a process's `/metrics`, `/healthz` and `/readyz` are.
    #[must_use]
    pub fn admin_address(&self, number: usize) -> SocketAddr {
        self.members[number].addresses.admin
    }

    /// A process's log file.
    #[must_use]
    pub fn log(&self, number: usize) -> PathBuf {
        self.logs.join(format!("{}.log", self.member(number)))
    }

    /// A process's id, if it was started and has not been seen to end.
    #[must_use]
    pub fn id(&self, number: usize) -> Option<u32> {
        self.members[number].process.as_ref().map(Process::id)
    }

    /// Whether a process runs.
    pub fn is_running(&mut self, number: usize) -> bool {
        let process = self.members[number].process.as_mut();
        process.is_some_and(|process| matches!(process.ended(), Ok(None)))
    }

    /// Starts a process that does not run; see [`wait_ready`](Self::wait_ready).
    ///
    /// # Errors
    ///
    /// If it runs, or cannot be started.
    pub fn launch(&mut self, number: usize) -> Result<()> {
        ensure!(!self.is_running(number), "{} runs", self.member(number));
        let (name, log) = (self.member(number), self.log(number));
        let member = &mut self.members[number];
        let mut command = command(&self.binary, self.role, &self.settings);
        command
            .env("REDIS_URL", &member.redis_url)
            .env("LISTEN", member.addresses.public.to_string())
            .env("ADMIN_LISTEN", member.addresses.admin.to_string())
            .env("INTERNAL_LISTEN", member.addresses.internal.to_string());
        member.process = Some(Process::spawn(&name, command, &log, Ending::Kill)?);
        Ok(())
    }

    /// Waits until a process says that it is ready.
    ///
    /// # Errors
    ///
    /// If it ends, or does not say so in time; with the tail of its log.
    pub async fn wait_ready(&mut self, number: usize) -> Result<()> {
        let admin = self.admin_address(number);
        self.process(number)?.answers(|| is_ready(admin)).await
    }

    /// Tells a process to leave (SIGTERM), and does not wait; see [`ended`](Self::ended).
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn terminate(&mut self, number: usize) -> Result<()> {
        self.process(number)?.signal(Signal::TERM)
    }

    /// Waits until a process has ended.
    ///
    /// # Errors
    ///
    /// If it has not within `patience`; it still runs then.
    pub async fn ended(&mut self, number: usize, patience: Duration) -> Result<ExitStatus> {
        let status = self.process(number)?.wait(patience).await?;
        self.members[number].process = None;
        Ok(status)
    }

    /// Kills a process, as a crash would.
    pub fn kill(&mut self, number: usize) {
        if let Some(process) = self.members[number].process.take() {
            process.kill();
        }
    }

    /// Stops a process from running, with its connections open (SIGSTOP).
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn pause(&mut self, number: usize) -> Result<()> {
        self.process(number)?.signal(Signal::STOP)
    }

    /// Lets it run again.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn resume(&mut self, number: usize) -> Result<()> {
        self.process(number)?.signal(Signal::CONT)
    }

    /// Lets a process leave, starts it again and waits until it is ready.
    ///
    /// # Errors
    ///
    /// If it does not leave within `patience` with exit status 0, or does not come back.
    pub async fn restart(&mut self, number: usize, patience: Duration) -> Result<()> {
        self.terminate(number)?;
        let status = self.ended(number, patience).await?;
        ensure!(
            status.success(),
            "{} ended with {status}",
            self.member(number)
        );
        self.launch(number)?;
        self.wait_ready(number).await
    }

    /// Lets all leave at once, and kills who has not within `patience`.
    pub(super) async fn stop(&mut self, patience: Duration) -> Result<()> {
        let running: Vec<_> = (0..self.len())
            .filter(|number| self.is_running(*number))
            .collect();
        for number in &running {
            self.resume(*number)?;
            self.terminate(*number)?;
        }
        let mut result = Ok(());
        for number in running {
            let ended = match self.ended(number, patience).await {
                Ok(status) if status.success() => Ok(()),
                Ok(status) => Err(anyhow::anyhow!(
                    "{} ended with {status}",
                    self.member(number)
                )),
                Err(error) => Err(error),
            };
            self.kill(number);
            result = result.and(ended);
        }
        result
    }

    fn process(&mut self, number: usize) -> Result<&mut Process> {
        let name = self.member(number);
        let process = self.members[number].process.as_mut();
        process.with_context(|| format!("{name} does not run"))
    }
}

/// Whether `/readyz` answers 200.
async fn is_ready(admin: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(admin).await?;
        stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    match tokio::time::timeout(ANSWER, ask).await {
        Ok(Ok(answer)) => answer.split(' ').nth(1) == Some("200"),
        _ => false,
    }
}
