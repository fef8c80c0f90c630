//! One simulated world: what is in it, what happens in it, and how it ends.

use std::{
    cell::{Cell, RefCell},
    ops::Deref,
    rc::Rc,
    sync::Arc,
};

use callboard_gateway::settings::GatewaySettings;
use callboard_shared::{
    auth::{AuthSettings, Identity, Verifier, mint},
    clock::Clock,
    id::UserId,
    random, rules,
};
use secrecy::SecretString;
use tokio::{
    task::{LocalSet, spawn_local},
    time::{Duration, sleep},
};

use crate::{
    checker::Verdict,
    clock::VirtualClock,
    faults,
    network::{Dice, Gate},
    people,
    plan::Plan,
    process::{ApiProcess, Apis, GatewayProcess, Ground},
    redis::Fleet,
    rules::Without,
    store::Database,
    tab::Tab,
    trace::Trace,
};

/// How long a world may take to become quiet once nothing is wrong with it any more.
const SETTLES_WITHIN: Duration = Duration::from_secs(240);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// How long tokens are good for: longer than any world.
const TOKEN_LIFE: Duration = Duration::from_secs(100 * 24 * 3600);

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// The promise that was broken, if one was.
    pub broken: Option<String>,
    /// A hash of all that happened.
    pub hash: u64,
    /// How many things happened.
    pub steps: u64,
    /// What happened, if it was to be kept.
    pub text: String,
}

/// What is to be run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Run {
    /// From which all else follows.
    pub seed: u64,
    /// The rule that does not hold.
    pub without: Option<Without>,
    /// Keep the text of the trace.
    pub readable: bool,
}

