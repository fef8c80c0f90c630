//! A piece of text that shares the buffer it arrived in.
//!
//! Packets are cut out of frames and bodies, events out of packets; none of
//! these cuts copies, and UTF-8 is checked once, at the edge.

use std::{fmt, ops::Deref, ops::Range, str::Utf8Error};

use bytes::Bytes;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Text that is cheap to clone and to slice: a range of a shared buffer.
///
/// It keeps the whole buffer alive, so whoever wants to keep a piece for long
/// copies it. `Debug` shows the length alone: texts carry what users write.
#[derive(Clone, Default)]
pub struct Text {
    buffer: Utf8Bytes,
    range: Range<usize>,
}

impl Text {
    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.buffer.as_str()[self.range.clone()]
    }

    /// The part in `range`, in the same buffer.
    ///
    /// # Panics
    ///
    /// Like slicing a `str`: when `range` is out of bounds or cuts a character.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let _checked = &self.as_str()[range.clone()];
        let start = self.range.start;
        Self {
            buffer: self.buffer.clone(),
            range: start + range.start..start + range.end,
        }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<Utf8Bytes> for Text {
    fn from(buffer: Utf8Bytes) -> Self {
        let range = 0..buffer.len();
        Self { buffer, range }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Utf8Bytes::from(text).into()
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Utf8Bytes::from(text).into()
    }
}

impl TryFrom<Bytes> for Text {
    type Error = Utf8Error;

    fn try_from(bytes: Bytes) -> Result<Self, Utf8Error> {
        Utf8Bytes::try_from(bytes).map(Self::from)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.len())
    }
}
