//! What is done to the server or to the clients while they talk.

use std::{fmt, time::Duration};

use callboard_testbed::{fleet::Fleet, process::Signal, proxy::Cut};
use clap::ValueEnum;
use futures::future::try_join_all;
use http::Method;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::{
    journal::Attempt,
    target::{Dev, Target},
    world::{Group, World},
};

/// How much is sent to slow readers at most before the fault counts as not felt: 30 MB to each.
const FLOOD: u64 = 1_000;

/// How many of those messages are on their way at a time.
const WAVE: u64 = 20;

/// The length of each of those messages, in bytes: the API allows 8,000 characters.
const FLOOD_CONTENT: usize = 30_000;

/// How long slow readers may take to be noticed.
const NOTICE: Duration = Duration::from_secs(60);

/// How long a process may take to leave.
const LEAVING: Duration = Duration::from_secs(30);

/// Which process it happens to, where it happens to one.
const VICTIM: usize = 0;

/// One kind of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// None at all: the checker has to be content.
    None,
    /// Every gateway is ended by SIGTERM and started again, one after the other.
    RollingRestart,
    /// A gateway is killed, and started again.
    GatewayKill,
    /// A gateway stands still for a while.
    GatewayPause,
    /// An API is killed in the middle of sends, and started again.
    ApiKill,
    /// Redis is started again with what it had.
    RedisRestart,
    /// Redis is started again with nothing.
    RedisLoss,
    /// A gateway cannot reach Redis for a while.
    RedisCut,
    /// PostgreSQL is started again.
    PostgresRestart,
    /// haproxy reads its configuration again.
    ProxyReload,
    /// Half of all clients lose their connection at once.
    CutHalf,
    /// Some clients stop reading for a while.
    SlowReaders,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "none",
            Self::RollingRestart => "SIGTERM to every gateway in turn",
            Self::GatewayKill => "kill -9 of a gateway",
            Self::GatewayPause => "SIGSTOP of a gateway",
            Self::ApiKill => "kill -9 of an API",
            Self::RedisRestart => "Redis restarted, data kept",
            Self::RedisLoss => "Redis restarted, data lost",
            Self::RedisCut => "Redis cut from a gateway",
            Self::PostgresRestart => "PostgreSQL restarted",
            Self::ProxyReload => "proxy reloaded",
            Self::CutHalf => "half of the clients cut",
            Self::SlowReaders => "slow readers",
        })
    }
}

impl Fault {
    /// Whether it can happen to a target: `callboard dev` is a gateway and an API in one, and has
    /// nothing else.
    #[must_use]
    pub fn can_happen_to(self, target: &Target) -> bool {
        match target {
            Target::Fleet(_) => true,
            Target::Dev(_) => matches!(
                self,
                Self::None
                    | Self::RollingRestart
                    | Self::GatewayKill
                    | Self::GatewayPause
                    | Self::CutHalf
                    | Self::SlowReaders
            ),
        }
    }

    /// Whether it has not happened unless somebody lost their connection.
    #[must_use]
    pub fn disconnects(self) -> bool {
        matches!(
            self,
            Self::RollingRestart
                | Self::GatewayKill
                | Self::GatewayPause
                | Self::CutHalf
                | Self::SlowReaders
        )
    }

    /// Makes it happen and heals it; returns once it is healed.
    ///
    /// # Errors
    ///
    /// If it cannot be made to happen.
    pub async fn strike(
        self,
        target: &mut Target,
        world: &World,
        hold: Duration,
    ) -> anyhow::Result<()> {
        match (self, target) {
            (Self::None, _) => {}
            (Self::CutHalf, _) => world.order(Group::Left, |orders| orders.cuts += 1),
            (Self::SlowReaders, target) => slow_readers(target, world).await?,
            (fault, Target::Dev(dev)) => fault.strike_dev(dev, hold).await?,
            (fault, Target::Fleet(fleet)) => {
                fault.strike_fleet(fleet, hold).await?;
                fleet.settled().await?;
            }
        }
        Ok(())
    }

