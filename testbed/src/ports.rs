//! Spare ports on loopback.
//!
//! They are taken from below the range of which the kernel numbers outgoing connections: a server that
//! is restarted must find its port free, however many clients have connected meanwhile.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use anyhow::{Context, Result, ensure};

/// The lowest port given out.
const LOWEST: u16 = 10_000;

/// Where outgoing ports start if the kernel does not say.
const OUTGOING: u16 = 32_768;

/// How many ports are tried for each one that is wanted.
const TRIES: usize = 200;

/// How often a start is repeated whose ports were taken by somebody else.
const STARTS: usize = 5;

/// A port on 127.0.0.1.
#[must_use]
pub fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// Different ports on which nobody listens. Nothing reserves them: somebody else may be faster.
///
/// # Errors
///
/// If there are not as many.
pub fn spare(count: usize) -> Result<Vec<u16>> {
    let outgoing = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok();
    let outgoing = outgoing.and_then(|range| range.split_whitespace().next()?.parse().ok());
    let highest = outgoing.filter(|first| *first > LOWEST).unwrap_or(OUTGOING);
    // All are held until the last is found, so that none comes twice.
    let held: Vec<_> = (0..count * TRIES)
        .filter_map(|_| TcpListener::bind(loopback(rand::random_range(LOWEST..highest))).ok())
        .take(count)
        .collect();
    ensure!(held.len() == count, "no {count} spare ports on 127.0.0.1");
    let ports = held
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()));
    ports.collect()
}

/// Starts something on as many spare ports as it needs, again on others if it failed and one of them
/// turns out to be taken.
///
/// # Errors
///
/// Those of `start`.
pub async fn on_spare<T, F>(count: usize, mut start: impl FnMut(Vec<u16>) -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut starts = 0;
    loop {
        let ports = spare(count)?;
        starts += 1;
        match start(ports.clone()).await {
            Err(_) if starts < STARTS && !ports.iter().all(|port| is_free(*port)) => {}
            result => return result.with_context(|| format!("on the ports {ports:?}")),
        }
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(loopback(port)).is_ok()
}
