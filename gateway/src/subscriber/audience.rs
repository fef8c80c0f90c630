//! Who wants what: the workers, their queues, and the channels that each of them has asked for.

use std::collections::HashMap;

use callboard_shared::bus::{Bus, Channel, PartitionId};
use tokio::sync::mpsc;

use super::Told;

/// A set of workers, a bit each.
pub(super) type Workers = u64;

/// Every worker.
pub(super) const EVERYBODY: Workers = Workers::MAX;

/// The workers and their channels.
pub(super) struct Audience {
    workers: Vec<mpsc::Sender<Told>>,
    channels: HashMap<Channel, Workers>,
}

impl Audience {
    pub(super) fn new(workers: Vec<mpsc::Sender<Told>>) -> Self {
        Self {
            workers,
            channels: HashMap::new(),
        }
    }

    /// How many channels somebody wants.
    pub(super) fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Those who want a channel.
    pub(super) fn of(&self, channel: &Channel) -> Workers {
        self.channels.get(channel).copied().unwrap_or(0)
    }

    /// Enters a worker for these channels; returns those that nobody wanted before.
    pub(super) fn add(&mut self, worker: usize, channels: Vec<Channel>) -> Vec<Channel> {
        let mut fresh = Vec::new();
        for channel in channels {
            let workers = self.channels.entry(channel.clone()).or_insert(0);
            if *workers == 0 {
                fresh.push(channel);
            }
            *workers |= 1 << worker;
        }
        fresh
    }

    /// Takes a worker out of these channels; returns those that nobody wants any more.
    pub(super) fn remove(&mut self, worker: usize, channels: Vec<Channel>) -> Vec<Channel> {
        let mut stale = Vec::new();
        for channel in channels {
            if let Some(workers) = self.channels.get_mut(&channel) {
                *workers &= !(1 << worker);
                if *workers == 0 {
                    self.channels.remove(&channel);
                    stale.push(channel);
                }
            }
        }
        stale
    }

    /// What is wanted of a partition, in a fixed order.
    pub(super) fn wanted(&self, bus: &dyn Bus, partition: PartitionId) -> Vec<Channel> {
        let mut channels: Vec<Channel> = self
            .channels
            .keys()
            .filter(|channel| lives_in(bus, channel, partition))
            .cloned()
            .collect();
        channels.sort_unstable();
        channels
    }

    /// Hands something to each of these workers, waiting for those whose queue is full.
    pub(super) async fn tell(&self, workers: Workers, told: &Told) {
        for (index, worker) in self.workers.iter().enumerate() {
            if workers & (1 << index) != 0 {
                // A worker that has ended has no connections any more.
                let _ = worker.send(told.clone()).await;
            }
        }
    }
}

/// Whether something may be appended to a channel in a partition.
pub(super) fn lives_in(bus: &dyn Bus, channel: &Channel, partition: PartitionId) -> bool {
    match channel {
        Channel::Conversation(conversation) => bus.partition_of(*conversation) == partition,
        Channel::User(_) => true,
    }
}
