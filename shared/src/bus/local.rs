//! The bus within one process: one partition, in memory, gone with the process.
//!
//! It keeps every promise of the trait, so that `callboard dev` runs the code of a fleet: a
//! subscriber that falls behind loses the partition, logs are trimmed and expire, and a process that
//! starts again starts a new epoch.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc::{self, error::TrySendError};

use super::{
    ABSENT_TOO_OLD, Ask, Bus, BusError, Channel, Epoch, GATEWAY_LIFE, HEAD_LIFE, Head, JOINED_LIFE,
    Link, LogEntry, LogLimits, Offset, PUSH_QUEUE, PartitionId, Place, Point, Publication, Push,
    Reply, Request, Requests, Slice, Standing,
};
use crate::{
    clock::{Clock, Timestamp},
    id::{ConversationId, GatewayId, Seq},
};

/// Expired channels are looked for once in this many appends.
const SWEEP_EVERY: u64 = 4_096;

/// The in-process bus.
#[derive(Clone)]
pub struct LocalBus {
    partition: Arc<Mutex<Partition>>,
    clock: Arc<dyn Clock>,
}

struct Partition {
    epoch: Epoch,
    /// When the epoch began.
    began: Timestamp,
    offset: Offset,
    limits: LogLimits,
    push_queue: usize,
    channels: HashMap<Channel, State>,
    links: HashMap<LinkId, mpsc::Sender<Push>>,
    next_link: LinkId,
    joined: HashMap<String, (Vec<ConversationId>, Timestamp)>,
    gateways: HashMap<GatewayId, (String, Timestamp)>,
}

type LinkId = u64;

#[derive(Default)]
struct State {
    head: Option<Head>,
    touched: Option<Timestamp>,
    log: VecDeque<LogEntry>,
    subscribers: Vec<LinkId>,
}

impl LocalBus {
    /// An empty bus in a new epoch.
    #[must_use]
    pub fn new(limits: LogLimits, clock: Arc<dyn Clock>) -> Self {
        Self::with_push_queue(limits, clock, PUSH_QUEUE)
    }

    /// The same with another bound on what may wait for a subscriber, at least 2.
    #[must_use]
    pub fn with_push_queue(limits: LogLimits, clock: Arc<dyn Clock>, push_queue: usize) -> Self {
        let partition = Partition {
            epoch: Epoch::random(),
            began: clock.now(),
            offset: 0,
            limits,
            push_queue: push_queue.max(2),
            channels: HashMap::new(),
            links: HashMap::new(),
            next_link: 0,
            joined: HashMap::new(),
            gateways: HashMap::new(),
        };
        Self {
            partition: Arc::new(Mutex::new(partition)),
            clock,
        }
    }

    /// How many channels have a subscriber: zero once every gateway has let go of everything.
    #[must_use]
    pub fn subscribed_channels(&self) -> usize {
        self.lock()
            .channels
            .values()
            .filter(|state| !state.subscribers.is_empty())
            .count()
    }

