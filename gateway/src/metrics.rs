//! What the gateway counts, beside its connections.

use callboard_shared::clock::Timestamp;
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, core::Collector,
    exponential_buckets,
};

use crate::engine::Transport;

/// How a session began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resume {
    /// As a new one.
    None,
    /// With everything it had missed.
    Recovered,
    /// As a new one, although it asked to be recovered: the client has to sync.
    Expired,
}

impl Resume {
    fn label(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Recovered => "recovered",
            Self::Expired => "expired",
        }
    }
}

/// The metrics.
pub(crate) struct Metrics {
    delivery: Histogram,
    opened: IntCounterVec,
    errors: IntCounterVec,
    /// Events handed to sockets.
    pub(crate) delivered: IntCounter,
    /// Channels that the gateway is subscribed to.
    pub(crate) subscriptions: IntGauge,
}

impl Metrics {
    /// # Errors
    ///
    /// If the registry has them already.
    pub(crate) fn new(registry: &Registry, errors: IntCounterVec) -> prometheus::Result<Self> {
        fn register<M: Collector + Clone + 'static>(
            registry: &Registry,
            metric: M,
        ) -> prometheus::Result<M> {
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        }
        let buckets = exponential_buckets(0.001, 2.0, 16)?;
        Ok(Self {
            delivery: register(
                registry,
                Histogram::with_opts(
                    HistogramOpts::new(
                        "callboard_delivery_duration_seconds",
                        "From an event's time stamp (whole milliseconds) to its being handed to the sockets of a worker",
                    )
                    .buckets(buckets),
                )?,
            )?,
            opened: register(
                registry,
                IntCounterVec::new(
                    Opts::new(
                        "callboard_connections_opened_total",
                        "Sessions that began: new (none), recovered, or new because recovery was not possible (expired)",
                    ),
                    &["transport", "resume"],
                )?,
            )?,
            errors,
            delivered: register(
                registry,
                IntCounter::new(
                    "callboard_events_delivered_total",
                    "Sequenced events and receipts handed to sockets",
                )?,
            )?,
            subscriptions: register(
                registry,
                IntGauge::new(
                    "callboard_subscriptions",
                    "Bus channels the gateway is subscribed to",
                )?,
            )?,
        })
    }

    pub(crate) fn delivered_to(&self, sockets: u64, committed: Timestamp, now: Timestamp) {
        self.delivered.inc_by(sockets);
        self.delivery.observe(now.since(committed).as_secs_f64());
    }

    pub(crate) fn opened(&self, transport: Option<Transport>, resume: Resume) {
        if let Some(transport) = transport {
            self.opened
                .with_label_values(&[transport.name(), resume.label()])
                .inc();
        }
    }

    /// Counts an error under its kind (snake case).
    pub(crate) fn error(&self, kind: &str) {
        self.errors.with_label_values(&[kind]).inc();
    }
}
