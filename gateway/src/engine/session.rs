//! The state of one Engine.IO session, from its handshake to its end.
//!
//! ```text
//!                   ┌──────────── polling ────────────┐
//!  open(polling) ──▶│ idle ◀──▶ GET pending           │
//!                   │  │ WebSocket with the sid       │  probe fails, 10 s:
//!                   │  ▼                              │  back to plain polling
//!                   │ upgrading ── 2probe ──▶ probed ─┼── 5 ──▶ websocket
//!                   │                                 │            ▲
//!                   │ closing: waits for one more GET │            │
//!                   └───────────────┬─────────────────┘   open(websocket)
//!                                   ▼                              │
//!                                closed ◀──────────────────────────┘
//! ```
//!
//! The driver of a worker owns the session, tells it what happens and carries
//! out what it pushes to the buffer of [`Output`]s; [`Session::tick`] is called at
//! [`Session::next_deadline`]. What is to be sent waits in one queue, whichever
//! the transport: a WebSocket driver writes [`Session::io_slices`], a polling one
//! gets whole answers. The session never bounds that queue; the driver does,
//! looking at [`Session::queued_bytes`].

mod http;
mod upgrade;

use std::{io::IoSlice, mem, sync::Arc, time::Instant};

use bytes::Bytes;

use super::{
    Answer, CloseReason, Config, Frame, FrameKind, Message, Packet, PacketError, Text, Transport,
    queue::Queue,
};

/// What the driver has to do.
#[derive(Debug)]
pub enum Output {
    /// Hand a message to the layer above.
    Message(Message),
    /// Answer the pending GET.
    AnswerGet(Answer),
    /// Write a frame to the WebSocket that probes.
    SendToProbe(Frame),
    /// Close the WebSocket that probes, and forget it.
    CloseProbe,
    /// The WebSocket that probed is the transport now: what it sends goes to
    /// [`Session::frame_text`], and the queue goes out on it.
    Upgraded,
    /// Write what is queued as far as that is quick, then close the WebSocket.
    CloseTransport,
    /// The session is over; forget it once the outputs before this are done.
    /// Comes exactly once.
    Closed(CloseReason),
}

/// One Engine.IO session.
pub struct Session {
    config: Arc<Config>,
    queue: Queue,
    heartbeat: Heartbeat,
    state: State,
}

/// When the next ping, or its pong, is due.
struct Heartbeat {
    deadline: Instant,
    awaits_pong: bool,
}

enum State {
    Polling(Box<Polling>),
    WebSocket,
    Closed,
}

/// Boxed, so that a connection on a WebSocket does not pay for it.
#[derive(Default)]
struct Polling {
    get_pending: bool,
    upgrade: Option<Upgrade>,
    closing: Option<Closing>,
}

/// A WebSocket wants to become the transport.
struct Upgrade {
    deadline: Instant,
    /// `2probe` came; GETs are answered at once from now on.
    probed: bool,
}

/// The server has closed the session, and the client is still to be told.
struct Closing {
    deadline: Instant,
    reason: CloseReason,
}

