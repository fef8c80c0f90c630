//! The tables as the checker sees them: what is true, whoever asks.

use callboard_api::store::EventBody;
use callboard_shared::id::{ConversationId, MessageId, Seq, UserId};

use super::tables::{Stay, Tables};

/// One user's time in a conversation: the first event that is theirs, and the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The event that added them.
    pub joined: Seq,
    /// The event that removed them.
    pub left: Option<Seq>,
}

/// How far somebody has got in a conversation that they take part in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Who.
    pub user: UserId,
    /// Up to where they have read, if they have.
    pub read: Option<Seq>,
    /// Up to where it was delivered to them, if it was.
    pub delivered: Option<Seq>,
}

impl Tables {
    /// A user's stays in a conversation, in order.
    #[must_use]
    pub fn intervals(&self, user: &UserId, id: ConversationId) -> Vec<Interval> {
        let stays = self
            .conversations
            .get(&id)
            .map_or(&[][..], |room| &room.stays);
        let theirs = stays.iter().filter(|stay| stay.user == *user);
        theirs
            .map(|stay| Interval {
                joined: stay.joined_seq,
                left: stay.left.map(|(seq, _)| seq),
            })
            .collect()
    }

    /// The conversations that a user takes part in, and their last events.
    #[must_use]
    pub fn current(&self, user: &UserId) -> Vec<(ConversationId, Seq)> {
        let rooms = self.conversations.values();
        rooms
            .filter(|room| room.stay(user).is_some())
            .map(|room| (room.id, room.last_seq))
            .collect()
    }

    /// All conversations that exist, with those who take part.
    #[must_use]
    pub fn rooms(&self) -> Vec<(ConversationId, Vec<UserId>)> {
        let rooms = self.conversations.values();
        rooms
            .map(|room| {
                (
                    room.id,
                    room.current().map(|stay| stay.user.clone()).collect(),
                )
            })
            .collect()
    }

    /// The message of an event, if it is one.
    #[must_use]
    pub fn message_at(&self, id: ConversationId, seq: Seq) -> Option<MessageId> {
        match &self.conversations.get(&id)?.events.get(&seq)?.body {
            EventBody::Message(message) => Some(message.id),
            EventBody::Updated { .. } | EventBody::Deleted { .. } => None,
        }
    }

    /// Whether there is an event of this number.
    #[must_use]
    pub fn has_event(&self, id: ConversationId, seq: Seq) -> bool {
        let room = self.conversations.get(&id);
        room.is_some_and(|room| room.events.contains_key(&seq))
    }

    /// How often somebody's message with this mark is there.
    #[must_use]
    pub fn count_marked(&self, id: ConversationId, sender: &UserId, mark: &str) -> usize {
        let Some(room) = self.conversations.get(&id) else {
            return 0;
        };
        let marked = room.messages().filter(|message| {
            message.sender_id == *sender && message.client_message_id.as_deref() == Some(mark)
        });
        marked.count()
    }

    /// How far the participants of a conversation have got.
    #[must_use]
    pub fn progress(&self, id: ConversationId) -> Vec<Progress> {
        let stays = self.conversations.get(&id);
        let current = stays.into_iter().flat_map(super::tables::Room::current);
        let moved = |stay: &Stay, seq: Seq| (seq >= stay.joined_seq).then_some(seq);
        current
            .map(|stay| Progress {
                user: stay.user.clone(),
                read: moved(stay, stay.read),
                delivered: moved(stay, stay.delivered),
            })
            .collect()
    }
}
