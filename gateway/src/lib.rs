//! The gateway: holds Socket.IO connections and delivers to them what the bus brings.
//!
//! From the wire inwards: [`server`] (HTTP), [`worker`] (connections), [`engine`] and [`socketio`]
//! (the two protocols, without I/O), then the product on top of them: sessions that are attached to
//! their users' conversations, fed by one subscriber to the bus. It never opens a database and keeps
//! nothing that outlives its connections.

mod admission;
pub mod backend;
pub mod engine;
pub mod error;
pub mod forward;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod gateway;
mod messaging;
mod metrics;
mod rate;
mod recovery;
mod registry;
pub mod server;
pub mod settings;
mod signals;
pub mod socketio;
mod spawn;
mod subscriber;
mod typing;
pub mod worker;

pub use gateway::{Gateway, Parts};
