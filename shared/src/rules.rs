//! The rules of the delivery protocol, by name, so that a simulation can switch each of them off and
//! must find out.
//!
//! In the product a rule always holds, and asking costs nothing.

/// A rule of the delivery protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// An outbox row goes after its publish.
    RemovedAfterPublish,
    /// What was published where a replica may take over stays in the outbox until it is settled.
    Settling,
    /// A sweeper publishes what was left behind.
    Sweeping,
    /// The floor is the lowest number in the outbox.
    LowestFloor,
    /// The memberships that the API answers with are corrected by notices that came meanwhile.
    NoticesMeanwhile,
    /// Nobody sees an event before the one that added them.
    NothingBeforeJoining,
    /// Nobody sees an event after the one that removed them.
    NothingAfterLeaving,
    /// The API answers with stays that have ended not long ago, too.
    EndedStays,
    /// A notice of leaving ends what a session may see, before the event comes.
    LeavingIsNoticed,
    /// A session is subscribed to a conversation that its user is added to.
    JoiningIsNoticed,
    /// A notice of joining freezes the whole session.
    WholeSessionFreezes,
    /// What was missed is put before what was held.
    MissedBeforeHeld,
    /// Once something was dropped, nothing comes behind it.
    NothingBehindDropped,
    /// A position confirms a subscription, somebody else's as well.
    PositionConfirms,
    /// What comes for a session before the position from which it is live is dropped.
    EarlyIsDropped,
    /// A session whose log has a gap is closed.
    GapCloses,
    /// A new epoch closes every session.
    EpochCloses,
    /// A partition that was lost is subscribed to again.
    SubscribedAgain,
    /// What is pushed before the position of a new subscription is discarded.
    PushedEarlyIsDiscarded,
    /// What a lost partition has missed is read from the logs.
    LostIsReplayed,
    /// What is pushed while a partition is repaired waits.
    RepairHolds,
    /// The bus is asked every second, so that one finds out that it has stopped answering.
    SilenceIsLoss,
    /// The user's own channel is subscribed to before the API is asked.
    UserChannelFirst,
    /// CONNECT goes before what was missed.
    ConnectFirst,
    /// What was missed is sent with the cursor of its place.
    ProgressiveCursors,
    /// `ready` has the session's cursor, not the gateway's.
    ReadyHasOwnCursor,
    /// A log must reach back to the cursor.
    LogsMustCover,
    /// A cursor older than 23 hours proves nothing.
    OldCursorsAreRefused,
    /// A position that a gateway has had for 23 hours proves nothing.
    OldPositionsAreRefused,
    /// A cursor of another epoch proves nothing.
    ForeignCursorsAreRefused,
    /// What was missed is read up to the position from which the session is live.
    MissedUpToPosition,
    /// A session that is not recovered gets another `pid`.
    NewPid,
}

/// Whether a rule holds.
#[cfg(not(feature = "simulation"))]
#[must_use]
pub const fn holds(_: Rule) -> bool {
    true
}

#[cfg(feature = "simulation")]
pub use simulated::{holds, switch_off};

#[cfg(feature = "simulation")]
mod simulated {
    use std::cell::Cell;

    use super::Rule;

    thread_local! {
        /// A simulation is one thread.
        static OFF: Cell<Option<Rule>> = const { Cell::new(None) };
    }

    /// Whether a rule holds.
    #[must_use]
    pub fn holds(rule: Rule) -> bool {
        OFF.get() != Some(rule)
    }

    /// Lets a rule not hold on this thread, in place of the one before.
    pub fn switch_off(rule: Option<Rule>) {
        OFF.set(rule);
    }
}
