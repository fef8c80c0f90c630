//! The Redis in memory is Redis, as far as the bus can tell: the bus conformance suite passes on it,
//! and the functions give the same answers as in a real one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use callboard_shared::{
    bus::{
        Bus, LogLimits,
        conformance::{self, Subject},
        redis::{RedisBus, nodes::Nodes},
    },
    clock::Clock,
    lifecycle::Lifecycle,
};
use callboard_simulation::{
    clock::VirtualClock,
    network::{Dice, Line},
    redis::{Fleet, Way},
};
use tokio::time::advance;

struct InMemory {
    bus: RedisBus,
    clock: VirtualClock,
}

#[async_trait]
impl Subject for InMemory {
    fn bus(&self) -> Arc<dyn Bus> {
        Arc::new(self.bus.clone())
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.clock)
    }

    async fn pass(&self, time: Duration) {
        advance(time).await;
    }
}

fn in_memory(limits: LogLimits, push_queue: usize, partitions: u16) -> InMemory {
    let (dice, clock, lifecycle) = (Dice::new(1), VirtualClock::new(), Lifecycle::new());
    let fleet = Fleet::start(&dice, Arc::new(clock), 1, partitions, 0, None);
    let way: Arc<dyn Nodes> = Arc::new(Way::new(&fleet, &dice, Line::perfect(), &lifecycle));
    let drawn = AtomicU64::new(1);
    let random = Arc::new(move || drawn.fetch_add(1, Ordering::SeqCst));
    let bus = RedisBus::new(way, limits, random, lifecycle).with_push_queue(push_queue);
    InMemory { bus, clock }
}

#[tokio::test(start_paused = true)]
async fn the_bus_conforms_on_one_partition() {
    conformance::run(async |limits, push_queue| in_memory(limits, push_queue, 1)).await;
}

#[tokio::test(start_paused = true)]
async fn the_bus_conforms_on_two_partitions() {
    conformance::run(async |limits, push_queue| in_memory(limits, push_queue, 2)).await;
}
