//! What the API and the gateway mean by the same words: ids, events, tokens, the bus and its
//! cursors, settings, logging and the way a process starts and stops.
//!
//! Both services depend on this crate; it depends on neither and knows no route, no table and no
//! socket.

pub mod auth;
pub mod bus;
pub mod clock;
pub mod config;
pub mod cors;
pub mod cursor;
pub mod error;
pub mod event;
pub mod id;
pub mod lifecycle;
pub mod serve;
pub mod telemetry;
pub mod wire;
