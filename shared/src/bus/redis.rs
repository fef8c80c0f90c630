//! The bus on Redis: one server, several, or a cluster.
//!
//! Each partition has a hash tag, so all of it lies on one node, and what must be atomic is a
//! [function](functions::LIBRARY) that runs there. Publishing and signalling share a connection for
//! each partition; reads have one of their own; a subscriber has a connection of its own for each
//! partition, so that losing a partition and losing a connection are the same thing.
//!
//! Nothing is retried here. Whether a publication whose answer was lost has come through, the
//! publisher finds out by publishing again.

mod cluster;
pub mod functions;
mod layout;
mod link;
mod messages;
mod names;
pub mod nodes;
mod servers;
mod settings;

use std::{sync::Arc, time::Duration};

use ::redis::{Cmd, FromRedisValue, RedisError, RedisResult, Value, cmd};
use async_trait::async_trait;
use bytes::Bytes;

pub use self::settings::RedisSettings;
use self::{
    layout::SurveyError,
    nodes::{Nodes, Traffic},
};
use super::{
    Bus, BusError, Channel, Epoch, GATEWAY_LIFE, JOINED_LIFE, Link, LogLimits, Offset, PUSH_QUEUE,
    PartitionId, Publication, Reply, Slice,
};
use crate::{
    config::ConfigError,
    id::{ConversationId, GatewayId, Seq},
    lifecycle::Lifecycle,
};

/// How long to wait before a Redis that is away at the start is tried again.
const START_RETRY: Duration = Duration::from_secs(1);

/// Where epochs and the names of links come from.
pub type Random = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The bus on Redis. Cheap to clone.
#[derive(Clone)]
pub struct RedisBus {
    nodes: Arc<dyn Nodes>,
    limits: LogLimits,
    push_queue: usize,
    random: Random,
    lifecycle: Lifecycle,
}

impl RedisBus {
    /// The bus on these nodes.
    #[must_use]
    pub fn new(
        nodes: Arc<dyn Nodes>,
        limits: LogLimits,
        random: Random,
        lifecycle: Lifecycle,
    ) -> Self {
        Self {
            nodes,
            limits,
            push_queue: PUSH_QUEUE,
            random,
            lifecycle,
        }
    }

    /// The bus on the Redis that the settings name, as soon as it is there.
    ///
    /// # Errors
    ///
    /// If the settings cannot be used, or divide the bus otherwise than it is.
    pub async fn start(
        settings: &RedisSettings,
        limits: LogLimits,
        lifecycle: Lifecycle,
    ) -> Result<Self, ConfigError> {
        loop {
            match layout::survey(settings, lifecycle.clone()).await {
                Ok(servers) => {
                    let random = Arc::new(rand::random);
                    let nodes = Arc::new(servers);
                    return Ok(Self::new(nodes, limits, random, lifecycle));
                }
                Err(SurveyError::Config(error)) => return Err(error),
                Err(SurveyError::Away(error)) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "Redis is away; trying again");
                }
            }
            tokio::time::sleep(START_RETRY).await;
        }
    }

    /// The same with another bound on what may wait for a subscriber.
    #[must_use]
    pub fn with_push_queue(self, push_queue: usize) -> Self {
        Self { push_queue, ..self }
    }

    fn propose(&self) -> Epoch {
        Epoch((self.random)())
    }

    /// Calls a function; the library is loaded if Redis does not have it.
    async fn call(
        &self,
        partition: PartitionId,
        traffic: Traffic,
        function: Cmd,
    ) -> RedisResult<Value> {
        match self.nodes.call(partition, traffic, &function).await {
            Err(error) if functions::is_missing(&error) => {}
            answer => return answer,
        }
        match self
            .nodes
            .call(partition, traffic, &functions::load())
            .await
        {
            Err(error) if !functions::is_there_already(&error) => Err(error),
            _ => self.nodes.call(partition, traffic, &function).await,
        }
    }

    fn partition_of_gateway(&self, gateway: GatewayId) -> PartitionId {
        names::partition_of(gateway.as_bytes(), self.partitions())
    }

    fn partition_of_session(&self, session: &str) -> PartitionId {
        names::partition_of(session.as_bytes(), self.partitions())
    }
}

impl From<RedisError> for BusError {
    fn from(error: RedisError) -> Self {
        Self(error.into())
    }
}

#[async_trait]
impl Bus for RedisBus {
    fn partitions(&self) -> PartitionId {
        self.nodes.partitions()
    }

