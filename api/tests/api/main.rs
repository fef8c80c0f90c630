//! The API from outside: its routes as clients call them, a module for each path, and what it
//! publishes as gateways hear it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod conversations;
mod description;
mod events;
mod messages;
mod moody;
mod participants;
mod publishing;
mod read;
mod service;
mod surface;
mod sync;
