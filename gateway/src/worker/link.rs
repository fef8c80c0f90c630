//! The connections of one worker, and all that can be done to them.
//!
//! [`Links`] carries out what the Engine.IO sessions ask for and collects what concerns the
//! application; the [`Worker`](super::Worker) brings that to it. Sending only marks a connection:
//! what has gathered for it goes out in one write when the worker settles.

mod http;

use std::{
    collections::VecDeque,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use slotmap::SlotMap;
use tokio::{net::TcpStream, sync::oneshot, time::timeout};

pub(super) use self::http::PostError;
use super::{
    LinkMetrics, Running, Sid, Slot, WorkerConfig,
    socket::{Received, Socket},
    timers::Timers,
};
use crate::{
    admission::Room,
    engine::{Answer, CloseReason, Frame, Message, Output, Session, Transport},
};

/// How many messages of one socket are read before the others get their turn.
const READ_TURN: usize = 64;

/// How long a closed WebSocket may take to send its last bytes and see the peer close.
const CLOSE_TIME: Duration = Duration::from_secs(5);

/// Below this many queued bytes a connection counts as drained, or below a quarter of its bound if
/// that is less.
const LOW_WATER: usize = 64 * 1024;

/// The connections of a worker.
pub struct Links {
    links: SlotMap<Slot, Link>,
    timers: Timers,
    /// Connections with something to write.
    dirty: Vec<Slot>,
    happened: VecDeque<(Slot, Happened)>,
    outputs: Vec<Output>,
    now: Instant,
    config: Arc<WorkerConfig>,
    metrics: LinkMetrics,
    /// Where sockets are closed that have still something to say.
    running: Rc<Running>,
}

struct Link {
    session: Session,
    sid: Sid,
    io: Io,
    /// What the timers know.
    armed: Option<Instant>,
    /// When the application wants to be asked.
    due: Option<Instant>,
    dirty: bool,
    /// The application wants to know when little is queued.
    wants_drained: bool,
}

enum Io {
    Polling(Box<PollingIo>),
    WebSocket(Box<Socket>),
}

#[derive(Default)]
struct PollingIo {
    get: Option<oneshot::Sender<Answer>>,
    posting: bool,
    probe: Option<Box<Socket>>,
}

/// What an application is to be told of a connection.
pub(super) enum Happened {
    Message(Message),
    Drained,
    Closed(Transport, CloseReason),
}

impl Links {
    pub(super) fn new(
        config: Arc<WorkerConfig>,
        metrics: LinkMetrics,
        running: Rc<Running>,
        now: Instant,
    ) -> Self {
        Self {
            links: SlotMap::with_key(),
            timers: Timers::default(),
            dirty: Vec::new(),
            happened: VecDeque::new(),
            outputs: Vec::new(),
            now,
            config,
            metrics,
            running,
        }
    }

    // ── For the application ──────────────────────────────────────────────────

    /// The time of what is being handled.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Queues a frame. It goes out, with whatever else gathers, when the worker has handled what it
    /// is at. A connection whose queue is past its bound is closed: it reads too slowly.
    pub fn send(&mut self, slot: Slot, frame: Frame) {
        let Some(link) = self.links.get_mut(slot) else {
            return;
        };
        link.session.queue(frame);
        if !link.dirty {
            link.dirty = true;
            self.dirty.push(slot);
        }
        if link.session.queued_bytes() <= self.config.send_queue {
            return;
        }
        // Much may have gathered within this turn for a client that takes it as fast as it comes.
        self.flush_link(slot);
        let queued = self.links.get(slot).map(|link| link.session.queued_bytes());
        if queued.is_some_and(|queued| queued > self.config.send_queue) {
            self.close(slot, super::SLOW_CONSUMER);
        }
    }

    /// Whether a connection is open and little waits to be sent on it.
    #[must_use]
    pub fn is_drained(&self, slot: Slot) -> bool {
        self.links
            .get(slot)
            .is_some_and(|link| link.session.queued_bytes() < self.low_water())
    }

    fn low_water(&self) -> usize {
        LOW_WATER.min(self.config.send_queue / 4).max(1)
    }

    /// Asks for one call of [`Application::drained`](super::Application::drained), once
    /// [`is_drained`](Self::is_drained).
    pub fn notify_drained(&mut self, slot: Slot) {
        if let Some(link) = self.links.get_mut(slot) {
            link.wants_drained = true;
            if !link.dirty {
                link.dirty = true;
                self.dirty.push(slot);
            }
        }
    }

    /// Sets when the application is asked next about this connection: never again once it is closed,
    /// though its client may have still to be told.
    pub fn set_due(&mut self, slot: Slot, due: Option<Instant>) {
        if let Some(link) = self.links.get_mut(slot) {
            link.due = due.filter(|_| !link.session.is_closing());
            self.rearm(slot);
        }
    }

    /// The transport of a connection that is not over.
    #[must_use]
    pub fn transport(&self, slot: Slot) -> Option<Transport> {
        self.links
            .get(slot)
            .and_then(|link| link.session.transport())
    }

    /// Ends a connection, for a reason that is counted under its name (snake case).
    pub fn close(&mut self, slot: Slot, reason: &'static str) {
        let now = self.now;
        self.with_session(slot, |session, out| {
            session.close(CloseReason::Application(reason), now, out);
        });
    }

    // ── For the worker ───────────────────────────────────────────────────────

    pub(super) fn slots(&self) -> Vec<Slot> {
        self.links.keys().collect()
    }

    /// Whether nothing is left: no connection, no timer, nothing to write.
    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty()
            && self.timers.is_empty()
            && self.dirty.is_empty()
            && self.happened.is_empty()
    }

    pub(super) fn timers(&self) -> &Timers {
        &self.timers
    }

    pub(super) fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    pub(super) fn next_happened(&mut self) -> Option<(Slot, Happened)> {
        self.happened.pop_front()
    }

    pub(super) fn open_polling(
        &mut self,
        worker: u16,
        room: Room,
        get: oneshot::Sender<Answer>,
    ) -> Slot {
        let slot = self.open(
            worker,
            room,
            Transport::Polling,
            Io::Polling(Box::default()),
        );
        self.get(slot, get);
        slot
    }

    pub(super) fn open_websocket(
        &mut self,
        worker: u16,
        room: Room,
        stream: TcpStream,
        read: Vec<u8>,
    ) -> Slot {
        let socket = Socket::new(stream, read, self.config.engine.max_payload);
        let slot = self.open(
            worker,
            room,
            Transport::WebSocket,
            Io::WebSocket(Box::new(socket)),
        );
        self.mark_dirty(slot);
        slot
    }

    fn open(&mut self, worker: u16, room: Room, transport: Transport, io: Io) -> Slot {
        let (now, engine) = (self.now, &self.config.engine);
        let slot = self.links.insert_with_key(|slot| {
            let sid = Sid::new(self.config.gateway, worker, slot);
            let session = Session::open(&sid.to_string(), transport, now, engine);
            Link {
                session,
                sid,
                io,
                armed: None,
                due: None,
                dirty: false,
                wants_drained: false,
            }
        });
        self.metrics.opened(transport);
        // From here on it counts among the open ones.
        drop(room);
        self.rearm(slot);
        slot
    }

    /// The connection of a session id, if it is one of ours and still there.
    pub(super) fn find(&self, sid: &Sid) -> Option<Slot> {
        let slot = sid.slot();
        self.links
            .get(slot)
            .filter(|link| link.sid == *sid)
            .map(|_| slot)
    }

    /// Does what a connection's deadline was for; says whether it is the application's too.
    pub(super) fn tick(&mut self, slot: Slot) -> bool {
        let now = self.now;
        self.with_session(slot, |session, out| session.tick(now, out));
        self.mark_dirty(slot);
        let Some(link) = self.links.get_mut(slot) else {
            return false;
        };
        let due = link.due.is_some_and(|due| due <= now);
        if due {
            link.due = None;
        }
        self.rearm(slot);
        due
    }

    /// Reads and writes what a connection's WebSocket is ready for. Ready once there is nothing to
    /// watch any more.
    pub(super) fn poll(&mut self, slot: Slot, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.now;
        for turn in 0..READ_TURN {
            let Some(link) = self.links.get_mut(slot) else {
                return Poll::Ready(());
            };
            let (socket, probing) = match &mut link.io {
                Io::WebSocket(socket) => (socket, false),
                Io::Polling(polling) => match &mut polling.probe {
                    Some(socket) => (socket, true),
                    None => return Poll::Ready(()),
                },
            };
            if turn == 0 {
                socket.begin_turn(cx);
            }
            let unblocked = socket.poll_unblocked(cx).is_ready();
            let received = socket.poll_read(cx);
            let over = matches!(received, Poll::Ready(Err(_)));
            match socket.take_control() {
                // The answer to the client's own close frame is the last thing that it is sent, unless that
                // would come into the middle of another frame.
                Some(frame) if probing || over && link.session.queued_bytes() == 0 => {
                    drop(socket.write_now(&frame));
                }
                Some(frame) => self.send(slot, frame),
                None => {}
            }
            let Poll::Ready(received) = received else {
                if unblocked {
                    self.mark_dirty(slot);
                }
                return Poll::Pending;
            };
            if probing && received.is_err() {
                self.forget_probe(slot);
            }
            self.with_session(slot, |session, out| match (received, probing) {
                (Ok(Received::Text(text)), false) => session.frame_text(text, now, out),
                (Ok(Received::Binary(data)), false) => session.frame_binary(data, now, out),
                (Ok(Received::Text(text)), true) => session.probe_text(&text, out),
                (Ok(Received::Binary(_)), true) => session.probe_binary(out),
                (Ok(Received::Nothing), _) => {}
                (Err(_), true) => session.probe_closed(),
                (Err(reason @ (CloseReason::PayloadTooLarge | CloseReason::ParseError)), false) => {
                    session.close(reason, now, out);
                }
                (Err(reason), false) => session.transport_closed(reason, out),
            });
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes what has gathered since the last time; says whether something has happened by it.
    pub(super) fn flush(&mut self) -> bool {
        let mut dirty = std::mem::take(&mut self.dirty);
        for slot in dirty.drain(..) {
            self.flush_link(slot);
        }
        if self.dirty.is_empty() {
            self.dirty = dirty;
        }
        !self.happened.is_empty()
    }

    // ── Inside ───────────────────────────────────────────────────────────────

    fn mark_dirty(&mut self, slot: Slot) {
        if let Some(link) = self.links.get_mut(slot)
            && !link.dirty
        {
            link.dirty = true;
            self.dirty.push(slot);
        }
    }

    fn flush_link(&mut self, slot: Slot) {
        let Some(link) = self.links.get_mut(slot) else {
            return;
        };
        link.dirty = false;
        match &mut link.io {
            Io::WebSocket(socket) => {
                if socket.write(&mut link.session).is_err() {
                    self.with_session(slot, |session, out| {
                        session.transport_closed(CloseReason::TransportError, out);
                    });
                    return;
                }
            }
            Io::Polling(_) => {
                self.with_session(slot, Session::flush_polling);
            }
        }
        let low_water = self.low_water();
        if let Some(link) = self.links.get_mut(slot)
            && link.wants_drained
            && link.session.queued_bytes() < low_water
        {
            link.wants_drained = false;
            self.happened.push_back((slot, Happened::Drained));
        }
    }

    fn forget_probe(&mut self, slot: Slot) {
        if let Some(Link {
            io: Io::Polling(polling),
            ..
        }) = self.links.get_mut(slot)
        {
            polling.probe = None;
        }
    }

    /// Lets a session handle something, and carries out what it asks for.
    fn with_session<T>(
        &mut self,
        slot: Slot,
        input: impl FnOnce(&mut Session, &mut Vec<Output>) -> T,
    ) -> Option<T> {
        let mut outputs = std::mem::take(&mut self.outputs);
        let result = self
            .links
            .get_mut(slot)
            .map(|link| input(&mut link.session, &mut outputs));
        for output in outputs.drain(..) {
            self.carry_out(slot, output);
        }
        self.outputs = outputs;
        self.rearm(slot);
        result
    }

    fn carry_out(&mut self, slot: Slot, output: Output) {
        let Some(link) = self.links.get_mut(slot) else {
            return;
        };
        match (output, &mut link.io) {
            (Output::Message(message), _) => {
                self.happened.push_back((slot, Happened::Message(message)));
            }
            (Output::AnswerGet(answer), Io::Polling(polling)) => {
                // Not taken: the client has given up its GET, and what was for it with that.
                if let Some(get) = polling.get.take()
                    && get.send(answer).is_err()
                {
                    self.with_session(slot, Session::answer_lost);
                }
            }
            (Output::SendToProbe(frame), Io::Polling(polling)) => {
                if let Some(probe) = &mut polling.probe {
                    let _ = probe.write_now(&frame);
                }
            }
            (Output::CloseProbe, Io::Polling(polling)) => {
                if let Some(mut probe) = polling.probe.take() {
                    probe.wake();
                    self.close_socket(*probe, None, None);
                }
            }
            (Output::Upgraded, Io::Polling(polling)) => {
                if let Some(socket) = polling.probe.take() {
                    link.io = Io::WebSocket(socket);
                    self.metrics.upgraded();
                    self.mark_dirty(slot);
                }
            }
            (Output::Closed(reason), _) => self.closed(slot, reason),
            // `CloseTransport` is carried out with the reason, which follows. All else is asked of
            // a transport that is gone already.
            _ => {}
        }
    }

    /// A session is over: its connection goes, and what it has still to say goes out.
    fn closed(&mut self, slot: Slot, reason: CloseReason) {
        let Some(mut link) = self.links.remove(slot) else {
            return;
        };
        self.timers.set(slot, &mut link.armed, None);
        let transport = match link.io {
            Io::WebSocket(mut socket) => {
                socket.wake();
                // Nobody reads what is said to a peer that is gone, or that has not been reading.
                let deaf = matches!(
                    reason,
                    CloseReason::TransportClose
                        | CloseReason::TransportError
                        | CloseReason::PingTimeout
                        | CloseReason::Application(super::SLOW_CONSUMER)
                );
                if !deaf {
                    self.close_socket(*socket, Some(link.session), Some(reason));
                }
                Transport::WebSocket
            }
            Io::Polling(_) => Transport::Polling,
        };
        self.metrics.closed(transport, reason);
        self.happened
            .push_back((slot, Happened::Closed(transport, reason)));
    }

    /// Closes a socket in a task of its own, in bounded time.
    fn close_socket(&self, socket: Socket, session: Option<Session>, reason: Option<CloseReason>) {
        self.running.spawn(async move {
            let _ = timeout(CLOSE_TIME, socket.close(session, reason)).await;
        });
    }

    fn rearm(&mut self, slot: Slot) {
        if let Some(link) = self.links.get_mut(slot) {
            let deadline = match (link.session.next_deadline(), link.due) {
                (Some(session), Some(due)) => Some(session.min(due)),
                (session, due) => session.or(due),
            };
            self.timers.set(slot, &mut link.armed, deadline);
        }
    }
}
