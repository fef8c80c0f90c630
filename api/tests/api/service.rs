//! The fixture: an API on a database of its own and an in-process bus, called without a network.

use std::{
    any::Any,
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{Arc, Weak},
    time::Duration,
};

use axum::{Router, body::Body};
use callboard_api::{
    Api, Parts,
    settings::ApiLimits,
    store::{
        NewMessage, Store,
        postgres::{DatabaseSettings, PostgresStore, migrate},
        sqlite::SqliteStore,
    },
};
use callboard_shared::{
    auth::{AuthSettings, Identity, Verifier, mint},
    bus::{Bus, LogLimits, local::LocalBus},
    clock::{Clock, ManualClock, Timestamp},
    config::origin,
    id::{MessageId, Seq},
    lifecycle::Lifecycle,
};
use callboard_testbed::postgres::Postgres;
use http::{HeaderMap, Method, Request, StatusCode, header::AUTHORIZATION};
use http_body_util::BodyExt;
use prometheus::{IntCounterVec, Opts, Registry};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tower::ServiceExt;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running API.
pub(crate) struct Service {
    pub(crate) api: Api,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) registry: Registry,
    pub(crate) lifecycle: Lifecycle,
    auth: AuthSettings,
    router: Router,
    _kept: Kept,
}

/// What a store lives on.
type Kept = Box<dyn Any + Send + Sync>;

/// A new SQLite file.
pub(crate) async fn sqlite() -> (Arc<SqliteStore>, Kept) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&folder.path().join("callboard.db")).await;
    (Arc::new(store.unwrap()), Box::new(folder))
}

/// A new database of the PostgreSQL that all tests share which run at the same time; it ends with the
/// last of them.
pub(crate) async fn postgres() -> (Arc<PostgresStore>, Kept) {
    let (settings, kept) = shared_postgres().await;
    (Arc::new(PostgresStore::connect(&settings).unwrap()), kept)
}

/// The same, to be connected to by several.
pub(crate) async fn shared_postgres() -> (DatabaseSettings, Kept) {
    static SERVER: Mutex<Weak<Postgres>> = Mutex::const_new(Weak::new());
    let mut shared = SERVER.lock().await;
    let server = match shared.upgrade() {
        Some(running) => running,
        None => Arc::new(Postgres::start().await.unwrap()),
    };
    *shared = Arc::downgrade(&server);
    drop(shared);
    (database(&server).await, Box::new(server))
}

/// A new database of this server, migrated.
pub(crate) async fn database(server: &Postgres) -> DatabaseSettings {
    let settings = DatabaseSettings {
        database_url: Some(server.create_database().await.unwrap().into()),
        database_connections: 8,
    };
    migrate(&settings).await.unwrap();
    settings
}

/// Makes a bus, given the clock.
pub(crate) type MakeBus = Box<dyn FnOnce(Arc<dyn Clock>) -> Arc<dyn Bus>>;

/// What differs from the defaults.
pub(crate) struct Setup {
    pub(crate) limits: ApiLimits,
    /// What it stores in, instead of a new SQLite file.
    pub(crate) store: Option<(Arc<dyn Store>, Kept)>,
    /// Where it publishes.
    pub(crate) bus: MakeBus,
}

