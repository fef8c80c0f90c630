//! The Redis of a fleet, and the breakable ways to it.

use anyhow::{Result, bail};

use crate::{
    cluster::RedisCluster,
    ports::loopback,
    proxy::FaultProxy,
    redis::{Redis, RedisOptions, url},
};

/// Which Redis a fleet has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RedisKind {
    /// One server.
    #[default]
    One,
    /// As many servers that do not know of each other.
    Several(usize),
    /// A cluster of three masters with a replica each.
    Cluster,
}

/// The running servers.
#[derive(Debug)]
pub enum FleetRedis {
    /// Servers by themselves.
    Nodes(Vec<Redis>),
    /// A cluster.
    Cluster(RedisCluster),
}

impl FleetRedis {
    pub(super) async fn start(kind: RedisKind, options: RedisOptions) -> Result<Self> {
        let count = match kind {
            RedisKind::One => 1,
            RedisKind::Several(count) => count,
            RedisKind::Cluster => {
                return Ok(Self::Cluster(RedisCluster::start_with(options).await?));
            }
        };
        let mut nodes = Vec::new();
        for _ in 0..count {
            nodes.push(Redis::start(options.clone()).await?);
        }
        Ok(Self::Nodes(nodes))
    }

    /// All servers' URLs, comma separated: a `REDIS_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        let urls: Vec<_> = self.servers().iter().map(Redis::url).collect();
        urls.join(",")
    }

    /// The servers, those of a cluster too.
    #[must_use]
    pub fn servers(&self) -> &[Redis] {
        match self {
            Self::Nodes(nodes) => nodes,
            Self::Cluster(cluster) => cluster.nodes(),
        }
    }

    /// One server, to do something to it.
    pub fn server(&mut self, number: usize) -> &mut Redis {
        match self {
            Self::Nodes(nodes) => &mut nodes[number],
            Self::Cluster(cluster) => cluster.node(number),
        }
    }
}

/// The ways from gateways to Redis.
#[derive(Debug)]
pub(super) struct Links {
    straight: String,
    /// By gateway, one proxy a server; empty if gateways go straight to Redis.
    proxies: Vec<Vec<FaultProxy>>,
}

impl Links {
    pub(super) fn none(redis: &FleetRedis) -> Self {
        Self {
            straight: redis.url(),
            proxies: Vec::new(),
        }
    }

    pub(super) async fn start(redis: &FleetRedis, gateways: usize) -> Result<Self> {
        if matches!(redis, FleetRedis::Cluster(_)) {
            bail!(
                "the nodes of a cluster tell their true addresses: no proxy can be put before them"
            );
        }
        let mut links = Self::none(redis);
        for _ in 0..gateways {
            let mut proxies = Vec::new();
            for server in redis.servers() {
                proxies.push(FaultProxy::start(loopback(server.port())).await?);
            }
            links.proxies.push(proxies);
        }
        Ok(links)
    }

    /// What a gateway has for its `REDIS_URL`.
    pub(super) fn url(&self, gateway: usize) -> String {
        let Some(proxies) = self.proxies.get(gateway) else {
            return self.straight.clone();
        };
        let urls = proxies.iter().map(|proxy| url(proxy.address().port()));
        urls.collect::<Vec<_>>().join(",")
    }

    pub(super) fn of(&self, gateway: usize) -> impl Iterator<Item = &FaultProxy> {
        self.proxies.get(gateway).into_iter().flatten()
    }
}
