//! Engine.IO session ids: unguessable, and they name the connection's owner.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use slotmap::{Key, KeyData};

use super::Slot;

const LENGTH: usize = 22;

/// `<worker><slot><96 random bits>` in URL-safe base64: looking a session up needs no table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sid([u8; LENGTH]);

impl Sid {
    pub(super) fn new(worker: u16, slot: Slot) -> Self {
        let mut bytes = [0; LENGTH];
        bytes[..2].copy_from_slice(&worker.to_be_bytes());
        bytes[2..10].copy_from_slice(&slot.data().as_ffi().to_be_bytes());
        rand::fill(&mut bytes[10..]);
        Self(bytes)
    }

    /// Reads one back; `None` if it cannot be one of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        BASE64_URL_SAFE_NO_PAD
            .decode(text)
            .ok()?
            .try_into()
            .ok()
            .map(Self)
    }

    /// The worker that owns the connection.
    pub(crate) fn worker(&self) -> u16 {
        u16::from_be_bytes([self.0[0], self.0[1]])
    }

    /// The connection, if the id is genuine.
    pub(super) fn slot(&self) -> Slot {
        let mut ffi = [0; 8];
        ffi.copy_from_slice(&self.0[2..10]);
        KeyData::from_ffi(u64::from_be_bytes(ffi)).into()
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}
