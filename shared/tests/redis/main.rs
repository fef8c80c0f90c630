//! The bus on real Redis: the conformance suite on one server, on several and on a cluster, and what
//! happens when servers, connections and slots go away under it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod conformance;
mod faults;
mod fixture;
mod follower;
mod layout;
mod speed;
