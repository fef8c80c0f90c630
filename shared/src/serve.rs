//! Listeners: binds them, accepts, and serves a router on each connection.
//!
//! HTTP/1.1 only, so that an upgraded connection is the bare `TcpStream` again, which a gateway
//! worker can take over. Whoever opens a connection has bounded time to say what they want.

mod unread;

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::pin,
    time::Duration,
};

use anyhow::Context;
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header::CONNECTION},
    routing::get,
};
use clap::Args;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus::{Encoder, Registry, TextEncoder};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use self::unread::Unread;
use crate::{
    config::{address, port},
    lifecycle::Lifecycle,
};

/// How long a client may take to send a request's head, and how long a connection may be idle
/// between requests: longer than the minute after which proxies let go of one, because a proxy that
/// uses it at the moment it closes answers 502.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// How long what was sent may wait for the client to take it, before the kernel gives the
/// connection up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How many connections the kernel holds until they are accepted: enough for a reconnect storm.
const BACKLOG: i32 = 4_096;

/// After an accept failed (for want of file descriptors, mostly), how long to wait.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where a role listens.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Listeners")]
pub struct ListenSettings {
    /// The public listener; 127.0.0.1:5001, for a gateway 127.0.0.1:5002.
    #[arg(long, env = "LISTEN", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// The port of the public listener alone.
    #[arg(long, env = "PORT", value_parser = port)]
    pub port: Option<u16>,
    /// The listener for `/metrics`, `/healthz` and `/readyz`; 127.0.0.1:9464, for a gateway
    /// 127.0.0.1:9465.
    #[arg(long, env = "ADMIN_LISTEN", value_parser = address)]
    pub admin_listen: Option<SocketAddr>,
}

impl ListenSettings {
    /// Binds the public listener, by default to this port of this machine.
    ///
    /// # Errors
    ///
    /// If the address cannot be had.
    pub fn bind_public(&self, port: u16) -> anyhow::Result<TcpListener> {
        let mut address = self.listen.unwrap_or(here(port));
        address.set_port(self.port.unwrap_or(address.port()));
        bind("LISTEN", address)
    }

    /// Binds the admin listener, by default to this port of this machine.
    ///
    /// # Errors
    ///
    /// If the address cannot be had.
    pub fn bind_admin(&self, port: u16) -> anyhow::Result<TcpListener> {
        bind("ADMIN_LISTEN", self.admin_listen.unwrap_or(here(port)))
    }
}

/// A port that only this machine reaches.
#[must_use]
pub fn here(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Binds a listener; `variable` is what the user would set to change the address.
///
/// # Errors
///
/// If the address cannot be had.
pub fn bind(variable: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = || -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    };
    listener().with_context(|| format!("{variable}: cannot listen on {address}"))
}

/// The address under which this machine reaches a listener: one that listens everywhere is reached
/// on loopback.
#[must_use]
pub fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    address
}

/// Serves `router` on every connection until requests are to finish. While the process drains,
/// connections are still accepted: whoever comes too late is told 503 by the routes themselves.
pub fn serve(lifecycle: &Lifecycle, listener: TcpListener, router: Router) {
    let life = lifecycle.clone();
    lifecycle.spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = life.finishing() => return,
            };
            match accepted {
                Ok((stream, _)) => {
                    life.spawn_connection(connection(stream, router.clone(), life.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    });
}

async fn connection(stream: TcpStream, router: Router, lifecycle: Lifecycle) {
    // Small frames must not wait for an acknowledgement of the ones before them; and whoever does not
    // take what was sent must not keep it in memory. Both fail on a connection that is gone.
    let _ = stream.set_nodelay(true);
    let _ = SockRef::from(&stream).set_tcp_user_timeout(Some(WRITE_TIMEOUT));
    let life = lifecycle.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (router, life) = (router.clone(), life.clone());
        let request = Unread::within(request, &life).map(Body::new);
        async move {
            let mut response = router.oneshot(request).await?;
            if life.is_draining() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                // The client's next request is to find another process.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = lifecycle.finishing() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// The admin listener's routes: `/healthz` (the process runs), `/readyz` (it takes new work) and
/// `/metrics` (Prometheus text).
pub fn admin(lifecycle: Lifecycle, registry: Registry) -> Router {
    let ready = move || async move {
        if lifecycle.is_ready() {
            (StatusCode::OK, "ready\n")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
        }
    };
    let metrics = move || async move {
        let mut text = Vec::new();
        match TextEncoder::new().encode(&registry.gather(), &mut text) {
            Ok(()) => Ok(([("content-type", prometheus::TEXT_FORMAT)], text)),
            Err(error) => {
                tracing::error!(%error, "the metrics could not be written");
                Err(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    };
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}
