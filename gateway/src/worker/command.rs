//! What the HTTP side asks of a worker.

use std::{cell::RefCell, future::poll_fn, rc::Rc, time::Duration};

use bytes::Bytes;
use tokio::{
    net::TcpStream,
    sync::oneshot,
    time::{Instant, sleep_until},
};

use super::{Application, DRAIN, Sid, Slot, Worker, link::PostError, now};
use crate::{
    admission::Room,
    engine::{Answer, RequestError, Transport},
};

/// What an application may want to know of the request that opened a connection.
#[derive(Debug, Clone, Default)]
pub struct Handshake {
    /// The token of the `Authorization: Bearer` header.
    pub bearer: Option<String>,
}

/// A TCP connection whose WebSocket handshake is done, on its way to a worker's own runtime.
pub(crate) struct Stream {
    pub(crate) tcp: std::net::TcpStream,
    /// What was read behind the handshake.
    pub(crate) read: Bytes,
}

/// A command to a worker. Whoever drops an answer's receiver has given up the request.
pub(crate) enum Command {
    /// A new session on long-polling; the answer is the handshake's.
    OpenPolling {
        handshake: Handshake,
        room: Room,
        answer: oneshot::Sender<Answer>,
    },
    /// A new session on a WebSocket.
    OpenWebSocket {
        handshake: Handshake,
        room: Room,
        stream: Stream,
    },
    /// A GET.
    Get {
        sid: Sid,
        answer: oneshot::Sender<Answer>,
    },
    /// The client has given up its GET.
    GetAborted { sid: Sid },
    /// A POST begins; an answer other than `None` means that it is refused.
    BeginPost {
        sid: Sid,
        answer: oneshot::Sender<Option<Answer>>,
    },
    /// The POST's body is there.
    Post {
        sid: Sid,
        body: Bytes,
        answer: oneshot::Sender<Answer>,
    },
    /// The POST's body is too large.
    PostTooLarge {
        sid: Sid,
        answer: oneshot::Sender<Answer>,
    },
    /// The client has given up its POST.
    PostAborted { sid: Sid },
    /// Whether there is such a session.
    Find {
        sid: Sid,
        answer: oneshot::Sender<bool>,
    },
    /// A WebSocket for a session on long-polling.
    Probe { sid: Sid, stream: Stream },
    /// The gateway by which the client of a session came on this transport leaves.
    Release { sid: Sid, transport: Transport },
    /// Close every connection, spread over this long, and end.
    Drain { window: Duration },
    /// Whether nothing is left of any connection.
    IsIdle { answer: oneshot::Sender<bool> },
}

/// The answer that a session which is not there gives.
const UNKNOWN: Answer = Answer::Error(RequestError::UnknownSession);

impl<A: Application> Worker<A> {
    pub(super) fn command(&mut self, command: Command, this: &Rc<RefCell<Self>>) {
        self.tell();
        // A receiver that is gone has given up; the guard on its request tells the session.
        match command {
            Command::OpenPolling {
                handshake,
                room,
                answer,
            } => {
                let slot = self.links.open_polling(self.index, room, answer);
                self.opened(slot, handshake);
            }
            Command::OpenWebSocket {
                handshake,
                room,
                stream,
            } => {
                let Some((tcp, read)) = adopt(stream) else {
                    return;
                };
                let slot = self.links.open_websocket(self.index, room, tcp, read);
                self.opened(slot, handshake);
                watch(self, this, slot);
            }
            Command::Get { sid, answer } => match self.links.find(&sid) {
                Some(slot) => self.links.get(slot, answer),
                None => drop(answer.send(UNKNOWN)),
            },
            Command::GetAborted { sid } => {
                if let Some(slot) = self.links.find(&sid) {
                    self.links.get_aborted(slot);
                }
            }
            Command::BeginPost { sid, answer } => {
                let refused = match self.links.find(&sid) {
                    Some(slot) => self.links.begin_post(slot),
                    None => Some(UNKNOWN),
                };
                drop(answer.send(refused));
            }
            Command::Post { sid, body, answer } => drop(answer.send(self.end_post(&sid, Ok(body)))),
            Command::PostTooLarge { sid, answer } => {
                drop(answer.send(self.end_post(&sid, Err(PostError::TooLarge))));
            }
            Command::PostAborted { sid } => {
                self.end_post(&sid, Err(PostError::Aborted));
            }
            Command::Find { sid, answer } => {
                let _ = answer.send(self.links.find(&sid).is_some());
            }
            Command::Probe { sid, stream } => {
                if let (Some(slot), Some((tcp, read))) = (self.links.find(&sid), adopt(stream))
                    && self.links.probe(slot, tcp, read)
                {
                    watch(self, this, slot);
                }
            }
            Command::Release { sid, transport } => {
                if let Some(slot) = self.links.find(&sid) {
                    self.links.release(slot, transport);
                }
            }
            Command::Drain { window } => self.drain(window, this),
            Command::IsIdle { answer } => {
                let idle = self.links.is_empty()
                    && self.running.count.get() == 0
                    && self.application.is_idle();
                let _ = answer.send(idle);
            }
        }
    }

    fn opened(&mut self, slot: Slot, handshake: Handshake) {
        self.application.opened(&mut self.links, slot, handshake);
        // It was let in just before nobody was any more.
        if self.draining {
            self.links.close(slot, DRAIN);
        }
    }

    fn end_post(&mut self, sid: &Sid, body: Result<Bytes, PostError>) -> Answer {
        match self.links.find(sid) {
            Some(slot) => self.links.end_post(slot, body),
            None => UNKNOWN,
        }
    }

    /// Closes the connections there are, spread over `window`; the worker ends after the last one.
    fn drain(&mut self, window: Duration, this: &Rc<RefCell<Self>>) {
        self.draining = true;
        let slots = self.links.slots();
        let (start, count) = (
            Instant::now(),
            u32::try_from(slots.len()).unwrap_or(u32::MAX),
        );
        let this = Rc::clone(this);
        self.running.spawn(async move {
            for (index, slot) in (0_u32..).zip(slots) {
                sleep_until(start + window * index / count).await;
                this.borrow_mut()
                    .turn(|worker| worker.links.close(slot, DRAIN));
            }
        });
    }
}

/// Registers a stream with this worker's runtime.
fn adopt(stream: Stream) -> Option<(TcpStream, Vec<u8>)> {
    match TcpStream::from_std(stream.tcp) {
        Ok(tcp) => Some((tcp, stream.read.into())),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be taken over");
            None
        }
    }
}

/// Watches the socket of a connection until it is gone.
fn watch<A: Application>(worker: &Worker<A>, this: &Rc<RefCell<Worker<A>>>, slot: Slot) {
    let running = Rc::clone(&worker.running);
    let worker = Rc::clone(this);
    running.spawn(poll_fn(move |cx| {
        let mut worker = worker.borrow_mut();
        worker.links.set_now(now());
        let poll = worker.links.poll(slot, cx);
        worker.settle();
        poll
    }));
}
