//! What a gateway asks of the API: one suite for both ways of asking, and what happens when the API
//! is away, slow, or dies in between; and gateways that share an API.

#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

mod conformance;
mod faults;
mod gateway;
mod service;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
