//! The real [`Nodes`]: Redis servers over TCP, or TLS.
//!
//! Where a partition lives is known from the settings, or asked of the cluster. Connections are made
//! when they are needed and forgotten at an error that says that they, or the place, are wrong; the
//! next call starts afresh.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, ProtocolVersion, RedisError,
    RedisResult, ServerErrorKind, Value,
    aio::{AsyncPushSender, ConnectionLike, MultiplexedConnection},
    io::tcp::{TcpSettings, socket2::TcpKeepalive},
};
use tokio::{sync::OnceCell, time::timeout};

use super::{
    cluster::Cluster,
    layout::Layout,
    nodes::{Connection, Nodes, Traffic},
};
use crate::{bus::PartitionId, lifecycle::Lifecycle};

/// How long it may take to connect.
const CONNECT_TIME_LIMIT: Duration = Duration::from_secs(1);

/// How long a server may take for an answer; past it, the connection is given up.
const ANSWER_TIME_LIMIT: Duration = Duration::from_secs(2);

/// After how much silence a connection is probed.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// How long a call may take in all, with connecting and waiting for its turn. Past it, Redis is busy;
/// that alone says nothing against the connection.
const CALL_TIME_LIMIT: Duration = Duration::from_secs(3);

/// How many prompt commands may await their answers on one connection; more wait for their turn.
const PROMPT_AT_ONCE: usize = 1_024;

/// How many bulk commands may: enough that the server never waits for the next one, and few enough
/// that all answers come in time.
const BULK_AT_ONCE: usize = 32;

/// Where the partitions live.
pub(super) enum Places {
    /// Partition i on node i modulo their number.
    Nodes(Vec<ConnectionInfo>),
    /// Wherever the cluster says.
    Cluster(Cluster),
}

/// Redis servers.
pub(super) struct Servers {
    places: Places,
    /// The master of each partition of a cluster.
    masters: Memo<Vec<ConnectionInfo>>,
    /// For each partition.
    connections: Vec<Connections>,
    /// Once it is known how they are divided.
    agreement: Option<Agreement>,
}

/// How everybody divides the servers, or else this process ends.
struct Agreement {
    /// For each partition.
    layouts: Vec<Layout>,
    lifecycle: Lifecycle,
}

#[derive(Default)]
struct Connections {
    prompt: Memo<MultiplexedConnection>,
    bulk: Memo<MultiplexedConnection>,
    /// The masters that the subscriber went by when it connected last.
    followed: Mutex<Arc<OnceCell<Vec<ConnectionInfo>>>>,
}

impl Servers {
    pub(super) fn new(places: Places, partitions: PartitionId) -> Self {
        Self {
            places,
            masters: Memo::default(),
            connections: (0..partitions).map(|_| Connections::default()).collect(),
            agreement: None,
        }
    }

    /// The same servers with another number of partitions.
    pub(super) fn divided(self, partitions: PartitionId) -> Self {
        Self::new(self.places, partitions)
    }

    /// The same servers, with this layout recorded and compared whenever one is connected to anew.
    pub(super) fn agreed(self, layouts: Vec<Layout>, lifecycle: Lifecycle) -> Self {
        let agreement = Agreement { layouts, lifecycle };
        Self {
            agreement: Some(agreement),
            ..self
        }
    }

    /// Where a partition is, as far as is known.
    async fn place(&self, partition: PartitionId) -> RedisResult<ConnectionInfo> {
        let index = usize::from(partition);
        match &self.places {
            Places::Nodes(nodes) => Ok(nodes[index % nodes.len()].clone()),
            Places::Cluster(cluster) => {
                let masters = self.masters.current();
                let ask = || cluster.masters(self.partitions());
                Ok(masters.get_or_try_init(ask).await?[index].clone())
            }
        }
    }

