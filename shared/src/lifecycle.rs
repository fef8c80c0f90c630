//! How a process starts, drains and stops.
//!
//! ```text
//! starting ──set_ready──▶ serving ──signal──▶ draining ──▶ finishing ──▶ stopping ──▶ exit 0
//!                                                └──────── second signal ────────▲
//! ```
//!
//! Draining is soft: not ready any more, but what is open is served. Finishing lets requests in
//! flight come to their end. Stopping is hard: whatever still runs is dropped. Every task of the
//! process is spawned on its tracker.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use clap::Args;
use tokio::{
    runtime::Handle,
    signal::unix::{SignalKind, signal},
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use crate::config::duration;

/// How long requests in flight may take once everybody has been sent away.
const LAST_REQUESTS: Duration = Duration::from_secs(5);

/// How a process leaves.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Leaving")]
pub struct DrainSettings {
    /// Between not being ready and the first close.
    #[arg(long, env = "DRAIN_DELAY", value_parser = duration)]
    pub drain_delay: Option<Duration>,
    /// Within how long clients are sent away then.
    #[arg(long, env = "DRAIN_WINDOW", value_parser = duration)]
    pub drain_window: Option<Duration>,
}

/// The life of one process, shared by all its parts.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    ready: Arc<AtomicBool>,
    failed: Arc<AtomicBool>,
    drain: CancellationToken,
    finish: CancellationToken,
    stop: CancellationToken,
    connections: TaskTracker,
    tasks: TaskTracker,
    #[cfg(feature = "simulation")]
    killed: CancellationToken,
}

impl Lifecycle {
    /// A process that is starting.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that everything is up.
    pub fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Whether new work may come: up, and not draining.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire) && !self.is_draining()
    }

    /// Begins to drain. Again: nothing.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Whether draining has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// Done once draining begins.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Brings the process to its end: `leave` sends everybody away, requests in flight come to
    /// theirs in bounded time, and what still runs then is dropped. A second signal skips the waiting.
    pub async fn end(&self, leave: impl Future<Output = ()>) {
        self.drain();
        tokio::select! {
            () = self.stopping() => {}
            () = leave => {}
        }
        self.finish_requests(LAST_REQUESTS).await;
        self.stop();
        self.ended().await;
    }

    /// Lets HTTP connections end after the request they are at, for at most `patience`, and takes no
    /// new ones.
    pub async fn finish_requests(&self, patience: Duration) {
        self.finish.cancel();
        self.connections.close();
        tokio::select! {
            () = self.connections.wait() => {}
            () = self.stopping() => {}
            () = tokio::time::sleep(patience) => {}
        }
    }

    /// Done once HTTP connections should end after the request they are at.
    pub async fn finishing(&self) {
        self.finish.cancelled().await;
    }

    /// Ends whatever still runs.
    pub fn stop(&self) {
        self.drain.cancel();
        self.finish.cancel();
        self.stop.cancel();
    }

    /// Ends whatever still runs, because a part of the process is gone that nothing replaces.
    pub fn fail(&self) {
        self.failed.store(true, Ordering::Release);
        self.stop();
    }

    /// Whether a part of the process has failed.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }

    /// Done once everything must end.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Spawns a task of the process: it runs to its end or until [`stop`](Self::stop).
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.spawn_to_its_end(async move {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Spawns a task of the process on another runtime than the caller's.
    pub fn spawn_on(&self, runtime: &Handle, task: impl Future<Output = ()> + Send + 'static) {
        let _on = runtime.enter();
        self.spawn(task);
    }

    /// Spawns a task that soon comes to its end: the process does not end before it has.
    pub fn spawn_to_its_end(&self, task: impl Future<Output = ()> + Send + 'static) {
        #[cfg(feature = "simulation")]
        let task = {
            let killed = self.killed.clone();
            async move {
                tokio::select! {
                    biased;
                    () = killed.cancelled() => {}
                    () = task => {}
                }
            }
        };
        self.tasks.spawn(task);
    }

    /// Ends the process as `kill -9` does: none of its tasks gets another turn.
    #[cfg(feature = "simulation")]
    pub fn kill(&self) {
        self.killed.cancel();
        self.stop();
    }

    /// Done once the process was killed.
    #[cfg(feature = "simulation")]
    pub async fn killed(&self) {
        self.killed.cancelled().await;
    }

    /// Spawns the task of an HTTP connection.
    pub(crate) fn spawn_connection(&self, task: impl Future<Output = ()> + Send + 'static) {
        let counted = self.connections.token();
        self.spawn(async move {
            task.await;
            drop(counted);
        });
    }

    /// Counts something that runs elsewhere (a thread) among the tasks, until the token is dropped.
    pub fn track(&self) -> TaskTrackerToken {
        self.tasks.token()
    }

    /// Done once every task has ended.
    pub async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Waits for SIGTERM or SIGINT, then begins to drain; a second one ends the process at once.
    ///
    /// # Errors
    ///
    /// If signal handlers cannot be installed.
    pub fn drain_on_signal(&self) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (drain, stop) = (self.drain.clone(), self.stop.clone());
        self.spawn(async move {
            let mut again = false;
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if again {
                    tracing::warn!("second signal: ending at once");
                    stop.cancel();
                    return;
                }
                tracing::info!("draining; a second signal ends at once");
                drain.cancel();
                again = true;
            }
        });
        Ok(())
    }
}
