//! A worker owns connections: their sockets, their sessions and what is queued for them, on its own
//! thread and single-threaded runtime.
//!
//! ```text
//!  server ── commands ──▶ ┌──────────────────────────────┐
//!  (HTTP)                 │ worker                       │
//!  subscriber ─ events ─▶ │   Application ◀──▶ Links     │ ◀──▶ sockets
//!                         └──────────────────────────────┘
//! ```
//!
//! Everything happens in turns. A turn takes what has come (a command, an event, bytes, a deadline),
//! lets the application handle it, and ends by *settling*: each connection that has got something to
//! send is written to once. There is no lock and no channel between an event and the sockets it goes
//! to, and nobody else ever touches a connection.
//!
//! What the messages mean is the [`Application`]'s: the product's is
//! [`messaging`](crate::messaging), the conformance server brings its own.

mod command;
mod link;
mod metrics;
mod pool;
mod sid;
mod socket;
mod timers;

use std::{
    cell::{Cell, RefCell},
    panic::AssertUnwindSafe,
    rc::{Rc, Weak},
    sync::Arc,
    time::{Duration, Instant},
};

use callboard_shared::id::GatewayId;
use futures::FutureExt;
use tokio::{
    sync::{Notify, mpsc},
    task::spawn_local,
    time::{sleep, sleep_until},
};

use crate::engine::{self, CloseReason, Message, Transport};

pub use command::Handshake;
pub(crate) use command::{Command, Stream};
use link::Happened;
pub use link::Links;
pub(crate) use metrics::LinkMetrics;
pub use pool::{Home, Pool, WorkerHandle};
pub(crate) use sid::Sid;

slotmap::new_key_type! {
    /// A connection of a worker; never used again for another one.
    pub struct Slot;
}

/// Close reason: the connection's queue is full.
pub const SLOW_CONSUMER: &str = "slow_consumer";

/// Close reason: the gateway is going away.
pub const DRAIN: &str = "drain";

/// How many commands may wait for a worker; past it, HTTP requests wait with them.
const COMMAND_QUEUE: usize = 1_024;

/// How many events may wait for a worker; past it, the subscriber waits, and with it every worker:
/// nothing is dropped, and a bus that cannot wait says that it is lost.
const EVENT_QUEUE: usize = 4_096;

/// How many commands or events are handled before their effects are written.
const TURN: usize = 256;

/// What the connections of a worker have in common.
#[derive(Debug, Clone)]
pub struct WorkerConfig {
    /// The gateway, as the ids of its sessions name it.
    pub gateway: GatewayId,
    /// The Engine.IO sessions.
    pub engine: Arc<engine::Config>,
    /// The most bytes queued for one connection; past it the connection is closed as a slow
    /// consumer.
    pub send_queue: usize,
    /// Where the workers run.
    pub home: Home,
}

/// What sits on top of the connections of one worker.
pub trait Application: Sized + 'static {
    /// What comes from outside, through the worker's queue.
    type Event: Send + 'static;

    /// Whether the application has nothing left, once all connections are gone.
    fn is_idle(&self) -> bool {
        true
    }

    /// A connection was opened.
    fn opened(&mut self, links: &mut Links, slot: Slot, handshake: Handshake);
    /// A message came.
    fn message(&mut self, links: &mut Links, slot: Slot, message: Message);
    /// The time has come that [`Links::set_due`] had set.
    fn due(&mut self, links: &mut Links, slot: Slot);
    /// Little is queued any more, as [`Links::notify_drained`] wanted to know.
    fn drained(&mut self, _links: &mut Links, _slot: Slot) {}
    /// A connection is over. Nothing comes for it after this.
    fn closed(&mut self, links: &mut Links, slot: Slot, transport: Transport, reason: CloseReason);
    /// Something came through the worker's queue.
    fn event(&mut self, links: &mut Links, event: Self::Event);
}

struct Worker<A> {
    index: u16,
    links: Links,
    application: A,
    running: Rc<Running>,
    draining: bool,
}

/// A way back to the worker for what takes time.
pub struct Handle<A> {
    worker: Weak<RefCell<Worker<A>>>,
    running: Rc<Running>,
}

impl<A> Clone for Handle<A> {
    fn clone(&self) -> Self {
        Self {
            worker: Weak::clone(&self.worker),
            running: Rc::clone(&self.running),
        }
    }
}

