//! Engine.IO over HTTP: reads each request, finds the worker that owns its session, and answers.
//!
//! It keeps nothing of a session itself. A WebSocket's TCP connection is taken from the HTTP server
//! and given to a worker; a long-polling request waits for its worker's answer.

mod guard;
mod requests;
mod websocket;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header},
    routing::any,
};
use callboard_shared::{
    backend::Backend, config::Origin, cors, id::GatewayId, lifecycle::Lifecycle,
};
use prometheus::Registry;
use tokio::time::{Instant, timeout};

use crate::{
    admission::{Admission, Full},
    engine::{Answer, RequestError, Transport, handshake},
    forward::{Fleet, Forward},
    worker::{Application, Command, Handle, LinkMetrics, Pool, Sid, WorkerConfig, WorkerHandle},
};

/// When all connections should be closed, how long the last ones may take to hear of it.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// How long saying goodbye to the other gateways may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// How long the last client may take from its close to the end of the process: the two times above,
/// the 5 s of requests in flight, and something to spare.
const CLOSING: Duration = Duration::from_secs(12);

/// An Engine.IO server.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    gateway: GatewayId,
    pool: Pool,
    max_payload: usize,
    /// Whose pages may open WebSockets; `None` lets all of them.
    origins: Option<Vec<Origin>>,
    admission: Admission,
    /// The way to other gateways, if there may be any.
    forward: Option<Arc<Forward>>,
}

/// Where a request has come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Entry {
    /// From a client.
    Public,
    /// From another gateway.
    Internal,
}

/// How a server is set up.
#[derive(Clone)]
pub struct ServerConfig {
    /// Its connections.
    pub worker: WorkerConfig,
    /// Whose pages may open WebSockets; `None` lets all of them.
    pub origins: Option<Vec<Origin>>,
    /// The most connections; 0: what the process's file descriptors allow.
    pub max_connections: u32,
    /// The most handshakes in a second; 0: any number.
    pub max_handshakes_per_second: u32,
    /// What connections cannot do without: while it is away, nobody is let in.
    pub backend: Option<Arc<dyn Backend>>,
    /// The other gateways, if there may be any.
    pub fleet: Option<Fleet>,
}

impl Server {
    /// Starts a server with one worker for each of `applications`, which are made on the workers'
    /// own threads. Returns the ways to the applications, in the same order.
    ///
    /// # Errors
    ///
    /// If a thread cannot be had, or the registry has metrics of another server.
    pub fn start<A, F>(
        config: ServerConfig,
        registry: &Registry,
        lifecycle: &Lifecycle,
        applications: Vec<F>,
    ) -> anyhow::Result<(Self, Vec<WorkerHandle<A::Event>>)>
    where
        A: Application,
        F: FnOnce(Handle<A>) -> A + Send + 'static,
    {
        let metrics = LinkMetrics::new(registry)?;
        let admission = Admission::new(
            metrics.open(),
            config.max_connections,
            config.max_handshakes_per_second,
            config.backend,
            registry,
            Instant::now().into_std(),
        )?;
        let gateway = config.worker.gateway;
        let forward = config
            .fleet
            .map(|fleet| Forward::new(gateway, fleet, registry, lifecycle).map(Arc::new))
            .transpose()?;
        let max_payload = config.worker.engine.max_payload;
        let (pool, handles) = Pool::start(
            config.worker.home,
            &Arc::new(config.worker),
            &metrics,
            lifecycle,
            applications,
        )?;
        let inner = Inner {
            gateway,
            pool,
            max_payload,
            origins: config.origins,
            admission,
            forward,
        };
        Ok((Self(Arc::new(inner)), handles))
    }

    /// The routes for clients, for a path that ends in a slash (`/socket.io/`); the slash may be
    /// missing.
    pub fn router(&self, path: &str) -> Router {
        let router = self.routes(path, Entry::Public);
        match &self.0.origins {
            Some(origins) => cors::allow(router, origins),
            None => router,
        }
    }

    /// The routes for what other gateways pass on, for the same path. To be guarded by their token. By
    /// a DELETE a gateway that leaves says what it will not carry any longer.
    pub fn internal_router(&self, path: &str) -> Router {
        self.routes(path, Entry::Internal)
    }

    fn routes(&self, path: &str, entry: Entry) -> Router {
        let route = any(handle).with_state((self.clone(), entry));
        Router::new()
            .route(path, route.clone())
            .route(path.trim_end_matches('/'), route)
    }

    /// Tells the other gateways where this one is, and goes on doing so. Waits for the bus.
    pub async fn announce(&self) {
        if let Some(forward) = &self.0.forward {
            forward.announce().await;
        }
    }

    /// Lets nobody in any more, closes the connections there are, and ends the workers. Done when
    /// nobody is left, or will not go in time. The closes are spread over so much of `window` that the
    /// process can end within it; over half of it if it is short.
    pub async fn leave(&self, window: Duration) {
        let spread = window.saturating_sub(CLOSING).max(window / 2);
        self.0.admission.close();
        self.0.pool.drain(spread).await;
        let others = async {
            if let Some(forward) = &self.0.forward {
                forward.leave(spread).await;
            }
        };
        let everybody = async { tokio::join!(self.0.pool.ended(), others) };
        if timeout(spread + LAST_ANSWERS, everybody).await.is_err() {
            tracing::info!("not all connections have ended in time");
        }
        if let Some(forward) = &self.0.forward {
            let _ = timeout(GOODBYE, forward.withdraw()).await;
        }
    }

