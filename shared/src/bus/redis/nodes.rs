//! The seam between the bus and the network: how one gets to the master of a partition.
//!
//! `Servers` does it over TCP. A simulation does it in memory, with the
//! same commands and the same [library](super::functions::LIBRARY) behind it.

use std::sync::Arc;

use async_trait::async_trait;
use redis::{
    Cmd, Pipeline, RedisResult, Value,
    aio::{AsyncPushSender, MultiplexedConnection},
};

use crate::bus::PartitionId;

/// What kind of command it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// Small, many at once, one answer after the other.
    Prompt,
    /// With an answer that may be big: nothing prompt is to wait behind it.
    Bulk,
}

/// The masters of the partitions, wherever they are now.
#[async_trait]
pub trait Nodes: Send + Sync + 'static {
    /// How many partitions there are.
    fn partitions(&self) -> PartitionId;

    /// Sends a command to the master of a partition and returns its answer; a server's error is an
    /// error. In bounded time, and never twice: after an error it is open whether the command was
    /// carried out, unless the server says that it was not.
    async fn call(
        &self,
        partition: PartitionId,
        traffic: Traffic,
        command: &Cmd,
    ) -> RedisResult<Value>;

    /// Connects a subscriber to the master of a partition. What the server pushes goes to `pushes`,
    /// in order, and its end as a disconnection. Dropping the connection closes it.
    async fn connect(
        &self,
        partition: PartitionId,
        pushes: Arc<dyn AsyncPushSender>,
    ) -> RedisResult<Box<dyn Connection>>;
}

/// A subscriber's connection.
#[async_trait]
pub trait Connection: Send {
    /// Sends all these commands at once and returns their answers, or the first error among them, if
    /// only of the server. A command subscribes or unsubscribes one channel: each is answered once.
    async fn run(&mut self, commands: Vec<Cmd>) -> RedisResult<Vec<Value>>;
}

#[async_trait]
impl Connection for MultiplexedConnection {
    async fn run(&mut self, commands: Vec<Cmd>) -> RedisResult<Vec<Value>> {
        let mut pipeline = Pipeline::with_capacity(commands.len());
        for command in commands {
            pipeline.add_command(command);
        }
        pipeline.ignore_errors();
        let answers: Vec<RedisResult<Value>> = pipeline.query_async(self).await?;
        answers.into_iter().collect()
    }
}
