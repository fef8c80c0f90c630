//! A Redis cluster of three masters with a replica each.
//!
//! It is put together by the commands that `redis-cli --cluster create` would send, which takes a
//! second instead of ten.

use std::ops::RangeInclusive;

use anyhow::{Context, Result, bail, ensure};
use redis::{Cmd, cmd};

use crate::{
    ports,
    process::until,
    redis::{Redis, RedisOptions, url},
};

/// How many slices of the slots there are, each a master and a replica.
pub const SHARDS: usize = 3;

const NODES: usize = 2 * SHARDS;

const SLOTS: usize = 16_384;

/// After how long without an answer a node is thought dead, in milliseconds.
const NODE_TIMEOUT: &str = "cluster-node-timeout 2000";

/// How many keys go to another node at once.
const BATCH: usize = 100;

/// How long that may take, in milliseconds.
const MIGRATE_TIMEOUT: usize = 5_000;

/// A cluster. Node `i` and node `i + 3` are a shard: at the start the one is its master, the other
/// its replica.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Redis>,
}

/// What a node knows of a node.
struct Member {
    port: u16,
    is_master: bool,
    is_alive: bool,
    slots: Vec<RangeInclusive<u16>>,
}

impl RedisCluster {
    /// Starts an empty cluster and waits until all its nodes agree on it.
    ///
    /// # Errors
    ///
    /// If Redis is not installed or a node does not start.
    pub async fn start() -> Result<Self> {
        Self::start_with(RedisOptions::default()).await
    }

    /// The same, with further options for each node.
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub async fn start_with(options: RedisOptions) -> Result<Self> {
        ports::on_spare(2 * NODES, |ports| Self::start_on(ports, options.clone())).await
    }

    async fn start_on(ports: Vec<u16>, options: RedisOptions) -> Result<Self> {
        let mut nodes = Vec::new();
        for pair in ports.chunks_exact(2) {
            let mut options = options.clone();
            options.config.extend([
                "cluster-enabled yes".to_owned(),
                NODE_TIMEOUT.to_owned(),
                format!("cluster-port {}", pair[1]),
            ]);
            nodes.push(Redis::start_on(pair[0], options).await?);
        }
        let cluster = Self { nodes };
        cluster.meet(&ports).await?;
        Ok(cluster)
    }

    /// The nodes' URLs.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// A node, by its number.
    #[must_use]
    pub fn node(&mut self, number: usize) -> &mut Redis {
        &mut self.nodes[number]
    }

    /// The nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    /// The number of the node that is a shard's master now.
    ///
    /// # Errors
    ///
    /// If none is.
    pub async fn master(&self, shard: usize) -> Result<usize> {
        let members = self.members(self.running()?).await?;
        let is_master = |node: &usize| {
            let port = self.nodes[*node].port();
            let mut members = members.iter();
            members.any(|member| member.port == port && member.is_master && member.is_alive)
        };
        let node = [shard, shard + SHARDS].into_iter().find(is_master);
        node.with_context(|| format!("shard {shard} has no master"))
    }

    /// The number of the node that owns a slot.
    ///
    /// # Errors
    ///
    /// If none does.
    pub async fn master_of(&self, slot: u16) -> Result<usize> {
        self.owner(slot, self.running()?).await
    }

    /// Kills a shard's master and waits until its replica has taken over and all are content.
    /// Returns the number of the node that was killed: [`revive`](Self::revive) brings it back.
    ///
    /// # Errors
    ///
    /// If the replica does not take over.
    pub async fn fail_over(&mut self, shard: usize) -> Result<usize> {
        let dead = self.master(shard).await?;
        let heir = (dead + SHARDS) % NODES;
        ensure!(
            self.nodes[heir].is_running(),
            "shard {shard} has no replica"
        );
        self.nodes[dead].kill();
        until("a replica's promotion", || async {
            Ok(self.role(heir).await? == "master" && self.is_content().await?)
        })
        .await?;
        Ok(dead)
    }

    /// Starts a node that was stopped or killed, and waits until all is as in good times: every
    /// replica has what its master has.
    ///
    /// # Errors
    ///
    /// If it does not come back.
    pub async fn revive(&mut self, node: usize) -> Result<()> {
        self.nodes[node].restart(true).await?;
        until("a node's return", || async {
            Ok(self.is_content().await? && self.is_replicated().await?)
        })
        .await
    }

