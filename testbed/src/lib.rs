//! Real parts on spare loopback ports, for tests and first looks: PostgreSQL, Redis alone or as a
//! cluster, haproxy, a proxy that breaks connections, and the whole fleet.
//!
//! Everything that is started here ends with the value that stands for it, also after a panic, and
//! with this process, however it dies. Nothing here knows the code of the product: what a role of the
//! fleet is told, it is told by its environment.

pub mod cluster;
pub mod fleet;
pub mod haproxy;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod program;
pub mod proxy;
pub mod redis;
