//! The whole product as separate roles, on one origin: PostgreSQL, Redis, APIs, gateways, and haproxy
//! in front of them, which sends every request and every upgrade to whichever gateway comes next.

mod bus;
mod front;
mod role;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result};
use tempfile::TempDir;

pub use bus::{FleetRedis, RedisKind};
pub use role::Role;

use crate::{
    fleet::{bus::Links, front::Front, role::Plan},
    haproxy::Haproxy,
    ports,
    postgres::Postgres,
    process::until,
    program,
    proxy::{Cut, FaultProxy},
    redis::RedisOptions,
};

/// The listeners of a process: public, admin, internal.
const LISTENERS: usize = 3;

/// The proxy's listeners: the origin, and the APIs' internal listeners as one.
const FRONT_LISTENERS: usize = 2;

/// How a process leaves unless the options say otherwise: as quickly as the proxy takes notice.
const LEAVING: [(&str, &str); 2] = [("DRAIN_DELAY", "2"), ("DRAIN_WINDOW", "3")];

/// How long a process may take to leave when all is stopped.
const LEAVE: Duration = Duration::from_secs(20);

/// How long tokens are good for.
const TOKEN_LIFE: &str = "24h";

/// What a fleet is made of.
#[derive(Debug, Clone)]
pub struct FleetOptions {
    /// The `callboard` program.
    pub binary: PathBuf,
    /// Where the origin listens; a spare port if nothing is said.
    pub listen: Option<SocketAddr>,
    /// How many API processes.
    pub apis: usize,
    /// How many gateways.
    pub gateways: usize,
    /// Which Redis.
    pub redis: RedisKind,
    /// How each Redis server is started.
    pub redis_options: RedisOptions,
    /// Whether each gateway reaches Redis through fault proxies of its own. Not with a cluster, whose
    /// nodes tell their true addresses.
    pub links: bool,
    /// Further settings of every process, as environment variables.
    pub settings: Vec<(String, String)>,
    /// Where logs are written; a temporary folder if nothing is said.
    pub logs: Option<PathBuf>,
    /// Who is told what is being done.
    pub progress: fn(&str),
}

impl FleetOptions {
    /// Two APIs and three gateways on one Redis.
    #[must_use]
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            listen: None,
            apis: 2,
            gateways: 3,
            redis: RedisKind::One,
            redis_options: RedisOptions::default(),
            links: false,
            settings: Vec::new(),
            logs: None,
            progress: |_| {},
        }
    }
}

/// A running fleet. Its parts are public, so that a test can do something to each.
#[derive(Debug)]
pub struct Fleet {
    /// The gateways.
    pub gateways: Role,
    /// The APIs.
    pub apis: Role,
    /// The proxy in front of them.
    pub haproxy: Haproxy,
    /// The database server.
    pub postgres: Postgres,
    /// Redis.
    pub redis: FleetRedis,
    links: Links,
    database_url: String,
    settings: Vec<(String, String)>,
    origin: SocketAddr,
    binary: PathBuf,
    logs: PathBuf,
    _folder: Option<TempDir>,
}

impl Fleet {
    /// Starts everything; returns once every process is ready and the proxy knows.
    ///
    /// # Errors
    ///
    /// If a part is not installed or does not start.
    pub async fn start(options: FleetOptions) -> Result<Self> {
        let (logs, folder) = log_folder(&options)?;
        (options.progress)("starting PostgreSQL and Redis");
        let (postgres, redis) = tokio::try_join!(
            Box::pin(Postgres::start()),
            Box::pin(FleetRedis::start(
                options.redis,
                options.redis_options.clone()
            )),
        )?;
        let database_url = postgres.create_database().await?;
        let links = if options.links {
            Links::start(&redis, options.gateways).await?
        } else {
            Links::none(&redis)
        };
        let mut settings = settings(&options);
        settings.push(("DATABASE_URL".to_owned(), database_url.clone()));

        (options.progress)("migrating the database");
        let mut migrate = command(&options.binary, "migrate", &settings);
        migrate.env("REDIS_URL", redis.url());
        program::run(migrate).await?;

        let redis_urls = (0..options.gateways).map(|number| links.url(number));
        let redis_urls: Vec<_> = redis_urls.collect();
        let count = LISTENERS * (options.apis + options.gateways) + FRONT_LISTENERS;
        let processes = ports::on_spare(count, |ports| {
            let front = Front::plan(&ports, &options);
            let settings = [settings.clone(), front.settings()].concat();
            let plan = |role, members| Plan {
                binary: options.binary.clone(),
                role,
                logs: logs.clone(),
                settings: settings.clone(),
                members,
            };
            let apis = front.apis.iter().map(|api| (*api, redis.url()));
            let apis = plan("api", apis.collect());
            let gateways = front.gateways.iter().copied().zip(redis_urls.clone());
            let gateways = plan("gateway", gateways.collect());
            start_processes(front, apis, gateways, options.progress)
        });
        let (apis, gateways, haproxy, origin) = processes.await?;
        let mut fleet = Self {
            gateways,
            apis,
            haproxy,
            postgres,
            redis,
            links,
            database_url,
            settings,
            origin,
            binary: options.binary,
            logs,
            _folder: folder,
        };
        fleet.settled().await?;
        Ok(fleet)
    }

