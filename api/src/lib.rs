//! The API service: REST for clients, what gateways ask (over HTTP, or in the same process), and the
//! publishing of what was committed.
//!
//! The root crate puts an [`Api`] together from a store, a bus, a verifier and a clock, serves its
//! [`router`](Api::router), and [starts](Api::start) what it does in the background. It never holds
//! a socket: who is connected is the gateways' business.

mod api;
mod backend;
mod error;
mod extract;
mod internal;
mod lanes;
mod layers;
mod limits;
mod metrics;
pub mod operations;
mod outbox;
mod page;
mod publisher;
mod router;
mod routes;
pub mod settings;
mod settling;
pub mod store;
pub mod values;

pub use self::{
    api::{Api, Parts},
    backend::LocalBackend,
    router::description,
};
