//! Listeners: binds them, accepts, and serves a router on each connection.
//!
//! HTTP/1.1 only, so that an upgraded connection is the bare `TcpStream` again, which a gateway
//! worker can take over. Whoever opens a connection has bounded time to say what they want.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use axum::{Router, extract::Request, http::StatusCode, routing::get};
use clap::Args;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus::{Encoder, Registry, TextEncoder};
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tower::ServiceExt;

use crate::{
    config::{ConfigError, address, port},
    lifecycle::Lifecycle,
};

/// How long a client may take to send a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// How many connections the kernel holds until they are accepted: enough for a reconnect storm.
const BACKLOG: i32 = 4_096;

/// After an accept failed (for want of file descriptors, mostly), how long to wait.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where a role listens.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Listeners")]
pub struct ListenSettings {
    /// The public listener.
    #[arg(long, env = "LISTEN", value_parser = address, default_value = "127.0.0.1:5001")]
    pub listen: SocketAddr,
    /// The port of the public listener alone.
    #[arg(long, env = "PORT", value_parser = port)]
    pub port: Option<u16>,
    /// The listener for `/metrics`, `/healthz` and `/readyz`.
    #[arg(long, env = "ADMIN_LISTEN", value_parser = address, default_value = "127.0.0.1:9464")]
    pub admin_listen: SocketAddr,
}

impl ListenSettings {
    /// The public address.
    #[must_use]
    pub fn public(&self) -> SocketAddr {
        let mut address = self.listen;
        address.set_port(self.port.unwrap_or(address.port()));
        address
    }
}

/// Binds a listener; `variable` is what the user would set to change the address.
///
/// # Errors
///
/// If the address cannot be had.
pub fn bind(variable: &str, address: SocketAddr) -> Result<TcpListener, ConfigError> {
    let listener = || -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        TcpListener::from_std(socket.into())
    };
    listener().map_err(|error| {
        ConfigError::new(
            variable,
            format!("cannot listen on {address}: {error}"),
            "an address of this machine and a free port",
        )
    })
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

/// Serves `router` on every connection until the process stops. While it drains, connections are
/// still accepted: whoever comes is told 503 by the routes themselves.
pub fn serve(lifecycle: &Lifecycle, listener: TcpListener, router: Router) {
    let tasks = lifecycle.clone();
    lifecycle.spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => tasks.spawn(connection(stream, router.clone())),
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    });
}

fn connection(stream: TcpStream, router: Router) -> impl Future<Output = ()> + Send {
    // Small frames must not wait for an acknowledgement of the ones before them.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        router.clone().oneshot(request.map(axum::body::Body::new))
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended early");
        }
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
