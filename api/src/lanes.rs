//! Work that is gathered: one task for each key, and only while there is something to do for it.
//!
//! While a task works on what it has taken, what comes in for the same key waits together and is
//! taken as a whole next. So things of one key happen in order, those of different keys side by
//! side, a lone one at once, and a crowd in few steps. Sending gathers commits this way, the
//! publisher keeps conversations in order, and the outbox is emptied in batches.

use std::{
    collections::HashMap,
    future::Future,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use callboard_shared::lifecycle::Lifecycle;

/// The lanes of one kind of work. The process does not end before they are empty.
pub(crate) struct Lanes<K, J> {
    waiting: Arc<Mutex<HashMap<K, Vec<J>>>>,
    lifecycle: Lifecycle,
    limit: usize,
}

/// As many jobs wait for this key as may; the job was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too much is waiting")]
pub(crate) struct Full;

impl<K, J> Clone for Lanes<K, J> {
    fn clone(&self) -> Self {
        Self {
            waiting: self.waiting.clone(),
            lifecycle: self.lifecycle.clone(),
            limit: self.limit,
        }
    }
}

impl<K, J> Lanes<K, J>
where
    K: Clone + Eq + Hash + Send + 'static,
    J: Send + 'static,
{
    /// Empty lanes, in each of which at most `limit` jobs wait.
    pub(crate) fn new(limit: usize, lifecycle: Lifecycle) -> Self {
        Self {
            waiting: Arc::default(),
            lifecycle,
            limit,
        }
    }

    /// Adds a job to a lane. If nobody works there, `work` does from now on, until nothing waits.
    pub(crate) fn push<W, F>(&self, key: K, job: J, work: W) -> Result<(), Full>
    where
        W: Fn(Vec<J>) -> F + Send + 'static,
        F: Future<Output = ()> + Send,
    {
        {
            let mut lanes = self.lock();
            if let Some(waiting) = lanes.get_mut(&key) {
                if waiting.len() >= self.limit {
                    return Err(Full);
                }
                waiting.push(job);
                return Ok(());
            }
            lanes.insert(key.clone(), vec![job]);
        }
        let mut lane = Lane {
            lanes: self.clone(),
            key,
            open: true,
        };
        self.lifecycle.spawn_to_its_end(async move {
            while let Some(jobs) = lane.take() {
                work(jobs).await;
            }
        });
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Vec<J>>> {
        // Nothing in here can panic half-way through a change, so a poisoned lock guards good data.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lane that is being worked on.
struct Lane<K: Clone + Eq + Hash + Send + 'static, J: Send + 'static> {
    lanes: Lanes<K, J>,
    key: K,
    open: bool,
}

impl<K: Clone + Eq + Hash + Send + 'static, J: Send + 'static> Lane<K, J> {
    /// Everything that waits; nothing closes the lane.
    fn take(&mut self) -> Option<Vec<J>> {
        let mut lanes = self.lanes.lock();
        let jobs = lanes
            .get_mut(&self.key)
            .map(std::mem::take)
            .filter(|jobs| !jobs.is_empty());
        if jobs.is_none() {
            lanes.remove(&self.key);
            self.open = false;
        }
        jobs
    }
}

/// A task that panics must not leave a lane on which jobs wait for ever.
impl<K: Clone + Eq + Hash + Send + 'static, J: Send + 'static> Drop for Lane<K, J> {
    fn drop(&mut self) {
        if self.open {
            let abandoned = self.lanes.lock().remove(&self.key);
            drop(abandoned);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::{Semaphore, mpsc};

    use super::*;

    #[tokio::test]
    async fn what_waits_is_taken_together_and_in_order() {
        let lanes = Lanes::new(100, Lifecycle::new());
        let gate = Arc::new(Semaphore::new(0));
        let (sender, mut taken) = mpsc::unbounded_channel();
        for job in 1..=4 {
            let (gate, sender) = (gate.clone(), sender.clone());
            let work = move |jobs: Vec<i32>| {
                let (gate, sender) = (gate.clone(), sender.clone());
                async move {
                    sender.send(jobs).unwrap();
                    gate.acquire().await.unwrap().forget();
                }
            };
            lanes.push("key", job, work).unwrap();
            if job == 1 {
                assert_eq!(taken.recv().await.unwrap(), [1]);
            }
        }
        gate.add_permits(2);
        assert_eq!(taken.recv().await.unwrap(), [2, 3, 4]);
    }

    #[tokio::test]
    async fn a_full_lane_refuses_and_other_lanes_go_on() {
        let lanes = Lanes::new(1, Lifecycle::new());
        let work = |_: Vec<i32>| std::future::pending::<()>();
        lanes.push("a", 1, work).unwrap();
        tokio::task::yield_now().await;
        lanes.push("a", 2, work).unwrap();
        assert_eq!(lanes.push("a", 3, work), Err(Full));
        lanes.push("b", 4, work).unwrap();
    }

    #[tokio::test]
    async fn a_lane_whose_work_panicked_can_be_used_again() {
        let lanes = Lanes::new(10, Lifecycle::new());
        let (sender, mut panicking) = mpsc::unbounded_channel();
        let work = move |_: Vec<i32>| {
            let sender = sender.clone();
            async move {
                sender.send(()).unwrap();
                panic!("as it should");
            }
        };
        for job in 1..=3 {
            lanes.push("key", job, work.clone()).unwrap();
            panicking.recv().await.unwrap();
            while !lanes.lock().is_empty() {
                tokio::task::yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn the_process_does_not_end_before_the_lanes_are_empty() {
        let lifecycle = Lifecycle::new();
        let lanes = Lanes::new(10, lifecycle.clone());
        let (sender, mut done) = mpsc::unbounded_channel();
        let work = move |jobs: Vec<i32>| {
            let sender = sender.clone();
            async move {
                tokio::task::yield_now().await;
                sender.send(jobs).unwrap();
            }
        };
        lanes.push("key", 1, work).unwrap();
        lifecycle.stop();
        lifecycle.ended().await;
        assert_eq!(done.try_recv().unwrap(), [1]);
    }
}