impl Session {
    /// A new session, with the open packet in its queue. On polling, a
    /// [`get`](Self::get) for the handshake's own request comes next.
    #[must_use]
    pub fn open(sid: &str, transport: Transport, now: Instant, config: &Arc<Config>) -> Self {
        let (state, upgrades) = match transport {
            Transport::Polling => (State::Polling(Box::default()), r#""websocket""#),
            Transport::WebSocket => (State::WebSocket, ""),
        };
        let mut queue = Queue::default();
        queue.push(Frame::text(format!(
            r#"0{{"sid":"{sid}","upgrades":[{upgrades}],"pingInterval":{},"pingTimeout":{},"maxPayload":{}}}"#,
            config.ping_interval.as_millis(),
            config.ping_timeout.as_millis(),
            config.max_payload,
        )));
        Self {
            config: Arc::clone(config),
            queue,
            heartbeat: Heartbeat {
                deadline: now + config.ping_interval,
                awaits_pong: false,
            },
            state,
        }
    }

    /// The transport in use; `None` once the session is over.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        match self.state {
            State::Polling(_) => Some(Transport::Polling),
            State::WebSocket => Some(Transport::WebSocket),
            State::Closed => None,
        }
    }

    /// Whether the session is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    // ── What the layer above sends ───────────────────────────────────────────

    /// Sends a frame: it joins the queue, and answers a pending GET.
    pub fn send(&mut self, frame: Frame, out: &mut Vec<Output>) {
        self.queue(frame);
        self.flush_polling(out);
    }

    /// Queues a frame without answering a pending GET yet: frames that belong
    /// together go into one answer when [`flush_polling`](Self::flush_polling)
    /// follows the last. A session that is over, or closing, drops it, but for a
    /// control frame: the WebSocket's own closing handshake comes after the end.
    pub fn queue(&mut self, frame: Frame) {
        let open = match &self.state {
            State::Polling(polling) => polling.closing.is_none(),
            State::WebSocket => true,
            State::Closed => frame.kind() == FrameKind::Control,
        };
        if open {
            self.queue.push(frame);
        }
    }

    /// Answers a pending GET, if there is one and something to say.
    pub fn flush_polling(&mut self, out: &mut Vec<Output>) {
        let State::Polling(polling) = &mut self.state else {
            return;
        };
        if polling.get_pending
            && let Some(body) = self.queue.take_payload(self.config.max_payload)
        {
            polling.get_pending = false;
            out.push(Output::AnswerGet(Answer::Packets(body)));
        }
    }

    /// Ends the session from the server's side. A WebSocket is closed; a polling
    /// client is told in the answer to its GET, or to the next one if that comes
    /// within [`Config::close_grace`]. What is queued it is told before, in an answer
    /// of its own: stock clients take note of a close before they handle what came
    /// along with it, and would be sent that again when they come back.
    pub fn close(&mut self, reason: CloseReason, now: Instant, out: &mut Vec<Output>) {
        match &mut self.state {
            State::Polling(polling) if polling.closing.is_none() => {
                let deadline = now + self.config.close_grace;
                polling.closing = Some(Closing { deadline, reason });
                if polling.get_pending && self.queue.is_empty() {
                    self.end(reason, out);
                } else {
                    self.flush_polling(out);
                }
            }
            State::WebSocket => self.end(reason, out),
            State::Polling(_) | State::Closed => {}
        }
    }

    // ── What goes out on a WebSocket ─────────────────────────────────────────

    /// Bytes that wait to be sent, as a WebSocket counts them.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.queue.bytes()
    }

    /// Fills `slices` with what a WebSocket has to write next, and says how many
    /// of them it filled. Works after the end too, for [`Output::CloseTransport`].
    pub fn io_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        self.queue.io_slices(slices)
    }

    /// The WebSocket has taken `count` bytes of what [`io_slices`](Self::io_slices)
    /// gave out.
    pub fn advance(&mut self, count: usize) {
        self.queue.advance(count);
    }

    // ── What comes in by WebSocket ───────────────────────────────────────────

    /// A text frame from the WebSocket.
    pub fn frame_text(&mut self, text: impl Into<Text>, now: Instant, out: &mut Vec<Output>) {
        self.frame(|| Packet::decode(&text.into()), now, out);
    }

    /// A binary frame from the WebSocket.
    pub fn frame_binary(&mut self, data: Bytes, now: Instant, out: &mut Vec<Output>) {
        self.frame(|| Ok(Packet::Message(Message::Binary(data))), now, out);
    }

    /// The WebSocket is gone, or of no use any more; nothing is to be closed.
    pub fn transport_closed(&mut self, reason: CloseReason, out: &mut Vec<Output>) {
        if matches!(self.state, State::WebSocket) {
            self.queue.clear();
            self.state = State::Closed;
            out.push(Output::Closed(reason));
        }
    }

    // ── Time ─────────────────────────────────────────────────────────────────

    /// When to call [`tick`](Self::tick) next. Changes with every input.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Closed => None,
            State::WebSocket => Some(self.heartbeat.deadline),
            State::Polling(polling) => {
                let last = match &polling.closing {
                    Some(closing) => closing.deadline,
                    None => self.heartbeat.deadline,
                };
                let upgrade = polling.upgrade.as_ref().map(|upgrade| upgrade.deadline);
                Some(upgrade.map_or(last, |upgrade| upgrade.min(last)))
            }
        }
    }

    /// Does what is due at `now`; harmless when nothing is.
    pub fn tick(&mut self, now: Instant, out: &mut Vec<Output>) {
        if let State::Polling(polling) = &mut self.state {
            if polling
                .upgrade
                .as_ref()
                .is_some_and(|upgrade| upgrade.deadline <= now)
            {
                polling.upgrade = None;
                out.push(Output::CloseProbe);
            }
            if let Some(Closing { deadline, reason }) = polling.closing {
                if deadline <= now {
                    self.end(reason, out);
                }
                return;
            }
        }
        if self.is_closed() || now < self.heartbeat.deadline {
            return;
        }
        if self.heartbeat.awaits_pong {
            self.end(CloseReason::PingTimeout, out);
        } else {
            self.heartbeat = Heartbeat {
                deadline: now + self.config.ping_timeout,
                awaits_pong: true,
            };
            self.send(Frame::PING, out);
        }
    }

    // ── Inside ───────────────────────────────────────────────────────────────

    fn frame(
        &mut self,
        packet: impl FnOnce() -> Result<Packet, PacketError>,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        if matches!(self.state, State::WebSocket)
            && packet()
                .and_then(|packet| self.receive(packet, now, out))
                .is_err()
        {
            self.end(CloseReason::ParseError, out);
        }
    }

    /// Handles one packet, on either transport.
    fn receive(
        &mut self,
        packet: Packet,
        now: Instant,
        out: &mut Vec<Output>,
    ) -> Result<(), PacketError> {
        match packet {
            Packet::Message(message) if !self.is_closing() => out.push(Output::Message(message)),
            // A pong that nobody waits for must not put off the next ping.
            Packet::Pong if self.heartbeat.awaits_pong => {
                self.heartbeat = Heartbeat {
                    deadline: now + self.config.ping_interval,
                    awaits_pong: false,
                };
            }
            Packet::Close => self.end(CloseReason::ClientClose, out),
            Packet::Ping(_) => return Err(PacketError::Ping),
            Packet::Message(_) | Packet::Pong | Packet::Open | Packet::Upgrade | Packet::Noop => {}
        }
        Ok(())
    }

    /// Whether the session was closed from the server's side, and its client has still to be told.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        matches!(&self.state, State::Polling(polling) if polling.closing.is_some())
    }

    /// Ends the session now: whatever is open is answered or closed.
    fn end(&mut self, mut reason: CloseReason, out: &mut Vec<Output>) {
        match mem::replace(&mut self.state, State::Closed) {
            State::Closed => return,
            State::WebSocket => out.push(Output::CloseTransport),
            State::Polling(polling) => {
                self.queue.clear();
                if polling.get_pending {
                    // A client that closes only wants its GET back.
                    let last = match reason {
                        CloseReason::ClientClose => Frame::NOOP,
                        _ => Frame::CLOSE,
                    };
                    out.push(Output::AnswerGet(Answer::packet(&last)));
                }
                if polling.upgrade.is_some() {
                    out.push(Output::CloseProbe);
                }
                if let Some(closing) = polling.closing {
                    reason = closing.reason;
                }
            }
        }
        out.push(Output::Closed(reason));
    }
}
