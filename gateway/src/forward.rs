//! Requests for sessions of other gateways, passed on to the gateway that owns the session.
//!
//! A load balancer may send any request to any gateway. The `sid` names the owner; where the owner
//! is, the bus knows: every gateway announces the address of its internal listener there. GET and
//! POST are passed on as they are, a WebSocket's bytes both ways. An owner that is gone, or does not
//! answer and is not heard of any more, means `Session ID unknown`: the client starts over.

mod whereabouts;

use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    body::Body,
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri,
        header::{
            AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, SEC_WEBSOCKET_ACCEPT,
            SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
        },
        uri::Authority,
    },
};
use callboard_shared::{
    bus::Bus, id::GatewayId, internal::InternalToken, lifecycle::Lifecycle, random::random,
};
use http_body_util::BodyExt;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioIo, TokioTimer},
};
use prometheus::{IntCounterVec, Opts, Registry};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, copy, split},
    runtime::Handle,
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use crate::{engine::RequestError, spawn::Spawn};

/// How long a connection to an owner may take to stand, may be without a request, and may have sent
/// something that is not taken.
const CONNECT_TIME: Duration = Duration::from_secs(1);
const IDLE_TIME: Duration = Duration::from_secs(30);
const WRITE_TIME: Duration = Duration::from_secs(30);

/// Connections to each owner that are kept for the next request.
const IDLE_CONNECTIONS: usize = 256;

/// When one end of a WebSocket has said all it has to say, how long the other may take.
const CLOSE_TIME: Duration = Duration::from_secs(10);

/// While this gateway leaves and the owner has not let go of a request, how often it is asked to: what
/// it should let go of may still be on its way there.
const RELEASE_EVERY: Duration = Duration::from_secs(1);

/// What an owner has to know of an upgrade, and the client of the answer to it.
const UPGRADE_REQUEST: [HeaderName; 2] = [SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION];
const UPGRADE_ANSWER: [HeaderName; 3] = [CONNECTION, UPGRADE, SEC_WEBSOCKET_ACCEPT];

/// What a client has to know of any other answer; the rest is for the gateway it talks to to say.
const ANSWER: [HeaderName; 2] = [CONTENT_TYPE, CACHE_CONTROL];

/// What makes a gateway one of several.
#[derive(Clone)]
pub struct Fleet {
    /// Where gateways announce themselves.
    pub bus: Arc<dyn Bus>,
    /// What they show one another.
    pub token: InternalToken,
    /// Under which address the others reach this one's internal listener.
    pub address: Authority,
}

/// The way to the other gateways.
pub(crate) struct Forward {
    gateway: GatewayId,
    fleet: Fleet,
    authorization: HeaderValue,
    client: Client<HttpConnector, Body>,
    lifecycle: Lifecycle,
    /// Where gateways were, and when the bus said so.
    known: Mutex<HashMap<GatewayId, (Instant, Authority)>>,
    /// What is being passed on.
    passing: TaskTracker,
    /// Once the gateway leaves: when the last clients are to be sent to others.
    leaving: watch::Sender<Option<Instant>>,
    /// Ends the announcements.
    withdrawn: CancellationToken,
    outcomes: IntCounterVec,
}

/// What has become of a request that was to be passed on.
#[derive(Clone, Copy)]
enum Outcome {
    /// The owner has answered.
    Answered,
    /// Nobody is known to have that name.
    Unknown,
    /// The owner could not be reached, or broke off.
    Unreachable,
    /// The owner did not answer, and was not heard of any more.
    Vanished,
    /// The owner has another token.
    Unauthorized,
    /// This gateway has no room for it.
    Full,
}

impl Outcome {
    fn label(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Unknown => "unknown",
            Self::Unreachable => "unreachable",
            Self::Vanished => "vanished",
            Self::Unauthorized => "unauthorized",
            Self::Full => "full",
        }
    }
}