/// The tasks of a worker that come to an end by themselves.
#[derive(Default)]
struct Running {
    count: Cell<usize>,
    /// Told when the last one has ended.
    ended: Notify,
    /// Told when one has panicked.
    panicked: Notify,
}

impl Running {
    fn spawn(self: &Rc<Self>, task: impl Future<Output = ()> + 'static) {
        struct Counted(Rc<Running>);
        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.count.update(|count| count - 1);
                if self.0.count.get() == 0 {
                    self.0.ended.notify_one();
                }
            }
        }
        self.count.update(|count| count + 1);
        let counted = Counted(Rc::clone(self));
        spawn_local(async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                counted.0.panicked.notify_one();
            }
            drop(counted);
        });
    }
}

impl<A: Application> Handle<A> {
    /// Lets `task` run beside the worker's turns, and takes what comes of it to `then`, in a turn of
    /// its own.
    pub fn run<T: 'static>(
        &self,
        task: impl Future<Output = T> + 'static,
        then: impl FnOnce(&mut A, &mut Links, T) + 'static,
    ) {
        let worker = Weak::clone(&self.worker);
        self.running.spawn(async move {
            let result = task.await;
            if let Some(worker) = worker.upgrade() {
                worker
                    .borrow_mut()
                    .turn(|worker| then(&mut worker.application, &mut worker.links, result));
            }
        });
    }

    /// Lets time pass, then has a turn.
    pub fn after(&self, delay: Duration, then: impl FnOnce(&mut A, &mut Links) + 'static) {
        self.run(sleep(delay), |application, links, ()| {
            then(application, links);
        });
    }
}

impl<A: Application> Worker<A> {
    /// Handles one thing and settles.
    fn turn<T>(&mut self, handle: impl FnOnce(&mut Self) -> T) -> T {
        self.links.set_now(now());
        let result = handle(self);
        self.settle();
        result
    }

    /// Tells the application what has happened and writes what it has sent, until neither is left.
    fn settle(&mut self) {
        loop {
            self.tell();
            if !self.links.flush() {
                return;
            }
        }
    }

    /// Tells the application what has happened. To be done before a new connection is opened, which
    /// may take the place of one whose end has not been told.
    fn tell(&mut self) {
        while let Some((slot, happened)) = self.links.next_happened() {
            let (application, links) = (&mut self.application, &mut self.links);
            match happened {
                Happened::Message(message) => application.message(links, slot, message),
                Happened::Drained => application.drained(links, slot),
                Happened::Closed(transport, reason) => {
                    application.closed(links, slot, transport, reason);
                }
            }
        }
    }

    /// Does what is due.
    fn tick(&mut self) {
        self.turn(|worker| {
            while let Some(slot) = worker.links.timers().due(worker.links.now()) {
                if worker.links.tick(slot) {
                    worker.application.due(&mut worker.links, slot);
                }
            }
        });
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Runs a worker until its queues are closed or it has drained.
async fn run<A: Application>(
    worker: Rc<RefCell<Worker<A>>>,
    mut commands: mpsc::Receiver<Command>,
    mut events: mpsc::Receiver<A::Event>,
) {
    let sooner = worker.borrow().links.timers().sooner();
    let running = Rc::clone(&worker.borrow().running);
    loop {
        let first = worker.borrow().links.timers().first();
        let deadline = async {
            match first {
                Some(at) => sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let (mut command, mut event) = (None, None);
        tokio::select! {
            biased;
            () = deadline => worker.borrow_mut().tick(),
            () = sooner.notified() => {}
            () = running.ended.notified() => {}
            first = commands.recv() => match first {
                Some(first) => command = Some(first),
                None => return,
            },
            Some(first) = events.recv() => event = Some(first),
        }
        // Whichever came first, neither waits for the other to become quiet.
        worker.borrow_mut().turn(|this| {
            for _ in 0..TURN {
                let Some(next) = command.take().or_else(|| commands.try_recv().ok()) else {
                    break;
                };
                this.command(next, &worker);
            }
            for _ in 0..TURN {
                let Some(next) = event.take().or_else(|| events.try_recv().ok()) else {
                    break;
                };
                this.application.event(&mut this.links, next);
            }
        });
        let this = worker.borrow();
        if this.draining && this.links.is_empty() && running.count.get() == 0 {
            return;
        }
    }
}
