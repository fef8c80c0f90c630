//! Engine.IO v4: packets, frames and the state of one session.
//!
//! The driver of a worker calls it with what came off the network and with the
//! time, and carries out the [`Output`]s it pushes. Nothing in here does I/O,
//! reads a clock, draws a random number or knows what a message means.
//!
//! ```text
//!  query ─▶ handshake::Request
//!                 │
//!  HTTP body ─────┤                      ┌─▶ Output (messages, answers, closes)
//!  WebSocket ─────┼─▶ packet ─▶ Session ─┤
//!  time ──────────┘                      └─▶ queue of Frames ─▶ either transport
//! ```

mod answer;
mod close;
mod config;
mod error;
mod frame;
pub mod handshake;
mod packet;
mod queue;
mod session;
mod text;

#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use close::CloseReason;
pub use config::Config;
pub use error::RequestError;
pub use frame::{Frame, FrameKind};
pub use handshake::Transport;
pub use packet::{Message, Packet, PacketError, decode_payload};
pub use session::{Output, Session};
pub use text::Text;
