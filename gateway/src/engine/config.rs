//! The settings of an Engine.IO server.

use std::time::Duration;

/// What all sessions of a server have in common.
#[derive(Clone, Debug)]
pub struct Config {
    /// From the opening or a pong to the next ping.
    pub ping_interval: Duration,
    /// From a ping to the end, if no pong comes.
    pub ping_timeout: Duration,
    /// The most bytes in one frame or body. Announced to clients; an answer to a
    /// GET keeps to it as well, unless a single packet is larger.
    pub max_payload: usize,
    /// How long a WebSocket that probes may take to become the transport.
    pub upgrade_timeout: Duration,
    /// How long a session closed by the server waits for a GET to say so.
    pub close_grace: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            max_payload: 100_000,
            upgrade_timeout: Duration::from_secs(10),
            close_grace: Duration::from_secs(5),
        }
    }
}
