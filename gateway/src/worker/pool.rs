//! The workers of a process: their threads, and how to reach them.

use std::{
    cell::RefCell,
    io,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use callboard_shared::lifecycle::Lifecycle;
use tokio::{
    runtime,
    sync::{mpsc, oneshot},
    task::LocalSet,
};

use super::{
    Application, COMMAND_QUEUE, Command, EVENT_QUEUE, Handle, LinkMetrics, Links, Running, Worker,
    WorkerConfig, now, run,
};

/// The workers of a process.
#[derive(Clone)]
pub struct Pool {
    workers: Arc<[mpsc::Sender<Command>]>,
    next: Arc<AtomicUsize>,
}

/// Where workers run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Home {
    /// Each on a thread and a runtime of its own.
    #[default]
    Threads,
    /// On the `LocalSet` of whoever starts them: a simulation is one thread.
    #[cfg(feature = "simulation")]
    Here,
}

/// The way to one worker's application.
pub struct WorkerHandle<E> {
    /// Where its events go. Bounded: a sender waits.
    pub events: mpsc::Sender<E>,
}

/// A worker has ended: the process is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the worker has ended")]
pub(crate) struct WorkerGone;

impl Pool {
    /// Starts one worker for each of `applications`, which are made where the workers run.
    ///
    /// # Errors
    ///
    /// If a thread or its runtime cannot be had.
    pub(crate) fn start<A, F>(
        home: Home,
        config: &Arc<WorkerConfig>,
        metrics: &LinkMetrics,
        lifecycle: &Lifecycle,
        applications: Vec<F>,
    ) -> io::Result<(Self, Vec<WorkerHandle<A::Event>>)>
    where
        A: Application,
        F: FnOnce(Handle<A>) -> A + Send + 'static,
    {
        let (mut workers, mut handles) = (Vec::new(), Vec::new());
        for (index, make) in (0..).zip(applications) {
            let (commands, command_queue) = mpsc::channel(COMMAND_QUEUE);
            let (events, event_queue) = mpsc::channel(EVENT_QUEUE);
            let (config, metrics, lifecycle) =
                (Arc::clone(config), metrics.clone(), lifecycle.clone());
            let work = async move || {
                let _alive = (lifecycle.track(), FailOnPanic(lifecycle.clone()));
                let running = Rc::<Running>::default();
                let worker = Rc::new_cyclic(|this| {
                    RefCell::new(Worker {
                        index,
                        links: Links::new(config, metrics, Rc::clone(&running), now()),
                        application: make(Handle {
                            worker: this.clone(),
                            running: Rc::clone(&running),
                        }),
                        running: Rc::clone(&running),
                        draining: false,
                    })
                });
                tokio::select! {
                    biased;
                    () = lifecycle.stopping() => {}
                    () = running.panicked.notified() => {
                        panic!("a task of this worker has panicked");
                    }
                    () = run(worker, command_queue, event_queue) => {}
                }
            };
            match home {
                Home::Threads => {
                    let runtime = runtime::Builder::new_current_thread()
                        .enable_all()
                        .build()?;
                    thread::Builder::new()
                        .name(format!("worker-{index}"))
                        .spawn(move || LocalSet::new().block_on(&runtime, work()))?;
                }
                #[cfg(feature = "simulation")]
                Home::Here => drop(tokio::task::spawn_local(work())),
            }
            workers.push(commands);
            handles.push(WorkerHandle { events });
        }
        Ok((
            Self {
                workers: workers.into(),
                next: Arc::default(),
            },
            handles,
        ))
    }

    /// The worker for the next new connection: each in its turn.
    pub(crate) fn next(&self) -> u16 {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.workers.len();
        u16::try_from(turn).unwrap_or(0)
    }

    /// Sends a command. One to a worker that there is not is dropped, and with it its answer.
    pub(crate) async fn send(&self, worker: u16, command: Command) -> Result<(), WorkerGone> {
        let worker = self.workers.get(usize::from(worker)).ok_or(WorkerGone)?;
        worker.send(command).await.map_err(|_| WorkerGone)
    }

    /// Sends a command and waits for the answer.
    pub(crate) async fn ask<T>(
        &self,
        worker: u16,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, WorkerGone> {
        let (sender, answer) = oneshot::channel();
        self.send(worker, command(sender)).await?;
        answer.await.map_err(|_| WorkerGone)
    }

    /// Closes all connections, spread over `window`. The workers end after the last one.
    pub async fn drain(&self, window: Duration) {
        for worker in 0..self.len() {
            // A worker that has ended has drained.
            let _ = self.send(worker, Command::Drain { window }).await;
        }
    }

    /// Done once all workers have ended.
    pub async fn ended(&self) {
        for worker in self.workers.iter() {
            worker.closed().await;
        }
    }

    /// Whether nothing is left of any connection: no session, no timer, no task, nothing queued and
    /// nothing that the applications keep.
    pub async fn is_idle(&self) -> bool {
        for worker in 0..self.len() {
            if self.ask(worker, |answer| Command::IsIdle { answer }).await == Ok(false) {
                return false;
            }
        }
        true
    }

    fn len(&self) -> u16 {
        u16::try_from(self.workers.len()).unwrap_or(u16::MAX)
    }
}

/// A worker that panics cannot vouch for its connections any more, and nobody takes them over: the
/// process ends, and the clients come back to another.
struct FailOnPanic(Lifecycle);

impl Drop for FailOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.fail();
        }
    }
}