    fn lock(&self) -> MutexGuard<'_, Partition> {
        // Nothing in here can panic half-way through a change, so a poisoned lock guards good data.
        self.partition
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Partition {
    fn point(&self) -> Point {
        Point {
            partition: 0,
            epoch: self.epoch,
            offset: self.offset,
        }
    }

    fn publish(&mut self, publication: &Publication, floor: Option<Seq>, now: Timestamp) -> Reply {
        let channel = Channel::Conversation(publication.conversation);
        let (head, outdated) = match (self.head(&channel, now), floor) {
            (Some(head), _) => (head.seq, false),
            (None, None) => return Reply::Absent,
            (None, Some(floor)) => {
                let old = now.since(publication.committed_at) > ABSENT_TOO_OLD;
                // An epoch that is younger than that has forgotten nothing yet.
                let outdated = old && now.since(self.began) > ABSENT_TOO_OLD;
                (floor.previous(), outdated)
            }
        };
        let seq = match publication.place {
            Place::Sequenced(seq) if seq <= head => return Reply::Duplicate(Standing::Settled),
            Place::Sequenced(seq) if seq > head.next() => return Reply::Next(head.next()),
            Place::Sequenced(seq) => seq,
            Place::Tagged(tag) if tag > head => return Reply::Next(head.next()),
            Place::Tagged(_) | Place::Notice => head,
        };
        if outdated {
            self.new_epoch(now);
        }
        for (user, payload) in &publication.notices {
            self.append(
                &Channel::User(user.clone()),
                Seq::ZERO,
                Place::Notice,
                payload.clone(),
                now,
            );
        }
        self.append(
            &channel,
            seq,
            publication.place,
            publication.payload.clone(),
            now,
        );
        Reply::Published(Standing::Settled)
    }

    /// The channel's head, unless it has expired.
    fn head(&self, channel: &Channel, now: Timestamp) -> Option<Head> {
        let state = self.channels.get(channel)?;
        state.head.filter(|_| !state.expired(now, HEAD_LIFE))
    }

    fn append(
        &mut self,
        channel: &Channel,
        seq: Seq,
        place: Place,
        payload: Bytes,
        now: Timestamp,
    ) {
        self.offset += 1;
        if self.offset.is_multiple_of(SWEEP_EVERY) {
            self.sweep(now);
        }
        let point = self.point();
        let state = self.channels.entry(channel.clone()).or_default();
        state.forget_expired(now, self.limits);
        let previous = state.head.map_or(0, |head| head.last);
        let entry = LogEntry {
            offset: point.offset,
            previous,
            place,
            payload,
        };
        state.head = Some(Head {
            seq,
            last: point.offset,
        });
        state.touched = Some(now);
        if state.log.len() >= self.limits.entries {
            state.log.pop_front();
        }
        state.log.push_back(entry.clone());
        let subscribers = std::mem::take(&mut state.subscribers);
        let lost = self.push_to(
            &subscribers,
            &Push::Entry {
                point,
                channel: channel.clone(),
                entry,
            },
        );
        if let Some(state) = self.channels.get_mut(channel) {
            state.subscribers = subscribers;
        }
        self.cut(&lost);
    }

    /// Pushes to each link and returns those that have fallen behind: their last free place has
    /// been used to say so.
    fn push_to(&self, links: &[LinkId], push: &Push) -> Vec<LinkId> {
        let behind = |id: &&LinkId| {
            let Some(link) = self.links.get(id) else {
                return false;
            };
            let next = if link.capacity() > 1 {
                push.clone()
            } else {
                Push::Lost(0)
            };
            let lost = matches!(next, Push::Lost(_));
            match link.try_send(next) {
                Ok(()) => lost,
                Err(TrySendError::Full(_) | TrySendError::Closed(_)) => true,
            }
        };
        links.iter().filter(behind).copied().collect()
    }

    /// Ends every subscription of these links.
    fn cut(&mut self, links: &[LinkId]) {
        if !links.is_empty() {
            for state in self.channels.values_mut() {
                state.subscribers.retain(|id| !links.contains(id));
            }
        }
    }

    fn new_epoch(&mut self, now: Timestamp) {
        self.epoch = Epoch::random();
        self.began = now;
        self.offset = 0;
        for state in self.channels.values_mut() {
            state.head = None;
            state.log.clear();
        }
    }

    fn sweep(&mut self, now: Timestamp) {
        let limits = self.limits;
        self.channels.retain(|_, state| {
            state.forget_expired(now, limits);
            state.head.is_some() || !state.subscribers.is_empty()
        });
        self.joined
            .retain(|_, (_, kept)| now.since(*kept) <= JOINED_LIFE);
        self.gateways
            .retain(|_, (_, said)| now.since(*said) <= GATEWAY_LIFE);
    }

    fn request(&mut self, link: LinkId, ask: Ask) {
        match ask {
            Ask::Subscribe(channels) => {
                for channel in channels {
                    let subscribers = &mut self.channels.entry(channel).or_default().subscribers;
                    if !subscribers.contains(&link) {
                        subscribers.push(link);
                    }
                }
            }
            Ask::Unsubscribe(channels) => {
                for channel in channels {
                    self.unsubscribe(link, channel);
                }
            }
            Ask::Position(tag) => {
                let lost = self.push_to(
                    &[link],
                    &Push::Position {
                        tag,
                        point: self.point(),
                    },
                );
                self.cut(&lost);
            }
        }
    }

    fn unsubscribe(&mut self, link: LinkId, channel: Channel) {
        if let Entry::Occupied(mut state) = self.channels.entry(channel) {
            state.get_mut().subscribers.retain(|id| *id != link);
            if state.get().head.is_none() && state.get().subscribers.is_empty() {
                state.remove();
            }
        }
    }
}

impl State {
    fn expired(&self, now: Timestamp, life: std::time::Duration) -> bool {
        self.touched.is_none_or(|touched| now.since(touched) > life)
    }

    fn forget_expired(&mut self, now: Timestamp, limits: LogLimits) {
        if self.expired(now, limits.life) {
            self.log = VecDeque::new();
        }
        if self.expired(now, HEAD_LIFE) {
            self.head = None;
        }
    }
}

#[async_trait]
impl Bus for LocalBus {
    fn partitions(&self) -> PartitionId {
        1
    }

    fn partition_of(&self, _: ConversationId) -> PartitionId {
        0
    }

    async fn publish(
        &self,
        publication: &Publication,
        floor: Option<Seq>,
    ) -> Result<Reply, BusError> {
        Ok(self.lock().publish(publication, floor, self.clock.now()))
    }

