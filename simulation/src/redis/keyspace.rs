//! The keys of one Redis process: values, when they expire, and a journal of what was written, out
//! of which replicas and restarts are made.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// A name or a value: any bytes.
pub(super) type Text = Vec<u8>;

/// An entry's number in a stream.
pub(super) type StreamId = (u64, u64);

/// What a key holds.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(Text),
    Hash(BTreeMap<Text, Text>),
    Stream(Stream),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Stream {
    pub(super) entries: VecDeque<(StreamId, Vec<Text>)>,
    pub(super) last: StreamId,
}

/// A value, and when it expires (ms since 1970).
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) value: Arc<Value>,
    pub(super) expires: Option<u64>,
}

/// One write: what a key held after it.
#[derive(Debug, Clone)]
struct Write {
    at: u64,
    key: Text,
    slot: Option<Slot>,
}

/// All keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Keyspace {
    slots: BTreeMap<Text, Slot>,
    journal: Vec<Write>,
}

impl Keyspace {
    /// What a key holds; expired keys are gone.
    pub(super) fn get(&self, key: &[u8], now: u64) -> Option<&Slot> {
        let slot = self.slots.get(key)?;
        slot.expires.is_none_or(|at| at > now).then_some(slot)
    }

    pub(super) fn set(&mut self, key: &[u8], slot: Option<Slot>, now: u64) {
        self.journal.push(Write {
            at: now,
            key: key.to_vec(),
            slot: slot.clone(),
        });
        self.apply(key, slot);
    }

    fn apply(&mut self, key: &[u8], slot: Option<Slot>) {
        match slot {
            Some(slot) => drop(self.slots.insert(key.to_vec(), slot)),
            None => drop(self.slots.remove(key)),
        }
    }

    /// What was there at a time, as a copy that has lost everything since.
    pub(super) fn as_of(&self, time: u64) -> Self {
        let mut copy = Self::default();
        for write in self.journal.iter().take_while(|write| write.at <= time) {
            copy.apply(&write.key, write.slot.clone());
            copy.journal.push(write.clone());
        }
        copy
    }

    /// Takes the keys out that begin like this.
    pub(super) fn take(&mut self, prefix: &[u8], now: u64) -> Vec<(Text, Slot)> {
        let keys: BTreeSet<Text> = self
            .slots
            .keys()
            .filter(|key| key.starts_with(prefix))
            .cloned()
            .collect();
        let mut taken = Vec::new();
        for key in keys {
            if let Some(slot) = self.slots.get(&key).cloned() {
                taken.push((key.clone(), slot));
                self.set(&key, None, now);
            }
        }
        taken
    }
}
