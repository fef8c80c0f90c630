//! Trouble, and its end.

use tokio::{
    task::spawn_local,
    time::{Duration, advance, sleep},
};

use crate::{
    network::{Gate, Manner},
    plan::Trouble,
    redis::{Comeback, Way},
    store::Database,
    world::World,
};

/// Makes trouble, until it is dropped. What it has begun, it may leave to [`heal`].
pub(crate) async fn trouble(world: World) {
    let dice = world.dice.clone();
    let calm = u64::try_from(world.plan.calm.as_millis()).unwrap_or(u64::MAX);
    loop {
        sleep(dice.millis(1, calm * 2)).await;
        let Some(kind) = dice.pick(&world.plan.troubles) else {
            return;
        };
        world.trace.note("trouble", format!("{kind:?}"));
        match kind {
            Trouble::Gateway => gateway(&world),
            Trouble::Api => api(&world),
            Trouble::Database => database(&world),
            Trouble::Cut => cut(&world),
            Trouble::Apart => apart(&world),
            Trouble::Restart => restart(&world),
            Trouble::Failover => failover(&world),
            Trouble::Migration => migration(&world),
            Trouble::Refusal => refusal(&world),
            Trouble::Jump => jump(&world).await,
            Trouble::Hours => hours(&world).await,
            Trouble::Clients => clients(&world),
        }
    }
}

/// Does something after a while, if the world is still troubled then.
fn later(world: &World, after: Duration, then: impl FnOnce(&World) + 'static) {
    let world = world.clone();
    spawn_local(async move {
        sleep(after).await;
        if world.is_troubled() {
            then(&world);
        }
    });
}

fn gateway(world: &World) {
    let killed = {
        let gateways = &mut *world.gateways.borrow_mut();
        (!gateways.is_empty()).then(|| gateways.swap_remove(world.dice.below(gateways.len())))
    };
    if let Some(killed) = killed {
        killed.kill();
        later(world, world.dice.millis(0, 4_000), World::start_gateway);
    }
}

fn api(world: &World) {
    let killed = {
        let mut apis = world.apis.lock();
        let count = apis.len();
        (count > 0).then(|| apis.swap_remove(world.dice.below(count)))
    };
    if let Some(killed) = killed {
        killed.lifecycle.kill();
        later(world, world.dice.millis(0, 4_000), World::start_api);
    }
}

fn database(world: &World) {
    let gate = &world.ground.database_gate;
    let dice = &world.dice;
    match dice.below(3) {
        0 => gate.interrupt(),
        1 => gate.set(Manner::Silent),
        _ => {
            gate.interrupt();
            gate.set(Manner::Refusing);
            Database::crash(&world.ground.database);
        }
    }
    later(world, dice.millis(0, 5_000), |world| {
        world.ground.database_gate.set(Manner::Open);
    });
}

/// The ways of all processes to Redis.
fn ways(world: &World) -> Vec<(Gate, Way)> {
    let apis = world.apis.lock();
    let apis = apis
        .iter()
        .map(|api| (api.redis_gate.clone(), api.way.clone()));
    let gateways = world.gateways.borrow();
    let gateways = gateways
        .iter()
        .map(|gateway| (gateway.redis_gate.clone(), gateway.way.clone()));
    apis.chain(gateways).collect()
}

fn cut(world: &World) {
    let dice = &world.dice;
    let node = dice.below(world.ground.redis.nodes());
    world.ground.redis.cut(node, dice.percent(60));
    for (gate, _) in ways(world) {
        if dice.percent(30) {
            gate.interrupt();
        }
    }
}

fn apart(world: &World) {
    let dice = &world.dice;
    let ways = ways(world);
    let Some((gate, _)) = dice.pick(&ways).cloned() else {
        return;
    };
    gate.set(if dice.percent(50) {
        Manner::Silent
    } else {
        Manner::Refusing
    });
    later(world, dice.millis(100, 9_000), move |_| {
        gate.set(Manner::Open);
    });
}

fn interrupt_some(world: &World) {
    for (gate, _) in ways(world) {
        if world.dice.percent(60) {
            gate.interrupt();
        }
    }
}

fn restart(world: &World) {
    let dice = &world.dice;
    let node = dice.below(world.ground.redis.nodes());
    let comeback = match dice.below(6) {
        0 => Comeback::Empty,
        1 => Comeback::Data(dice.millis(1_000, 20_000)),
        2 | 3 => Comeback::Data(dice.millis(0, 1_000)),
        _ => Comeback::Data(Duration::ZERO),
    };
    let redis = &world.ground.redis;
    redis.kill(redis.master(node));
    interrupt_some(world);
    later(world, dice.millis(0, 4_000), move |world| {
        world.ground.redis.restart(node, comeback);
        everybody_looks(world, 2_000);
    });
}

/// Everybody learns who is the master of what, sooner or later.
fn everybody_looks(world: &World, within: u64) {
    for (_, way) in ways(world) {
        later(world, world.dice.millis(0, within), move |_| way.look());
    }
}