    /// Where clients go: `http://127.0.0.1:port`.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("http://{}", self.origin)
    }

    /// The URL of the product's database.
    #[must_use]
    pub fn database_url(&self) -> &str {
        &self.database_url
    }

    /// The folder of the processes' logs.
    #[must_use]
    pub fn logs(&self) -> &Path {
        &self.logs
    }

    /// A setting that every process has, such as `JWT_SECRET`, for whoever makes tokens by the
    /// thousand.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        let mut settings = self.settings.iter().rev();
        let setting = settings.find(|(known, _)| known == name);
        setting.map(|(_, value)| value.as_str())
    }

    /// A token for a user, good for a day.
    ///
    /// # Errors
    ///
    /// If `callboard token` fails.
    pub async fn token(&self, user: &str, name: &str) -> Result<String> {
        let mut token = command(&self.binary, "token", &self.settings);
        token.args(["--user", user, "--name", name, "--ttl", TOKEN_LIFE]);
        program::run(token).await
    }

    /// Waits until the proxy sends to every process that runs, and to none that does not.
    ///
    /// # Errors
    ///
    /// If that does not come to be.
    pub async fn settled(&mut self) -> Result<()> {
        let roles = [&mut self.apis, &mut self.gateways];
        let expected: Vec<_> = roles
            .into_iter()
            .flat_map(|role| {
                let members = 0..role.len();
                members.map(|number| (role.member(number), role.is_running(number)))
            })
            .collect();
        until("the proxy's agreement", || async {
            let servers = self.haproxy.servers().await?;
            // One name may stand in several backends.
            Ok(expected.iter().all(|(member, is_running)| {
                let mut states = servers
                    .iter()
                    .filter(|(server, _)| server.ends_with(member));
                states.all(|(_, state)| (state == "UP") == *is_running)
            }))
        })
        .await
    }

    /// Cuts one gateway from Redis. Only with [`FleetOptions::links`].
    pub fn cut_redis(&self, gateway: usize, cut: Cut) {
        self.links.of(gateway).for_each(|proxy| proxy.cut(cut));
    }

    /// Heals that cut.
    pub fn heal_redis(&self, gateway: usize) {
        self.links.of(gateway).for_each(FaultProxy::heal);
    }

    /// Ends everything: the processes by SIGTERM, gateways first.
    ///
    /// # Errors
    ///
    /// If a process had to be killed or did not exit with 0. Everything is ended all the same.
    pub async fn stop(mut self) -> Result<()> {
        let gateways = self.gateways.stop(LEAVE).await;
        let apis = self.apis.stop(LEAVE).await;
        let postgres = self.postgres.stop().await;
        gateways.and(apis).and(postgres)
    }
}

/// APIs first, which gateways need; the proxy between them, by which gateways reach APIs.
async fn start_processes(
    front: Front,
    apis: Plan,
    gateways: Plan,
    progress: fn(&str),
) -> Result<(Role, Role, Haproxy, SocketAddr)> {
    progress(&format!("starting APIs: {}", apis.members.len()));
    let apis = Role::start(apis).await?;
    let haproxy = Haproxy::start(front.origin, &front.sections()).await?;
    progress(&format!("starting gateways: {}", gateways.members.len()));
    let gateways = Role::start(gateways).await?;
    Ok((apis, gateways, haproxy, front.origin))
}

/// What every process of the fleet is told.
fn settings(options: &FleetOptions) -> Vec<(String, String)> {
    let mut settings = vec![
        ("JWT_SECRET".to_owned(), secret()),
        ("INTERNAL_TOKEN".to_owned(), secret()),
    ];
    settings.extend(LEAVING.map(|(name, value)| (name.to_owned(), value.to_owned())));
    settings.extend(options.settings.iter().cloned());
    settings
}

fn secret() -> String {
    let [high, low]: [u128; 2] = rand::random();
    format!("{high:032x}{low:032x}")
}

/// A command of the product that knows nothing but these settings.
fn command(binary: &Path, role: &str, settings: &[(String, String)]) -> Command {
    let mut command = Command::new(binary);
    command.arg(role).env_clear();
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    command
}

fn log_folder(options: &FleetOptions) -> Result<(PathBuf, Option<TempDir>)> {
    if let Some(logs) = &options.logs {
        let made = std::fs::create_dir_all(logs);
        made.with_context(|| format!("cannot make {}", logs.display()))?;
        return Ok((logs.clone(), None));
    }
    let folder = tempfile::Builder::new()
        .prefix("callboard-fleet-")
        .tempdir()?;
    Ok((folder.path().to_owned(), Some(folder)))
}
