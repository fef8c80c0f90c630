//! What all roles have in common: how they start, serve, drain and end.

use std::time::Duration;

use callboard_shared::{
    lifecycle::{DrainSettings, Lifecycle},
    telemetry::{self, TelemetrySettings},
};
use prometheus::{IntCounterVec, Registry, process_collector::ProcessCollector};

/// A part of the product that runs as a process.
pub trait Role {
    /// Sends everybody away, as far as can be within `window`, and ends.
    fn leave(self, window: Duration) -> impl Future<Output = ()>;
}

/// A registry of metrics, with those of the process in it, and `callboard_errors_total`.
pub(crate) fn metrics() -> prometheus::Result<(Registry, IntCounterVec)> {
    let registry = Registry::new();
    registry.register(Box::new(ProcessCollector::for_self()))?;
    let errors = telemetry::errors(&registry)?;
    Ok((registry, errors))
}

/// Between not being ready and the first close, and within how long clients are sent away, in a fleet.
pub(crate) const IN_A_FLEET: (Duration, Duration) =
    (Duration::from_secs(5), Duration::from_secs(30));

/// Runs a role until it is told to stop. `start` may wait for other parts as long as it likes: the
/// process is not ready meanwhile. Unless the settings say otherwise, the first of `times` lies between
/// not being ready and the first close, and clients are sent away within the second.
pub(crate) fn run<R: Role>(
    telemetry: &TelemetrySettings,
    drain: &DrainSettings,
    times: (Duration, Duration),
    start: impl AsyncFnOnce(Lifecycle) -> anyhow::Result<R>,
) -> anyhow::Result<()> {
    telemetry::init(telemetry)?;
    let delay = drain.drain_delay.unwrap_or(times.0);
    let window = drain.drain_window.unwrap_or(times.1);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let lifecycle = Lifecycle::new();
        lifecycle.drain_on_signal()?;
        tokio::select! {
            role = start(lifecycle.clone()) => {
                let role = role?;
                lifecycle.set_ready();
                lifecycle.draining().await;
                tokio::select! {
                    () = lifecycle.stopping() => {}
                    () = tokio::time::sleep(delay) => {}
                }
                role.leave(window).await;
            }
            // Nobody has been let in yet.
            () = lifecycle.draining() => lifecycle.end(async {}).await,
        }
        anyhow::ensure!(!lifecycle.has_failed(), "a worker has failed; see the log");
        Ok(())
    })
}
