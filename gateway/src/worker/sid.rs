//! Engine.IO session ids: unguessable, and they name the connection's owner.

use std::fmt;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use callboard_shared::{id::GatewayId, random::random};
use slotmap::{Key, KeyData};

use super::Slot;

/// `<gateway><worker><slot><96 random bits>` in URL-safe base64: looking a session up needs no
/// table, on whichever gateway it is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sid {
    gateway: GatewayId,
    worker: u16,
    slot: Slot,
    random: [u8; RANDOM],
}

const RANDOM: usize = 12;

impl Sid {
    pub(super) fn new(gateway: GatewayId, worker: u16, slot: Slot) -> Self {
        Self {
            gateway,
            worker,
            slot,
            random: random(),
        }
    }

    /// Reads one back; `None` if it cannot be one of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let (gateway, rest) = bytes.split_first_chunk()?;
        let (worker, rest) = rest.split_first_chunk()?;
        let (slot, rest) = rest.split_first_chunk()?;
        Some(Self {
            gateway: GatewayId::from_bytes(*gateway),
            worker: u16::from_be_bytes(*worker),
            slot: KeyData::from_ffi(u64::from_be_bytes(*slot)).into(),
            random: rest.try_into().ok()?,
        })
    }

    /// The gateway whose connection it is.
    pub(crate) fn gateway(&self) -> GatewayId {
        self.gateway
    }

    /// The worker that owns the connection.
    pub(crate) fn worker(&self) -> u16 {
        self.worker
    }

    /// The connection, if the id is genuine.
    pub(super) fn slot(&self) -> Slot {
        self.slot
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Vec::with_capacity(GatewayId::LENGTH + 2 + 8 + RANDOM);
        bytes.extend(self.gateway.as_bytes());
        bytes.extend(self.worker.to_be_bytes());
        bytes.extend(self.slot.data().as_ffi().to_be_bytes());
        bytes.extend(self.random);
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use slotmap::SlotMap;

    use super::*;

    #[test]
    fn a_sid_is_read_back_and_nothing_else_is() {
        let mut slots = SlotMap::<Slot, ()>::with_key();
        let sid = Sid::new(GatewayId::random(), 3, slots.insert(()));
        let text = sid.to_string();
        assert!(Sid::parse(&text) == Some(sid));
        for nonsense in [
            "",
            "x",
            "AAAA",
            &text[1..],
            &format!("{text}A"),
            &format!("{text}="),
        ] {
            assert!(Sid::parse(nonsense).is_none(), "{nonsense}");
        }
    }
}
