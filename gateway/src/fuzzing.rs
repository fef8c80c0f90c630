//! What the fuzzers do with their input: every byte sequence must be decoded or refused, and a
//! session driven by one must keep its word. Compiled for `fuzz/` and the tests alone.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::{
    engine::{
        self, Answer, CloseReason, Frame, Message, Output, Packet, Session, Text, Transport,
        decode_payload,
    },
    socketio::{self, Connection, Incoming, encode},
};

/// Decodes a polling body and a WebSocket text frame.
pub fn engine_packets(data: &[u8]) {
    let data = Bytes::copy_from_slice(data);
    for packet in decode_payload(data.clone()) {
        if packet.is_err() {
            break;
        }
    }
    if let Ok(text) = Text::try_from(data) {
        let _ = Packet::decode(&text);
    }
}

/// Decodes a Socket.IO packet.
pub fn socketio_packets(data: &[u8]) {
    if let Ok(text) = Text::try_from(Bytes::copy_from_slice(data)) {
        let _ = socketio::Packet::decode(&text);
    }
}

/// Drives a session on either transport, with Socket.IO on top, by the commands in `data`: a byte
/// says what happens, for some followed by a length and that many bytes.
///
/// # Panics
///
/// If the session does not keep its word.
pub fn session(data: &[u8]) {
    let Some((first, script)) = data.split_first() else {
        return;
    };
    let transport = if first & 1 == 0 {
        Transport::Polling
    } else {
        Transport::WebSocket
    };
    let mut run = Run::new(transport);
    let mut script = Script(script);
    while let Some(command) = script.byte() {
        run.step(command, &mut script);
    }
    run.finish();
}

struct Script<'a>(&'a [u8]);

impl Script<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn bytes(&mut self) -> Bytes {
        let length = usize::from(self.byte().unwrap_or(0)).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        Bytes::copy_from_slice(bytes)
    }
}

struct Run {
    session: Session,
    connection: Connection,
    now: Instant,
    outputs: Vec<Output>,
    get_pending: bool,
    closed: usize,
}

impl Run {
    fn new(transport: Transport) -> Self {
        let config = socketio::Config {
            namespaces: &["/", "/custom"],
            connect_timeout: Duration::from_secs(10),
            max_attachment_bytes: 1_000,
        };
        let now = tokio::time::Instant::now().into_std();
        Self {
            session: Session::open("sid", transport, now, &Arc::new(engine::Config::default())),
            connection: Connection::new(now, &Arc::new(config)),
            now,
            outputs: Vec::new(),
            get_pending: false,
            closed: 0,
        }
    }

    fn step(&mut self, command: u8, script: &mut Script<'_>) {
        let (now, out) = (self.now, &mut self.outputs);
        match command % 17 {
            0 => {
                let pending = self.session.get(out).is_none();
                assert!(!(pending && self.get_pending), "two GETs are pending");
                self.get_pending |= pending;
            }
            1 => drop(self.session.post(script.bytes(), now, out)),
            2 => {
                if let Ok(text) = Text::try_from(script.bytes()) {
                    self.session.frame_text(text, now, out);
                }
            }
            3 => self.session.frame_binary(script.bytes(), now, out),
            4 => drop(self.session.probe_opened(now)),
            5 => {
                if let Ok(text) = Text::try_from(script.bytes()) {
                    self.session.probe_text(&text, out);
                }
            }
            6 => self.session.probe_text("2probe", out),
            7 => self.session.probe_text("5", out),
            8 => self.session.probe_closed(),
            9 => self.session.send(Frame::message_text("2[\"event\"]"), out),
            10 => self.session.send(Frame::binary(&script.bytes()), out),
            11 => {
                let taken = self
                    .session
                    .queued_bytes()
                    .min(usize::from(script.byte().unwrap_or(0)));
                if self.session.transport() == Some(Transport::WebSocket) {
                    self.session.advance(taken);
                }
            }
            12 => {
                self.now += Duration::from_millis(u64::from(script.byte().unwrap_or(0)) * 500);
                self.session.tick(self.now, out);
            }
            13 => {
                // Nobody waits for an answer any more.
                self.get_pending = false;
                self.session.get_aborted(out);
            }
            14 => self.session.give_get_back(out),
            15 => self
                .session
                .close(CloseReason::Application("test"), now, out),
            _ => self
                .session
                .transport_closed(CloseReason::TransportClose, out),
        }
        self.settle();
    }

    /// Carries out what the session asks for, and lets Socket.IO have its messages.
    fn settle(&mut self) {
        while !self.outputs.is_empty() {
            for output in std::mem::take(&mut self.outputs) {
                match output {
                    Output::Message(message) => self.message(message),
                    Output::AnswerGet(answer) => {
                        assert!(std::mem::take(&mut self.get_pending), "an answer to no GET");
                        assert!(!matches!(answer, Answer::Ok), "the answer of a POST");
                    }
                    Output::Closed(_) => self.closed += 1,
                    Output::SendToProbe(_)
                    | Output::CloseProbe
                    | Output::Upgraded
                    | Output::CloseTransport => {}
                }
            }
        }
        assert_eq!(
            self.closed,
            usize::from(self.session.is_closed()),
            "closed exactly once"
        );
        assert_eq!(
            self.session.is_closed(),
            self.session.next_deadline().is_none()
        );
    }

    fn message(&mut self, message: Message) {
        match self.connection.receive(message, self.now) {
            Ok(Some(Incoming::Connect { namespace, .. })) => {
                if self.connection.accept(namespace) {
                    self.session.queue(encode::connect(namespace, "sid", None));
                }
            }
            Ok(Some(Incoming::UnknownNamespace { answer })) => self.session.queue(answer),
            Ok(_) => {}
            Err(error) => {
                let reason = CloseReason::Application(error.label());
                self.session.close(reason, self.now, &mut self.outputs);
            }
        }
    }

    /// Whatever has happened, time ends it.
    fn finish(mut self) {
        self.settle();
        while let Some(deadline) = self.session.next_deadline() {
            assert!(deadline >= self.now || !self.session.is_closed());
            self.now = deadline.max(self.now);
            self.session.tick(self.now, &mut self.outputs);
            self.settle();
        }
        assert!(self.session.is_closed() && !self.get_pending);
    }
}
