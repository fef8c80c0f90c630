//! One WebSocket of a worker: a non-blocking `TcpStream` under tungstenite's protocol state.
//!
//! Reading goes through tungstenite. Writing does not: frames are ready-made, so the worker writes
//! its queue straight to the stream, and what tungstenite has to say for itself (pongs, close
//! frames) is handed over to join that queue.

use std::{
    io::{self, IoSlice, Read, Write},
    mem,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{
    Error, Message, WebSocket,
    protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
};

use crate::engine::{CloseReason, Frame, Session};

/// tungstenite keeps a buffer of this size per connection and fills it with zeros at every read: at
/// 1 KiB a connection costs about what its bare `TcpStream` does, at the default of 128 KiB sixty
/// times that.
const READ_BUFFER: usize = 1_024;

/// How many bytes of a socket are read before the others get their turn: tungstenite goes on for as
/// long as there is something, and fragments without content never come to an end.
const READ_BUDGET: usize = 8 * 1_024;

/// How many frames one write carries at the most.
const WRITE_SLICES: usize = 64;

/// A WebSocket on its worker.
pub(super) struct Socket {
    stream: WebSocket<Wire>,
    /// Wakes the task that watches this socket.
    waker: Option<Waker>,
    /// The kernel took no more; the task waits until it does.
    blocked: bool,
}

/// What came off a socket.
pub(super) enum Received {
    Text(tokio_tungstenite::tungstenite::Utf8Bytes),
    Binary(Bytes),
    /// A ping, a pong, part of a message: nothing for the session.
    Nothing,
}

struct Wire {
    stream: TcpStream,
    /// What tungstenite has written, until it joins the session's queue.
    control: Vec<u8>,
    /// What may still be read in this turn.
    budget: usize,
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.budget == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let read = self.stream.try_read(buffer)?;
        self.budget = self.budget.saturating_sub(read);
        Ok(read)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.control.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Socket {
    /// A socket whose HTTP handshake is done; `read` is what came behind the handshake.
    pub(super) fn new(stream: TcpStream, read: Vec<u8>, max_payload: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(READ_BUFFER)
            .max_message_size(Some(max_payload))
            .max_frame_size(Some(max_payload));
        let wire = Wire {
            stream,
            control: Vec::new(),
            budget: 0,
        };
        let stream = if read.is_empty() {
            WebSocket::from_raw_socket(wire, Role::Server, Some(config))
        } else {
            WebSocket::from_partially_read(wire, read, Role::Server, Some(config))
        };
        Self {
            stream,
            waker: None,
            blocked: false,
        }
    }

    /// Reads one message. While nothing is there, the task of `cx` is registered to be woken.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Received, CloseReason>> {
        loop {
            match self.stream.read() {
                Ok(Message::Text(text)) => return Poll::Ready(Ok(Received::Text(text))),
                Ok(Message::Binary(data)) => return Poll::Ready(Ok(Received::Binary(data))),
                Ok(_) => return Poll::Ready(Ok(Received::Nothing)),
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(reason(&error))),
            }
            if self.stream.get_ref().budget == 0 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match self.tcp().poll_read_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Err(CloseReason::TransportError)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// What tungstenite wants to be sent, as a frame for the queue.
    pub(super) fn take_control(&mut self) -> Option<Frame> {
        let control = mem::take(&mut self.stream.get_mut().control);
        (!control.is_empty()).then(|| Frame::control(control.into()))
    }

    /// Writes what the session has queued, as far as the kernel takes it, in as few writes as can
    /// be. `true` once nothing is left.
    pub(super) fn write(&mut self, session: &mut Session) -> io::Result<bool> {
        while !self.blocked && session.queued_bytes() > 0 {
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
            let filled = session.io_slices(&mut slices);
            match self.tcp().try_write_vectored(&slices[..filled]) {
                Ok(written) => session.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked = true;
                    self.wake();
                }
                Err(error) => return Err(error),
            }
        }
        Ok(session.queued_bytes() == 0)
    }

    /// Whether the kernel takes more again. While it does not, the task of `cx` is registered to
    /// be woken.
    pub(super) fn poll_unblocked(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.blocked {
            // An error shows in the next write.
            std::task::ready!(self.tcp().poll_write_ready(cx)).ok();
            self.blocked = false;
        }
        Poll::Ready(())
    }

    /// A turn begins: the task of `cx` watches this socket, and may read a while.
    pub(super) fn begin_turn(&mut self, cx: &Context<'_>) {
        self.stream.get_mut().budget = READ_BUDGET;
        match &mut self.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            None => self.waker = Some(cx.waker().clone()),
        }
    }

    /// Wakes the task that watches this socket.
    pub(super) fn wake(&mut self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// Writes a lone frame of a socket that has no session's queue (yet).
    pub(super) fn write_now(&mut self, frame: &Frame) -> io::Result<()> {
        // A probe's one answer on an idle connection: the kernel takes it or something is wrong.
        match self.tcp().try_write(frame.wire())? {
            written if written == frame.wire().len() => Ok(()),
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    /// Writes what is left of the session's queue and a close frame, then waits for the peer to
    /// close as well: closing with unread data in the buffer would reset the connection and take
    /// what the peer has not read yet with it. The caller bounds the time.
    pub(super) async fn close(mut self, mut session: Option<Session>, reason: Option<CloseReason>) {
        let frame = CloseFrame {
            code: close_code(reason),
            reason: reason.map_or("", CloseReason::label).into(),
        };
        // Fails only if a close frame has been sent already.
        let _ = self.stream.close(Some(frame));
        let control = mem::take(&mut self.stream.get_mut().control);
        let tcp = &mut self.stream.get_mut().stream;
        while let Some(session) = session
            .as_mut()
            .filter(|session| session.queued_bytes() > 0)
        {
            let mut slices = [IoSlice::new(&[]); WRITE_SLICES];
            let filled = session.io_slices(&mut slices);
            match tokio::io::AsyncWriteExt::write_vectored(tcp, &slices[..filled]).await {
                Ok(written) if written > 0 => session.advance(written),
                _ => return,
            }
        }
        if tokio::io::AsyncWriteExt::write_all(tcp, &control)
            .await
            .is_err()
            || tokio::io::AsyncWriteExt::shutdown(tcp).await.is_err()
        {
            return;
        }
        let mut rest = [0; 1_024];
        while let Ok(1..) = tokio::io::AsyncReadExt::read(tcp, &mut rest).await {}
    }

    fn tcp(&self) -> &TcpStream {
        &self.stream.get_ref().stream
    }
}

/// Why a read failed, as the end of a session.
fn reason(error: &Error) -> CloseReason {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => CloseReason::TransportClose,
        Error::Protocol(
            tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        ) => CloseReason::TransportClose,
        Error::Io(_) => CloseReason::TransportError,
        Error::Capacity(_) => CloseReason::PayloadTooLarge,
        _ => CloseReason::ParseError,
    }
}

/// The WebSocket close code for an end (RFC 6455, section 7.4.1).
fn close_code(reason: Option<CloseReason>) -> CloseCode {
    match reason {
        Some(CloseReason::PayloadTooLarge) => CloseCode::Size,
        Some(CloseReason::ParseError) => CloseCode::Protocol,
        Some(CloseReason::Application(super::DRAIN)) => CloseCode::Away,
        _ => CloseCode::Normal,
    }
}
