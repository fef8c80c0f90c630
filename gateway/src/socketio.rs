//! Socket.IO v5: packets, and the Socket.IO state of one connection.
//!
//! It stands on the messages of [`engine`](crate::engine). The driver gives each
//! one to [`Connection::receive`], carries out the [`Incoming`] it gets back, and
//! answers with the frames of [`encode`]. Nothing in here does I/O, reads a clock
//! or knows an event by its name; JSON passes through as it came.

mod arguments;
mod connection;
pub mod encode;
mod error;
mod packet;
mod placeholder;

#[cfg(test)]
mod tests;

pub use arguments::Arguments;
pub use connection::{Config, Connection, Incoming, MAX_NAMESPACES};
pub use error::ProtocolError;
pub use packet::{Body, MAX_ATTACHMENTS, Packet};