impl Run {
    /// Runs it, on this thread.
    ///
    /// # Errors
    ///
    /// If the world cannot be made.
    pub fn run(self) -> anyhow::Result<Outcome> {
        random::seed(Some(self.seed));
        rules::switch_off(match self.without {
            Some(Without::Product(rule)) => Some(rule),
            _ => None,
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        let tasks = LocalSet::new();
        let outcome = tasks.block_on(&runtime, async {
            let world = World::new(self)?;
            world.live().await
        });
        // What is dropped may want to spawn.
        let entered = runtime.enter();
        drop(tasks);
        drop(entered);
        drop(runtime);
        random::seed(None);
        rules::switch_off(None);
        outcome
    }
}

/// A world. Cheap to clone.
#[derive(Clone)]
pub struct World(Rc<Inner>);

/// What is in a world.
pub struct Inner {
    /// What the seed says.
    pub plan: Plan,
    /// What processes stand on.
    pub ground: Ground,
    /// Chance.
    pub dice: Dice,
    /// What happened.
    pub trace: Trace,
    /// What was found wrong.
    pub verdict: Verdict,
    /// The API processes.
    pub apis: Apis,
    /// The gateway processes.
    pub gateways: RefCell<Vec<GatewayProcess>>,
    /// The users.
    pub users: Vec<Identity>,
    tabs: RefCell<Vec<Rc<Tab>>>,
    busy: Cell<bool>,
    /// Everybody sleeps: users do nothing.
    pub(crate) sleeps: Cell<bool>,
    /// What is to happen has to wait for hours to pass.
    pub(crate) waits: Cell<bool>,
    tokens: Vec<String>,
}

impl Deref for World {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl World {
    fn new(run: Run) -> anyhow::Result<Self> {
        let dice = Dice::new(run.seed);
        let plan = Plan::new(&dice, run.without.and_then(Without::trouble));
        let trace = Trace::new(run.readable);
        trace.note("plan", format!("{plan:?}"));
        let clock = VirtualClock::new();
        let settings = AuthSettings {
            jwt_secret: Some(SecretString::from("x".repeat(32))),
            jwt_user_claim: None,
            jwt_issuer: None,
            jwt_audience: None,
        };
        let verifier = Arc::new(Verifier::new(&settings)?);
        let (mut users, mut tokens) = (Vec::new(), Vec::new());
        for name in &["alice", "bob", "carol", "dave", "erin"][..plan.users] {
            let user: UserId = name.parse()?;
            let token = mint(&settings, &user, Some(name), TOKEN_LIFE, clock.now())?;
            users.push(verifier.verify(&token, clock.now())?);
            tokens.push(token);
        }
        let redis = Fleet::start(
            &dice,
            Arc::new(clock),
            plan.nodes,
            plan.partitions,
            usize::from(plan.replicas),
            match run.without {
                Some(Without::Script(rule)) => Some(rule),
                _ => None,
            },
        );
        let ground = Ground {
            dice: dice.clone(),
            clock,
            database: Database::default(),
            database_gate: Gate::default(),
            redis,
            logs: plan.logs,
            push_queue: plan.push_queue,
            verifier,
        };
        Ok(Self(Rc::new(Inner {
            apis: Apis::new(&dice),
            plan,
            ground,
            dice,
            trace,
            verdict: Verdict::default(),
            gateways: RefCell::default(),
            users,
            tabs: RefCell::default(),
            busy: Cell::new(true),
            sleeps: Cell::new(false),
            waits: Cell::new(false),
            tokens,
        })))
    }

    /// Starts one more API.
    pub fn start_api(&self) {
        let ahead = self.dice.millis(0, 300);
        match ApiProcess::start(&self.ground, ahead) {
            Ok(api) => self.apis.lock().push(api),
            Err(error) => self
                .verdict
                .broken(format!("an API did not start: {error:#}")),
        }
    }

    /// Starts one more gateway.
    pub fn start_gateway(&self) {
        let settings = GatewaySettings {
            max_handshakes_per_second: 0,
            max_payload: 100_000,
            max_connections: 1_000,
            max_user_connections: 64,
            max_events_per_minute: std::num::NonZeroU32::MAX,
            max_subscriptions: 1_000,
            send_queue: self.plan.send_queue,
            replay_limit: self.plan.replay_limit,
            held: self.plan.held,
            connect_timeout: Duration::from_secs(10),
            ping_interval: self.plan.ping_interval,
            ping_timeout: Duration::from_secs(6),
        };
        let gateway = GatewayProcess::start(&self.ground, &self.apis, settings, 2);
        self.gateways.borrow_mut().push(gateway);
    }

    /// One of the gateways, as a load balancer chooses.
    #[must_use]
    pub fn any_gateway(&self) -> Option<GatewayProcess> {
        self.dice.pick(&self.gateways.borrow()).cloned()
    }

    /// Whether users do things.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.busy.get() && !self.sleeps.get()
    }

    /// Whether things may go wrong.
    #[must_use]
    pub fn is_troubled(&self) -> bool {
        self.busy.get()
    }

    /// The tabs.
    #[must_use]
    pub fn tabs(&self) -> Vec<Rc<Tab>> {
        self.tabs.borrow().clone()
    }

    /// From the beginning to the end.
    async fn live(self) -> anyhow::Result<Outcome> {
        for _ in 0..self.plan.apis {
            self.start_api();
        }
        for _ in 0..self.plan.gateways {
            self.start_gateway();
        }
        people::settle_in(&self).await;
        for number in 0..self.plan.tabs {
            let user = number % self.users.len();
            let identity = self.users[user].clone();
            let name = format!("{}-{}", identity.user_id, number / self.users.len());
            let tab = Tab::new(&self, name, identity, self.tokens[user].clone());
            self.tabs.borrow_mut().push(Rc::clone(&tab));
            spawn_local(Rc::clone(&tab).live());
            spawn_local(tab.act());
        }
        let director = spawn_local(people::direct(self.clone()));
        let trouble = spawn_local(faults::trouble(self.clone()));
        // A jump in time does not shorten what is to happen.
        let mut left = self.plan.busy;
        while !left.is_zero() && self.verdict.first().is_none() {
            sleep(LOOK).await;
            if !self.waits.get() {
                left = left.saturating_sub(LOOK);
            }
        }
        self.busy.set(false);
        self.sleeps.set(false);
        director.abort();
        trouble.abort();
        faults::heal(&self);
        self.trace.note("world", "healed");
        let broken = match self.verdict.first() {
            Some(broken) => Some(broken),
            None => self.settle().await,
        };
        self.stop();
        Ok(Outcome {
            broken,
            hash: self.trace.hash(),
            steps: self.trace.steps(),
            text: self.trace.text(),
        })
    }

    /// Waits until everybody has everything, twice: as it is, and with one more message in each
    /// conversation, which must come to everybody. What is wrong if that takes too long.
    async fn settle(&self) -> Option<String> {
        if let Some(broken) = self.quiet("after healing").await {
            return Some(broken);
        }
        let before: Vec<u64> = self.tabs().iter().map(|tab| tab.generation()).collect();
        let probes = people::probe(self).await;
        if let Some(broken) = self.quiet("after one more message").await {
            return Some(broken);
        }
        for (conversation, seq, people) in probes {
            for (tab, before) in self.tabs().iter().zip(&before) {
                // A session that began since may have it from the sync.
                let same = tab.generation() == *before;
                if same && people.contains(tab.user()) && !tab.was_sent(conversation, seq) {
                    let how = format!("{} was not sent {seq} of {conversation} live", tab.name);
                    return Some(how);
                }
            }
        }
        None
    }

    async fn quiet(&self, when: &str) -> Option<String> {
        // Counted in looks, because time may still be jumping.
        let mut left = SETTLES_WITHIN;
        loop {
            sleep(LOOK).await;
            left = left.saturating_sub(LOOK);
            if let Some(broken) = self.verdict.first() {
                return Some(broken);
            }
            let unpublished = self.ground.database.unpublished();
            let different = self.tabs().iter().find_map(|tab| tab.difference());
            match different {
                None if unpublished == 0 => return None,
                different if left.is_zero() => {
                    let how =
                        different.unwrap_or(format!("{unpublished} entries are in the outbox"));
                    return Some(format!("{when}: {how}"));
                }
                _ => {}
            }
        }
    }

    fn stop(&self) {
        for gateway in self.gateways.borrow_mut().drain(..) {
            gateway.kill();
        }
        for api in self.apis.lock().drain(..) {
            api.lifecycle.kill();
        }
        self.tabs.borrow_mut().clear();
    }
}