    /// Sends a command on the partition's connection for this traffic.
    async fn ask(
        &self,
        partition: PartitionId,
        traffic: Traffic,
        command: &Cmd,
    ) -> RedisResult<Value> {
        let Connections { prompt, bulk, .. } = &self.connections[usize::from(partition)];
        let (kept, at_once) = match traffic {
            Traffic::Prompt => (prompt, PROMPT_AT_ONCE),
            Traffic::Bulk => (bulk, BULK_AT_ONCE),
        };
        let (masters, connection) = (self.masters.current(), kept.current());
        let open = || self.open(partition, config().set_concurrency_limit(at_once));
        let answer = async {
            let mut connection = connection.get_or_try_init(open).await?.clone();
            connection
                .req_packed_command(command)
                .await?
                .extract_error()
        };
        let answer = answer.await;
        if answer.as_ref().is_err_and(is_lost) {
            kept.forget(&connection);
            self.masters.forget(&masters);
        }
        answer
    }

    /// Connects to where a partition is, if it is divided as this process believes.
    async fn open(
        &self,
        partition: PartitionId,
        config: AsyncConnectionConfig,
    ) -> RedisResult<MultiplexedConnection> {
        let mut connection = open(self.place(partition).await?, config).await?;
        if let Some(Agreement { layouts, lifecycle }) = &self.agreement {
            let layout = &layouts[usize::from(partition)];
            let recorded = layout.record().query_async(&mut connection).await?;
            if let Err(error) = layout.check(recorded)? {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the bus is divided otherwise; this process ends");
                lifecycle.fail();
                return Err((ErrorKind::Client, "the bus is divided otherwise").into());
            }
        }
        Ok(connection)
    }
}

#[async_trait]
impl Nodes for Servers {
    fn partitions(&self) -> PartitionId {
        PartitionId::try_from(self.connections.len()).unwrap_or(PartitionId::MAX)
    }

    async fn call(
        &self,
        partition: PartitionId,
        traffic: Traffic,
        command: &Cmd,
    ) -> RedisResult<Value> {
        let answer = self.ask(partition, traffic, command);
        timeout(CALL_TIME_LIMIT, answer).await.unwrap_or_else(|_| {
            // Whoever has waited for an answer and not for a turn has seen to the connection.
            Err((ErrorKind::Io, "no answer in time").into())
        })
    }

    async fn connect(
        &self,
        partition: PartitionId,
        pushes: Arc<dyn AsyncPushSender>,
    ) -> RedisResult<Box<dyn Connection>> {
        {
            // It connects again after a loss, so what it went by may be what was wrong.
            let followed = &self.connections[usize::from(partition)].followed;
            let mut followed = followed.lock().unwrap_or_else(PoisonError::into_inner);
            self.masters.forget(&followed);
            *followed = self.masters.current();
        }
        let config = config().set_push_sender(pushes);
        Ok(Box::new(self.open(partition, config).await?))
    }
}

/// Whether an error says that this is not the place, or not the connection, to go on with.
fn is_lost(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => !matches!(
            kind,
            ServerErrorKind::ResponseError | ServerErrorKind::TryAgain | ServerErrorKind::NoPerm
        ),
        // Codes that redis-rs does not know, such as NOREPLICAS and OOM.
        ErrorKind::Extension => false,
        _ => true,
    }
}

fn config() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIME_LIMIT))
        .set_response_timeout(Some(ANSWER_TIME_LIMIT))
}

/// How everybody connects to a server.
pub(super) fn settled(place: ConnectionInfo) -> ConnectionInfo {
    let tcp = TcpSettings::default()
        .set_nodelay(true)
        .set_keepalive(TcpKeepalive::new().with_time(KEEPALIVE));
    let redis = place
        .redis_settings()
        .clone()
        .set_protocol(ProtocolVersion::RESP3);
    place.set_tcp_settings(tcp).set_redis_settings(redis)
}

async fn open(
    place: ConnectionInfo,
    config: AsyncConnectionConfig,
) -> RedisResult<MultiplexedConnection> {
    let client = Client::open(place)?;
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
}

/// Opens a connection to look around.
pub(super) async fn visit(place: ConnectionInfo) -> RedisResult<MultiplexedConnection> {
    open(place, config()).await
}

/// Something that is made once, by whoever needs it first, and kept until it is forgotten.
struct Memo<T>(Mutex<Arc<OnceCell<T>>>);

impl<T> Default for Memo<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Memo<T> {
    fn current(&self) -> Arc<OnceCell<T>> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Forgets it, unless somebody has done so already.
    fn forget(&self, used: &Arc<OnceCell<T>>) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::ptr_eq(&current, used) {
            *current = Arc::default();
        }
    }
}
