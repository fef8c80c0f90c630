//! Where a client's connection is between "not yet" and "gone".

use std::{future::pending, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use tokio::time::{Instant, sleep_until};

use super::{
    Identity,
    memory::Cursors,
    packet::Open,
    sync::sync,
    transport::{Broken, Transport},
};
use crate::{journal::Synced, rest::Rest};

/// A client's connection.
pub(super) enum Link {
    /// There is none; the next attempt is due then.
    Waiting(Instant),
    /// One is being made.
    Opening(BoxFuture<'static, Result<(Transport, Open), Broken>>),
    /// There is one.
    Online(Box<Online>),
    /// There will be none any more.
    Ended,
}

/// A connection that is open.
pub(super) struct Online {
    pub(super) transport: Transport,
    /// Up to date.
    pub(super) live: bool,
    patience: Duration,
    /// Without a ping until then it counts as gone.
    deadline: Instant,
    sync: Option<BoxFuture<'static, Synced>>,
}

/// What has happened to it.
pub(super) enum Moved {
    /// The next attempt is due.
    Due,
    Opened(Transport, Open),
    Packet(String),
    Synced(Synced),
    Broken(Broken),
    /// No ping for too long.
    Silent,
}

impl Link {
    pub(super) fn opening(rest: Rest, identity: &Identity) -> Self {
        Self::Opening(Transport::open(rest, identity.wire, identity.receive_buffer).boxed())
    }

    pub(super) fn waiting(wait: Duration) -> Self {
        Self::Waiting(Instant::now() + wait)
    }

    /// Waits for something to happen. May be given up at any point.
    pub(super) async fn moved(&mut self) -> Moved {
        match self {
            Self::Waiting(due) => {
                sleep_until(*due).await;
                Moved::Due
            }
            Self::Opening(opening) => match opening.await {
                Ok((transport, open)) => Moved::Opened(transport, open),
                Err(error) => Moved::Broken(error),
            },
            Self::Online(online) => online.moved().await,
            Self::Ended => pending().await,
        }
    }
}

impl Online {
    pub(super) fn new(transport: Transport, open: &Open) -> Self {
        Self {
            transport,
            live: false,
            patience: open.patience(),
            deadline: Instant::now() + open.patience(),
            sync: None,
        }
    }

    /// A ping has come: answers it.
    pub(super) fn heard(&mut self) {
        self.deadline = Instant::now() + self.patience;
        self.transport.send("3".to_owned());
    }

    /// Begins to ask what was missed.
    pub(super) fn sync(&mut self, rest: Rest, token: &str, cursors: Cursors) {
        self.sync = Some(sync(rest, token.to_owned(), cursors).boxed());
    }

    async fn moved(&mut self) -> Moved {
        let syncing = async {
            match &mut self.sync {
                Some(sync) => sync.await,
                None => pending().await,
            }
        };
        tokio::select! {
            // What has arrived is read before its lateness is looked at.
            biased;
            packet = self.transport.next() => packet.map_or_else(Moved::Broken, Moved::Packet),
            synced = syncing => {
                self.sync = None;
                Moved::Synced(synced)
            }
            () = sleep_until(self.deadline) => Moved::Silent,
        }
    }
}
