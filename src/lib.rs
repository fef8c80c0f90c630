//! The commands of the `callboard` binary, as functions.

mod backend;
mod data;
pub mod dev;
pub mod token;
