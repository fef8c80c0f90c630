//! What a session has still to send.

use std::{collections::VecDeque, io::IoSlice};

use bytes::Bytes;

use super::{
    Frame,
    packet::{append_polled, polled_len},
};

/// The most packets in one polling answer: some clients (python-engineio) take more for an attack.
const MAX_POLLED: usize = 16;

/// Frames on their way out, for whichever transport comes to fetch them.
///
/// The first frame lies in the struct: nearly always there is none or one, and
/// then a connection owns no heap for its queue, neither idle nor sending.
#[derive(Default)]
pub(super) struct Queue {
    first: Option<Frame>,
    rest: VecDeque<Frame>,
    /// Bytes of all frames on the wire, less those already written.
    bytes: usize,
    /// How much of the first frame the WebSocket has taken.
    written: usize,
}

impl Queue {
    pub(super) fn push(&mut self, frame: Frame) {
        self.bytes += frame.len();
        if self.first.is_none() {
            self.first = Some(frame);
        } else {
            self.rest.push_back(frame);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    fn pop(&mut self) -> Option<Frame> {
        let frame = self.first.take()?;
        self.bytes -= frame.len() - std::mem::take(&mut self.written);
        self.first = self.rest.pop_front();
        if self.first.is_none() {
            self.rest = VecDeque::new();
        }
        Some(frame)
    }

    /// Fills `slices` with what is to be written next; says how many it filled.
    pub(super) fn io_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        let mut written = self.written;
        for (slice, frame) in slices.iter_mut().zip(self.first.iter().chain(&self.rest)) {
            *slice = IoSlice::new(&frame.wire()[std::mem::take(&mut written)..]);
            filled += 1;
        }
        filled
    }

    /// Takes out `count` bytes that the transport has written.
    pub(super) fn advance(&mut self, mut count: usize) {
        while let Some(first) = &self.first {
            let left = first.len() - self.written;
            if count < left {
                self.written += count;
                self.bytes -= count;
                return;
            }
            count -= left;
            self.pop();
        }
    }

    /// Takes out the packets of one polling answer: as many as fit in `limit`
    /// bytes, and always one. `None` when there is nothing to send.
    pub(super) fn take_payload(&mut self, limit: usize) -> Option<Bytes> {
        let (mut body, mut packets) = (Vec::new(), 0);
        while let Some(first) = &self.first {
            let full = packets == MAX_POLLED || body.len() + 1 + polled_len(first) > limit;
            if packets > 0 && full {
                break;
            }
            append_polled(&mut body, first);
            self.pop();
            packets += 1;
        }
        (!body.is_empty()).then(|| body.into())
    }
}
