//! A child process that cannot outlive its [`Process`], nor this process.
//!
//! Dropping ends it, which covers returns, errors and panics. For Ctrl-C and SIGKILL, which run no
//! destructors, each child has a watchdog beside it: a shell that waits for the end of a pipe whose
//! other end only this process holds. (PR_SET_PDEATHSIG would need unsafe code, and fires when the
//! starting thread ends, not the process.)

use std::{
    fs::File,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process, kill_process_group};

/// How long a start may take: generous, for a machine that compiles beside it.
pub const START: Duration = Duration::from_secs(60);

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// How many [`LOOK`]s a dropped process has to end by its last signal before it is killed: 5 s.
const LAST_LOOKS: usize = 500;

/// How much of a log an error shows.
const TAIL: usize = 4_000;

/// What a watchdog runs: `$0` is the child's process group, `$1` the name of the last signal.
const WATCHDOG: &str = r#"read -r _; kill -s "$1" -- "-$0""#;

/// What ends a process that is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// SIGKILL: nothing of it needs to be put in order.
    Kill,
    /// SIGQUIT: PostgreSQL ends its own children and frees its shared memory, at once.
    Quit,
}

/// A running child, in a process group of its own.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    watchdog: Child,
    log: PathBuf,
    ending: Ending,
}

impl Process {
    /// Starts a program. What it prints is appended to `log`.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn spawn(name: &str, mut command: Command, log: &Path, ending: Ending) -> Result<Self> {
        let output = File::options().create(true).append(true).open(log);
        let output = output.with_context(|| format!("cannot write {}", log.display()))?;
        let mut child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {name} ({command:?})"))?;
        let watchdog = match watch(&child, ending) {
            Ok(watchdog) => watchdog,
            Err(error) => {
                child.kill()?;
                child.wait()?;
                return Err(error);
            }
        };
        Ok(Self {
            name: name.to_owned(),
            child,
            watchdog,
            log: log.to_owned(),
            ending,
        })
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    ///
    /// If the kernel does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Sends a signal to the process alone, not to its group.
    ///
    /// # Errors
    ///
    /// If the kernel refuses.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        if self.ended()?.is_none() {
            kill_process(Pid::from_child(&self.child), signal)?;
        }
        Ok(())
    }

    /// Waits until `probe` says that the process answers.
    ///
    /// # Errors
    ///
    /// If it ends, or has not answered within [`START`]; with the tail of its log.
    pub async fn answers<F>(&mut self, mut probe: impl FnMut() -> F) -> Result<()>
    where
        F: Future<Output = bool>,
    {
        let answer = async {
            while !probe().await {
                if let Some(status) = self.child.try_wait()? {
                    bail!("{} has ended ({status})", self.name);
                }
                tokio::time::sleep(LOOK).await;
            }
            Ok(())
        };
        let answer = tokio::time::timeout(START, answer).await;
        let answer = answer.unwrap_or_else(|_| bail!("{} does not answer", self.name));
        answer.with_context(|| format!("the end of its log:\n{}", self.log_tail()))
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    ///
    /// If it has not within `patience`; it is still running then.
    pub async fn wait(&mut self, patience: Duration) -> Result<ExitStatus> {
        let end = async {
            loop {
                if let Some(status) = self.child.try_wait()? {
                    return Ok(status);
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let end = tokio::time::timeout(patience, end).await;
        end.unwrap_or_else(|_| bail!("{} has not ended within {patience:?}", self.name))
    }

    /// Asks it to end by a signal, and kills it if it has not within `patience`.
    ///
    /// # Errors
    ///
    /// If it had to be killed.
    pub async fn stop(mut self, signal: Signal, patience: Duration) -> Result<ExitStatus> {
        self.signal(signal)?;
        self.wait(patience).await
    }

    /// Kills it and its group, and waits for its end.
    pub fn kill(mut self) {
        self.ending = Ending::Kill;
    }

    /// The last lines that it printed.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let tail = &log[log.len().saturating_sub(TAIL)..];
        String::from_utf8_lossy(tail).into_owned()
    }

    fn end_with(&mut self, signal: Signal, looks: usize) {
        // Fails if the group is gone, and then there is nothing to end.
        let _ = kill_process_group(Pid::from_child(&self.child), signal);
        for _ in 0..looks {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // First the watchdog: once the child is gone, its number may be somebody else's.
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        if self.ending == Ending::Quit && matches!(self.child.try_wait(), Ok(None)) {
            self.end_with(Signal::QUIT, LAST_LOOKS);
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end_with(Signal::KILL, LAST_LOOKS);
        }
    }
}

fn watch(child: &Child, ending: Ending) -> Result<Child> {
    let signal = match ending {
        Ending::Kill => "KILL",
        Ending::Quit => "QUIT",
    };
    Command::new("sh")
        .args(["-c", WATCHDOG, &child.id().to_string(), signal])
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start sh")
}

/// Waits until a condition holds.
///
/// # Errors
///
/// If it does not within [`START`]; or that of `holds`.
pub async fn until<F>(what: &str, mut holds: impl FnMut() -> F) -> Result<()>
where
    F: Future<Output = Result<bool>>,
{
    let wait = async {
        while !holds().await? {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    };
    let wait = tokio::time::timeout(START, wait).await;
    wait.unwrap_or_else(|_| bail!("{what}: not within {START:?}"))
}
