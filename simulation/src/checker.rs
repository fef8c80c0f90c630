//! The promises, checked against what is true: what one session is sent, event by event.
//!
//! A session is a chain of recovered connections. It gets every sequenced event of its conversations
//! exactly once and in order, from the one that added its user to the one that removed them, and
//! cursors that never go back.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use callboard_shared::id::{ConversationId, Seq, UserId};
use serde_json::Value;

use crate::store::{Database, Interval};

/// What was found wrong. Cheap to clone.
#[derive(Clone, Default)]
pub struct Verdict(Rc<RefCell<Vec<String>>>);

impl Verdict {
    /// A promise was broken.
    pub fn broken(&self, how: String) {
        self.0.borrow_mut().push(how);
    }

    /// The first promise that was broken.
    #[must_use]
    pub fn first(&self) -> Option<String> {
        self.0.borrow().first().cloned()
    }
}

/// What a session has been sent.
#[derive(Default)]
pub struct Session {
    conversations: BTreeMap<ConversationId, Sent>,
    cursor: Option<Vec<u64>>,
    epochs: Option<String>,
}

/// What a session has been sent of one conversation.
#[derive(Clone, Copy)]
enum Sent {
    /// Everything up to this event, since the first.
    UpTo(Seq),
    /// That it is gone; everything up to this event lies before.
    Gone(Seq),
}

/// Something sequenced that a session is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item {
    /// The event of this number.
    Event(Seq),
    /// `conversation-deleted`.
    Gone,
}

/// Reads what an event is, and of which conversation.
#[must_use]
pub fn item(name: &str, data: &Value) -> Option<(ConversationId, Item)> {
    let conversation = data["conversationId"].as_str()?.parse().ok()?;
    match name {
        "new-message" | "conversation-updated" => {
            Some((conversation, Item::Event(Seq::new(data["seq"].as_u64()?))))
        }
        "conversation-deleted" => Some((conversation, Item::Gone)),
        _ => None,
    }
}

impl Session {
    /// The session is sent something sequenced.
    ///
    /// # Errors
    ///
    /// Which promise that breaks.
    pub fn sent(
        &mut self,
        database: &Database,
        user: &UserId,
        conversation: ConversationId,
        item: Item,
    ) -> Result<(), String> {
        let stays = database.look(|tables| tables.intervals(user, conversation));
        let before = self.conversations.get(&conversation).copied();
        let now = match item {
            Item::Event(seq) => Sent::UpTo(Self::event(&stays, before, seq)?),
            Item::Gone => Sent::Gone(Self::gone(&stays, before)?),
        };
        self.conversations.insert(conversation, now);
        Ok(())
    }

    fn event(stays: &[Interval], before: Option<Sent>, seq: Seq) -> Result<Seq, String> {
        let stay = stays
            .iter()
            .find(|stay| seq >= stay.joined && stay.left.is_none_or(|left| seq <= left))
            .ok_or_else(|| format!("event {seq} is outside of every stay {stays:?}"))?;
        if stay.left == Some(seq) {
            return Err(format!(
                "event {seq} removes the user, who is told more than that"
            ));
        }
        match before {
            Some(Sent::UpTo(last) | Sent::Gone(last)) if seq <= last => {
                Err(format!("event {seq} comes after {last}"))
            }
            Some(Sent::UpTo(last)) if seq != last.next() => {
                Err(format!("event {seq} comes after {last}: a gap"))
            }
            Some(Sent::Gone(last)) if seq != stay.joined => Err(format!(
                "event {seq} is the first after the end at {last}, not the one that added the user ({})",
                stay.joined
            )),
            _ => Ok(seq),
        }
    }

    fn gone(stays: &[Interval], before: Option<Sent>) -> Result<Seq, String> {
        let ends = stays
            .iter()
            .filter_map(|stay| stay.left.map(|left| (stay.joined, left)));
        match before {
            None => ends
                .map(|(_, left)| left)
                .min()
                .ok_or_else(|| "it is said to be gone, and the user never left".to_owned()),
            Some(Sent::UpTo(last)) => ends
                .filter(|(joined, left)| *joined <= last && last < *left)
                .map(|(_, left)| left)
                .find(|left| *left == last.next())
                .ok_or_else(|| format!("it is said to be gone after {last}, in {stays:?}")),
            Some(Sent::Gone(last)) => Err(format!("it is said to be gone again, after {last}")),
        }
    }

    /// The session is told how far somebody has got in a conversation.
    ///
    /// # Errors
    ///
    /// If it was told before that the conversation is gone.
    pub fn receipt(&self, conversation: ConversationId) -> Result<(), String> {
        match self.conversations.get(&conversation) {
            Some(Sent::Gone(last)) => Err(format!("a receipt comes after the end at {last}")),
            _ => Ok(()),
        }
    }

    /// The session is given a cursor.
    ///
    /// # Errors
    ///
    /// If it lies before the last one.
    pub fn cursor(&mut self, cursor: &str) -> Result<(), String> {
        let mut parts = cursor.split('.');
        let epochs = parts.next().unwrap_or_default().to_owned();
        let offsets: Option<Vec<u64>> = parts.nth(1).and_then(|offsets| {
            let offsets = offsets.split('-');
            offsets
                .map(|offset| u64::from_str_radix(offset, 16).ok())
                .collect()
        });
        let offsets = offsets.ok_or_else(|| format!("{cursor} is no cursor"))?;
        if self.epochs.as_ref().is_some_and(|before| *before != epochs) {
            return Err(format!("the cursor {cursor} is of another epoch"));
        }
        if let Some(before) = &self.cursor
            && before
                .iter()
                .zip(&offsets)
                .any(|(before, now)| now < before)
        {
            return Err(format!(
                "the cursor went back from {before:x?} to {offsets:x?}"
            ));
        }
        (self.epochs, self.cursor) = (Some(epochs), Some(offsets));
        Ok(())
    }

    /// How far the session has got in a conversation, if it was sent anything of it.
    #[must_use]
    pub fn reached(&self, conversation: ConversationId) -> Option<Seq> {
        match self.conversations.get(&conversation)? {
            Sent::UpTo(seq) => Some(*seq),
            Sent::Gone(_) => None,
        }
    }
}
