//! What HTTP requests do to the connections of a worker.

use bytes::Bytes;
use tokio::{net::TcpStream, sync::oneshot};

use super::{Io, Link, Links};
use crate::{
    engine::{Answer, RequestError, Session, Transport},
    worker::{DRAIN, Slot, socket::Socket},
};

/// Why a POST could not be read.
pub(in crate::worker) enum PostError {
    TooLarge,
    Aborted,
}

impl Links {
    pub(in crate::worker) fn get(&mut self, slot: Slot, get: oneshot::Sender<Answer>) {
        let answer = self.with_session(slot, Session::get).flatten();
        match (answer, self.links.get_mut(slot).map(|link| &mut link.io)) {
            (Some(answer), _) => {
                if get.send(answer).is_err() {
                    self.with_session(slot, Session::answer_lost);
                }
            }
            (None, Some(Io::Polling(polling))) => polling.get = Some(get),
            (None, _) => drop(get.send(Answer::Error(RequestError::UnknownSession))),
        }
        // An answer at once has made room, which the application may wait for.
        self.mark_dirty(slot);
    }

    /// A POST begins; an answer means that it is refused.
    pub(in crate::worker) fn begin_post(&mut self, slot: Slot) -> Option<Answer> {
        match self.links.get_mut(slot).map(|link| &mut link.io) {
            Some(Io::Polling(polling)) if polling.posting => {
                self.with_session(slot, Session::post_conflict)
            }
            Some(Io::Polling(polling)) => {
                polling.posting = true;
                None
            }
            Some(Io::WebSocket(_)) => Some(Answer::Error(RequestError::BadRequest)),
            None => Some(Answer::Error(RequestError::UnknownSession)),
        }
    }

    /// A POST has come in, or could not be read to its end.
    pub(in crate::worker) fn end_post(
        &mut self,
        slot: Slot,
        body: Result<Bytes, PostError>,
    ) -> Answer {
        let now = self.now;
        if let Some(Link {
            io: Io::Polling(polling),
            ..
        }) = self.links.get_mut(slot)
        {
            polling.posting = false;
        }
        let answer = self.with_session(slot, |session, out| match body {
            Ok(body) => session.post(body, now, out),
            Err(PostError::TooLarge) => session.post_too_large(out),
            Err(PostError::Aborted) => {
                session.post_aborted(out);
                Answer::Error(RequestError::BadRequest)
            }
        });
        answer.unwrap_or(Answer::Error(RequestError::UnknownSession))
    }

    /// A client has given up a GET: the one that is pending, or one that was answered before this came.
    pub(in crate::worker) fn get_aborted(&mut self, slot: Slot) {
        if let Some(Link {
            io: Io::Polling(polling),
            ..
        }) = self.links.get(slot)
            && polling.get.as_ref().is_some_and(oneshot::Sender::is_closed)
        {
            self.with_session(slot, Session::get_aborted);
        }
    }

    /// The client of a connection is to come by another gateway than so far. On long-polling it does
    /// so with its next GET; a WebSocket cannot be moved, so it is closed. One that probes is left
    /// alone: a client that has begun to move over would be lost for long.
    pub(in crate::worker) fn release(&mut self, slot: Slot, transport: Transport) {
        match (transport, self.transport(slot)) {
            (Transport::Polling, _) => drop(self.with_session(slot, Session::give_get_back)),
            (Transport::WebSocket, Some(Transport::WebSocket)) => self.close(slot, DRAIN),
            (Transport::WebSocket, _) => {}
        }
    }

    /// A WebSocket with the session id of a connection. `true`: it is watched from now on.
    pub(in crate::worker) fn probe(
        &mut self,
        slot: Slot,
        stream: TcpStream,
        read: Vec<u8>,
    ) -> bool {
        let socket = Socket::new(stream, read, self.config.engine.max_payload);
        let now = self.now;
        let accepted = self
            .with_session(slot, |session, _| session.probe_opened(now))
            .unwrap_or(false);
        match self.links.get_mut(slot).map(|link| &mut link.io) {
            Some(Io::Polling(polling)) if accepted => {
                polling.probe = Some(Box::new(socket));
                true
            }
            _ => {
                self.close_socket(socket, None, None);
                false
            }
        }
    }
}
