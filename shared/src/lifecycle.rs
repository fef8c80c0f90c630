//! How a process starts, drains and stops.
//!
//! ```text
//! starting ──ready()──▶ serving ──signal──▶ draining ──▶ stopping ──▶ exit 0
//!                                              └──second signal──▶ exit at once
//! ```
//!
//! Draining is soft: not ready any more, but what is open is served to its end. Stopping is hard:
//! whatever still runs is dropped. Every task of the process is spawned on its tracker.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

/// The life of one process, shared by all its parts.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    ready: Arc<AtomicBool>,
    drain: CancellationToken,
    stop: CancellationToken,
    tasks: TaskTracker,
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
        self.ready.load(Ordering::Acquire) && !self.drain.is_cancelled()
    }

    /// Begins to drain. Again: nothing.
    pub fn drain(&self) {
        self.drain.cancel();
    }

    /// Done once draining begins.
    pub async fn draining(&self) {
        self.drain.cancelled().await;
    }

    /// Ends whatever still runs.
    pub fn stop(&self) {
        self.drain.cancel();
        self.stop.cancel();
    }

    /// Done once everything must end.
    pub async fn stopping(&self) {
        self.stop.cancelled().await;
    }

    /// Spawns a task of the process: it runs to its end or until [`stop`](Self::stop).
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = task => {}
            }
        });
    }

    /// Counts something that runs elsewhere (a thread) among the tasks, until the token is dropped.
    #[must_use]
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
