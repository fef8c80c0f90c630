//! What is counted of connections.

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry};

use crate::engine::{CloseReason, Transport};

/// `callboard_connections` and `callboard_connections_closed_total`.
#[derive(Clone)]
pub(crate) struct LinkMetrics {
    open: IntGaugeVec,
    closed: IntCounterVec,
}

impl LinkMetrics {
    pub(crate) fn new(registry: &Registry) -> prometheus::Result<Self> {
        let open = IntGaugeVec::new(
            Opts::new("callboard_connections", "Open Engine.IO sessions"),
            &["transport"],
        )?;
        let closed = IntCounterVec::new(
            Opts::new(
                "callboard_connections_closed_total",
                "Engine.IO sessions that ended, by reason",
            ),
            &["transport", "reason"],
        )?;
        registry.register(Box::new(open.clone()))?;
        registry.register(Box::new(closed.clone()))?;
        for transport in [Transport::Polling, Transport::WebSocket] {
            open.with_label_values(&[transport.name()]).set(0);
        }
        Ok(Self { open, closed })
    }

    /// The open connections, by transport.
    pub(crate) fn open(&self) -> IntGaugeVec {
        self.open.clone()
    }

    pub(super) fn opened(&self, transport: Transport) {
        self.open.with_label_values(&[transport.name()]).inc();
    }

    pub(super) fn upgraded(&self) {
        self.open
            .with_label_values(&[Transport::Polling.name()])
            .dec();
        self.open
            .with_label_values(&[Transport::WebSocket.name()])
            .inc();
    }

    pub(super) fn closed(&self, transport: Transport, reason: CloseReason) {
        self.open.with_label_values(&[transport.name()]).dec();
        self.closed
            .with_label_values(&[transport.name(), reason.label()])
            .inc();
    }
}
