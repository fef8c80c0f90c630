//! A driver without a network: it carries out what a session says, checks that it
//! may say so, and keeps what a client would have received.

use std::{
    io::IoSlice,
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;

use crate::engine::{
    Answer, CloseReason, Config, Frame, FrameKind, Message, Output, RequestError, Session,
    Transport,
};

/// The timing of the independent conformance suites, and little room in an answer.
pub(super) fn config() -> Config {
    Config {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        max_payload: 64,
        upgrade_timeout: Duration::from_millis(10_000),
        close_grace: Duration::from_millis(1_000),
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Received {
    Text(String),
    Binary(Vec<u8>),
}

impl Received {
    pub(super) fn is_message(&self) -> bool {
        !matches!(self, Self::Text(text) if !text.starts_with('4'))
    }
}

impl From<&str> for Received {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

pub(super) struct Harness {
    pub(super) session: Session,
    pub(super) start: Instant,
    pub(super) now: Instant,
    pub(super) config: Arc<Config>,
    /// What went up to the application.
    pub(super) messages: Vec<Received>,
    /// What reached the client, whichever way.
    pub(super) received: Vec<Received>,
    pub(super) get_pending: bool,
    /// The answer to the GET that was pending last.
    pub(super) answered: Option<Answer>,
    pub(super) probe_open: bool,
    pub(super) probe_received: Vec<String>,
    pub(super) websocket: bool,
    pub(super) transport_closed: bool,
    pub(super) closed: Option<CloseReason>,
    /// Bytes on the WebSocket that do not make a whole frame yet.
    stream: Vec<u8>,
    out: Vec<Output>,
}

impl Harness {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test needs some instant to start from"
    )]
    pub(super) fn open(transport: Transport) -> Self {
        let config = Arc::new(config());
        let start = Instant::now();
        let mut harness = Self {
            session: Session::open("an-id", transport, start, &config),
            start,
            now: start,
            config,
            messages: Vec::new(),
            received: Vec::new(),
            get_pending: false,
            answered: None,
            probe_open: false,
            probe_received: Vec::new(),
            websocket: transport == Transport::WebSocket,
            transport_closed: false,
            closed: None,
            stream: Vec::new(),
            out: Vec::new(),
        };
        match transport {
            Transport::Polling => assert!(harness.get().is_some()),
            Transport::WebSocket => harness.write(usize::MAX),
        }
        harness
    }

    pub(super) fn upgraded() -> Self {
        let mut harness = Self::open(Transport::Polling);
        assert!(harness.open_probe());
        harness.probe("2probe");
        harness.probe("5");
        assert!(harness.websocket);
        harness
    }

    pub(super) fn get(&mut self) -> Option<Answer> {
        let answer = self.session.get(&mut self.out);
        self.carry_out();
        match &answer {
            Some(answer) => self.take_packets(answer),
            None => {
                assert!(!self.get_pending, "one pending GET at most");
                self.get_pending = true;
            }
        }
        answer
    }

    pub(super) fn post(&mut self, body: impl Into<Vec<u8>>) -> Answer {
        let body = Bytes::from(body.into());
        let answer = self.session.post(body, self.now, &mut self.out);
        self.carry_out();
        answer
    }

    pub(super) fn post_conflict(&mut self) -> Answer {
        let answer = self.session.post_conflict(&mut self.out);
        self.carry_out();
        answer
    }

    pub(super) fn post_too_large(&mut self) -> Answer {
        let answer = self.session.post_too_large(&mut self.out);
        self.carry_out();
        answer
    }

    pub(super) fn give_get_back(&mut self) {
        self.session.give_get_back(&mut self.out);
        self.carry_out();
    }

    pub(super) fn abort_get(&mut self) {
        self.get_pending = false;
        self.session.get_aborted(&mut self.out);
        self.carry_out();
    }

    pub(super) fn lose_answer(&mut self) {
        self.session.answer_lost(&mut self.out);
        self.carry_out();
    }

    pub(super) fn abort_post(&mut self) {
        self.session.post_aborted(&mut self.out);
        self.carry_out();
    }

    pub(super) fn open_probe(&mut self) -> bool {
        let accepted = self.session.probe_opened(self.now);
        assert!(!(accepted && self.probe_open), "one probe at most");
        self.probe_open |= accepted;
        accepted
    }

    pub(super) fn probe(&mut self, text: &str) {
        self.session.probe_text(text, &mut self.out);
        self.carry_out();
    }

    pub(super) fn probe_binary(&mut self) {
        self.session.probe_binary(&mut self.out);
        self.carry_out();
    }

    pub(super) fn close_probe(&mut self) {
        self.probe_open = false;
        self.session.probe_closed();
    }

    pub(super) fn frame(&mut self, text: &str) {
        self.session.frame_text(text, self.now, &mut self.out);
        self.carry_out();
    }

    pub(super) fn frame_binary(&mut self, data: &[u8]) {
        let data = Bytes::copy_from_slice(data);
        self.session.frame_binary(data, self.now, &mut self.out);
        self.carry_out();
    }

    pub(super) fn lose_transport(&mut self) {
        let reason = CloseReason::TransportClose;
        self.session.transport_closed(reason, &mut self.out);
        self.carry_out();
    }

    pub(super) fn send(&mut self, frames: Vec<Frame>) {
        for frame in frames {
            self.session.queue(frame);
        }
        self.session.flush_polling(&mut self.out);
        self.carry_out();
    }

    pub(super) fn close(&mut self) {
        let reason = CloseReason::Application("drain");
        self.session.close(reason, self.now, &mut self.out);
        self.carry_out();
    }

    /// Lets time pass, with a tick at each deadline on the way.
    pub(super) fn pass(&mut self, milliseconds: u64) {
        let end = self.now + Duration::from_millis(milliseconds);
        while let Some(deadline) = self.session.next_deadline().filter(|next| *next <= end) {
            assert!(deadline >= self.now, "a deadline in the past");
            self.now = deadline;
            self.tick();
        }
        self.now = end;
    }

    pub(super) fn tick(&mut self) {
        self.session.tick(self.now, &mut self.out);
        self.carry_out();
        let next = self.session.next_deadline();
        assert!(next.is_none_or(|next| next > self.now), "a tick left work");
    }

    /// The WebSocket takes up to `limit` bytes.
    pub(super) fn write(&mut self, limit: usize) {
        let mut slices = [IoSlice::new(&[]); 3];
        let filled = self.session.io_slices(&mut slices);
        let bytes: Vec<u8> = slices[..filled]
            .iter()
            .flat_map(|slice| slice.to_vec())
            .collect();
        let count = bytes.len().min(limit);
        self.stream.extend_from_slice(&bytes[..count]);
        let queued = self.session.queued_bytes();
        self.session.advance(count);
        assert_eq!(self.session.queued_bytes(), queued - count);
        while let Some((opcode, payload, length)) = decode_frame(&self.stream) {
            let payload = payload.to_vec();
            self.stream.drain(..length);
            self.received.push(match opcode {
                1 => Received::Text(String::from_utf8(payload).expect("text is UTF-8")),
                2 => Received::Binary(payload),
                other => panic!("opcode {other}"),
            });
        }
        if count > 0 && limit == usize::MAX {
            self.write(limit);
        }
    }

    /// Fetches all that is left, as a client that stays would.
    pub(super) fn drain(&mut self) {
        if self.websocket {
            self.write(usize::MAX);
        } else {
            while !self.get_pending
                && self.closed.is_none()
                && self.get() != Some(Answer::Packets("6".into()))
            {}
        }
    }

    pub(super) fn messages_received(&self) -> Vec<Received> {
        let messages = self.received.iter().filter(|packet| packet.is_message());
        messages.cloned().collect()
    }

    fn take_packets(&mut self, answer: &Answer) {
        let Answer::Packets(body) = answer else {
            return;
        };
        let body = std::str::from_utf8(body).expect("an answer is UTF-8");
        let packets: Vec<_> = body
            .split('\x1e')
            .map(|packet| match packet.strip_prefix('b') {
                Some(data) => Received::Binary(STANDARD.decode(data).expect("base64")),
                None => packet.into(),
            })
            .collect();
        let limit = self.config.max_payload;
        assert!(body.len() <= limit || packets.len() == 1, "past the limit");
        self.received.extend(packets);
    }

    fn carry_out(&mut self) {
        for output in std::mem::take(&mut self.out) {
            assert_eq!(self.closed, None, "{output:?} after the end");
            match output {
                Output::Message(Message::Text(text)) => self.messages.push(text.as_str().into()),
                Output::Message(Message::Binary(data)) => {
                    self.messages.push(Received::Binary(data.to_vec()));
                }
                Output::AnswerGet(answer) => {
                    assert!(self.get_pending, "an answer to no GET");
                    self.get_pending = false;
                    self.take_packets(&answer);
                    self.answered = Some(answer);
                }
                Output::SendToProbe(frame) => {
                    assert!(self.probe_open, "no probe to write to");
                    let text = String::from_utf8(frame.packet().to_vec()).expect("UTF-8");
                    self.probe_received.push(text);
                }
                Output::CloseProbe => {
                    assert!(self.probe_open, "no probe to close");
                    self.probe_open = false;
                }
                Output::Upgraded => {
                    assert!(self.probe_open && !self.websocket && !self.get_pending);
                    self.probe_open = false;
                    self.websocket = true;
                }
                Output::CloseTransport => {
                    assert!(self.websocket && !self.transport_closed);
                    self.transport_closed = true;
                }
                Output::Closed(reason) => self.closed = Some(reason),
            }
        }
        if self.closed.is_some() {
            assert!(!self.get_pending, "the end left a GET without an answer");
            assert!(!self.probe_open, "the end left a probe open");
            assert!(self.session.is_closed() && self.session.next_deadline().is_none());
        } else {
            assert!(!self.session.is_closed() && self.session.next_deadline().is_some());
        }
    }
}

/// Reads one frame of a server: opcode, payload, and how long the frame was.
/// Written against RFC 6455 (5.2), not against [`Frame`].
pub(super) fn decode_frame(bytes: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    assert_eq!(first & 0xf0, 0x80, "FIN and nothing reserved");
    assert_eq!(second & 0x80, 0, "a server does not mask");
    let (length, rest) = match second {
        126 => {
            let (length, rest) = rest.split_first_chunk()?;
            let length = u16::from_be_bytes(*length);
            assert!(length > 125, "not the shortest header");
            (usize::from(length), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk()?;
            let length = u64::from_be_bytes(*length);
            assert!(length > 0xffff, "not the shortest header");
            (usize::try_from(length).expect("fits"), rest)
        }
        short => (usize::from(short), rest),
    };
    let payload = rest.get(..length)?;
    let header = bytes.len() - rest.len();
    Some((first & 0x0f, payload, header + length))
}

pub(super) fn packets(body: &'static str) -> Option<Answer> {
    Some(Answer::Packets(body.into()))
}

pub(super) fn refused(error: RequestError) -> Option<Answer> {
    Some(Answer::Error(error))
}

pub(super) fn as_received(frame: &Frame) -> Received {
    let packet = frame.packet().to_vec();
    match frame.kind() {
        FrameKind::Text => Received::Text(String::from_utf8(packet).expect("UTF-8")),
        FrameKind::Binary => Received::Binary(packet),
        FrameKind::Control => panic!("a control frame is not for clients"),
    }
}