    /// Moves a slot with its keys to a shard's master, while the cluster serves, and waits until
    /// every node knows.
    ///
    /// # Errors
    ///
    /// If a node refuses.
    pub async fn move_slot(&mut self, slot: u16, shard: usize) -> Result<()> {
        let (from, to) = (self.master_of(slot).await?, self.master(shard).await?);
        if from == to {
            return Ok(());
        }
        let (from_id, to_id) = (self.id(from).await?, self.id(to).await?);
        let set = |state: &str, id: &str| {
            let mut command = cmd("CLUSTER");
            command.arg("SETSLOT").arg(slot).arg(state).arg(id);
            command
        };
        self.tell(to, &set("IMPORTING", &from_id)).await?;
        self.tell(from, &set("MIGRATING", &to_id)).await?;
        loop {
            let mut keys = cmd("CLUSTER");
            keys.arg("GETKEYSINSLOT").arg(slot).arg(BATCH);
            let keys: Vec<Vec<u8>> = self.nodes[from].query(&keys).await?;
            if keys.is_empty() {
                break;
            }
            let mut migrate = cmd("MIGRATE");
            migrate.arg("127.0.0.1").arg(self.nodes[to].port());
            migrate.arg("").arg(0).arg(MIGRATE_TIMEOUT);
            migrate.arg("REPLACE").arg("KEYS").arg(keys);
            self.tell(from, &migrate).await?;
        }
        // The new owner first: it is the one whose word the others have to take.
        self.tell(to, &set("NODE", &to_id)).await?;
        self.tell(from, &set("NODE", &to_id)).await?;
        until("a slot's new owner", || async {
            for node in self.all_running() {
                if self.owner(slot, node).await? != to {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .await
    }

    /// Makes a cluster of empty nodes.
    async fn meet(&self, ports: &[u16]) -> Result<()> {
        let cluster = |word: &str| {
            let mut command = cmd("CLUSTER");
            command.arg(word);
            command
        };
        for node in 0..NODES {
            // Epochs of their own: else the nodes would have to settle on them first.
            self.tell(node, cluster("SET-CONFIG-EPOCH").arg(node + 1))
                .await?;
        }
        for shard in 0..SHARDS {
            let (first, next) = (SLOTS * shard / SHARDS, SLOTS * (shard + 1) / SHARDS);
            self.tell(shard, cluster("ADDSLOTSRANGE").arg(first).arg(next - 1))
                .await?;
        }
        for pair in ports.chunks_exact(2).skip(1) {
            let mut meet = cluster("MEET");
            meet.arg("127.0.0.1").arg(pair[0]).arg(pair[1]);
            self.tell(0, &meet).await?;
        }
        until("the nodes' meeting", || async {
            for node in 0..NODES {
                let known = self.members(node).await?;
                if known.len() != NODES || !known.iter().all(|member| member.is_alive) {
                    return Ok(false);
                }
            }
            Ok(true)
        })
        .await?;
        for shard in 0..SHARDS {
            let master = self.id(shard).await?;
            self.tell(shard + SHARDS, cluster("REPLICATE").arg(master))
                .await?;
        }
        until("the cluster's agreement", || async {
            Ok(self.is_content().await? && self.is_replicated().await?)
        })
        .await
    }

    /// Whether every running node finds the cluster in order.
    async fn is_content(&self) -> Result<bool> {
        for node in self.all_running() {
            let info: String = self.nodes[node].query(cmd("CLUSTER").arg("INFO")).await?;
            if !info.contains("cluster_state:ok") {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether every node sees a master and a replica in each shard, and every replica is up to date.
    async fn is_replicated(&self) -> Result<bool> {
        for node in 0..NODES {
            let members = self.members(node).await?;
            let masters = members.iter().filter(|member| member.is_master).count();
            let info: String = self.nodes[node]
                .query(cmd("INFO").arg("replication"))
                .await?;
            let is_up = !info.contains("role:slave") || info.contains("master_link_status:up");
            if masters != SHARDS || !members.iter().all(|member| member.is_alive) || !is_up {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn role(&self, node: usize) -> Result<String> {
        let info: String = self.nodes[node]
            .query(cmd("INFO").arg("replication"))
            .await?;
        let role = info.lines().find_map(|line| line.strip_prefix("role:"));
        Ok(role.context("a node without a role")?.trim().to_owned())
    }

    async fn id(&self, node: usize) -> Result<String> {
        self.nodes[node].query(cmd("CLUSTER").arg("MYID")).await
    }

    async fn owner(&self, slot: u16, asked: usize) -> Result<usize> {
        let members = self.members(asked).await?;
        let owns = |member: &&Member| member.slots.iter().any(|range| range.contains(&slot));
        let Some(owner) = members.iter().find(owns) else {
            bail!("nobody owns slot {slot}");
        };
        let mut ports = self.nodes.iter().map(Redis::port);
        let node = ports.position(|port| port == owner.port);
        node.with_context(|| format!("slot {slot} is at {}", url(owner.port)))
    }

    async fn members(&self, asked: usize) -> Result<Vec<Member>> {
        let table: String = self.nodes[asked].query(cmd("CLUSTER").arg("NODES")).await?;
        let members = table.lines().map(|line| {
            member(line).with_context(|| format!("not a line of CLUSTER NODES: {line}"))
        });
        members.collect()
    }

    fn all_running(&self) -> impl Iterator<Item = usize> + '_ {
        (0..NODES).filter(|node| self.nodes[*node].is_running())
    }

    fn running(&self) -> Result<usize> {
        self.all_running().next().context("no node is running")
    }

    async fn tell(&self, node: usize, command: &Cmd) -> Result<()> {
        self.nodes[node].query(command).await
    }
}

/// Reads `id ip:port@busport flags master ping pong epoch link slot …`.
fn member(line: &str) -> Option<Member> {
    let mut words = line.split_whitespace();
    words.next()?;
    let address = words.next()?.split('@').next()?;
    let port = address.rsplit(':').next()?.parse().ok()?;
    let mut flags = words.next()?.split(',');
    let is_master = flags.clone().any(|flag| flag == "master");
    let is_alive = !flags.any(|flag| matches!(flag, "fail" | "fail?" | "handshake" | "noaddr"));
    let slots = words.skip(5).filter_map(|range| {
        // `[slot->-id]` is a slot on its way: it is listed by itself too.
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(first.parse().ok()?..=last.parse().ok()?)
    });
    Some(Member {
        port,
        is_master,
        is_alive,
        slots: slots.collect(),
    })
}
