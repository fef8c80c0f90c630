//! The tables as they are read.

use std::collections::HashMap;

use callboard_api::store::{
    Backlog, ListKey, Listed, Membership, Missed, ParticipantKey, Range, SyncRequest,
};
use callboard_shared::{
    clock::Timestamp,
    id::{ConversationId, Seq, UserId},
    wire::{Conversation, Message, Participant},
};

use super::tables::{Room, Stay, Tables};

/// How many participants a conversation shows.
const SHOWN: usize = 100;

/// For whom a conversation is read.
#[derive(Clone, Copy)]
pub(super) enum For<'a> {
    /// One of its participants.
    Reader(&'a UserId),
    /// Everybody, as in events.
    Everybody,
}

pub(super) fn conversation(
    names: &HashMap<UserId, Option<String>>,
    room: &Room,
    whom: For<'_>,
) -> Conversation {
    let reader = match whom {
        For::Reader(user) => room.stay(user),
        For::Everybody => None,
    };
    let own = matches!(whom, For::Reader(_));
    let participants: Vec<_> = in_order(room)
        .into_iter()
        .take(SHOWN)
        .map(|stay| participant(names, stay, own))
        .collect();
    Conversation {
        id: room.id,
        kind: room.kind,
        title: room.title.clone(),
        created_by: room.created_by.clone(),
        created_at: room.created_at,
        updated_at: room.updated_at,
        last_seq: room.last_seq,
        participant_count: u32::try_from(room.current().count()).unwrap_or(u32::MAX),
        participants,
        last_message: own.then(|| room.messages().next_back().cloned()),
        unread_count: reader.map(|stay| room.unread(stay)),
    }
}

fn in_order(room: &Room) -> Vec<&Stay> {
    let mut stays: Vec<_> = room.current().collect();
    stays.sort_by_key(|stay| (stay.joined_seq, stay.nth));
    stays
}

fn participant(names: &HashMap<UserId, Option<String>>, stay: &Stay, own: bool) -> Participant {
    Participant {
        user_id: stay.user.clone(),
        name: names.get(&stay.user).cloned().flatten(),
        joined_at: stay.joined_at,
        read_seq: own.then_some(stay.read),
        delivered_seq: own.then_some(stay.delivered),
    }
}

impl Tables {
    /// A conversation, for one of its participants.
    pub(super) fn room_of(&self, reader: &UserId, id: ConversationId) -> Option<&Room> {
        let room = self.conversations.get(&id)?;
        room.stay(reader).map(|_| room)
    }

    /// The reader's conversations, latest activity first.
    fn rooms_of(&self, reader: &UserId) -> Vec<&Room> {
        let mine = |room: &&Room| room.stay(reader).is_some();
        let mut rooms: Vec<_> = self.conversations.values().filter(mine).collect();
        rooms.sort_by_key(|room| std::cmp::Reverse((room.updated_at, room.id)));
        rooms
    }

    pub(super) fn list(
        &self,
        reader: &UserId,
        after: Option<ListKey>,
        limit: usize,
    ) -> Vec<Conversation> {
        let rooms = self.rooms_of(reader).into_iter().filter(|room| {
            after.is_none_or(|after| (room.updated_at, room.id) < (after.updated_at, after.id))
        });
        rooms
            .take(limit)
            .map(|room| conversation(&self.names, room, For::Reader(reader)))
            .collect()
    }

    pub(super) fn listed(
        &self,
        room: &Room,
        after: Option<ParticipantKey>,
        limit: usize,
    ) -> Vec<Listed> {
        let listed = in_order(room).into_iter().map(|stay| Listed {
            key: ParticipantKey {
                joined_seq: stay.joined_seq,
                nth: stay.nth,
            },
            participant: participant(&self.names, stay, true),
        });
        listed
            .filter(|listed| after.is_none_or(|after| listed.key > after))
            .take(limit)
            .collect()
    }

    pub(super) fn stays_of(
        &self,
        user: &UserId,
        limit: usize,
        left_since: Timestamp,
    ) -> Vec<Membership> {
        let current = self.rooms_of(user).into_iter().take(limit);
        let mut stays: Vec<_> = current
            .filter_map(|room| Some(membership(room, room.stay(user)?)))
            .collect();
        let rooms = self.conversations.values();
        let mut left: Vec<_> = rooms
            .flat_map(|room| room.stays.iter().map(move |stay| (room, stay)))
            .filter(|(_, stay)| stay.user == *user)
            .filter_map(|(room, stay)| stay.left.map(|(_, at)| (at, room, stay)))
            .filter(|(at, ..)| *at >= left_since)
            .collect();
        left.sort_by_key(|(at, ..)| std::cmp::Reverse(*at));
        stays.extend(
            left.into_iter()
                .map(|(_, room, stay)| membership(room, stay)),
        );
        stays
    }

    pub(super) fn sync(&self, request: &SyncRequest) -> Backlog {
        let mut left = request.cursors.clone();
        let mut budget = request.events_in_all;
        let mut conversations = Vec::new();
        for (id, cursor) in &request.cursors {
            let Some(room) = self.room_of(&request.reader, *id) else {
                continue;
            };
            left.remove(id);
            let limit = budget.min(request.events_each);
            let events: Vec<_> = room
                .events
                .range(cursor.next()..)
                .take(limit)
                .map(|(_, event)| event.clone())
                .collect();
            budget -= events.len();
            conversations.push(Missed::new(*id, *cursor, room.last_seq, events));
        }
        let joined = self.rooms_of(&request.reader).into_iter();
        let joined = joined
            .filter(|room| !request.cursors.contains_key(&room.id))
            .take(request.joined)
            .map(|room| conversation(&self.names, room, For::Reader(&request.reader)));
        Backlog {
            conversations,
            joined: joined.collect(),
            left: left.into_keys().collect(),
        }
    }
}

pub(super) fn membership(room: &Room, stay: &Stay) -> Membership {
    Membership {
        conversation_id: room.id,
        joined_seq: stay.joined_seq,
        left_seq: stay.left.map(|(seq, _)| seq),
        last_seq: room.last_seq,
    }
}

pub(super) fn page(room: &Room, range: Range, limit: usize) -> Vec<Message> {
    let within = |message: &&Message| {
        message.seq > range.after.unwrap_or(Seq::ZERO)
            && range.before.is_none_or(|before| message.seq < before)
    };
    let messages = room.messages().filter(within);
    if range.after.is_some() {
        messages.take(limit).cloned().collect()
    } else {
        messages.rev().take(limit).cloned().collect()
    }
}
