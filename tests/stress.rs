//! Many users, tabs and conversations, with sends, cuts, returns, joins, leaves and changes of
//! membership at random. At the end every tab has seen every sequenced event of its conversations
//! once and in order, and nothing is left over.
//!
//! ```sh
//! STRESS_SEED=42 STRESS_SECONDS=20 cargo test --test stress -- --nocapture
//! ```
//!
//! A seed fixes what every tab does and in which order; how the tabs interleave is the machine's.

mod support;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use callboard::{
    dev::{Dev, DevSettings},
    role::Role,
};
use callboard_shared::{
    auth::{AuthSettings, mint},
    bus::PUSH_QUEUE,
    clock::{Clock, SystemClock},
    lifecycle::Lifecycle,
};
use clap::Parser;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use support::{Client, Seen};
use tokio::time::{Instant, sleep, timeout};

const USERS: usize = 12;
const TABS: usize = 3;
const CONVERSATIONS: usize = 8;

#[derive(Parser)]
struct Server {
    #[command(flatten)]
    settings: DevSettings,
}

#[derive(Parser)]
struct Tokens {
    #[command(flatten)]
    settings: AuthSettings,
}

/// What all tabs share.
struct World {
    base: String,
    http: reqwest::Client,
    tokens: Vec<String>,
    conversations: Vec<String>,
    end: Instant,
}

