//! Who is let in: how many connections a gateway takes, how fast, and whether it can do anything for
//! them.
//!
//! Load is shed before the Engine.IO handshake, with 503: a client that gets through the handshake
//! resets its back-off, one that is refused before it slows down.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use callboard_shared::backend::Backend;
use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

use crate::{
    engine::Transport,
    rate::{Allowance, Rate},
};

/// File descriptors kept for everything that is not a connection.
const RESERVED: i64 = 256;

/// How many of those may go to requests that are passed on, when there are no others left: a gateway
/// that is full still serves the sessions of others.
const TO_PASS_ON: i64 = 128;

/// How long those who were not let in are told to stay away, at least and at most, in seconds. Each
/// is told another number than the one before, so that a crowd does not come back at once.
const RETRY_AFTER: (u64, u64) = (5, 15);

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The gateway is going away.
    Draining,
    /// The backend is away, without which each would have to be closed again.
    Backend,
    /// It has as many connections as it takes.
    Connections,
    /// Too many come at once.
    Rate,
}

impl Full {
    fn label(self) -> &'static str {
        match self {
            Self::Draining => "draining",
            Self::Backend => "backend",
            Self::Connections => "connections",
            Self::Rate => "rate",
        }
    }
}

/// Room for a connection that was let in and is not open yet; given back when dropped.
#[derive(Debug)]
pub(crate) struct Room(Arc<AtomicI64>);

impl Drop for Room {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Decides about handshakes.
pub(crate) struct Admission {
    open: IntGaugeVec,
    /// How many were let in and are not among those yet.
    coming: Arc<AtomicI64>,
    max: i64,
    /// What file descriptors allow.
    descriptors: i64,
    rate: Option<Rate>,
    taken: Mutex<Allowance>,
    backend: Option<Arc<dyn Backend>>,
    draining: AtomicBool,
    refused: IntCounterVec,
    /// How many have been told to come back.
    told: AtomicU64,
}

impl Admission {
    /// At most `max` connections, of which `open` tells how many there are (0: what the process's
    /// file descriptors allow), `per_second` handshakes (0: any number), and none while
    /// the `backend` is away.
    ///
    /// # Errors
    ///
    /// If the registry has its metric already.
    pub(crate) fn new(
        open: IntGaugeVec,
        max: u32,
        per_second: u32,
        backend: Option<Arc<dyn Backend>>,
        registry: &Registry,
        now: Instant,
    ) -> prometheus::Result<Self> {
        let refused = IntCounterVec::new(
            Opts::new(
                "callboard_handshakes_refused_total",
                "Engine.IO handshakes answered with 503, by reason",
            ),
            &["reason"],
        )?;
        registry.register(Box::new(refused.clone()))?;
        let descriptors = file_descriptors();
        let max = match max {
            0 => descriptors - RESERVED,
            max => i64::from(max),
        };
        Ok(Self {
            open,
            coming: Arc::default(),
            max: max.max(1),
            descriptors,
            rate: (per_second > 0).then(|| Rate::per_second(per_second)),
            taken: Mutex::new(Allowance::new(now)),
            backend,
            draining: AtomicBool::new(false),
            refused,
            told: AtomicU64::new(0),
        })
    }

    /// Whether one more is let in, where `passed_on` connections are another gateway's. Each of
    /// those holds two sockets.
    pub(crate) fn admit(&self, passed_on: usize, now: Instant) -> Result<Room, Full> {
        let result = self.decide(passed_on, now);
        if let Err(full) = result {
            self.refused.with_label_values(&[full.label()]).inc();
        }
        result
    }

    fn decide(&self, passed_on: usize, now: Instant) -> Result<Room, Full> {
        if self.draining.load(Ordering::Acquire) {
            return Err(Full::Draining);
        }
        if self
            .backend
            .as_ref()
            .is_some_and(|backend| backend.is_away())
        {
            return Err(Full::Backend);
        }
        // Of a crowd that comes at once, each counts those before it.
        let before = self.coming.fetch_add(1, Ordering::AcqRel);
        let room = Room(Arc::clone(&self.coming));
        if self.sockets(passed_on) + before >= self.max {
            return Err(Full::Connections);
        }
        let Some(rate) = self.rate else {
            return Ok(room);
        };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.take(rate, now).then_some(room).ok_or(Full::Rate)
    }

    /// Whether one more request or connection may be passed on.
    pub(crate) fn may_pass_on(&self, passed_on: usize) -> bool {
        self.sockets(passed_on) < self.descriptors - (RESERVED - TO_PASS_ON)
    }

    fn sockets(&self, passed_on: usize) -> i64 {
        let open = |transport: Transport| self.open.with_label_values(&[transport.name()]).get();
        let passed_on = i64::try_from(passed_on).unwrap_or(i64::MAX);
        open(Transport::Polling) + open(Transport::WebSocket) + passed_on.saturating_mul(2)
    }

    /// Lets nobody in any more.
    pub(crate) fn close(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// When somebody who was not let in should come back.
    pub(crate) fn retry_after(&self) -> Duration {
        let (least, most) = RETRY_AFTER;
        let told = self.told.fetch_add(1, Ordering::Relaxed);
        Duration::from_secs(least + told % (most - least + 1))
    }
}

fn file_descriptors() -> i64 {
    let (soft, _) = rlimit::Resource::NOFILE.get().unwrap_or((1_024, 1_024));
    i64::try_from(soft).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn number_rate_and_draining_are_told_apart() {
        let open = IntGaugeVec::new(Opts::new("open", "open"), &["transport"]).unwrap();
        #[expect(
            clippy::disallowed_methods,
            reason = "a starting point for times that are added to it"
        )]
        let start = Instant::now();
        let admission = Admission::new(open.clone(), 10, 3, None, &Registry::new(), start).unwrap();
        let admitted = |passed_on, at| {
            let admit = |_: &u32| admission.admit(passed_on, at).is_ok();
            (0..8).take_while(admit).count()
        };
        assert_eq!(admitted(0, start), 3);
        let refused = |passed_on, at| admission.admit(passed_on, at).err();
        assert_eq!(refused(0, start), Some(Full::Rate));
        let later = start + Duration::from_secs(2);
        open.with_label_values(&["polling"]).set(7);
        assert_eq!(admitted(1, later), 3, "7 and 2 are 9");
        open.with_label_values(&["websocket"]).set(1);
        assert_eq!(refused(1, later), Some(Full::Connections));
        let later = later + Duration::from_secs(2);
        let coming = [(); 2].map(|()| admission.admit(0, later).unwrap());
        assert_eq!(
            refused(0, later),
            Some(Full::Connections),
            "8, and 2 coming"
        );
        drop(coming);
        assert_eq!(refused(0, later), None);
        admission.close();
        assert_eq!(refused(0, later), Some(Full::Draining));
    }

    #[test]
    fn a_crowd_is_told_to_come_back_at_different_times() {
        let open = IntGaugeVec::new(Opts::new("open", "open"), &["transport"]).unwrap();
        #[expect(clippy::disallowed_methods, reason = "any time will do")]
        let now = Instant::now();
        let admission = Admission::new(open, 1, 0, None, &Registry::new(), now).unwrap();
        let told: HashSet<_> = (0..100)
            .map(|_| admission.retry_after().as_secs())
            .collect();
        assert_eq!(told, (5..=15).collect());
    }
}