    /// The workers behind it.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.0.pool
    }
}

async fn handle(
    State((server, entry)): State<(Server, Entry)>,
    request: Request,
) -> Response<Body> {
    match server.respond(entry, request).await {
        Ok(response) => response,
        Err(Refused::Request(error)) => answer_response(Answer::Error(error)),
        Err(Refused::Full) => server.full(),
    }
}

/// Why a request gets no answer from a session.
enum Refused {
    Request(RequestError),
    /// The gateway takes no new connections now.
    Full,
}

impl From<RequestError> for Refused {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}

impl From<Full> for Refused {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

impl Server {
    async fn respond(&self, entry: Entry, request: Request) -> Result<Response<Body>, Refused> {
        if request.method() == Method::OPTIONS {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            return Ok(response);
        }
        let query = request.uri().query().unwrap_or("").to_owned();
        if request.method() == Method::DELETE && entry == Entry::Internal {
            return self.release(&query).await;
        }
        let is_upgrade = websocket::is_asked_for(request.headers());
        let asked = handshake::Request::parse(request.method(), &query, is_upgrade)?;
        let sid = match asked {
            // Sessions begin with the gateway that the client talks to.
            handshake::Request::Open { .. } if entry == Entry::Internal => {
                return Err(RequestError::BadRequest.into());
            }
            handshake::Request::Open { transport } => {
                self.check_origin(request.headers(), transport)?;
                let now = Instant::now().into_std();
                let room = self.0.admission.admit(self.passes_on(), now)?;
                return self.open(transport, room, request).await;
            }
            handshake::Request::Poll { sid }
            | handshake::Request::Post { sid }
            | handshake::Request::Upgrade { sid } => {
                Sid::parse(sid).ok_or(RequestError::UnknownSession)?
            }
        };
        if is_upgrade && entry == Entry::Public {
            self.check_origin(request.headers(), Transport::WebSocket)?;
        }
        if sid.gateway() != self.0.gateway {
            return self.pass_on(entry, sid.gateway(), request).await;
        }
        match asked {
            handshake::Request::Post { .. } => Ok(answer_response(self.post(sid, request).await)),
            handshake::Request::Upgrade { .. } => self.probe(sid, request).await,
            _ => Ok(answer_response(self.poll(sid).await)),
        }
    }

    /// Lets another gateway answer, unless the request comes from another one: what is passed on is
    /// for whom it is passed to, or for nobody.
    async fn pass_on(
        &self,
        entry: Entry,
        owner: GatewayId,
        request: Request,
    ) -> Result<Response<Body>, Refused> {
        match (&self.0.forward, entry) {
            (Some(forward), Entry::Public)
                if !self.0.admission.may_pass_on(forward.passes_on()) =>
            {
                forward.refuse();
                Err(Refused::Full)
            }
            (Some(forward), Entry::Public) => Ok(forward.pass_on(owner, request).await?),
            _ => Err(RequestError::UnknownSession.into()),
        }
    }

    /// Lets go of a GET or a WebSocket, which a gateway that leaves has passed on with this query: the
    /// client is to come by another one.
    async fn release(&self, query: &str) -> Result<Response<Body>, Refused> {
        let passed_on = |is_upgrade| handshake::Request::parse(&Method::GET, query, is_upgrade);
        let (sid, transport) = match passed_on(false).or_else(|_| passed_on(true))? {
            handshake::Request::Poll { sid } => (sid, Transport::Polling),
            handshake::Request::Upgrade { sid } => (sid, Transport::WebSocket),
            _ => return Err(RequestError::BadRequest.into()),
        };
        let sid = Sid::parse(sid).ok_or(RequestError::UnknownSession)?;
        let release = Command::Release { sid, transport };
        // A worker that has ended has let go of everything.
        let _ = self.0.pool.send(sid.worker(), release).await;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(response)
    }

    /// How many requests and WebSockets of other gateways' sessions are being passed on.
    #[must_use]
    pub fn passes_on(&self) -> usize {
        self.0
            .forward
            .as_ref()
            .map_or(0, |forward| forward.passes_on())
    }

    fn full(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(
            "no room for new connections now; try again later\n",
        ));
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        let seconds = self.0.admission.retry_after().as_secs();
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        // It is to leave its place to others meanwhile.
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
        response
    }

    fn check_origin(&self, headers: &HeaderMap, transport: Transport) -> Result<(), RequestError> {
        let (Some(allowed), Some(origin)) = (&self.0.origins, headers.get(header::ORIGIN)) else {
            return Ok(());
        };
        let origin = origin.as_bytes();
        let named = allowed
            .iter()
            .any(|allowed| origin.eq_ignore_ascii_case(allowed.as_str().as_bytes()));
        // What the browser takes for the same site, and what clients send that are no browsers.
        let own = headers.get(header::HOST).is_some_and(|host| {
            let host = host.as_bytes();
            [&b"http://"[..], b"https://"]
                .iter()
                .any(|scheme| origin.strip_prefix(*scheme) == Some(host))
        });
        if named || own || transport == Transport::Polling {
            Ok(())
        } else {
            Err(RequestError::Forbidden)
        }
    }
}

fn answer_response(answer: Answer) -> Response<Body> {
    let status = StatusCode::from_u16(answer.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = answer.content_type();
    let body: Bytes = answer.into_body();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
