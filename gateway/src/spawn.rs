//! Where HTTP clients spawn the tasks of their connections.

use callboard_shared::lifecycle::Lifecycle;
use hyper::rt::Executor;
use tokio::runtime::Handle;

/// On one runtime, whichever thread asks, and among the tasks of the process.
#[derive(Clone)]
pub(crate) struct Spawn(pub(crate) Lifecycle, pub(crate) Handle);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Spawn {
    fn execute(&self, connection: F) {
        self.0.spawn_on(&self.1, connection);
    }
}
