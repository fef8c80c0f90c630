//! The one origin: who listens where, and what haproxy is told about it.

use std::{fmt::Write as _, net::SocketAddr};

use super::{FRONT_LISTENERS, FleetOptions, LISTENERS, role::Addresses};
use crate::ports::loopback;

/// How every connection is treated. Only what was not sent to a server is sent to another; what was
/// sent may have been done.
const DEFAULTS: &str = "defaults
    mode http
    timeout http-request 10s
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout tunnel 1h
    timeout check 2s
    option abortonclose
    option redispatch 1
    retries 3
    retry-on conn-failure
    option httpchk GET /readyz
    http-check expect status 200
    default-server check inter 500ms fastinter 200ms fall 2 rise 1
";

/// The addresses of a fleet.
pub(super) struct Front {
    pub(super) origin: SocketAddr,
    /// The APIs' internal listeners as one.
    pub(super) internal: SocketAddr,
    pub(super) apis: Vec<Addresses>,
    pub(super) gateways: Vec<Addresses>,
}

impl Front {
    /// Gives the ports out.
    pub(super) fn plan(ports: &[u16], options: &FleetOptions) -> Self {
        let (front, roles) = ports.split_at(FRONT_LISTENERS);
        let mut addresses = roles.chunks_exact(LISTENERS).map(|ports| Addresses {
            public: loopback(ports[0]),
            admin: loopback(ports[1]),
            internal: loopback(ports[2]),
        });
        Self {
            origin: options.listen.unwrap_or(loopback(front[0])),
            internal: loopback(front[1]),
            apis: addresses.by_ref().take(options.apis).collect(),
            gateways: addresses.take(options.gateways).collect(),
        }
    }

    /// What every process has to know of it.
    pub(super) fn settings(&self) -> Vec<(String, String)> {
        let port = self.origin.port();
        let pages = format!(
            "http://localhost:3000,http://{},http://localhost:{port}",
            self.origin
        );
        vec![
            ("CLIENT_URL".to_owned(), pages),
            ("API_URL".to_owned(), format!("http://{}", self.internal)),
        ]
    }

    /// haproxy's configuration: no stickiness, gateways at random.
    pub(super) fn sections(&self) -> String {
        let public = |addresses: &Addresses| addresses.public;
        let internal = |addresses: &Addresses| addresses.internal;
        format!(
            "{DEFAULTS}
frontend origin
    bind {origin}
    use_backend gateways if {{ path_beg /socket.io/ }}
    default_backend apis
backend gateways
    balance random(1)
{gateways}
backend apis
    balance roundrobin
{apis}
listen internal
    bind {internal}
    balance roundrobin
{internals}",
            origin = self.origin,
            internal = self.internal,
            gateways = servers("gateway", &self.gateways, public),
            apis = servers("api", &self.apis, public),
            internals = servers("api", &self.apis, internal),
        )
    }
}

fn servers(
    role: &str,
    processes: &[Addresses],
    listener: impl Fn(&Addresses) -> SocketAddr,
) -> String {
    let mut lines = String::new();
    for (number, process) in processes.iter().enumerate() {
        let (address, admin) = (listener(process), process.admin.port());
        // Writing to a string does not fail.
        let _ = writeln!(lines, "    server {role}-{number} {address} port {admin}");
    }
    lines
}
