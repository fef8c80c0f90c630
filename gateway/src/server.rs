//! Engine.IO over HTTP: reads each request, finds the worker that owns its session, and answers.
//!
//! It keeps nothing of a session itself. A WebSocket's TCP connection is taken from the HTTP server
//! and given to a worker; a long-polling request waits for its worker's answer.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header},
    routing::any,
};
use callboard_shared::{auth::bearer, config::Origin, cors, lifecycle::Lifecycle};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use prometheus::Registry;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::{
    admission::Admission,
    engine::{Answer, RequestError, Transport, handshake},
    worker::{
        Application, Command, Handle, Handshake, LinkMetrics, Pool, Sid, Stream, WorkerConfig,
        WorkerHandle,
    },
};

/// How long a POST may take to send its body.
const BODY_TIME: Duration = Duration::from_secs(30);

/// How long a client is told to stay away when it was not let in.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// An Engine.IO server.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    pool: Pool,
    max_payload: usize,
    /// Whose pages may open WebSockets; `None` lets all of them.
    origins: Option<Vec<Origin>>,
    admission: Admission,
    closed: AtomicBool,
}

/// How a server is set up.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Its connections.
    pub worker: WorkerConfig,
    /// Whose pages may open WebSockets; `None` lets all of them.
    pub origins: Option<Vec<Origin>>,
    /// The most connections; 0: what the process's file descriptors allow.
    pub max_connections: u32,
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
        let admission = Admission::new(metrics.open(), config.max_connections);
        let max_payload = config.worker.engine.max_payload;
        let (pool, handles) =
            Pool::start(&Arc::new(config.worker), &metrics, lifecycle, applications)?;
        let closed = AtomicBool::new(false);
        let inner = Inner {
            pool,
            max_payload,
            origins: config.origins,
            admission,
            closed,
        };
        Ok((Self(Arc::new(inner)), handles))
    }

    /// The routes, for a path that ends in a slash (`/socket.io/`); the slash may be missing.
    pub fn router(&self, path: &str) -> Router {
        let route = any(handle).with_state(self.clone());
        let router = Router::new()
            .route(path, route.clone())
            .route(path.trim_end_matches('/'), route);
        match &self.0.origins {
            Some(origins) => cors::allow(router, origins),
            None => router,
        }
    }

    /// Lets nobody in any more, closes the connections there are, spread over `window`, and ends the
    /// workers.
    pub async fn drain(&self, window: Duration) {
        self.0.closed.store(true, Ordering::Release);
        self.0.pool.drain(window).await;
    }

    /// The workers behind it.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.0.pool
    }
}

async fn handle(State(server): State<Server>, request: Request) -> Response<Body> {
    let result = server.respond(request).await;
    result.unwrap_or_else(Refused::into_response)
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

impl Refused {
    fn into_response(self) -> Response<Body> {
        match self {
            Self::Request(error) => answer_response(Answer::Error(error)),
            Self::Full => {
                let mut response = Response::new(Body::from(
                    "no room for new connections now; try again later\n",
                ));
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, RETRY_AFTER);
                response
            }
        }
    }
}

impl Server {
    async fn respond(&self, request: Request) -> Result<Response<Body>, Refused> {
        if request.method() == Method::OPTIONS {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            return Ok(response);
        }
        let is_upgrade = is_websocket_upgrade(request.headers());
        let query = request.uri().query().unwrap_or("").to_owned();
        match handshake::Request::parse(request.method(), &query, is_upgrade)? {
            handshake::Request::Open { transport } => {
                self.check_origin(request.headers(), transport)?;
                if self.0.closed.load(Ordering::Acquire) || !self.0.admission.admit() {
                    return Err(Refused::Full);
                }
                self.open(transport, request).await
            }
            handshake::Request::Poll { sid } => Ok(answer_response(self.poll(parse(sid)?).await)),
            handshake::Request::Post { sid } => {
                Ok(answer_response(self.post(parse(sid)?, request).await))
            }
            handshake::Request::Upgrade { sid } => {
                let sid = parse(sid)?;
                self.check_origin(request.headers(), Transport::WebSocket)?;
                match self
                    .0
                    .pool
                    .ask(sid.worker(), |answer| Command::Find { sid, answer })
                    .await
                {
                    Ok(true) => self.upgrade(request, sid.worker(), move |stream| Command::Probe {
                        sid,
                        stream,
                    }),
                    _ => Err(RequestError::UnknownSession.into()),
                }
            }
        }
    }