    async fn strike_dev(self, dev: &mut Dev, hold: Duration) -> anyhow::Result<()> {
        match self {
            Self::RollingRestart => {
                dev.terminate().await?;
                dev.run().await
            }
            Self::GatewayKill => {
                dev.kill();
                dev.run().await
            }
            Self::GatewayPause => {
                dev.signal(Signal::STOP)?;
                sleep(hold).await;
                dev.signal(Signal::CONT)
            }
            other => anyhow::bail!("callboard dev knows no such trouble: {other}"),
        }
    }

    async fn strike_fleet(self, fleet: &mut Fleet, hold: Duration) -> anyhow::Result<()> {
        match self {
            Self::RollingRestart => {
                for gateway in 0..fleet.gateways.len() {
                    fleet.gateways.restart(gateway, LEAVING).await?;
                    // As an operator would: the next one goes once this one is in use again.
                    fleet.settled().await?;
                }
                Ok(())
            }
            Self::GatewayKill => {
                fleet.gateways.kill(VICTIM);
                sleep(hold / 4).await;
                fleet.gateways.launch(VICTIM)?;
                fleet.gateways.wait_ready(VICTIM).await
            }
            Self::GatewayPause => {
                fleet.gateways.pause(VICTIM)?;
                sleep(hold).await;
                fleet.gateways.resume(VICTIM)
            }
            Self::ApiKill => {
                fleet.apis.kill(VICTIM);
                sleep(hold / 4).await;
                fleet.apis.launch(VICTIM)?;
                fleet.apis.wait_ready(VICTIM).await
            }
            Self::RedisRestart => fleet.redis.server(VICTIM).restart(true).await,
            Self::RedisLoss => fleet.redis.server(VICTIM).restart(false).await,
            Self::RedisCut => {
                fleet.cut_redis(VICTIM, Cut::Blackhole);
                sleep(hold / 2).await;
                fleet.heal_redis(VICTIM);
                Ok(())
            }
            Self::PostgresRestart => fleet.postgres.restart().await,
            Self::ProxyReload => fleet.haproxy.reload().await,
            Self::None | Self::CutHalf | Self::SlowReaders => Ok(()),
        }
    }
}

/// Stops the slow clients' reading and sends them so much that the server closes them: because of what
/// waits for them, or on a slow machine because they answer no ping before it is that much.
async fn slow_readers(target: &Target, world: &World) -> anyhow::Result<()> {
    let Some(room) = &world.flooded else {
        anyhow::bail!("nobody can be made slow");
    };
    let closed = async || {
        let name = "callboard_connections_closed_total";
        let slow = target.metric(name, r#"reason="slow_consumer""#).await?;
        anyhow::Ok(slow + target.metric(name, r#"reason="ping_timeout""#).await?)
    };
    let before = closed().await?;
    world.order(Group::Slow, |orders| orders.paused = true);
    let path = format!("conversations/{}/messages", room.id);
    let began = Instant::now();
    let slow = room.members.len() as u64;
    let send = async |number| {
        // Numbers that no sender reaches: these are no attempts of theirs.
        let attempt = Attempt::new(u64::MAX - number);
        let body = json!({"content": attempt.content(FLOOD_CONTENT)});
        let token = world.token(&world.director);
        let rest = &world.network.rest;
        let (status, answer) = rest.call(token, Method::POST, &path, Some(&body)).await?;
        anyhow::ensure!(status.is_success(), "no flood: {status} {answer}");
        Ok(())
    };
    let mut sent = 0;
    while closed().await? < before + slow && began.elapsed() < NOTICE {
        if sent < FLOOD {
            try_join_all((sent..sent + WAVE).map(send)).await?;
            sent += WAVE;
        } else {
            sleep(Duration::from_millis(100)).await;
        }
    }
    let noticed = closed().await? - before;
    world.order(Group::Slow, |orders| orders.paused = false);
    anyhow::ensure!(
        noticed >= slow,
        "only {noticed} of {slow} slow readers were closed after {sent} messages"
    );
    Ok(())
}
