//! One run: load, a fault, healing, settling, the truth, the verdict.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use anyhow::Context;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use crate::{
    director::direct,
    fault::Fault,
    journal::At,
    report::{Measures, Report},
    sender::send,
    target::{SECRET, Target},
    truth::Truth,
    verdict::Verdict,
    world::{Size, World},
};

/// How long a client may take to connect, on average: generous, for a build for tests on a machine
/// that compiles beside it.
const CONNECTING: Duration = Duration::from_millis(100);

/// How long the creation of the conversations may take besides.
const CREATING: Duration = Duration::from_secs(60);

/// Nothing may come for so long before it is over: a second copy would.
const QUIET: Duration = Duration::from_millis(700);

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// How a run goes.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Who is there.
    pub size: Size,
    /// Messages a second.
    pub rate: u32,
    /// How long there is load before the fault, and after it is healed.
    pub load: Duration,
    /// How long faults last that can be made to last.
    pub hold: Duration,
    /// How long everybody may take to come back, and to have everything. Who has not by then is for
    /// the verdict to name.
    pub patience: Duration,
}

/// Runs it.
///
/// # Errors
///
/// If it could not be carried out, or the fault was not felt. What the server did wrong is in the
/// report.
pub async fn run(target: &mut Target, fault: Fault, plan: &Plan) -> anyhow::Result<Report> {
    let seed = plan.size.seed;
    let created = World::create(target.rest()?, SECRET, &plan.size);
    let everybody = plan.size.clients.try_into().unwrap_or(u32::MAX);
    let connecting = CREATING + CONNECTING * everybody;
    let created = timeout(connecting, created).await;
    let world = Arc::new(created.context("not everybody could connect")??);
    let everybody = world.clients.len();
    let all_live = async || world.live() == everybody;
    anyhow::ensure!(eventually(connecting, all_live).await, "not all connected");
    tracing::info!(clients = everybody, fault = %fault, "everybody is connected");

    let (stop, stopped) = watch::channel(false);
    let sending = tokio::spawn(send(Arc::clone(&world), plan.rate, seed, stopped.clone()));
    let directing = tokio::spawn(direct(Arc::clone(&world), seed, stopped));
    let endured = endure(target, &world, fault, plan).await;
    stop.send_replace(true);
    let tries = sending.await??;
    let changes = directing.await?;
    let struck = endured?;

    let truth = settle(&world, target, plan.patience).await?;
    tracing::info!(live = world.live(), tries = tries.len(), changes, "settled");
    let world = Arc::into_inner(world).context("somebody still uses the world")?;
    let journals = world.end().await?;
    let measures = Measures::of(&journals, &tries, struck);
    anyhow::ensure!(
        !fault.disconnects() || measures.disconnected > 0,
        "the fault was not felt: nobody lost their connection"
    );
    Ok(Report {
        fault,
        clients: everybody,
        verdict: Verdict::over(&truth, &tries, &journals),
        measures,
    })
}

/// Load, the fault, and load again once 99 % of the clients are back; returns when the fault was.
async fn endure(
    target: &mut Target,
    world: &World,
    fault: Fault,
    plan: &Plan,
) -> anyhow::Result<At> {
    sleep(plan.load).await;
    let struck = world.network.beginning.elapsed();
    fault.strike(target, world, plan.hold).await?;
    let healed = world.network.beginning.elapsed();
    tracing::info!(live = world.live(), after = ?(healed - struck), "healed");
    let back = async || world.live() * 100 >= world.clients.len() * 99;
    eventually(plan.patience, back).await;
    sleep(plan.load).await;
    Ok(struck)
}

/// Waits until every client has everything that has happened, and nothing comes any more; gives up
/// after a while, which is for the verdict to judge.
async fn settle(world: &World, target: &Target, patience: Duration) -> anyhow::Result<Truth> {
    let database = target.database();
    // The server may still be busy with getting over it.
    let mut truth = world.truth(&database).await;
    eventually(patience, async || {
        if truth.is_err() {
            truth = world.truth(&database).await;
        }
        truth.is_ok()
    })
    .await;
    let truth = truth?;
    tracing::info!(live = world.live(), "the events are read");
    let settled = eventually(patience, async || {
        world.live() == world.clients.len() && world.behind(&truth).await == 0
    });
    if !settled.await {
        tracing::warn!(
            live = world.live(),
            behind = world.behind(&truth).await,
            "not everybody has everything"
        );
    }
    let mut quiet_since = Instant::now();
    let mut received = 0;
    let quiet = eventually(patience, async || {
        let now = world.network.received.load(Ordering::Relaxed);
        if now != received {
            received = now;
            quiet_since = Instant::now();
        }
        quiet_since.elapsed() >= QUIET
    });
    quiet.await;
    // Nobody sends any more, but what was under way when its sender gave up may have come since.
    world.truth(&database).await
}

/// Waits for a condition, at most `patience`; whether it came.
async fn eventually(patience: Duration, mut holds: impl AsyncFnMut() -> bool) -> bool {
    let until = async {
        while !holds().await {
            sleep(LOOK).await;
        }
    };
    timeout(patience, until).await.is_ok()
}
