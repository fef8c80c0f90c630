//! The commands of the `callboard` binary, as functions.

pub mod api;
mod data;
pub mod dev;
mod front;
pub mod gateway;
pub mod migrate;
pub mod role;
pub mod token;
