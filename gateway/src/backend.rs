//! What a gateway asks of the API, and how it asks over HTTP.
//!
//! The trait and what it speaks of are [`callboard_shared::backend`]'s: the API implements it for a
//! gateway in the same process, and understands its requests from others.

mod client;
mod gather;
mod http;

pub use callboard_shared::backend::{
    Backend, Membership, Receipt, ReceiptRequest, ReceiptState, SendMessage,
};

pub use self::http::{BackendSettings, HttpBackend};
