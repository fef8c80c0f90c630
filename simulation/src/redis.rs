//! Redis in memory: its data, its functions, its connections, its replicas, and all that can happen
//! to its processes.
//!
//! [`Fleet`] is what an operator sees: nodes whose processes crash, restart, fail over, split and are
//! restored from a backup, and partitions that move between them. A [`Way`] is what one process of
//! the product sees: the seam that [`RedisBus`](callboard_shared::bus::redis::RedisBus) stands on.

mod commands;
mod fleet;
mod keyspace;
mod script;
mod server;
mod way;

pub use self::{
    fleet::{Comeback, Fleet},
    way::Way,
};
