//! The state of one connection, as far as messaging goes.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use callboard_shared::{
    auth::Identity,
    clock::Timestamp,
    cursor::{Cursor, Position},
    event::MembershipNotice,
    id::ConversationId,
};

use super::{Pid, Shared, catchup::Catchup, operations::Operation, typing::Typing};
use crate::{rate::Allowance, registry::Rank, socketio::Connection};

/// Between `token-expired` and the end.
pub(super) const REFRESH_TIME: Duration = Duration::from_secs(5);

/// A session that has been sent nothing for this long gets a fresh cursor: a cursor is as old as
/// the event that brought it, and counts for 23 hours.
pub(super) const CURSOR_REFRESH: Duration = Duration::from_secs(12 * 3600);

/// The conversations that a session has open are remembered for 24 hours: those that stay open for this
/// long are remembered anew.
pub(super) const KEEP_AGAIN: Duration = Duration::from_secs(12 * 3600);

/// The longest that a timer is set for; what is due later is looked at again then.
const FAR: Duration = Duration::from_secs(24 * 3600);

/// A connection.
pub(super) struct Session {
    pub(super) connection: Connection,
    /// The token of the handshake's header, for a CONNECT without one.
    pub(super) bearer: Option<Box<str>>,
    /// The events that it may still send, and those that may still be refused.
    pub(super) allowance: Allowance,
    pub(super) strikes: Allowance,
    /// Whose it is, once a token has been accepted.
    pub(super) user: Option<Box<User>>,
}

/// What a connection is to its user.
pub(super) struct User {
    /// Tells this session from another one on the same connection, before or after it.
    pub(super) serial: u64,
    pub(super) identity: Identity,
    /// The Socket.IO session id: the connection's id in `ready` and in logs.
    pub(super) sid: Arc<str>,
    pub(super) pid: Pid,
    /// Since when it hears what is said to its user.
    pub(super) since: Timestamp,
    /// Until the session is connected.
    pub(super) attach: Option<Box<Attach>>,
    /// The conversations it is told of.
    pub(super) conversations: Vec<ConversationId>,
    /// Those that the client has open.
    pub(super) joined: Vec<ConversationId>,
    /// When the bus was told last that it is to remember them.
    pub(super) kept: Instant,
    /// The tags of subscriptions that do not stand yet.
    pub(super) tags: Vec<u64>,
    /// What it has still to be sent before it is live.
    pub(super) catchup: Option<Box<Catchup>>,
    pub(super) typing: Vec<Typing>,
    /// What the client has asked for and is handled in order, the one in hand not among them.
    pub(super) operations: VecDeque<Operation>,
    pub(super) busy: bool,
    pub(super) expiry: Expiry,
    /// When it was last sent a cursor.
    pub(super) last_cursor: Instant,
}

/// A session on its way to being connected.
pub(super) struct Attach {
    /// What the client asks to go on from.
    pub(super) resume: Option<Cursor>,
    /// The client had a session before, whatever has become of it.
    pub(super) returning: bool,
    pub(super) stage: Stage,
}

/// How far it is.
pub(super) enum Stage {
    /// The user's own channel is being subscribed.
    User,
    /// The API is being asked for the user's conversations. Notices that come meanwhile may be of
    /// conversations that it has not seen yet.
    Memberships(Vec<MembershipNotice>),
    /// This many subscriptions have still to be confirmed.
    Channels(usize),
    /// The logs are being read.
    Reading,
}

impl Attach {
    /// Whether the position from which the session is live is still to come: what happens before it
    /// is read from the logs, or was before the session began.
    fn is_early(&self) -> bool {
        !matches!(self.stage, Stage::Reading)
    }
}

/// What becomes of the session when its token expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    /// The client is told at this time.
    At(Instant),
    /// It has been told; the connection is closed at this time.
    Closes(Instant),
}

impl Session {
    pub(super) fn new(connection: Connection, bearer: Option<String>, now: Instant) -> Self {
        Self {
            connection,
            bearer: bearer.map(String::into_boxed_str),
            allowance: Allowance::new(now),
            strikes: Allowance::new(now),
            user: None,
        }
    }

    /// When something of the connection is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let mut due = self.connection.next_deadline();
        let mut consider = |at: Instant| due = Some(due.map_or(at, |due| due.min(at)));
        if let Some(user) = &self.user {
            match user.expiry {
                Expiry::At(at) | Expiry::Closes(at) => consider(at),
            }
            // Who is behind is sent a cursor anyway, or is asked about again when that is over.
            if user.catchup.is_none() {
                consider(user.last_cursor + CURSOR_REFRESH);
            }
            if !user.joined.is_empty() {
                consider(user.kept + KEEP_AGAIN);
            }
            for typing in &user.typing {
                consider(typing.expires);
            }
        }
        due
    }
}

impl Shared {
    /// When a token will have expired, on the clock of timers; no later than is worth a timer.
    pub(super) fn expiry(&self, identity: &Identity, now: Instant) -> Expiry {
        // To the next whole millisecond: a timer that is early finds the token still good.
        let left = identity.expires_at.since(self.clock.now()) + Duration::from_millis(1);
        Expiry::At(now + left.min(FAR))
    }
}

impl User {
    /// Where it stands among the connections of its session.
    pub(super) fn rank(&self) -> Rank {
        Rank {
            since: self.since,
            sid: Arc::clone(&self.sid),
        }
    }

    /// Closes a conversation that the client has open; says whether it was.
    pub(super) fn close(&mut self, conversation: ConversationId) -> bool {
        let before = self.joined.len();
        self.joined.retain(|other| *other != conversation);
        self.joined.len() < before
    }

    /// Whether what happens now is not for this session to be told as it comes.
    pub(super) fn is_early(&self) -> bool {
        self.attach.as_deref().is_some_and(Attach::is_early)
    }

    /// Whether what happens now will be read from the logs for this session.
    pub(super) fn will_replay(&self) -> bool {
        self.attach
            .as_deref()
            .is_some_and(|attach| attach.is_early() && attach.resume.is_some())
    }

    /// Holds back what comes for the session, `held` events at most, until one more step is taken. Unless
    /// it is held back already, the session has been sent everything up to `position`.
    pub(super) fn freeze(&mut self, position: Position, held: usize) -> &mut Catchup {
        let catchup = self
            .catchup
            .get_or_insert_with(|| Box::new(Catchup::new(position, held)));
        catchup.begin();
        catchup
    }

    pub(super) fn is_in(&self, conversation: ConversationId) -> bool {
        self.conversations.contains(&conversation)
    }

    pub(super) fn has_open(&self, conversation: ConversationId) -> bool {
        self.joined.contains(&conversation)
    }
}
