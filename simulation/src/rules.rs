//! The rules of the delivery protocol, switched off one at a time: a simulation that does not find
//! that out is worth nothing.

use std::{
    fmt,
    ops::Range,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use callboard_shared::rules::Rule;

use crate::{plan::Trouble, world::Run};

/// A rule that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Without {
    /// One that the product's own code asks for.
    Product(Rule),
    /// One of the functions inside Redis.
    Script(ScriptRule),
}

/// A rule of the functions inside Redis: a passage of the library, and what it is without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScriptRule {
    name: &'static str,
    passage: &'static str,
    instead: &'static str,
}

impl ScriptRule {
    /// The library without the rule.
    #[must_use]
    pub fn leave_out(&self, library: &str) -> String {
        library.replacen(self.passage, self.instead, 1)
    }
}

const SCRIPT: &[ScriptRule] = &[
    ScriptRule {
        name: "EpochOfAProcess",
        passage: "local same = found[1] == run and (looked_at[meta] or found[3] == history)",
        instead: "local same = found[1]",
    },
    ScriptRule {
        name: "EpochOfAHistory",
        passage: " and (looked_at[meta] or found[3] == history)",
        instead: "",
    },
    ScriptRule {
        name: "AbsentNeedsFloor",
        passage: "if args[6] == '' then\n",
        instead: "args[6] = tonumber(number) + (kind == 's' and 0 or 1)\n    if false then\n",
    },
    ScriptRule {
        name: "HolesAreRefused",
        passage: "elseif number > (kind == 's' and seq + 1 or seq) then",
        instead: "elseif kind == 't' and number > seq then",
    },
    ScriptRule {
        name: "ReceiptsAfterEvents",
        passage: "elseif number > (kind == 's' and seq + 1 or seq) then",
        instead: "elseif kind == 's' and number > seq + 1 then",
    },
    ScriptRule {
        name: "ReceiptsWhereTheyCome",
        passage: "local place = kind .. whole(seq)",
        instead: "local place = args[4]",
    },
    ScriptRule {
        name: "DuplicatesAreDropped",
        passage: "if kind == 's' and number <= seq then",
        instead: "if kind == 's' and number < seq then",
    },
    ScriptRule {
        name: "OldAbsentNewEpoch",
        passage: "if absent and is_old(",
        instead: "if false and is_old(",
    },
    ScriptRule {
        name: "HeadsOfThisEpoch",
        passage: "if of == epoch then",
        instead: "if of then",
    },
    ScriptRule {
        name: "LogsOfThisEpoch",
        passage: "if not last then\n",
        instead: "if false then\n",
    },
    ScriptRule {
        name: "NoticesBeforeEvent",
        passage: "  for notice = 1, #args - 7 do\n    local user = keys[2 + notice * 2]\n    local _, previous = read_head(user, epoch)\n    append(partition, user, keys[3 + notice * 2], 0, previous, 'n', args[7 + notice])\n  end\n  append(partition, head, log, seq, last, place, args[7])\n",
        instead: "  append(partition, head, log, seq, last, place, args[7])\n  for notice = 1, #args - 7 do\n    local user = keys[2 + notice * 2]\n    local _, previous = read_head(user, epoch)\n    append(partition, user, keys[3 + notice * 2], 0, previous, 'n', args[7 + notice])\n  end\n",
    },
    ScriptRule {
        name: "PreviousIsTold",
        passage: "local at = whole(last or 0) .. ' ' .. place",
        instead: "local at = '0 ' .. place",
    },
];