impl Default for Setup {
    fn default() -> Self {
        let limits = ApiLimits {
            max_body: 64_000,
            max_participants: 1_000,
            max_requests_per_minute: NonZeroU32::new(60_000).unwrap(),
        };
        Self {
            limits,
            store: None,
            bus: Box::new(|clock| Arc::new(LocalBus::new(LogLimits::default(), clock))),
        }
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The status and the body, with ids numbered in the order of their appearance.
    pub(crate) fn shape(&self) -> String {
        let body = serde_json::to_string_pretty(&self.json()).unwrap();
        format!("{}\n{}", self.status.as_u16(), numbered(&body))
    }

    /// Checks that it is this problem, and returns the names of the fields that it complains of.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Vec<String> {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["code"], code);
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], "about:blank");
        assert!(
            !problem["title"].as_str().unwrap().is_empty()
                && !problem["detail"].as_str().unwrap().is_empty()
        );
        let errors = problem["errors"].as_array().cloned().unwrap_or_default();
        errors
            .iter()
            .map(|error| error["field"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// Replaces each UUID by its number.
fn numbered(text: &str) -> String {
    let mut numbers = BTreeMap::new();
    let mut rest = text;
    let mut out = String::new();
    while let Some(start) = rest.find('"') {
        let (before, quoted) = rest.split_at(start + 1);
        let end = quoted.find('"').unwrap();
        let (word, after) = quoted.split_at(end);
        out.push_str(before);
        if uuid::Uuid::try_parse(word).is_ok() {
            let next = numbers.len() + 1;
            out.push_str(&format!(
                "id-{}",
                numbers.entry(word.to_owned()).or_insert(next)
            ));
        } else {
            out.push_str(word);
        }
        out.push('"');
        rest = &after[1..];
    }
    out + rest
}

impl Service {
    pub(crate) async fn start(setup: Setup) -> Self {
        let (store, kept) = match setup.store {
            Some(given) => given,
            None => {
                let (store, kept) = sqlite().await;
                (store as Arc<dyn Store>, kept)
            }
        };
        let clock = Arc::new(ManualClock::new(NOW));
        let auth = AuthSettings {
            jwt_secret: Some("0123456789abcdef0123456789abcdef".into()),
            jwt_user_claim: None,
            jwt_issuer: None,
            jwt_audience: None,
        };
        let (registry, lifecycle) = (Registry::new(), Lifecycle::new());
        let errors =
            IntCounterVec::new(Opts::new("callboard_errors_total", "Errors."), &["kind"]).unwrap();
        registry.register(Box::new(errors.clone())).unwrap();
        let api = Api::new(Parts {
            store: store.clone(),
            bus: (setup.bus)(clock.clone()),
            verifier: Arc::new(Verifier::new(&auth).unwrap()),
            clock: clock.clone(),
            limits: setup.limits,
            origins: vec![origin("http://localhost:3000").unwrap()],
            departed: Duration::from_secs(120),
            lifecycle: lifecycle.clone(),
            registry: &registry,
            errors,
        })
        .unwrap();
        let router = api.router().fallback_service(api.fallback());
        Self {
            api,
            store,
            clock,
            registry,
            lifecycle,
            auth,
            router,
            _kept: kept,
        }
    }

    /// Runs a test on a new service, and checks that nothing is left behind.
    pub(crate) async fn run(test: impl AsyncFnOnce(&Self)) {
        let service = Self::start(Setup::default()).await;
        test(&service).await;
        service.finish().await;
    }

    /// Where anybody gets a token.
    pub(crate) fn entrance(&self) -> Router {
        self.api.entrance(self.auth.clone())
    }

    /// Waits until everything is published and every task has ended.
    pub(crate) async fn finish(self) {
        self.published().await;
        self.lifecycle.stop();
        tokio::time::timeout(PATIENCE, self.lifecycle.ended())
            .await
            .expect("a task does not end");
    }

    /// Waits until the outbox is empty.
    pub(crate) async fn published(&self) {
        eventually("the outbox is empty", async || self.pending().await == 0).await;
    }

    pub(crate) async fn pending(&self) -> u64 {
        self.store.backlog().await.unwrap()
    }

    /// A token that is good for an hour; `alice` is called `Alice`.
    pub(crate) fn token(&self, user: &str) -> String {
        let name = user[..1].to_uppercase() + &user[1..];
        mint(
            &self.auth,
            &user.parse().unwrap(),
            Some(&name),
            Duration::from_secs(3600),
            self.clock.now(),
        )
        .unwrap()
    }

    pub(crate) fn identity(&self, user: &str) -> Identity {
        Verifier::new(&self.auth)
            .unwrap()
            .verify(&self.token(user), self.clock.now())
            .unwrap()
    }

    pub(crate) async fn request(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// A request of a user; time goes on by a second with each.
    pub(crate) async fn call(
        &self,
        user: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        self.clock.advance(Duration::from_secs(1));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(AUTHORIZATION, format!("Bearer {}", self.token(user)));
        let request = match body {
            Some(body) => request
                .header("content-type", "application/json")
                .body(body.to_string().into()),
            None => request.body(Body::empty()),
        };
        self.request(request.unwrap()).await
    }

    pub(crate) async fn get(&self, user: &str, path: &str) -> Answer {
        self.call(user, Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, user: &str, path: &str, body: Value) -> Answer {
        self.call(user, Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, user: &str, path: &str, body: Value) -> Answer {
        self.call(user, Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, user: &str, path: &str) -> Answer {
        self.call(user, Method::DELETE, path, None).await
    }

    /// The path of a new group of these people; the first creates it.
    pub(crate) async fn group(&self, people: &[&str]) -> String {
        let body = json!({"participantIds": people});
        let answer = self.post(people[0], "/messages/conversations", body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        format!(
            "/messages/conversations/{}",
            answer.json()["id"].as_str().unwrap()
        )
    }

    /// The number of a conversation's last event.
    pub(crate) async fn last_seq(&self, conversation: &str) -> u64 {
        let id = conversation.rsplit('/').next().unwrap().parse().unwrap();
        let seqs = self.store.events_from(id, Seq::ZERO, 10_000).await;
        let seqs = seqs.unwrap_or_default();
        for (expected, event) in (1..).zip(&seqs) {
            assert_eq!(event.seq.get(), expected, "a gap");
        }
        seqs.last().map_or(0, |event| event.seq.get())
    }

    /// Commits a message of alice's as a process would that dies before it has published it.
    pub(crate) async fn commit_only(&self, conversation: &str, content: &str) {
        let at = self.clock.now();
        let message = NewMessage {
            id: MessageId::new(at),
            conversation_id: conversation.rsplit('/').next().unwrap().parse().unwrap(),
            sender_id: "alice".parse().unwrap(),
            sender_name: None,
            content: content.try_into().unwrap(),
            client_message_id: None,
            at,
        };
        let mut outcomes = self.store.send(vec![message]).await.unwrap();
        outcomes.pop().unwrap().unwrap();
    }

    /// Sends a message and returns it.
    pub(crate) async fn send(&self, user: &str, conversation: &str, content: &str) -> Value {
        let answer = self
            .post(
                user,
                &format!("{conversation}/messages"),
                json!({"content": content}),
            )
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        answer.json()
    }
}

/// Waits for a condition.
pub(crate) async fn eventually(what: &str, condition: impl AsyncFn() -> bool) {
    let wait = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, wait).await.is_ok(),
        "not within {PATIENCE:?}: {what}"
    );
}
