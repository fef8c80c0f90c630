//! One outgoing Engine.IO packet, in the form that goes on the wire.

use std::fmt;

use bytes::{Buf, Bytes};

/// Room for the longest header of a frame that is not masked (RFC 6455, 5.2).
const HEADER_ROOM: usize = 10;

/// What a [`Frame`] carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A text packet, its type digit included.
    Text,
    /// The data of a binary message.
    Binary,
    /// Bytes the WebSocket layer wrote for itself: a pong, a close.
    Control,
}

/// One outgoing packet as a complete WebSocket frame: FIN set, not masked, the
/// shortest header, and the payload behind it in the same buffer.
///
/// Server frames are not masked, so one frame serves every recipient: it is
/// made once and cloned by reference. Long-polling cuts the packet out of it.
#[derive(Clone)]
pub struct Frame {
    bytes: Bytes,
    header: u8,
    kind: FrameKind,
}

impl Frame {
    pub(super) const CLOSE: Self = Self::short(b"\x81\x011");
    pub(super) const PING: Self = Self::short(b"\x81\x012");
    pub(super) const NOOP: Self = Self::short(b"\x81\x016");
    pub(super) const PROBE_PONG: Self = Self::short(b"\x81\x063probe");

    /// A text frame written down as such, with a header of two bytes.
    const fn short(wire: &'static [u8]) -> Self {
        Self {
            bytes: Bytes::from_static(wire),
            header: 2,
            kind: FrameKind::Text,
        }
    }

    /// A text packet given whole, its type digit included.
    #[must_use]
    pub fn text(packet: impl AsRef<str>) -> Self {
        let packet = packet.as_ref();
        Self::compose(packet.len(), |text| text.push_str(packet))
    }

    /// A message packet: `4` and the text.
    #[must_use]
    pub fn message_text(text: &str) -> Self {
        Self::compose(1 + text.len(), |packet| {
            packet.push('4');
            packet.push_str(text);
        })
    }

    /// A binary message.
    #[must_use]
    pub fn binary(data: &[u8]) -> Self {
        let mut buffer = Vec::with_capacity(HEADER_ROOM + data.len());
        buffer.resize(HEADER_ROOM, 0);
        buffer.extend_from_slice(data);
        Self::seal(FrameKind::Binary, buffer)
    }

    /// A text packet that `write` appends to the string it is given, which saves
    /// the copy out of one made elsewhere. `capacity` is a guess at its length.
    #[must_use]
    pub fn compose(capacity: usize, write: impl FnOnce(&mut String)) -> Self {
        let mut packet = String::with_capacity(HEADER_ROOM + capacity);
        write(&mut packet);
        // The header's length follows from the payload's, so the room for it
        // opens up here: what is written stays within what was allocated.
        packet.insert_str(0, "\0\0\0\0\0\0\0\0\0\0");
        Self::seal(FrameKind::Text, packet.into_bytes())
    }

    /// Bytes that the WebSocket layer has framed itself. They go out on a
    /// WebSocket and are dropped by long-polling.
    #[must_use]
    pub fn control(bytes: Bytes) -> Self {
        Self {
            bytes,
            header: 0,
            kind: FrameKind::Control,
        }
    }

    /// Writes the header into the end of the room in front of the payload.
    fn seal(kind: FrameKind, mut buffer: Vec<u8>) -> Self {
        let opcode = match kind {
            FrameKind::Binary => 0x2,
            FrameKind::Text | FrameKind::Control => 0x1,
        };
        let length = buffer.len() - HEADER_ROOM;
        let (marker, extended) = match length {
            0..=125 => (length as u8, 0),
            126..=0xffff => (126, 2),
            _ => (127, 8),
        };
        let header = 2 + extended;
        let start = HEADER_ROOM - header;
        buffer[start] = 0x80 | opcode;
        buffer[start + 1] = marker;
        let length = (length as u64).to_be_bytes();
        buffer[start + 2..HEADER_ROOM].copy_from_slice(&length[8 - extended..]);
        let mut bytes = Bytes::from(buffer);
        bytes.advance(start);
        Self {
            bytes,
            header: header as u8,
            kind,
        }
    }

    /// The whole frame, as a WebSocket carries it.
    #[must_use]
    pub fn wire(&self) -> &[u8] {
        &self.bytes
    }

    /// The packet alone: its text with the type digit, or the binary data.
    #[must_use]
    pub fn packet(&self) -> &[u8] {
        &self.bytes[usize::from(self.header)..]
    }

    /// What the frame carries.
    #[must_use]
    pub fn kind(&self) -> FrameKind {
        self.kind
    }

    /// The length on the wire, header included.
    #[expect(clippy::len_without_is_empty, reason = "a frame has a header")]
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({:?}, {} bytes)", self.kind, self.len())
    }
}