impl World {
    async fn rest(
        &self,
        user: usize,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<(u16, Value)> {
        let method = reqwest::Method::from_bytes(method.as_bytes())?;
        let mut request = self
            .http
            .request(method, format!("{}/messages{path}", self.base));
        request = request.bearer_auth(&self.tokens[user]);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let body = response.bytes().await?;
        Ok((
            status,
            if body.is_empty() {
                Value::Null
            } else {
                serde_json::from_slice(&body)?
            },
        ))
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tab_sees_everything_once_and_in_order() -> anyhow::Result<()> {
    stress(setting("STRESS_SECONDS").unwrap_or(20), PUSH_QUEUE).await
}

/// With so little room, the gateway loses the bus again and again, and has to repair itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn also_when_the_gateway_keeps_losing_the_bus() -> anyhow::Result<()> {
    stress(setting("STRESS_SECONDS").unwrap_or(5), 4).await
}

async fn stress(seconds: u64, push_queue: usize) -> anyhow::Result<()> {
    let seed = setting("STRESS_SEED").unwrap_or_else(rand::random);
    println!("STRESS_SEED={seed} STRESS_SECONDS={seconds}");

    let folder = tempfile::tempdir()?;
    let secret = "--jwt-secret=a secret for the length of this test";
    let auth = Tokens::try_parse_from(["stress", secret])?.settings;
    let server = Server::try_parse_from([
        "stress",
        "--listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
        &format!("--data={}", folder.path().display()),
        secret,
        "--max-events-per-minute=1000000",
        "--max-requests-per-minute=1000000",
    ])?;
    let lifecycle = Lifecycle::new();
    let dev = Dev::with_push_queue(server.settings, lifecycle, push_queue).await?;
    let token = |user: usize| {
        let id = format!("user-{user}").parse()?;
        anyhow::Ok(mint(
            &auth,
            &id,
            None,
            Duration::from_secs(3600),
            SystemClock.now(),
        )?)
    };
    let tokens = (0..USERS).map(token).collect::<Result<Vec<_>, _>>()?;
    let mut world = World {
        base: format!("http://{}", dev.address),
        http: reqwest::Client::new(),
        tokens,
        conversations: Vec::new(),
        end: Instant::now(),
    };

    // Every tab is there before anything happens, so that it has to see everything.
    let mut tabs = Vec::new();
    for user in 0..USERS {
        for _ in 0..TABS {
            let mut client = Client::new(dev.address, &world.tokens[user]);
            client.connect().await?;
            tabs.push((user, client));
        }
    }
    let mut rng = StdRng::seed_from_u64(seed);
    for _ in 0..CONVERSATIONS {
        let others: Vec<String> = (1..USERS)
            .filter(|_| rng.random_bool(0.6))
            .map(|user| format!("user-{user}"))
            .collect();
        let (status, created) = world
            .rest(
                0,
                "POST",
                "/conversations",
                Some(json!({"participantIds": others})),
            )
            .await?;
        assert_eq!(status, 201, "{created}");
        world
            .conversations
            .push(created["id"].as_str().unwrap_or_default().to_owned());
    }
    world.end = Instant::now() + Duration::from_secs(seconds);
    let world = Arc::new(world);

    let director = tokio::spawn(direct(Arc::clone(&world), StdRng::seed_from_u64(seed ^ 1)));
    let running: Vec<_> = (2..)
        .zip(tabs)
        .map(|(index, (user, client))| {
            let rng = StdRng::seed_from_u64(seed.wrapping_add(index));
            tokio::spawn(behave(Arc::clone(&world), user, client, rng))
        })
        .collect();
    let changes = director.await??;
    let mut tabs = Vec::new();
    for tab in running {
        tabs.push(tab.await??);
    }

    let mut events = 0;
    for (user, tab) in &mut tabs {
        settle(&world, *user, tab)
            .await
            .map_err(|error| error.context(format!("STRESS_SEED={seed} user-{user}")))?;
        check(&tab.seen)
            .map_err(|error| error.context(format!("STRESS_SEED={seed} user-{user}")))?;
        assert_eq!(
            tab.expired, 0,
            "STRESS_SEED={seed}: the logs hold everything, so every return is recovered"
        );
        events += tab.seen.values().map(Vec::len).sum::<usize>();
    }
    let returns: usize = tabs.iter().map(|(_, tab)| tab.recovered).sum();
    let metrics = world
        .http
        .get(format!("http://{}/metrics", dev.admin_address))
        .send()
        .await?
        .text()
        .await?;
    let lost = metrics
        .lines()
        .find_map(|line| line.strip_prefix(r#"callboard_errors_total{kind="partition_lost"} "#));
    let lost: u64 = lost.map_or(Ok(0), str::parse)?;
    println!(
        "{} tabs saw {events} events; {returns} returns, {changes} changes of membership, the bus lost {lost} times",
        tabs.len()
    );
    assert!(events > 0 && returns > 0 && changes > 0);
    assert_eq!(push_queue < PUSH_QUEUE, lost > 0);

    drop(tabs);
    timeout(support::PATIENCE, async {
        while !dev.is_idle().await {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .map_err(|_| anyhow::anyhow!("STRESS_SEED={seed}: something is left over"))?;
    timeout(support::PATIENCE, dev.leave(Duration::ZERO)).await?;
    Ok(())
}

/// One tab: does things at random until the end.
async fn behave(
    world: Arc<World>,
    user: usize,
    mut client: Client,
    mut rng: StdRng,
) -> anyhow::Result<(usize, Client)> {
    while Instant::now() < world.end {
        let conversation = world
            .conversations
            .choose(&mut rng)
            .cloned()
            .unwrap_or_default();
        let content: String = format!("{} ", rng.random::<u32>()).repeat(rng.random_range(1..40));
        match rng.random_range(0..100) {
            0..35 => {
                let data = json!({"conversationId": conversation, "content": content});
                client.request("send-message", data).await?;
            }
            35..45 => {
                let path = format!("/conversations/{conversation}/messages");
                let (status, answer) = world
                    .rest(user, "POST", &path, Some(json!({"content": content})))
                    .await?;
                anyhow::ensure!(status == 201 || status == 404, "{status} {answer}");
            }
            45..52 => drop(
                client
                    .request("join-conversation", json!(conversation))
                    .await?,
            ),
            52..56 => drop(
                client
                    .request("leave-conversation", json!(conversation))
                    .await?,
            ),
            56..64 => drop(client.request("typing-start", json!(conversation)).await?),
            64..72 => {
                let data =
                    json!({"conversationId": conversation, "seq": client.last_seq(&conversation)});
                client.request("mark-delivered", data).await?;
            }
            72..84 => {
                client.cut();
                sleep(Duration::from_millis(rng.random_range(0..400))).await;
                client.connect().await?;
            }
            _ => {
                client.take_all().await?;
                sleep(Duration::from_millis(rng.random_range(0..30))).await;
            }
        }
        client.take_all().await?;
    }
    Ok((user, client))
}

/// Adds, removes and renames at random, as the creator of all conversations.
async fn direct(world: Arc<World>, mut rng: StdRng) -> anyhow::Result<usize> {
    let mut changes = 0;
    while Instant::now() < world.end {
        sleep(Duration::from_millis(rng.random_range(5..60))).await;
        let conversation = world
            .conversations
            .choose(&mut rng)
            .cloned()
            .unwrap_or_default();
        let user = format!("user-{}", rng.random_range(1..USERS));
        let path = format!("/conversations/{conversation}");
        let (status, answer) = match rng.random_range(0..3) {
            0 => {
                world
                    .rest(
                        0,
                        "POST",
                        &format!("{path}/participants"),
                        Some(json!({"userIds": [user]})),
                    )
                    .await?
            }
            1 => {
                world
                    .rest(0, "DELETE", &format!("{path}/participants/{user}"), None)
                    .await?
            }
            _ => {
                world
                    .rest(0, "PATCH", &path, Some(json!({"title": user})))
                    .await?
            }
        };
        anyhow::ensure!([200, 204, 404].contains(&status), "{status} {answer}");
        changes += usize::from(status != 404);
    }
    Ok(changes)
}

/// Waits until a tab has seen the last event of each of its user's conversations.
async fn settle(world: &World, user: usize, tab: &mut Client) -> anyhow::Result<()> {
    let (_, listed) = world
        .rest(user, "GET", "/conversations?limit=100", None)
        .await?;
    for conversation in listed["items"].as_array().into_iter().flatten() {
        let (id, last) = (
            conversation["id"].as_str().unwrap_or_default(),
            conversation["lastSeq"].as_u64().unwrap_or(0),
        );
        if tab.last_seq(id) < last {
            tab.until(|tab, _, _| tab.last_seq(id) >= last)
                .await
                .map_err(|error| {
                    error.context(format!("saw {} of {last} in {id}", tab.last_seq(id)))
                })?;
        }
    }
    // An event of its own comes back after everything before it.
    tab.request("leave-conversation", json!(world.conversations[0]))
        .await?;
    Ok(())
}

/// Within a stay, numbers go up one by one; nothing comes after the end of it but another stay.
fn check(seen: &BTreeMap<String, Vec<Seen>>) -> anyhow::Result<()> {
    for (conversation, seen) in seen {
        for pair in seen.windows(2) {
            let good = match pair {
                [Seen::Event(before), Seen::Event(after)] => *after == before + 1,
                [Seen::Event(_), Seen::Deleted] | [Seen::Deleted, Seen::Event(_)] => true,
                _ => false,
            };
            anyhow::ensure!(good, "{conversation}: {pair:?} in {seen:?}");
        }
    }
    Ok(())
}
