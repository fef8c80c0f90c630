//! Reads from the logs what a session has missed, or finds that they cannot prove it is complete.

use std::sync::Arc;

use callboard_shared::{
    bus::{Bus, BusError, Channel, Epoch, Offset, PartitionId},
    cursor::Position,
    id::{ConversationId, Seq},
};
use futures::{StreamExt, TryStreamExt, stream};

use crate::messaging::{Missed, Visible};

/// How many logs are read at once for one session.
const READS_AT_ONCE: usize = 64;

/// How many entries are read at once from one log.
const PAGE: usize = 256;

/// What was found in the logs.
#[derive(Debug)]
pub(crate) struct Found {
    /// What was missed, in order within each partition.
    pub(crate) missed: Vec<Missed>,
    /// Conversations that the session has nothing to expect from any more: the event that removed
    /// its user lies before the end of what was read.
    pub(crate) over: Vec<ConversationId>,
}

/// Reads what happened in these conversations after `from` and up to `upto`, as far as it may be
/// seen. `None`: something may be missing, or it is more than `limit` events.
///
/// # Errors
///
/// If the bus is away.
pub(crate) async fn read_missed(
    bus: Arc<dyn Bus>,
    conversations: Vec<(ConversationId, Visible)>,
    from: Position,
    upto: Position,
    limit: usize,
) -> Result<Option<Found>, BusError> {
    let logs = stream::iter(conversations)
        .map(|(conversation, visible)| {
            let log = Log {
                bus: Arc::clone(&bus),
                conversation,
                visible,
                limit,
            };
            let partition = log.bus.partition_of(conversation);
            let (from, end, epoch) = (
                from.offset(partition),
                upto.offset(partition),
                upto.epoch(partition),
            );
            async move { log.read(partition, from, end, epoch).await }
        })
        .buffered(READS_AT_ONCE);
    let mut logs = std::pin::pin!(logs);

    let mut found = Found {
        missed: Vec::new(),
        over: Vec::new(),
    };
    while let Some(log) = logs.try_next().await? {
        let Some(log) = log else { return Ok(None) };
        found.missed.extend(log.missed);
        found.over.extend(log.over);
        if found.missed.len() > limit {
            return Ok(None);
        }
    }
    found
        .missed
        .sort_by_key(|missed| (missed.partition, missed.entry.offset));
    Ok(Some(found))
}

/// One conversation's log, read for one session.
struct Log {
    bus: Arc<dyn Bus>,
    conversation: ConversationId,
    visible: Visible,
    limit: usize,
}

impl Log {
    /// Reads what may be seen after `from` and up to `end`, a page at a time: what may not be seen
    /// does not count.
    async fn read(
        self,
        partition: PartitionId,
        from: Offset,
        end: Offset,
        epoch: Option<Epoch>,
    ) -> Result<Option<Found>, BusError> {
        let Self {
            bus,
            conversation,
            visible,
            limit,
        } = self;
        let channel = Channel::Conversation(conversation);
        let mut found = Found {
            missed: Vec::new(),
            over: Vec::new(),
        };
        let mut after = from;
        loop {
            let slice = bus.read(partition, &channel, after, PAGE).await?;
            if epoch != Some(slice.epoch) || !slice.covers(after, visible.since()) {
                return Ok(None);
            }
            let last = slice.entries.last().map(|entry| entry.offset);
            let full = slice.entries.len() == PAGE;
            let theirs = slice
                .entries
                .into_iter()
                .filter(|entry| entry.offset <= end && visible.includes(entry.place));
            found.missed.extend(theirs.map(|entry| Missed {
                conversation,
                partition,
                entry,
            }));
            if found.missed.len() > limit {
                return Ok(None);
            }
            match last {
                Some(last) if full && last < end => after = last,
                _ => {
                    // A head that the bus has forgotten says nothing about the end.
                    let reached = slice.head.map_or(Seq::MAX, |head| head.seq);
                    if !visible.reaches_beyond(reached) {
                        found.over.push(conversation);
                    }
                    return Ok(Some(found));
                }
            }
        }
    }
}