    async fn epoch(&self, _: PartitionId) -> Result<Epoch, BusError> {
        Ok(self.lock().epoch)
    }

    async fn signal(&self, channel: &Channel, payload: Bytes) -> Result<(), BusError> {
        let mut partition = self.lock();
        if let Some(state) = partition.channels.get(channel) {
            let lost = partition.push_to(
                &state.subscribers,
                &Push::Signal {
                    channel: channel.clone(),
                    payload,
                },
            );
            partition.cut(&lost);
        }
        Ok(())
    }

    async fn read(
        &self,
        _: PartitionId,
        channel: &Channel,
        after: Offset,
        limit: usize,
    ) -> Result<Slice, BusError> {
        let now = self.clock.now();
        let partition = self.lock();
        let head = partition.head(channel, now);
        let entries = match partition.channels.get(channel) {
            Some(state) if !state.expired(now, partition.limits.life) => {
                let start = state.log.partition_point(|entry| entry.offset <= after);
                state.log.range(start..).take(limit).cloned().collect()
            }
            _ => Vec::new(),
        };
        Ok(Slice {
            epoch: partition.epoch,
            head,
            entries,
        })
    }

    fn open(&self) -> Link {
        let mut partition = self.lock();
        let (sender, pushes) = mpsc::channel(partition.push_queue);
        let id = partition.next_link;
        partition.next_link += 1;
        partition.links.insert(id, sender);
        Link {
            requests: Box::new(LocalRequests {
                bus: self.clone(),
                id,
            }),
            pushes,
        }
    }

    async fn keep_joined(
        &self,
        session: &str,
        joined: Vec<ConversationId>,
    ) -> Result<(), BusError> {
        let now = self.clock.now();
        let mut partition = self.lock();
        if joined.is_empty() {
            partition.joined.remove(session);
        } else {
            partition.joined.insert(session.to_owned(), (joined, now));
        }
        Ok(())
    }

    async fn joined(&self, session: &str) -> Result<Vec<ConversationId>, BusError> {
        let now = self.clock.now();
        let kept = self.lock().joined.get(session).cloned();
        Ok(kept
            .filter(|(_, at)| now.since(*at) <= JOINED_LIFE)
            .map(|(joined, _)| joined)
            .unwrap_or_default())
    }

    async fn announce(&self, gateway: GatewayId, address: &str) -> Result<(), BusError> {
        let said = (address.to_owned(), self.clock.now());
        self.lock().gateways.insert(gateway, said);
        Ok(())
    }

    async fn locate(&self, gateway: GatewayId) -> Result<Option<String>, BusError> {
        let now = self.clock.now();
        let said = self.lock().gateways.get(&gateway).cloned();
        Ok(said
            .filter(|(_, at)| now.since(*at) <= GATEWAY_LIFE)
            .map(|(address, _)| address))
    }

    async fn withdraw(&self, gateway: GatewayId) -> Result<(), BusError> {
        self.lock().gateways.remove(&gateway);
        Ok(())
    }
}

struct LocalRequests {
    bus: LocalBus,
    id: LinkId,
}

impl Requests for LocalRequests {
    fn send(&self, request: Request) {
        self.bus.lock().request(self.id, request.ask);
    }
}

impl Drop for LocalRequests {
    fn drop(&mut self) {
        let mut partition = self.bus.lock();
        partition.links.remove(&self.id);
        partition.cut(&[self.id]);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        bus::conformance::{self, Subject},
        clock::ManualClock,
    };

    struct Local {
        bus: LocalBus,
        clock: Arc<ManualClock>,
    }

    #[async_trait]
    impl Subject for Local {
        fn bus(&self) -> Arc<dyn Bus> {
            Arc::new(self.bus.clone())
        }

        fn clock(&self) -> Arc<dyn Clock> {
            self.clock.clone()
        }

        async fn pass(&self, time: Duration) {
            self.clock.advance(time);
        }
    }

    fn local(limits: LogLimits, push_queue: usize) -> Local {
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000)));
        Local {
            bus: LocalBus::with_push_queue(limits, clock.clone(), push_queue),
            clock,
        }
    }

    #[tokio::test]
    async fn conforms() {
        conformance::run(|limits, push_queue| async move { local(limits, push_queue) }).await;
    }

    #[tokio::test]
    async fn nothing_is_left_of_a_link_that_was_dropped() {
        let subject = local(LogLimits::default(), PUSH_QUEUE);
        let link = subject.bus.open();
        let channel = Channel::Conversation(ConversationId::new(subject.clock.now()));
        link.requests.send(Request {
            partition: 0,
            ask: Ask::Subscribe(vec![channel]),
        });
        assert_eq!(subject.bus.subscribed_channels(), 1);
        drop(link);
        assert_eq!(subject.bus.subscribed_channels(), 0);
        assert!(subject.bus.lock().links.is_empty());
    }
}