impl Forward {
    pub(crate) fn new(
        gateway: GatewayId,
        fleet: Fleet,
        registry: &Registry,
        lifecycle: &Lifecycle,
    ) -> anyhow::Result<Self> {
        let outcomes = IntCounterVec::new(
            Opts::new(
                "callboard_forwarded_requests_total",
                "Requests passed on to the gateway that owns their session, by outcome",
            ),
            &["outcome"],
        )?;
        registry.register(Box::new(outcomes.clone()))?;
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT_TIME));
        connector.set_tcp_user_timeout(Some(WRITE_TIME));
        let client = Client::builder(Spawn(lifecycle.clone(), Handle::current()))
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .build(connector);
        Ok(Self {
            gateway,
            authorization: fleet.token.header()?,
            fleet,
            client,
            lifecycle: lifecycle.clone(),
            known: Mutex::default(),
            passing: TaskTracker::new(),
            leaving: watch::Sender::new(None),
            withdrawn: CancellationToken::new(),
            outcomes,
        })
    }

    /// How many requests and WebSockets are being passed on.
    pub(crate) fn passes_on(&self) -> usize {
        self.passing.len()
    }

    /// Counts a request that is not passed on, because the gateway is full.
    pub(crate) fn refuse(&self) {
        self.count(Outcome::Full);
    }

    /// Sends the clients that come through here to other gateways, spread over `window`: a GET has an
    /// answer, a WebSocket is closed. Done when nothing is being passed on any more.
    pub(crate) async fn leave(&self, window: Duration) {
        self.leaving.send_replace(Some(Instant::now() + window));
        self.passing.close();
        self.passing.wait().await;
    }

    /// Lets the owner of a session answer a request.
    pub(crate) async fn pass_on(
        self: &Arc<Self>,
        owner: GatewayId,
        request: Request,
    ) -> Result<Response<Body>, RequestError> {
        let token = self.passing.token();
        let (outcome, result) = match self.locate(owner).await {
            Some(address) => self.ask(owner, address, request, token).await,
            None => (Outcome::Unknown, None),
        };
        self.count(outcome);
        result.ok_or(RequestError::UnknownSession)
    }

    fn count(&self, outcome: Outcome) {
        self.outcomes.with_label_values(&[outcome.label()]).inc();
    }

    async fn ask(
        self: &Arc<Self>,
        owner: GatewayId,
        address: Authority,
        mut request: Request,
        token: TaskTrackerToken,
    ) -> (Outcome, Option<Response<Body>>) {
        let client_side = request.extensions_mut().remove::<OnUpgrade>();
        let Ok(request) = self.outgoing(address, request) else {
            return (Outcome::Unknown, None);
        };
        let (is_get, uri) = (request.method() == Method::GET, request.uri().clone());
        let answer = tokio::select! {
            answer = self.client.request(request) => answer,
            () = self.gone(owner) => return (Outcome::Vanished, None),
            never = self.release(&uri), if is_get => match never {},
        };
        let mut answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                tracing::debug!(%error, gateway.id = %owner, "a gateway could not be reached");
                return (Outcome::Unreachable, None);
            }
        };
        match (answer.status(), client_side) {
            (StatusCode::UNAUTHORIZED, _) => {
                tracing::error!(gateway.id = %owner, "a gateway has another INTERNAL_TOKEN");
                (Outcome::Unauthorized, None)
            }
            (StatusCode::SWITCHING_PROTOCOLS, Some(client_side)) => {
                let owner_side = hyper::upgrade::on(&mut answer);
                let this = Arc::clone(self);
                self.lifecycle.spawn(async move {
                    let result = tokio::select! {
                        result = tunnel(client_side, owner_side) => result,
                        never = this.release(&uri) => match never {},
                    };
                    if let Err(error) = result {
                        tracing::debug!(%error, "a WebSocket of another gateway has broken off");
                    }
                    drop(token);
                });
                (Outcome::Answered, Some(incoming(answer.map(Body::new))))
            }
            _ => {
                // It is being passed on until its body is.
                let answer = answer.map(|body| {
                    Body::new(body.map_frame(move |frame| {
                        let _token = &token;
                        frame
                    }))
                });
                (Outcome::Answered, Some(incoming(answer)))
            }
        }
    }

    /// Once the gateway leaves and it is this request's turn, asks the owner to let go of it: of a
    /// pending GET by an answer, of a WebSocket by closing it.
    async fn release(&self, uri: &Uri) -> Infallible {
        self.its_turn().await;
        loop {
            let mut request = Request::new(Body::empty());
            *request.method_mut() = Method::DELETE;
            *request.uri_mut() = uri.clone();
            let headers = request.headers_mut();
            headers.insert(AUTHORIZATION, self.authorization.clone());
            if let Err(error) = self.client.request(request).await {
                tracing::debug!(%error, "an owner could not be asked to let go of a request");
            }
            sleep(RELEASE_EVERY).await;
        }
    }

    /// Done when the gateway leaves, at a random moment of the time that is left for it.
    async fn its_turn(&self) {
        let mut leaving = self.leaving.subscribe();
        let until = leaving.wait_for(Option::is_some).await;
        if let Some(until) = until.ok().and_then(|until| *until) {
            let left = until.saturating_duration_since(Instant::now());
            sleep(left.mul_f64(random::<f64>())).await;
        }
    }

    /// The request as the owner gets it: nothing of the client's headers but what it needs.
    fn outgoing(&self, address: Authority, request: Request) -> axum::http::Result<Request> {
        let (parts, body) = request.into_parts();
        let mut uri = Uri::builder().scheme("http").authority(address);
        if let Some(path) = parts.uri.path_and_query() {
            uri = uri.path_and_query(path.clone());
        }
        let mut request = Request::builder()
            .method(parts.method)
            .uri(uri.build()?)
            .body(body)?;
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        if parts.headers.contains_key(UPGRADE) {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
            keep(&parts.headers, headers, &UPGRADE_REQUEST);
        }
        Ok(request)
    }
}

/// The owner's answer, with what the client has to know of it.
fn incoming(answer: Response<Body>) -> Response<Body> {
    let (parts, body) = answer.into_parts();
    let mut response = Response::new(body);
    *response.status_mut() = parts.status;
    let names: &[HeaderName] = match parts.status {
        StatusCode::SWITCHING_PROTOCOLS => &UPGRADE_ANSWER,
        _ => &ANSWER,
    };
    keep(&parts.headers, response.headers_mut(), names);
    response
}

fn keep(from: &HeaderMap, to: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        if let Some(value) = from.get(name) {
            to.insert(name, value.clone());
        }
    }
}

/// Carries bytes both ways, until both ends have said all they have to say.
async fn tunnel(client: OnUpgrade, owner: OnUpgrade) -> anyhow::Result<()> {
    async fn carry(
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> io::Result<()> {
        copy(&mut from, &mut to).await?;
        to.shutdown().await
    }
    let (client, owner): (Upgraded, Upgraded) = tokio::try_join!(client, owner)?;
    let (from_client, to_client) = split(TokioIo::new(client));
    let (from_owner, to_owner) = split(TokioIo::new(owner));
    let mut up = Box::pin(carry(from_client, to_owner));
    let mut down = Box::pin(carry(from_owner, to_client));
    // An end that goes without a word does not keep the other from being told.
    tokio::select! {
        result = &mut up => {
            result?;
            timeout(CLOSE_TIME, down).await??;
        }
        result = &mut down => {
            result?;
            timeout(CLOSE_TIME, up).await??;
        }
    }
    Ok(())
}
