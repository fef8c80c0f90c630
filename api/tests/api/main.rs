//! The API from outside: its routes as clients call them, a module for each path, and what it
//! publishes as gateways hear it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod conversations;
mod description;
mod events;
mod messages;
mod moody;
mod outage;
mod page;
mod participants;
mod read;
mod service;
mod surface;
mod sync;
mod two_apis;

/// What is published does not depend on what it is stored in.
#[path = "."]
mod on_sqlite {
    use crate::service::sqlite as store;

    #[path = "publishing.rs"]
    mod publishing;
}

#[expect(clippy::duplicate_mod, reason = "the same tests on another store")]
#[path = "."]
mod on_postgres {
    use crate::service::postgres as store;

    #[path = "publishing.rs"]
    mod publishing;
}
