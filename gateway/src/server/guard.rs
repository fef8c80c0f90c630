//! Requests that clients give up.

use std::mem;

use crate::worker::{Command, Pool};

/// Tells a session that a request of its was given up, unless it was answered.
pub(super) struct Guard<'a> {
    pool: &'a Pool,
    worker: u16,
    command: Option<Command>,
}

impl<'a> Guard<'a> {
    pub(super) fn new(pool: &'a Pool, worker: u16, command: Command) -> Self {
        Self {
            pool,
            worker,
            command: Some(command),
        }
    }

    pub(super) fn disarm(mut self) {
        self.command = None;
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(command) = mem::take(&mut self.command) {
            let (pool, worker) = (self.pool.clone(), self.worker);
            // The request's own task is ending, and the worker's queue may be full.
            tokio::spawn(async move { pool.send(worker, command).await });
        }
    }
}
