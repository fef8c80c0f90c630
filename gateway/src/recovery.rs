//! Reads from the logs what a session has missed, or finds that they cannot prove it is complete.

use std::sync::Arc;

use callboard_shared::{
    bus::{Bus, BusError, Channel, Epoch, Offset, PartitionId, Place},
    cursor::Position,
    id::{ConversationId, Seq},
    rules::{Rule, holds},
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
    /// its user lies before the end of what was read, which is this one.
    pub(crate) over: Vec<(ConversationId, Seq)>,
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
    /// does not count. Past `end` it only looks for the next event, which tells with which one the
    /// log has reached `end`: what is appended later is still to be pushed.
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
            if epoch != Some(slice.epoch)
                || holds(Rule::LogsMustCover) && !slice.covers(after, visible.since())
            {
                return Ok(None);
            }
            let last = slice.entries.last().map(|entry| entry.offset);
            let full = slice.entries.len() == PAGE;
            let later = slice.entries.iter().filter(|entry| entry.offset > end);
            let next = later.into_iter().find_map(|entry| match entry.place {
                Place::Sequenced(seq) => Some(seq),
                Place::Tagged(_) | Place::Notice => None,
            });
            let theirs = slice
                .entries
                .into_iter()
                .filter(|entry| entry.offset <= end || !holds(Rule::MissedUpToPosition))
                .filter(|entry| visible.includes(entry.place));
            found.missed.extend(theirs.map(|entry| Missed {
                conversation,
                partition,
                entry,
            }));
            if found.missed.len() > limit {
                return Ok(None);
            }
            match last {
                Some(last) if full && next.is_none() => after = last,
                _ => {
                    // What is not published yet is still to come: with it perhaps the event that removes
                    // the user.
                    let head = slice.head.map_or(Seq::ZERO, |head| head.seq);
                    let reached = next.map_or(head, Seq::previous);
                    if !visible.reaches_beyond(reached) {
                        found.over.push((conversation, reached));
                    }
                    return Ok(Some(found));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use callboard_shared::{
        bus::{LogLimits, Publication, Reply, local::LocalBus},
        clock::{Clock, SystemClock},
    };

    use super::*;

    fn conversation() -> ConversationId {
        ConversationId::from_bytes([1; 16])
    }

    async fn publish(bus: &LocalBus, place: Place) {
        let publication = Publication {
            conversation: conversation(),
            place,
            payload: Bytes::new(),
            notices: Vec::new(),
            committed_at: SystemClock.now(),
        };
        if bus.publish(&publication, None).await.unwrap() == Reply::Absent {
            let floor = Some(place.seq());
            bus.publish(&publication, floor).await.unwrap();
        }
    }

    fn event(seq: u64) -> Place {
        Place::Sequenced(Seq::new(seq))
    }

    /// What a user who was removed by the second event finds between two offsets: what was missed,
    /// and whether that was all.
    async fn found(bus: &Arc<LocalBus>, from: Offset, end: Offset) -> (Vec<Offset>, bool) {
        let epoch = bus.epoch(0).await.unwrap();
        let log = Log {
            bus: Arc::clone(bus) as Arc<dyn Bus>,
            conversation: conversation(),
            visible: Visible::Within([(Seq::new(1), Some(Seq::new(2)))].into()),
            limit: 1_000,
        };
        let found = log.read(0, from, end, Some(epoch)).await.unwrap().unwrap();
        let missed = found.missed.iter().map(|missed| missed.entry.offset);
        (missed.collect(), !found.over.is_empty())
    }

    #[tokio::test]
    async fn a_removal_past_the_end_is_still_to_come() {
        let bus = Arc::new(LocalBus::new(LogLimits::default(), Arc::new(SystemClock)));
        publish(&bus, event(1)).await;
        assert_eq!(found(&bus, 0, 1).await, (vec![1], false));
        // More than a page of receipts between the end and the event.
        for _ in 0..=PAGE {
            publish(&bus, Place::Tagged(Seq::new(1))).await;
        }
        let removal = PAGE as Offset + 3;
        publish(&bus, event(2)).await;
        assert_eq!(found(&bus, 0, 1).await, (vec![1], false));
        assert_eq!(
            found(&bus, removal - 1, removal).await,
            (vec![removal], true)
        );
        publish(&bus, event(3)).await;
        assert_eq!(found(&bus, 1, 1).await, (vec![], false));
        assert_eq!(found(&bus, removal, removal).await, (vec![], true));
    }
}
