//! What a seed decides before anything happens.

use callboard_shared::bus::{LogLimits, PartitionId};
use tokio::time::Duration;

use crate::network::Dice;

/// The size of a world, and what may go wrong in it.
#[derive(Debug, Clone)]
pub struct Plan {
    pub(crate) apis: usize,
    pub(crate) gateways: usize,
    pub(crate) nodes: usize,
    pub(crate) partitions: PartitionId,
    /// Each Redis node has a replica.
    pub(crate) replicas: bool,
    pub(crate) users: usize,
    pub(crate) tabs: usize,
    pub(crate) conversations: usize,
    pub(crate) logs: LogLimits,
    pub(crate) push_queue: usize,
    pub(crate) send_queue: usize,
    pub(crate) replay_limit: usize,
    /// How many events a gateway holds for a session that is behind.
    pub(crate) held: usize,
    /// How often a gateway asks its clients for a sign of life.
    pub(crate) ping_interval: Duration,
    /// How long it is busy.
    pub(crate) busy: Duration,
    /// From one trouble to the next, on average.
    pub(crate) calm: Duration,
    /// What goes wrong, one as often as another.
    pub(crate) troubles: Vec<Trouble>,
}

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// A gateway is killed, and another started.
    Gateway,
    /// An API is killed, and another started.
    Api,
    /// The database crashes, or is silent.
    Database,
    /// Connections to Redis break, or go silent.
    Cut,
    /// A process has no way to Redis for a while.
    Apart,
    /// A Redis process is killed and comes back, with or without its data.
    Restart,
    /// A replica takes over, and the old master may not know it.
    Failover,
    /// A partition moves to another node.
    Migration,
    /// A master refuses writes.
    Refusal,
    /// Seconds or minutes pass at once.
    Jump,
    /// Hours pass, or days.
    Hours,
    /// Many clients are cut.
    Clients,
}

const ALL: [Trouble; 12] = [
    Trouble::Gateway,
    Trouble::Api,
    Trouble::Database,
    Trouble::Cut,
    Trouble::Apart,
    Trouble::Restart,
    Trouble::Failover,
    Trouble::Migration,
    Trouble::Refusal,
    Trouble::Jump,
    Trouble::Hours,
    Trouble::Clients,
];

impl Plan {
    /// Decides. If `only` is given, nothing else goes wrong.
    #[must_use]
    pub fn new(dice: &Dice, only: Option<Trouble>) -> Self {
        let partitions = 1 + usize::from(dice.percent(50));
        let one = |several: &[usize]| dice.pick(several).copied().unwrap_or(1);
        let users = one(&[2, 3, 3, 4]);
        // Few kinds of trouble at a time, or one alone: more of each, and traces that one can read.
        let alone = dice.percent(25).then(|| dice.pick(&ALL).copied()).flatten();
        let only = only.or(alone);
        let troubles: Vec<Trouble> = ALL
            .into_iter()
            .filter(|trouble| only.map_or(dice.percent(35), |only| *trouble == only))
            .collect();
        Self {
            apis: 2,
            gateways: 2,
            nodes: if partitions == 2 && dice.percent(60) {
                2
            } else {
                1
            },
            partitions: PartitionId::try_from(partitions).unwrap_or(1),
            // Where nothing follows a master, nothing can take over.
            replicas: dice.percent(20) || troubles.contains(&Trouble::Failover),
            users,
            tabs: users + one(&[0, 1, 2]),
            conversations: one(&[1, 2, 2, 3]),
            logs: LogLimits {
                life: Duration::from_secs(dice.pick(&[4, 20, 120, 120]).copied().unwrap_or(120)),
                entries: one(&[3, 12, 50, 1_000]),
            },
            push_queue: one(&[8, 64, 1_000, 1_000]),
            send_queue: one(&[3_000, 1 << 20, 1 << 20]),
            replay_limit: one(&[4, 1_000, 1_000]),
            held: one(&[1, 4, 256, 256]),
            // Some outlast whatever hours pass.
            ping_interval: if dice.percent(20) {
                Duration::from_secs(40 * 3_600)
            } else {
                Duration::from_secs(8)
            },
            busy: dice.millis(5_000, 25_000),
            calm: dice.millis(400, 4_000),
            troubles,
        }
    }
}
