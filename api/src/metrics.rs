//! What the API counts.

use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    exponential_buckets,
};

/// The API's metrics. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics {
    pub(crate) requests: IntCounterVec,
    pub(crate) request_duration: HistogramVec,
    pub(crate) messages_sent: IntCounter,
    pub(crate) outbox_pending: IntGauge,
    pub(crate) database_up: IntGauge,
    /// Shared with the gateway, where both are one process.
    errors: IntCounterVec,
}

/// What went wrong, as `callboard_errors_total` tells it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ErrorKind {
    /// A request failed for want of a part that was away or overloaded.
    Unavailable,
    /// A request failed by a defect.
    Internal,
    /// Something could not be published, and stays in the outbox.
    Publish,
    /// A task in the background failed, and will try again.
    Background,
}

impl Metrics {
    pub(crate) fn new(
        registry: &Registry,
        errors: IntCounterVec,
    ) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            requests: IntCounterVec::new(
                Opts::new("callboard_http_requests_total", "REST requests answered."),
                &["route", "method", "status"],
            )?,
            request_duration: HistogramVec::new(
                HistogramOpts::new(
                    "callboard_http_request_duration_seconds",
                    "From a REST request to its answer.",
                )
                .buckets(exponential_buckets(0.000_5, 2.0, 15)?),
                &["route", "method"],
            )?,
            messages_sent: IntCounter::new(
                "callboard_messages_sent_total",
                "Messages committed, each once.",
            )?,
            outbox_pending: IntGauge::new(
                "callboard_outbox_pending",
                "What is committed and may not have been published yet.",
            )?,
            database_up: IntGauge::new(
                "callboard_database_up",
                "1 while the database answers, 0 while it is away.",
            )?,
            errors,
        };
        registry.register(Box::new(metrics.requests.clone()))?;
        registry.register(Box::new(metrics.request_duration.clone()))?;
        registry.register(Box::new(metrics.messages_sent.clone()))?;
        registry.register(Box::new(metrics.outbox_pending.clone()))?;
        registry.register(Box::new(metrics.database_up.clone()))?;
        Ok(metrics)
    }

    pub(crate) fn error(&self, kind: ErrorKind) {
        let label = match kind {
            ErrorKind::Unavailable => "api_unavailable",
            ErrorKind::Internal => "api_internal",
            ErrorKind::Publish => "publish",
            ErrorKind::Background => "api_background",
        };
        self.errors.with_label_values(&[label]).inc();
    }
}