/// All rules that the product's own code asks for.
const PRODUCT: &[Rule] = &[
    Rule::RemovedAfterPublish,
    Rule::Settling,
    Rule::Sweeping,
    Rule::LowestFloor,
    Rule::NoticesMeanwhile,
    Rule::NothingBeforeJoining,
    Rule::NothingAfterLeaving,
    Rule::EndedStays,
    Rule::LeavingIsNoticed,
    Rule::JoiningIsNoticed,
    Rule::WholeSessionFreezes,
    Rule::MissedBeforeHeld,
    Rule::NothingBehindDropped,
    Rule::PositionConfirms,
    Rule::EarlyIsDropped,
    Rule::GapCloses,
    Rule::EpochCloses,
    Rule::SubscribedAgain,
    Rule::PushedEarlyIsDiscarded,
    Rule::LostIsReplayed,
    Rule::RepairHolds,
    Rule::SilenceIsLoss,
    Rule::UserChannelFirst,
    Rule::ConnectFirst,
    Rule::ProgressiveCursors,
    Rule::ReadyHasOwnCursor,
    Rule::LogsMustCover,
    Rule::OldCursorsAreRefused,
    Rule::OldPositionsAreRefused,
    Rule::ForeignCursorsAreRefused,
    Rule::MissedUpToPosition,
    Rule::NewPid,
];

impl fmt::Display for Without {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Product(rule) => f.pad(&format!("{rule:?}")),
            Self::Script(rule) => f.pad(rule.name),
        }
    }
}

/// What became of a rule that was switched off.
#[derive(Debug, Clone)]
pub struct Found {
    /// The first seed that finds it out, and how.
    pub first: Option<(u64, String)>,
    /// How many seeds were run.
    pub runs: u64,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.first {
            Some((seed, how)) => write!(f, "{seed:>6}  {how}"),
            None => write!(f, "not found out by {} seeds", self.runs),
        }
    }
}

impl Without {
    /// All rules that can be switched off.
    pub fn all() -> impl Iterator<Item = Self> {
        let product = PRODUCT.iter().copied().map(Self::Product);
        product.chain(SCRIPT.iter().copied().map(Self::Script))
    }

    /// The rule of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|rule| rule.to_string() == name)
    }

    /// The passage that a rule of the functions takes out, which must be there.
    #[must_use]
    pub fn passage(&self) -> Option<&'static str> {
        match self {
            Self::Product(_) => None,
            Self::Script(rule) => Some(rule.passage),
        }
    }

    /// The only trouble in worlds that are to find out: where it takes a certain one, others just make
    /// that rare.
    #[must_use]
    pub fn trouble(self) -> Option<Trouble> {
        match self {
            Self::Product(Rule::Settling) => Some(Trouble::Failover),
            Self::Product(Rule::ConnectFirst) => Some(Trouble::Clients),
            Self::Product(Rule::PushedEarlyIsDiscarded) => Some(Trouble::Refusal),
            Self::Script(ScriptRule {
                name: "ReceiptsAfterEvents",
                ..
            }) => Some(Trouble::Failover),
            _ => None,
        }
    }

    /// Runs seeds until one finds out that the rule does not hold.
    ///
    /// # Errors
    ///
    /// If a world cannot be made.
    pub fn first_found(self, seeds: Range<u64>) -> anyhow::Result<Found> {
        let next = AtomicU64::new(seeds.start);
        let first = Mutex::new(None::<(u64, String)>);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let lock = || first.lock().unwrap_or_else(PoisonError::into_inner);
        thread::scope(|scope| {
            let work = || -> anyhow::Result<()> {
                while lock().is_none() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    let run = Run {
                        seed,
                        without: Some(self),
                        readable: false,
                    };
                    if let Some(how) = run.run()?.broken {
                        let mut first = lock();
                        if first.as_ref().is_none_or(|(other, _)| seed < *other) {
                            *first = Some((seed, how));
                        }
                    }
                }
                Ok(())
            };
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                let Ok(ended) = worker.join() else {
                    anyhow::bail!("{self}: a world has panicked");
                };
                ended?;
            }
            Ok(())
        })?;
        let runs = next.into_inner().min(seeds.end) - seeds.start;
        let first = first.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Found { first, runs })
    }
}
