//! The gateway's settings.

use std::{num::NonZeroU32, time::Duration};

use callboard_shared::config::{count, positive_duration, rate, size};
use clap::Args;

/// What [`GatewaySettings::held`] is, other than in a simulation.
const HELD: usize = 256;

/// Limits of connections.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Connections")]
pub struct GatewaySettings {
    /// The most bytes in a frame or a polling body.
    #[arg(long, env = "MAX_PAYLOAD", value_parser = size, default_value = "100kB")]
    pub max_payload: usize,
    /// The most connections; past it handshakes get 503. 0: as many as file descriptors allow.
    #[arg(long, env = "MAX_CONNECTIONS", default_value = "0")]
    pub max_connections: u32,
    /// The most handshakes in a second, as many at once; past it they get 503. 0: any number.
    #[arg(long, env = "MAX_HANDSHAKES_PER_SECOND", default_value = "1000")]
    pub max_handshakes_per_second: u32,
    /// The most connections of one user; past it the oldest is closed.
    #[arg(long, env = "MAX_USER_CONNECTIONS", value_parser = count, default_value = "64")]
    pub max_user_connections: usize,
    /// How many events a connection may send in a minute, a third of them at once.
    #[arg(long, env = "MAX_EVENTS_PER_MINUTE", value_parser = rate, default_value = "300")]
    pub max_events_per_minute: NonZeroU32,
    /// How many conversations a connection is subscribed to by itself, the most recently active
    /// ones; the others by joining.
    #[arg(long, env = "MAX_SUBSCRIPTIONS", value_parser = count, default_value = "1000")]
    pub max_subscriptions: usize,
    /// The most bytes queued for a connection; past it the connection is closed as a slow consumer.
    #[arg(long, env = "SEND_QUEUE", value_parser = size, default_value = "1MiB")]
    pub send_queue: usize,
    /// The most events replayed to a connection that comes back; past it the client has to sync.
    #[arg(long, env = "REPLAY_LIMIT", value_parser = count, default_value = "1000")]
    pub replay_limit: usize,
    /// How many events are held for a connection while something that comes before them is read; past it
    /// they are dropped, and read from the logs when all before them has been sent. Well below what a log
    /// holds, so that the log still has them then.
    #[arg(skip = HELD)]
    pub held: usize,
    /// How long a connection may take to send its CONNECT.
    #[arg(long, env = "CONNECT_TIMEOUT", value_parser = positive_duration, default_value = "10")]
    pub connect_timeout: Duration,
    /// How long after a pong the next ping is sent.
    #[arg(long, env = "PING_INTERVAL", value_parser = positive_duration, default_value = "25")]
    pub ping_interval: Duration,
    /// How long a pong may take.
    #[arg(long, env = "PING_TIMEOUT", value_parser = positive_duration, default_value = "20")]
    pub ping_timeout: Duration,
}
