//! Those who send, and write down what became of each attempt.
//!
//! Attempts go by REST or by a client's socket, with a `clientMessageId` or without. One whose
//! outcome is unknown is repeated with the same `clientMessageId`, which must not double anything.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{Method, StatusCode};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::{
    journal::{Attempt, Outcome, Try, Way},
    rest::Unanswered,
    world::World,
};

/// How long an acknowledgement on a socket may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Before something is repeated.
const PAUSE: Duration = Duration::from_millis(300);

/// How long it is repeated.
const PERSISTENCE: Duration = Duration::from_secs(30);

/// How many send at a time: enough that a few that wait for their time-out do not stop the load.
const SENDERS: u32 = 24;

/// Sends about `rate` messages a second in all, until `stop`; returns what was tried.
///
/// # Errors
///
/// If a sender panicked.
pub async fn send(
    world: Arc<World>,
    rate: u32,
    seed: u64,
    stop: watch::Receiver<bool>,
) -> Result<Vec<Try>, tokio::task::JoinError> {
    let numbers = Arc::new(AtomicU64::new(1));
    let pace = Duration::from_secs(1) * SENDERS / rate.max(1);
    let senders: Vec<_> = (0..u64::from(SENDERS))
        .map(|index| {
            let sender = Sender {
                world: Arc::clone(&world),
                numbers: Arc::clone(&numbers),
                random: StdRng::seed_from_u64(seed.wrapping_add(index)),
                tries: Vec::new(),
            };
            tokio::spawn(sender.run(pace, stop.clone()))
        })
        .collect();
    let mut tries = Vec::new();
    for sender in senders {
        tries.extend(sender.await?);
    }
    Ok(tries)
}

struct Sender {
    world: Arc<World>,
    numbers: Arc<AtomicU64>,
    random: StdRng,
    tries: Vec<Try>,
}

impl Sender {
    async fn run(mut self, pace: Duration, mut stop: watch::Receiver<bool>) -> Vec<Try> {
        sleep(pace.mul_f64(self.random.random())).await;
        loop {
            let next = Instant::now() + pace;
            self.attempt().await;
            let stopped = stop.wait_for(|stopped| *stopped);
            if timeout_at(next, stopped).await.is_ok() {
                return self.tries;
            }
        }
    }

    async fn attempt(&mut self) {
        let world = Arc::clone(&self.world);
        let Some(room) = world.rooms.choose(&mut self.random) else {
            return;
        };
        let Some(user) = room.members.choose(&mut self.random) else {
            return;
        };
        let attempt = Attempt::new(self.numbers.fetch_add(1, Ordering::Relaxed));
        let mut body = json!({"content": attempt.content(self.random.random_range(20..400))});
        let repeatable = self.random.random_bool(0.75);
        if repeatable {
            body["clientMessageId"] = json!(format!("{attempt:?}"));
        }
        let log = |way, began, outcome| Try {
            attempt,
            conversation: room.id,
            way,
            began,
            outcome,
        };
        let mut unknown = false;
        if self.random.random_bool(0.3)
            && let Some(client) = world.clients_of(user).choose(&mut self.random)
        {
            let began = world.network.beginning.elapsed();
            let mut data = body.clone();
            data["conversationId"] = json!(room.id);
            let answered = timeout(PATIENCE, client.send_message(data)).await;
            if let Some(outcome) = answered.unwrap_or(Some(Outcome::Unknown)) {
                unknown = outcome == Outcome::Unknown;
                self.tries.push(log(Way::Socket, began, outcome));
                if !unknown || !repeatable {
                    return;
                }
            }
        }
        let path = format!("conversations/{}/messages", room.id);
        let give_up = Instant::now() + PERSISTENCE;
        loop {
            if unknown {
                sleep(PAUSE).await;
            }
            let began = world.network.beginning.elapsed();
            let token = world.token(user);
            let answer = world
                .network
                .rest
                .call(token, Method::POST, &path, Some(&body));
            let outcome = rest_outcome(answer.await);
            unknown = outcome == Outcome::Unknown;
            self.tries.push(log(Way::Rest, began, outcome));
            if !unknown || !repeatable || Instant::now() > give_up {
                return;
            }
        }
    }
}

fn rest_outcome(answer: Result<(StatusCode, Value), Unanswered>) -> Outcome {
    match answer {
        Ok((status, message)) if status.is_success() => acknowledged(&message),
        Ok((status, problem)) if status.is_client_error() => Outcome::Refused(
            problem["code"]
                .as_str()
                .unwrap_or(status.as_str())
                .to_owned(),
        ),
        // A server that failed or gave up may have committed before.
        Ok(_) | Err(_) => Outcome::Unknown,
    }
}

/// What the acknowledgement of `send-message` says.
pub(crate) fn outcome(answer: &Value) -> Outcome {
    if answer["ok"] == json!(true) {
        return acknowledged(&answer["message"]);
    }
    match answer["error"]["code"].as_str() {
        Some("unavailable" | "internal") | None => Outcome::Unknown,
        Some(code) => Outcome::Refused(code.to_owned()),
    }
}

fn acknowledged(message: &Value) -> Outcome {
    let id = message["id"].as_str().and_then(|id| id.parse().ok());
    match id.zip(message["seq"].as_u64()) {
        Some((message, seq)) => Outcome::Acknowledged { message, seq },
        None => Outcome::Unknown,
    }
}
