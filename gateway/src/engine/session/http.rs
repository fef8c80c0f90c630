//! The HTTP requests of a polling session.

use std::{mem, time::Instant};

use bytes::Bytes;

use super::{Closing, Output, Session, State};
use crate::engine::{Answer, CloseReason, Frame, RequestError, packet::decode_payload};

impl Session {
    /// A GET. Without an answer it stays pending, until [`Output::AnswerGet`].
    pub fn get(&mut self, out: &mut Vec<Output>) -> Option<Answer> {
        let State::Polling(polling) = &mut self.state else {
            return Some(self.refusal());
        };
        if polling.get_pending {
            self.end(CloseReason::OverlappingRequests, out);
            return Some(Answer::Error(RequestError::BadRequest));
        }
        if let Some(body) = self.queue.take_payload(self.config.max_payload) {
            return Some(Answer::Packets(body));
        }
        if let Some(Closing { reason, .. }) = polling.closing {
            self.end(reason, out);
            return Some(Answer::packet(&Frame::CLOSE));
        }
        if polling
            .upgrade
            .as_ref()
            .is_some_and(|upgrade| upgrade.probed)
        {
            // The client moves over and wants its GETs back (upgrade, step 3).
            return Some(Answer::packet(&Frame::NOOP));
        }
        polling.get_pending = true;
        None
    }

    /// Answers a pending GET with nothing, so that the client asks anew.
    pub fn give_get_back(&mut self, out: &mut Vec<Output>) {
        if let State::Polling(polling) = &mut self.state
            && mem::take(&mut polling.get_pending)
        {
            out.push(Output::AnswerGet(Answer::packet(&Frame::NOOP)));
        }
    }

    /// A POST with its whole body. The messages in it are pushed to `out`.
    pub fn post(&mut self, body: Bytes, now: Instant, out: &mut Vec<Output>) -> Answer {
        if !matches!(self.state, State::Polling(_)) {
            return self.refusal();
        }
        for packet in decode_payload(body) {
            let handled = packet.and_then(|packet| self.receive(packet, now, out));
            if handled.is_err() {
                self.end(CloseReason::ParseError, out);
                return Answer::Error(RequestError::BadRequest);
            }
            if self.is_closed() {
                break;
            }
        }
        Answer::Ok
    }

    /// A second POST came while the body of the first was still being read; the
    /// answer is for the second. The first gets its own from [`post`](Self::post).
    pub fn post_conflict(&mut self, out: &mut Vec<Output>) -> Answer {
        self.refuse_post(
            CloseReason::OverlappingRequests,
            Answer::Error(RequestError::BadRequest),
            out,
        )
    }

    /// A POST whose body is larger than [`max_payload`](crate::engine::Config::max_payload).
    pub fn post_too_large(&mut self, out: &mut Vec<Output>) -> Answer {
        self.refuse_post(CloseReason::PayloadTooLarge, Answer::TooLarge, out)
    }

    /// The client has given up its pending GET: it is gone.
    pub fn get_aborted(&mut self, out: &mut Vec<Output>) {
        if let State::Polling(polling) = &mut self.state
            && mem::take(&mut polling.get_pending)
        {
            self.end(CloseReason::TransportError, out);
        }
    }

    /// The client had given up the GET that has just been answered, and what was in the answer is lost:
    /// it is gone.
    pub fn answer_lost(&mut self, out: &mut Vec<Output>) {
        if matches!(self.state, State::Polling(_)) {
            self.end(CloseReason::TransportError, out);
        }
    }

    /// The client has given up a POST before its body was complete.
    pub fn post_aborted(&mut self, out: &mut Vec<Output>) {
        if matches!(self.state, State::Polling(_)) {
            self.end(CloseReason::TransportError, out);
        }
    }

    fn refuse_post(
        &mut self,
        reason: CloseReason,
        answer: Answer,
        out: &mut Vec<Output>,
    ) -> Answer {
        if !matches!(self.state, State::Polling(_)) {
            return self.refusal();
        }
        self.end(reason, out);
        answer
    }

    /// The answer to an HTTP request that a session in this state does not take.
    fn refusal(&self) -> Answer {
        Answer::Error(match self.state {
            State::Closed => RequestError::UnknownSession,
            State::Polling(_) | State::WebSocket => RequestError::BadRequest,
        })
    }
}
