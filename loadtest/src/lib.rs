//! Load generator and loss checker.
//!
//! Many [clients](client) that behave as the stock `socket.io-client` does, [senders](sender) that
//! know of each attempt whether it was acknowledged, [faults](fault), and a [verdict] over what all
//! of them wrote down: was everything delivered that was promised, once, in order, to nobody else?
//!
//! It shares no code with the gateway: what checks must not be wrong together with what is checked.

pub mod client;
pub mod director;
pub mod fault;
pub mod journal;
pub mod report;
pub mod rest;
pub mod run;
pub mod sender;
pub mod target;
pub mod truth;
pub mod verdict;
pub mod world;
