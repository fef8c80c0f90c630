//! The arguments of an event or an acknowledgement, as the client wrote them.

use std::{fmt, ops::Range};

use bytes::Bytes;
use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::engine::Text;

/// Arguments as raw JSON, in the buffer they arrived in, and the attachments that
/// placeholders among them stand for. Nothing is ever reserialised: a number too
/// long for a float comes out digit for digit.
#[derive(Clone, Default)]
pub struct Arguments {
    text: Text,
    values: SmallVec<[Range<usize>; 4]>,
    pub(super) attachments: Vec<Bytes>,
}

impl Arguments {
    /// Takes a JSON array apart; all of it is checked to be JSON.
    pub(super) fn parse(text: Text) -> serde_json::Result<Self> {
        let values: Vec<&RawValue> = serde_json::from_str(&text)?;
        let start = text.as_ptr() as usize;
        let values = values
            .into_iter()
            .map(|value| {
                let value = value.get();
                let offset = value.as_ptr() as usize - start;
                offset..offset + value.len()
            })
            .collect();
        Ok(Self {
            text,
            values,
            attachments: Vec::new(),
        })
    }

    /// Takes the first value off: the name of an event.
    pub(super) fn take_first(&mut self) -> Option<Text> {
        (!self.values.is_empty()).then(|| self.text.slice(self.values.remove(0)))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// One argument, as JSON.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&str> {
        self.values
            .get(index)
            .map(|value| &self.text[value.clone()])
    }

    /// The arguments in order, each as JSON.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.values.iter().map(|value| &self.text[value.clone()])
    }

    /// The attachments, in the order of their numbers. Empty for a plain packet.
    #[must_use]
    pub fn attachments(&self) -> &[Bytes] {
        &self.attachments
    }
}

/// Numbers only: arguments carry what users write.
impl fmt::Debug for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Arguments({} values, {} attachments)",
            self.values.len(),
            self.attachments.len()
        )
    }
}
