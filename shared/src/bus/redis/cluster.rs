//! Where the partitions of a Redis Cluster live: any node can be asked, as long as it works.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{
    ConnectionAddr, ConnectionInfo, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisResult,
    Value,
};
use tokio::time::timeout;

use super::{names, servers};
use crate::bus::PartitionId;

/// How long one node is given to say what it knows.
const NODE_TIME_LIMIT: Duration = Duration::from_secs(1);

/// The nodes that are known, in the order in which they are asked.
pub(super) struct Cluster(Mutex<Vec<ConnectionInfo>>);

impl Cluster {
    /// A cluster that has these nodes, and others.
    pub(super) fn new(nodes: Vec<ConnectionInfo>) -> Self {
        Self(Mutex::new(nodes))
    }

    /// The master of each partition, by the first node that is up and in working order.
    pub(super) async fn masters(
        &self,
        partitions: PartitionId,
    ) -> RedisResult<Vec<ConnectionInfo>> {
        let nodes = self.nodes().clone();
        let mut failure = error("no node is known");
        for node in &nodes {
            match timeout(NODE_TIME_LIMIT, ask(node, partitions)).await {
                Ok(Ok(map)) => {
                    self.learn(map.nodes);
                    return Ok(map.masters);
                }
                Ok(Err(error)) => failure = error,
                Err(_) => failure = error("a node does not answer"),
            }
            self.ask_last(node);
        }
        Err(failure)
    }

    fn nodes(&self) -> MutexGuard<'_, Vec<ConnectionInfo>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, named: Vec<ConnectionInfo>) {
        let mut nodes = self.nodes();
        for node in named {
            if nodes.iter().all(|known| known.addr() != node.addr()) {
                nodes.push(node);
            }
        }
    }

    fn ask_last(&self, failed: &ConnectionInfo) {
        let mut nodes = self.nodes();
        nodes.sort_by_key(|node| node.addr() == failed.addr());
    }
}

/// What a node knows.
struct Map {
    /// All nodes that have slots.
    nodes: Vec<ConnectionInfo>,
    /// The master of each partition.
    masters: Vec<ConnectionInfo>,
}

async fn ask(node: &ConnectionInfo, partitions: PartitionId) -> RedisResult<Map> {
    let mut connection = servers::visit(node.clone()).await?;
    let mut questions = Pipeline::new();
    questions.cmd("CLUSTER").arg("INFO");
    questions.cmd("CLUSTER").arg("SLOTS");
    for partition in 0..partitions {
        let key = names::meta(partition);
        questions.cmd("CLUSTER").arg("KEYSLOT").arg(key);
    }
    let answers: Vec<Value> = questions.query_async(&mut connection).await?;
    let mut answers = answers.into_iter();
    let (Some(info), Some(ranges)) = (answers.next(), answers.next()) else {
        return Err(error("an answer is missing"));
    };
    if !String::from_redis_value(info)?.contains("cluster_state:ok") {
        return Err(error("the cluster is down"));
    }
    let ranges = Vec::<Value>::from_redis_value(ranges)?.into_iter();
    let ranges: Vec<Range> = ranges
        .map(|value| range(node, value))
        .collect::<RedisResult<_>>()?;
    let master = |slot: Value| {
        let slot = u16::from_redis_value(slot)?;
        let range = ranges.iter().find(|range| range.slots.contains(&slot));
        let master = range.and_then(|range| range.nodes.first());
        master.cloned().ok_or_else(|| error("a slot has no master"))
    };
    Ok(Map {
        masters: answers.map(master).collect::<RedisResult<_>>()?,
        nodes: ranges.into_iter().flat_map(|range| range.nodes).collect(),
    })
}

/// Some slots and their nodes, the master first.
struct Range {
    slots: std::ops::RangeInclusive<u16>,
    nodes: Vec<ConnectionInfo>,
}

fn range(asked: &ConnectionInfo, value: Value) -> RedisResult<Range> {
    let parts = Vec::<Value>::from_redis_value(value)?;
    let [first, last, nodes @ ..] = &parts[..] else {
        return Err(error("a range of slots has no bounds"));
    };
    let nodes = nodes.iter().map(|named| address(asked, named));
    Ok(Range {
        slots: u16::from_redis_value_ref(first)?..=u16::from_redis_value_ref(last)?,
        nodes: nodes.collect::<RedisResult<_>>()?,
    })
}

/// How to connect to a node that another has named. Without a name it is where that one is.
fn address(asked: &ConnectionInfo, named: &Value) -> RedisResult<ConnectionInfo> {
    let parts = Vec::<Value>::from_redis_value_ref(named)?;
    let [named_host, named_port, ..] = &parts[..] else {
        return Err(error("a node has no address"));
    };
    let named_host =
        Option::<String>::from_redis_value_ref(named_host)?.filter(|host| !host.is_empty());
    let mut address = asked.addr().clone();
    let (ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. }) =
        &mut address
    else {
        return Err(error("a cluster is reached over TCP"));
    };
    *port = u16::from_redis_value_ref(named_port)?;
    if let Some(named_host) = named_host {
        *host = named_host;
    }
    Ok(asked.clone().set_addr(address))
}

fn error(what: &'static str) -> RedisError {
    RedisError::from((ErrorKind::ClusterConnectionNotFound, what))
}