fn failover(world: &World) {
    let dice = &world.dice;
    let redis = &world.ground.redis;
    let node = dice.below(redis.nodes());
    let behind = if dice.percent(50) {
        dice.millis(0, 100)
    } else {
        dice.millis(0, 4_000)
    };
    let settled = Duration::from_secs(3);
    let Some(behind) = redis
        .followed_for(node)
        .and_then(|long| long.checked_sub(settled))
        .map(|long| long.min(behind))
    else {
        return;
    };
    let old = redis.promote(node, behind);
    if dice.percent(40) {
        redis.kill(old);
        interrupt_some(world);
        everybody_looks(world, 1_000);
        follow(world, node);
        return;
    }
    if dice.percent(25) {
        // It follows, and takes over again before or after anybody has found the other one.
        let after = dice.between(0, 3_000);
        let behind = dice.millis(0, after);
        later(world, Duration::from_millis(after), move |world| {
            let ended = world.ground.redis.promote_again(node, behind, old);
            world.ground.redis.kill(ended);
            everybody_looks(world, 500);
        });
        everybody_looks(world, 3_000);
        return;
    }
    // The old master lives on for a while and takes what it is sent, or refuses it in the end.
    everybody_looks(world, 10_000);
    if dice.percent(50) {
        later(world, dice.millis(0, 8_000), move |world| {
            let refusal = "NOREPLICAS Not enough good replicas to write.";
            world.ground.redis.refuse_writes(old, Some(refusal));
        });
    }
    later(world, dice.millis(500, 15_000), move |world| {
        world.ground.redis.kill(old);
        everybody_looks(world, 100);
    });
    follow(world, node);
}

/// A node gets a replica again.
fn follow(world: &World, node: usize) {
    later(world, world.dice.millis(500, 5_000), move |world| {
        world.ground.redis.attach_replica(node);
    });
}

fn migration(world: &World) {
    let redis = &world.ground.redis;
    let partition = world.dice.below(usize::from(redis.partitions()));
    let to = world.dice.below(redis.nodes());
    redis.migrate(u16::try_from(partition).unwrap_or(0), to);
    everybody_looks(world, 3_000);
}

fn refusal(world: &World) {
    let dice = &world.dice;
    let refusals = [
        "READONLY You can't write against a read only replica.",
        "CLUSTERDOWN The cluster is down",
        "NOREPLICAS Not enough good replicas to write.",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "TRYAGAIN Multiple keys request during rehashing of slot",
        "LOADING Redis is loading the dataset in memory",
    ];
    let redis = &world.ground.redis;
    let server = redis.master(dice.below(redis.nodes()));
    redis.refuse_writes(server, dice.pick(&refusals).copied());
    later(world, dice.millis(50, 6_000), move |world| {
        world.ground.redis.refuse_writes(server, None);
    });
}

/// Much time passes at once: what has not been answered by then is late.
async fn jump(world: &World) {
    advance(world.dice.millis(1_000, 130_000)).await;
}

/// Hours pass, or days, in which some people are away and some processes have no way to Redis. Perhaps
/// everybody sleeps, once they have seen what it is like. No process stands still for longer than half
/// of what the product counts on.
async fn hours(world: &World) {
    let dice = &world.dice;
    let hours = if dice.percent(50) {
        dice.between(2, 24)
    } else {
        dice.between(25, 30)
    };
    world.trace.note("trouble", format!("{hours} hours pass"));
    world.waits.set(true);
    for tab in world.tabs() {
        if dice.percent(50) {
            tab.away.set(true);
            tab.cut.notify_one();
        }
    }
    let mut apart = Vec::new();
    if dice.percent(40) {
        apart.extend(world.apis.lock().iter().map(|api| api.redis_gate.clone()));
    }
    let gateways = world.gateways.borrow().clone();
    let gateways = gateways.iter().filter(|_| dice.percent(25));
    apart.extend(gateways.map(|gateway| gateway.redis_gate.clone()));
    for gate in &apart {
        gate.set(Manner::Refusing);
    }
    let database = &world.ground.database_gate;
    if dice.percent(25) {
        database.set(Manner::Late);
    }
    if dice.percent(60) {
        sleep(dice.millis(0, 8_000)).await;
        world.sleeps.set(true);
    }
    let mut left = hours * 60;
    while left > 0 {
        sleep(dice.millis(8_000, 12_000)).await;
        let step = left.min(dice.between(60, 11 * 60));
        advance(Duration::from_secs(60 * step)).await;
        left -= step;
    }
    sleep(dice.millis(0, 8_000)).await;
    for gate in &apart {
        gate.set(Manner::Open);
    }
    database.set(Manner::Open);
    for tab in world.tabs() {
        tab.away.set(false);
    }
    world.sleeps.set(false);
    world.waits.set(false);
}

fn clients(world: &World) {
    for tab in world.tabs() {
        if world.dice.percent(50) {
            tab.client.set_loud(world.dice.percent(50));
            tab.cut.notify_one();
        }
    }
}

/// Ends all trouble: everything runs, and everybody reaches everything.
pub(crate) fn heal(world: &World) {
    world.ground.database_gate.set(Manner::Open);
    world.ground.redis.heal();
    for tab in world.tabs() {
        tab.away.set(false);
    }
    while world.apis.lock().len() < world.plan.apis {
        world.start_api();
    }
    while world.gateways.borrow().len() < world.plan.gateways {
        world.start_gateway();
    }
    for (gate, way) in ways(world) {
        gate.set(Manner::Open);
        way.look();
    }
}
