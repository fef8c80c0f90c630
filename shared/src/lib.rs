//! What the API and the gateway mean by the same words: ids, events, tokens, the bus and its
//! cursors, what a gateway asks of the API, settings, logging and the way a process starts and stops.
//!
//! Both services depend on this crate; it depends on neither and knows no public route, no table and no
//! socket.

pub mod auth;
pub mod backend;
pub mod bus;
pub mod clock;
pub mod config;
pub mod cors;
pub mod cursor;
pub mod error;
pub mod event;
pub mod id;
pub mod internal;
pub mod lifecycle;
pub mod random;
pub mod rules;
pub mod serve;
pub mod telemetry;
pub mod wire;