    async fn open(
        &self,
        transport: Transport,
        request: Request,
    ) -> Result<Response<Body>, Refused> {
        let authorization = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let handshake = Handshake {
            bearer: authorization.and_then(bearer).map(str::to_owned),
        };
        let worker = self.0.pool.next();
        match transport {
            Transport::WebSocket => self.upgrade(request, worker, |stream| {
                Command::OpenWebSocket { handshake, stream }
            }),
            Transport::Polling => {
                let opened = self
                    .0
                    .pool
                    .ask(worker, |answer| Command::OpenPolling { handshake, answer })
                    .await;
                opened.map(answer_response).map_err(|_| Refused::Full)
            }
        }
    }

    /// Answers the WebSocket handshake and, once the connection is free, hands it to a worker.
    fn upgrade(
        &self,
        mut request: Request,
        worker: u16,
        command: impl FnOnce(Stream) -> Command + Send + 'static,
    ) -> Result<Response<Body>, Refused> {
        let key = request.headers().get(header::SEC_WEBSOCKET_KEY);
        let version = request.headers().get(header::SEC_WEBSOCKET_VERSION);
        let accept = match (key, version) {
            (Some(key), Some(version)) if version == "13" => derive_accept_key(key.as_bytes()),
            _ => return Err(RequestError::BadRequest.into()),
        };
        let Some(upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
            return Err(RequestError::BadRequest.into());
        };
        let pool = self.0.pool.clone();
        tokio::spawn(async move {
            match take_over(upgrade).await {
                // A worker that is gone has no use for the connection, which closes here.
                Ok(stream) => drop(pool.send(worker, command(stream)).await),
                Err(error) => tracing::debug!(%error, "a WebSocket handshake was not completed"),
            }
        });
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        if let Ok(accept) = HeaderValue::try_from(accept) {
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        }
        Ok(response)
    }

    async fn poll(&self, sid: Sid) -> Answer {
        let guard = Guard::new(&self.0.pool, sid.worker(), Command::GetAborted { sid });
        let answer = self
            .0
            .pool
            .ask(sid.worker(), |answer| Command::Get { sid, answer })
            .await;
        guard.disarm();
        answer.unwrap_or(Answer::Error(RequestError::UnknownSession))
    }

    async fn post(&self, sid: Sid, request: Request) -> Answer {
        let (pool, worker) = (&self.0.pool, sid.worker());
        let gone = Answer::Error(RequestError::UnknownSession);
        let guard = Guard::new(pool, worker, Command::PostAborted { sid });
        match pool
            .ask(worker, |answer| Command::BeginPost { sid, answer })
            .await
        {
            Ok(None) => {}
            refused => {
                guard.disarm();
                return refused.ok().flatten().unwrap_or(gone);
            }
        }
        let body = timeout(
            BODY_TIME,
            Limited::new(request.into_body(), self.0.max_payload).collect(),
        )
        .await;
        let answer = match body {
            Ok(Ok(body)) => {
                let body = body.to_bytes();
                pool.ask(worker, |answer| Command::Post { sid, body, answer })
                    .await
            }
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                pool.ask(worker, |answer| Command::PostTooLarge { sid, answer })
                    .await
            }
            // The guard tells the session.
            Ok(Err(_)) | Err(_) => return Answer::Error(RequestError::BadRequest),
        };
        guard.disarm();
        answer.unwrap_or(gone)
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

/// Tells a session that a request of its was given up, unless it was answered.
struct Guard<'a> {
    pool: &'a Pool,
    worker: u16,
    command: Option<Command>,
}

impl<'a> Guard<'a> {
    fn new(pool: &'a Pool, worker: u16, command: Command) -> Self {
        Self {
            pool,
            worker,
            command: Some(command),
        }
    }

    fn disarm(mut self) {
        self.command = None;
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if let Some(command) = mem::take(&mut self.command) {
            let (pool, worker) = (self.pool.clone(), self.worker);
            // The request's own task is ending, and the worker's queue may be full.
            tokio::spawn(async move { pool.send(worker, command).await });
        }
    }
}

fn parse(sid: &str) -> Result<Sid, RequestError> {
    Sid::parse(sid).ok_or(RequestError::UnknownSession)
}

fn is_websocket_upgrade(headers: &HeaderMap) -> bool {
    let has = |name, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| {
                value
                    .split(',')
                    .any(|part| part.trim().eq_ignore_ascii_case(token))
            })
    };
    has(header::UPGRADE, "websocket") && has(header::CONNECTION, "upgrade")
}

/// Takes the bare TCP connection out of the HTTP server.
async fn take_over(upgrade: OnUpgrade) -> anyhow::Result<Stream> {
    let upgraded = upgrade.await?;
    let parts = upgraded
        .downcast::<TokioIo<TcpStream>>()
        .map_err(|_| anyhow::anyhow!("the connection is not a TCP stream"))?;
    Ok(Stream {
        tcp: parts.io.into_inner().into_std()?,
        read: parts.read_buf,
    })
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
