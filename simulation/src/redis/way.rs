//! One process's way to Redis: the seam that the bus stands on.
//!
//! It knows which process is the master of what, and may know it wrongly: after a failover or a
//! migration it believes what it believed for a while.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use callboard_shared::{
    bus::{
        PartitionId,
        redis::nodes::{Connection, Nodes, Traffic},
    },
    lifecycle::Lifecycle,
};
use redis::{Cmd, PushInfo, RedisResult, Value, aio::AsyncPushSender};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Duration, Instant, sleep, sleep_until, timeout},
};

use super::{
    commands::Outcome,
    fleet::{Fleet, ServerId},
    keyspace::Text,
    server::ConnectionId,
};
use crate::network::{Away, Dice, Line};

/// How long one waits for answers on a subscriber's connection.
const PATIENCE: Duration = Duration::from_secs(3);

/// A process's way to Redis. Cheap to clone.
#[derive(Clone)]
pub struct Way {
    fleet: Fleet,
    dice: Dice,
    line: Line,
    /// Which process is believed to be the master of each partition.
    view: Arc<Mutex<Vec<ServerId>>>,
    /// Whose way it is: what it has sent is carried out after its death too, but nothing comes back.
    lifecycle: Lifecycle,
}

impl Way {
    /// A way along this line.
    #[must_use]
    pub fn new(fleet: &Fleet, dice: &Dice, line: Line, lifecycle: &Lifecycle) -> Self {
        let way = Self {
            fleet: fleet.clone(),
            dice: dice.clone(),
            line,
            view: Arc::default(),
            lifecycle: lifecycle.clone(),
        };
        way.look();
        way
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ServerId>> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Learns who is the master of what.
    pub fn look(&self) {
        let partitions = 0..self.fleet.partitions();
        *self.lock() = partitions
            .map(|partition| self.fleet.master_of(partition))
            .collect();
    }

    fn master_of(&self, partition: PartitionId) -> ServerId {
        self.lock()[usize::from(partition)]
    }
}

fn words(command: &Cmd) -> Vec<Text> {
    let arguments = command.args_iter().map(|argument| match argument {
        redis::Arg::Simple(text) => text.to_vec(),
        _ => Vec::new(),
    });
    arguments.collect()
}

fn away(error: Away) -> redis::RedisError {
    std::io::Error::new(std::io::ErrorKind::TimedOut, error).into()
}

fn refused() -> redis::RedisError {
    std::io::Error::from(std::io::ErrorKind::ConnectionRefused).into()
}

/// An answer as the client library would have read it.
fn answered(outcome: Outcome) -> RedisResult<Value> {
    match outcome {
        Ok(value) => Ok(value),
        Err(error) => redis::parse_redis_value(
            format!("-{}\r\n", error.replace(['\r', '\n'], " ")).as_bytes(),
        )?
        .extract_error(),
    }
}

#[async_trait]
impl Nodes for Way {
    fn partitions(&self) -> PartitionId {
        self.fleet.partitions()
    }

    async fn call(&self, partition: PartitionId, _: Traffic, command: &Cmd) -> RedisResult<Value> {
        let server = self.master_of(partition);
        if self.line.is_perfect() {
            // What was sent before on another connection arrives before.
            sleep(Duration::from_millis(1)).await;
        }
        let call = self.line.there().await.map_err(away)?;
        let outcome = self.fleet.run(server, None, &words(command));
        self.line.back(call).await.map_err(away)?;
        match outcome {
            Some(outcome) => {
                if matches!(&outcome, Err(error) if error.starts_with("MOVED")) {
                    self.look();
                }
                answered(outcome)
            }
            None => {
                self.look();
                Err(refused())
            }
        }
    }

    async fn connect(
        &self,
        partition: PartitionId,
        pushes: Arc<dyn AsyncPushSender>,
    ) -> RedisResult<Box<dyn Connection>> {
        let server = self.master_of(partition);
        let call = self.line.there().await.map_err(away)?;
        let (parcels, received) = mpsc::unbounded_channel();
        let outlet = parcels.clone();
        let line = self.line.clone();
        let outlet = Box::new(move |info| {
            let _ = outlet.send((Instant::now() + line.travel_time(), Parcel::Push(info)));
        });
        let Some(id) = self.fleet.connect(server, outlet) else {
            self.look();
            return Err(refused());
        };
        let subscriber = Subscriber {
            way: self.clone(),
            server,
            id,
            parcels,
        };
        self.lifecycle.spawn(deliver(received, pushes));
        self.line.back(call).await.map_err(away)?;
        Ok(Box::new(subscriber))
    }
}

/// Something on its way from Redis to a subscriber.
enum Parcel {
    Push(PushInfo),
    Answers(oneshot::Sender<()>),
}

/// Brings parcels in the order of their sending.
async fn deliver(
    mut parcels: mpsc::UnboundedReceiver<(Instant, Parcel)>,
    pushes: Arc<dyn AsyncPushSender>,
) {
    while let Some((at, parcel)) = parcels.recv().await {
        sleep_until(at).await;
        match parcel {
            // A receiver that wants no more has given the connection up.
            Parcel::Push(info) => drop(pushes.send(info)),
            Parcel::Answers(answered) => drop(answered.send(())),
        }
    }
}

/// A subscriber's connection.
struct Subscriber {
    way: Way,
    server: ServerId,
    id: ConnectionId,
    parcels: mpsc::UnboundedSender<(Instant, Parcel)>,
}

#[async_trait]
impl Connection for Subscriber {
    async fn run(&mut self, commands: Vec<Cmd>) -> RedisResult<Vec<Value>> {
        let call = self.way.line.there().await.map_err(away)?;
        let mut answers = Vec::with_capacity(commands.len());
        for command in &commands {
            if !self.way.line.is_perfect() && self.way.dice.percent(10) {
                self.way.dice.pause().await;
            }
            let outcome = self
                .way
                .fleet
                .run(self.server, Some(self.id), &words(command));
            let Some(outcome) = outcome else {
                // Nobody has said that the connection is gone: it is noticed in the end.
                sleep(PATIENCE).await;
                return Err(refused());
            };
            answers.push(outcome);
        }
        let (sender, arrived) = oneshot::channel();
        let at = Instant::now() + self.way.line.travel_time();
        let _ = self.parcels.send((at, Parcel::Answers(sender)));
        if timeout(PATIENCE, arrived).await.is_err() {
            return Err(away(Away::NoAnswer));
        }
        self.way.line.back(call).await.map_err(away)?;
        answers.into_iter().map(answered).collect()
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.way.fleet.disconnect(self.server, self.id, false);
        self.way.look();
    }
}
