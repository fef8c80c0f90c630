//! What the in-process bus holds: channels with their heads, logs and subscribers.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::mpsc::{self, error::TrySendError};

use super::super::{
    ABSENT_TOO_OLD, Ask, Channel, Epoch, GATEWAY_LIFE, HEAD_LIFE, Head, JOINED_LIFE, LogEntry,
    LogLimits, Offset, Place, Point, Publication, Push, Reply, Slice, Standing,
};
use crate::{
    clock::Timestamp,
    id::{ConversationId, GatewayId, Seq},
};

/// Expired channels are looked for once in this many appends.
const SWEEP_EVERY: u64 = 4_096;

/// The one partition. It knows no clock: what happens, happens at a time that it is told.
pub(super) struct Partition {
    epoch: Epoch,
    /// When the epoch began.
    began: Timestamp,
    offset: Offset,
    limits: LogLimits,
    push_queue: usize,
    channels: HashMap<Channel, State>,
    pub(super) links: HashMap<LinkId, mpsc::Sender<Push>>,
    next_link: LinkId,
    /// The conversations that each session has joined, and since when it was so.
    pub(super) joined: HashMap<String, (Vec<ConversationId>, Timestamp)>,
    /// Where each gateway is, and when it said so.
    pub(super) gateways: HashMap<GatewayId, (String, Timestamp)>,
}

/// A link's number.
pub(super) type LinkId = u64;

#[derive(Default)]
struct State {
    head: Option<Head>,
    touched: Option<Timestamp>,
    log: VecDeque<LogEntry>,
    subscribers: Vec<LinkId>,
}

impl Partition {
    /// An empty one in a new epoch.
    pub(super) fn new(limits: LogLimits, push_queue: usize, now: Timestamp) -> Self {
        Self {
            epoch: Epoch::random(),
            began: now,
            offset: 0,
            limits,
            push_queue: push_queue.max(2),
            channels: HashMap::new(),
            links: HashMap::new(),
            next_link: 0,
            joined: HashMap::new(),
            gateways: HashMap::new(),
        }
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub(super) fn subscribed_channels(&self) -> usize {
        let subscribed = |state: &&State| !state.subscribers.is_empty();
        self.channels.values().filter(subscribed).count()
    }

    fn point(&self) -> Point {
        Point {
            partition: 0,
            epoch: self.epoch,
            offset: self.offset,
        }
    }

    /// Appends one thing and its notices, or says what is wanted first.
    pub(super) fn publish(
        &mut self,
        publication: &Publication,
        floor: Option<Seq>,
        now: Timestamp,
    ) -> Reply {
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
        let place = match publication.place {
            Place::Sequenced(seq) if seq <= head => return Reply::Duplicate(Standing::Settled),
            Place::Sequenced(seq) if seq > head.next() => return Reply::Next(head.next()),
            Place::Tagged(tag) if tag > head => return Reply::Next(head.next()),
            Place::Tagged(_) => Place::Tagged(head),
            place => place,
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
            place.seq(),
            place,
            publication.payload.clone(),
            now,
        );
        Reply::Published(Standing::Settled)
    }

    /// Pushes a signal to whoever is subscribed.
    pub(super) fn signal(&mut self, channel: &Channel, payload: Bytes) {
        if let Some(state) = self.channels.get(channel) {
            let signal = Push::Signal {
                channel: channel.clone(),
                payload,
            };
            let lost = self.push_to(&state.subscribers, &signal);
            self.cut(&lost);
        }
    }

    /// What the log of a channel holds after an offset.
    pub(super) fn read(
        &self,
        channel: &Channel,
        after: Offset,
        limit: usize,
        now: Timestamp,
    ) -> Slice {
        let entries = match self.channels.get(channel) {
            Some(state) if !state.expired(now, self.limits.life) => {
                let start = state.log.partition_point(|entry| entry.offset <= after);
                state.log.range(start..).take(limit).cloned().collect()
            }
            _ => Vec::new(),
        };
        Slice {
            epoch: self.epoch,
            head: self.head(channel, now),
            entries,
        }
    }

    /// A new link.
    pub(super) fn open(&mut self) -> (LinkId, mpsc::Receiver<Push>) {
        let (sender, pushes) = mpsc::channel(self.push_queue);
        let id = self.next_link;
        self.next_link += 1;
        self.links.insert(id, sender);
        (id, pushes)
    }

    /// Ends a link.
    pub(super) fn close(&mut self, link: LinkId) {
        self.links.remove(&link);
        self.cut(&[link]);
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

    /// Does what a link asks for.
    pub(super) fn request(&mut self, link: LinkId, ask: Ask) {
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
    fn expired(&self, now: Timestamp, life: Duration) -> bool {
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