    fn partition_of(&self, conversation: ConversationId) -> PartitionId {
        names::partition_of(conversation.as_bytes(), self.partitions())
    }

    async fn publish(
        &self,
        publication: &Publication,
        floor: Option<Seq>,
    ) -> Result<Reply, BusError> {
        let partition = self.partition_of(publication.conversation);
        let function =
            functions::publish(partition, publication, floor, self.limits, self.propose());
        let answer = self.call(partition, Traffic::Prompt, function).await?;
        Ok(functions::reply(answer)?)
    }

    async fn epoch(&self, partition: PartitionId) -> Result<Epoch, BusError> {
        let function = functions::position(partition, self.propose(), None);
        let answer = self.call(partition, Traffic::Prompt, function).await?;
        Ok(functions::point(partition, answer)?.epoch)
    }

    async fn signal(&self, channel: &Channel, payload: Bytes) -> Result<(), BusError> {
        let partition = match channel {
            Channel::Conversation(id) => self.partition_of(*id),
            Channel::User(id) => names::partition_of(id.as_str().as_bytes(), self.partitions()),
        };
        let mut command = cmd("SPUBLISH");
        command
            .arg(names::channel(partition, channel))
            .arg(messages::signal(&payload));
        self.nodes
            .call(partition, Traffic::Prompt, &command)
            .await?;
        Ok(())
    }

    async fn read(
        &self,
        partition: PartitionId,
        channel: &Channel,
        after: Offset,
        limit: usize,
    ) -> Result<Slice, BusError> {
        let function = functions::read(partition, channel, after, limit, self.propose());
        let answer = self.call(partition, Traffic::Bulk, function).await?;
        Ok(functions::slice(answer)?)
    }

    fn open(&self) -> Link {
        link::open(self)
    }

    async fn keep_joined(
        &self,
        session: &str,
        joined: Vec<ConversationId>,
    ) -> Result<(), BusError> {
        let partition = self.partition_of_session(session);
        let key = names::joined(partition, session);
        let mut command;
        if joined.is_empty() {
            command = cmd("DEL");
            command.arg(key);
        } else {
            let ids: Vec<u8> = joined.iter().flat_map(|id| *id.as_bytes()).collect();
            command = cmd("SET");
            command
                .arg(key)
                .arg(ids)
                .arg("EX")
                .arg(JOINED_LIFE.as_secs());
        }
        self.nodes.call(partition, Traffic::Bulk, &command).await?;
        Ok(())
    }

    async fn joined(&self, session: &str) -> Result<Vec<ConversationId>, BusError> {
        let partition = self.partition_of_session(session);
        let mut command = cmd("GETEX");
        command
            .arg(names::joined(partition, session))
            .arg("EX")
            .arg(JOINED_LIFE.as_secs());
        let ids = self.nodes.call(partition, Traffic::Bulk, &command).await?;
        let ids = Option::<Vec<u8>>::from_redis_value(ids).map_err(RedisError::from)?;
        let (ids, _) = ids.as_deref().unwrap_or_default().as_chunks::<16>();
        Ok(ids
            .iter()
            .copied()
            .map(ConversationId::from_bytes)
            .collect())
    }

    async fn announce(&self, gateway: GatewayId, address: &str) -> Result<(), BusError> {
        let partition = self.partition_of_gateway(gateway);
        let mut command = cmd("SET");
        command
            .arg(names::gateway(partition, gateway))
            .arg(address)
            .arg("EX")
            .arg(GATEWAY_LIFE.as_secs());
        self.nodes
            .call(partition, Traffic::Prompt, &command)
            .await?;
        Ok(())
    }

    async fn locate(&self, gateway: GatewayId) -> Result<Option<String>, BusError> {
        let partition = self.partition_of_gateway(gateway);
        let mut command = cmd("GET");
        command.arg(names::gateway(partition, gateway));
        let address = self
            .nodes
            .call(partition, Traffic::Prompt, &command)
            .await?;
        Ok(Option::from_redis_value(address).map_err(RedisError::from)?)
    }

    async fn withdraw(&self, gateway: GatewayId) -> Result<(), BusError> {
        let partition = self.partition_of_gateway(gateway);
        let mut command = cmd("DEL");
        command.arg(names::gateway(partition, gateway));
        self.nodes
            .call(partition, Traffic::Prompt, &command)
            .await?;
        Ok(())
    }
}
