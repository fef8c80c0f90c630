//! Tests of the Engine.IO layer, by what a client sees of it.

mod codec;
mod handshake;
mod harness;
mod heartbeat;
mod machine;
mod polling;
mod upgrade;
mod websocket;
