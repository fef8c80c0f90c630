//! A fleet in one thread of virtual time, driven by a seed.
//!
//! The publisher, the bus, the subscriber, the workers, recovery and the sessions are the product's
//! own code. What lies below and above them is simulated: the [`network`], the database
//! ([`store`]), [`redis`], and the users with their clients ([`tab`], [`client`]). A seed decides how
//! large the world is ([`plan`]), how long everything takes, what people do ([`people`],
//! [`actions`]) and what goes wrong ([`faults`]). At every event a client is sent, and again when
//! nothing is wrong any more, the promises are [checked](checker).
//!
//! ```text
//!   tabs ── clients ──▶ gateways (real) ──▶ APIs (real) ──▶ store
//!                           │   └── bus (real) ──┐ └── bus (real)
//!                           ▼                    ▼       ▼
//!                        network ──────────▶ Redis (the real library of functions)
//! ```
//!
//! One seed is one thread: the runtime's clock stands still until nobody has anything to do, and then
//! goes on to the next thing that is due. Nothing depends on anything but the seed, so a seed that
//! fails fails again.

mod actions;
pub mod checker;
pub mod client;
pub mod clock;
mod faults;
pub mod network;
mod people;
pub mod plan;
pub mod process;
pub mod redis;
pub mod rules;
pub mod store;
pub mod tab;
pub mod trace;
pub mod world;
