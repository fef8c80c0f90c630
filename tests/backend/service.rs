//! An API on SQLite and the in-process bus, with its internal listener behind whatever is to go
//! wrong.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use callboard_api::{
    Api, Parts,
    operations::{CreateConversation, Operations},
    settings::ApiLimits,
    store::{Range, Store, sqlite::SqliteStore},
    values::{Content, Limit},
};
use callboard_gateway::backend::{BackendSettings, HttpBackend};
use callboard_shared::{
    auth::{AuthSettings, Identity, Verifier},
    bus::{LogLimits, local::LocalBus},
    clock::{Clock, SystemClock},
    id::ConversationId,
    internal::{InternalSettings, InternalToken},
    lifecycle::Lifecycle,
    serve::{bind, serve},
    wire::{ConversationKind, Message},
};
use http::StatusCode;
use prometheus::{IntCounterVec, Opts, Registry};
use tokio::time::{sleep, timeout};

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(60);

/// What happens to a request on its way to the API, or to its answer on the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing is ever answered.
    Hangs,
    /// Refused, as an API that has too much to do refuses it.
    Busy,
    /// Done, but the connection breaks in the middle of the answer.
    LosesAnswer,
}

/// What is to go wrong, and what was asked.
#[derive(Clone, Default)]
pub(crate) struct Faults(Arc<Mutex<Plan>>);

#[derive(Default)]
struct Plan {
    /// What goes wrong, and how often still.
    fault: Option<(Fault, usize)>,
    requests: HashMap<String, usize>,
}

impl Faults {
    /// The next `times` requests go wrong, those that only ask whether the API is there among them.
    pub(crate) fn set(&self, fault: Fault, times: usize) {
        self.0.lock().unwrap().fault = Some((fault, times));
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap().fault = None;
    }

    /// How many requests have come to a path.
    pub(crate) fn requests(&self, path: &str) -> usize {
        let state = self.0.lock().unwrap();
        state.requests.get(path).copied().unwrap_or(0)
    }

    fn next(&self, path: &str) -> Option<Fault> {
        let mut state = self.0.lock().unwrap();
        *state.requests.entry(path.to_owned()).or_default() += 1;
        let (fault, times) = state.fault.as_mut().filter(|(_, times)| *times > 0)?;
        *times -= 1;
        Some(*fault)
    }
}

async fn go_wrong(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    match faults.next(request.uri().path()) {
        None => next.run(request).await,
        Some(Fault::Hangs) => std::future::pending().await,
        Some(Fault::Busy) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Some(Fault::LosesAnswer) => {
            next.run(request).await;
            let torn = futures::stream::once(async { Err::<String, _>(io::Error::other("torn")) });
            Body::from_stream(torn).into_response()
        }
    }
}

/// A running API.
pub(crate) struct Service {
    pub(crate) api: Api,
    pub(crate) bus: LocalBus,
    pub(crate) verifier: Arc<Verifier>,
    pub(crate) auth: AuthSettings,
    pub(crate) token: InternalToken,
    pub(crate) faults: Faults,
    pub(crate) lifecycle: Lifecycle,
    _folder: tempfile::TempDir,
}

impl Service {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let auth = AuthSettings {
            jwt_secret: Some("a secret of at least thirty-two bytes".into()),
            jwt_user_claim: None,
            jwt_issuer: None,
            jwt_audience: None,
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let bus = LocalBus::new(LogLimits::default(), Arc::clone(&clock));
        let lifecycle = Lifecycle::new();
        let store = SqliteStore::open(&folder.path().join("test.sqlite")).await;
        let store: Arc<dyn Store> = Arc::new(store.unwrap());
        let verifier = Arc::new(Verifier::new(&auth).unwrap());
        let limits = ApiLimits {
            max_body: 64_000,
            max_participants: 1_000,
            max_requests_per_minute: NonZeroU32::new(60_000).unwrap(),
        };
        let api = Api::new(Parts {
            store,
            bus: Arc::new(bus.clone()),
            verifier: Arc::clone(&verifier),
            clock,
            limits,
            origins: Vec::new(),
            departed: Duration::from_secs(3_600),
            lifecycle: lifecycle.clone(),
            registry: &Registry::new(),
            errors: errors(),
        });
        Self {
            api: api.unwrap(),
            bus,
            verifier,
            auth,
            token: token("the token of this test"),
            faults: Faults::default(),
            lifecycle,
            _folder: folder,
        }
    }

    /// Serves internal requests at an address.
    pub(crate) fn listen(&self, address: SocketAddr) -> SocketAddr {
        let listener = bind("INTERNAL_LISTEN", address).unwrap();
        let address = listener.local_addr().unwrap();
        let router: Router = self
            .api
            .internal_router(&self.token)
            .layer(from_fn_with_state(self.faults.clone(), go_wrong));
        serve(&self.lifecycle, listener, router);
        address
    }

    /// Serves internal requests, and a backend that asks there.
    pub(crate) fn backend(&self) -> HttpBackend {
        self.backend_at(self.listen(anywhere()), &self.token)
    }

    pub(crate) fn backend_at(&self, address: SocketAddr, token: &InternalToken) -> HttpBackend {
        let settings = BackendSettings {
            api_url: Some(address.to_string().parse().unwrap()),
        };
        HttpBackend::new(&settings, token, errors(), &self.lifecycle).unwrap()
    }

    pub(crate) fn operations(&self) -> Operations {
        self.api.operations()
    }

    /// A new group; the first of them creates it.
    pub(crate) async fn group(&self, users: &[&str]) -> ConversationId {
        let create = CreateConversation {
            participants: users[1..]
                .iter()
                .map(|user| user.parse().unwrap())
                .collect(),
            title: None,
            kind: ConversationKind::Group,
        };
        let created = self
            .operations()
            .create_conversation(&identity(users[0]), create)
            .await;
        created.unwrap().0.id
    }

    pub(crate) async fn send(&self, user: &str, conversation: ConversationId) -> Message {
        let content = Content::try_from("Hello".to_owned()).unwrap();
        let sent = self
            .operations()
            .send_message(&identity(user), conversation, content, None)
            .await;
        sent.unwrap().0
    }

    /// How many messages there are in a conversation, up to 100.
    pub(crate) async fn messages(&self, user: &str, conversation: ConversationId) -> usize {
        let range = Range::default();
        let found = self
            .operations()
            .messages(&identity(user), conversation, range, Limit::MAX)
            .await;
        found.unwrap().len()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.lifecycle.stop();
    }
}

pub(crate) fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

pub(crate) fn token(token: &str) -> InternalToken {
    let settings = InternalSettings {
        internal_listen: None,
        internal_addr: None,
        internal_token: Some(token.replace(' ', "-").into()),
    };
    settings.token().unwrap()
}

pub(crate) fn errors() -> IntCounterVec {
    IntCounterVec::new(Opts::new("errors", "of this test"), &["kind"]).unwrap()
}

/// Someone whose name is their id with a capital.
pub(crate) fn identity(user: &str) -> Identity {
    let name = user[..1].to_uppercase() + &user[1..];
    Identity {
        user_id: user.parse().unwrap(),
        name: Some(name.into()),
        expires_at: SystemClock.now().plus(Duration::from_secs(3_600)),
    }
}

/// Waits until a condition is true.
#[track_caller]
pub(crate) fn eventually(mut condition: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    async move {
        let wait = async {
            while !condition() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(timeout(PATIENCE, wait).await.is_ok(), "never so: {caller}");
    }
}
