//! The handlers, a file a resource. Each extracts, calls one operation, and answers.

pub(crate) mod conversations;
pub(crate) mod demo;
pub(crate) mod dev_token;
pub(crate) mod docs;
pub(crate) mod events;
pub(crate) mod messages;
pub(crate) mod participants;
pub(crate) mod read;
pub(crate) mod sync;

use http::StatusCode;

/// 201 for something new, 200 for what was there already.
fn created_or_found(new: bool) -> StatusCode {
    if new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    }
}
