//! How the bus is divided, and that everybody divides it alike.
//!
//! The first process to start records the layout in Redis; one that is configured otherwise refuses
//! to start, because it would look for conversations where nobody publishes them. A Redis that has
//! lost its data has lost the record, so it is made again, and compared, with every new connection;
//! who is then found to divide it otherwise ends.

use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, Value, cmd};

use super::{
    cluster::Cluster,
    names,
    nodes::{Nodes, Traffic},
    servers::{self, Places, Servers},
    settings::RedisSettings,
};
use crate::{bus::PartitionId, config::ConfigError, lifecycle::Lifecycle};

/// How many partitions a cluster has unless it is told: enough for three masters to share evenly,
/// and for a few more.
const CLUSTER_PARTITIONS: PartitionId = 8;

/// Why the bus cannot be found.
#[derive(Debug, thiserror::Error)]
pub(super) enum SurveyError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("Redis is away")]
    Away(#[source] RedisError),
}

impl From<RedisError> for SurveyError {
    /// Who is not let in is so for as long as the settings are the same.
    fn from(error: RedisError) -> Self {
        let refused = matches!(error.code(), Some("WRONGPASS" | "NOAUTH" | "NOPERM"));
        if !refused && error.kind() != ErrorKind::AuthenticationFailed {
            return Self::Away(error);
        }
        Self::Config(ConfigError::new(
            "REDIS_URL",
            "Redis does not let this user in, or not do what is needed",
            "the user and password of Redis, if it has any, with all commands, keys and channels",
        ))
    }
}

/// Finds out what the servers are and how they are divided, and records it at the first start.
pub(super) async fn survey(
    settings: &RedisSettings,
    lifecycle: Lifecycle,
) -> Result<Servers, SurveyError> {
    let nodes = settings.servers()?;
    let count = nodes.len();
    let cluster = is_cluster(settings).await?;
    let places = if cluster {
        Places::Cluster(Cluster::new(nodes))
    } else {
        Places::Nodes(nodes)
    };
    let mut servers = Servers::new(places, 1);
    let partitions = match settings.redis_partitions {
        Some(partitions) => partitions,
        None => recorded(&servers).await?.unwrap_or(if cluster {
            CLUSTER_PARTITIONS
        } else {
            PartitionId::try_from(count).unwrap_or(PartitionId::MAX)
        }),
    };
    if !cluster && usize::from(partitions) < count {
        return Err(SurveyError::Config(ConfigError::new(
            "REDIS_PARTITIONS",
            format!("{partitions} is less than the {count} servers of REDIS_URL"),
            "at least one for each server",
        )));
    }
    let layouts: Vec<_> = (0..partitions)
        .map(|partition| Layout::new(partition, partitions, (!cluster).then_some(count)))
        .collect();
    servers = servers.divided(partitions);
    for (partition, layout) in (0..).zip(&layouts) {
        let recorded = layout.record();
        let recorded = servers.call(partition, Traffic::Prompt, &recorded).await?;
        layout.check(recorded)??;
    }
    Ok(servers.agreed(layouts, lifecycle))
}

/// How the bus is divided, as it is recorded with one partition.
pub(super) struct Layout {
    key: String,
    words: String,
}

impl Layout {
    /// With how many servers, unless they are a cluster.
    fn new(partition: PartitionId, partitions: PartitionId, servers: Option<usize>) -> Self {
        let Some(count) = servers else {
            return Self {
                key: names::layout(partition),
                words: format!("{partitions} partitions in a cluster"),
            };
        };
        let server = usize::from(partition) % count;
        Self {
            // The same name on every server, so that servers that change places are noticed.
            key: names::layout(0),
            words: format!("{partitions} partitions, server {server} of {count}"),
        }
    }

    /// Records it, unless something is recorded, and asks for that.
    pub(super) fn record(&self) -> Cmd {
        let mut command = cmd("SET");
        command.arg(&self.key).arg(&self.words).arg("NX").arg("GET");
        command
    }

    /// Whether what was recorded is the same.
    pub(super) fn check(&self, recorded: Value) -> RedisResult<Result<(), ConfigError>> {
        let recorded = Option::<String>::from_redis_value(recorded)?;
        let Some(recorded) = recorded.filter(|recorded| *recorded != self.words) else {
            return Ok(Ok(()));
        };
        let words = &self.words;
        Ok(Err(ConfigError::new(
            "REDIS_URL, REDIS_PARTITIONS",
            format!("this Redis is recorded as \"{recorded}\", not as \"{words}\""),
            "the servers, in the order, and the number of partitions that it was first started \
             with; to divide it anew, stop every process, empty it (FLUSHALL) and start again",
        )))
    }
}

/// Whether the servers are nodes of a cluster: it is enough if one of them says so.
async fn is_cluster(settings: &RedisSettings) -> Result<bool, SurveyError> {
    let mut failure = None;
    for server in settings.servers()? {
        match says_cluster(server).await {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) => failure = Some(error),
        }
    }
    failure.map_or(Ok(false), |error| Err(error.into()))
}

async fn says_cluster(server: redis::ConnectionInfo) -> RedisResult<bool> {
    let mut connection = servers::visit(server).await?;
    let info: String = cmd("INFO")
        .arg("cluster")
        .query_async(&mut connection)
        .await?;
    Ok(info.contains("cluster_enabled:1"))
}

/// The number of partitions that is recorded.
async fn recorded(servers: &Servers) -> RedisResult<Option<PartitionId>> {
    let mut command = cmd("GET");
    command.arg(names::layout(0));
    let layout = servers.call(0, Traffic::Prompt, &command).await?;
    let layout = Option::<String>::from_redis_value(layout)?;
    Ok(layout.and_then(|layout| layout.split(' ').next()?.parse().ok()))
}
