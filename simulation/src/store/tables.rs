//! The tables, and the atomic steps that change them. No time passes in here.

use std::collections::{BTreeMap, HashMap};

use callboard_api::store::{
    Action, Announcement, Change, Changed, Created, Event, EventBody, NewConversation, NewMessage,
    OutboxEntry, OutboxId, Outcome, Receipt, ReceiptKind, ReceiptRequest, ReceiptState, Receipts,
    Refusal, Sent, StoreError, UserName,
    rules::{self, Facts},
};
use callboard_shared::{
    bus::Place,
    clock::Timestamp,
    event::EventName,
    id::{ConversationId, MessageId, Seq, UserId},
    wire::{ConversationKind, ConversationUpdated, Message, MessagesDelivered, MessagesRead},
};
use serde_json::value::to_raw_value;

use super::views::{For, conversation};

/// Everything that lasts.
#[derive(Default)]
pub struct Tables {
    pub(super) names: HashMap<UserId, Option<String>>,
    pub(super) conversations: BTreeMap<ConversationId, Room>,
    pub(super) outbox: BTreeMap<OutboxId, OutboxEntry>,
    last_outbox_id: i64,
}

/// A conversation.
pub(super) struct Room {
    pub(super) id: ConversationId,
    pub(super) kind: ConversationKind,
    pub(super) title: Option<String>,
    pub(super) created_by: UserId,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
    pub(super) last_seq: Seq,
    /// The two people of a direct conversation that has not been deleted.
    pub(super) pair: Option<(UserId, UserId)>,
    pub(super) deleted_at: Option<Timestamp>,
    pub(super) stays: Vec<Stay>,
    pub(super) events: BTreeMap<Seq, Event>,
}

/// One user's time in a conversation.
#[derive(Debug, Clone)]
pub(super) struct Stay {
    pub(super) user: UserId,
    pub(super) joined_seq: Seq,
    pub(super) nth: u32,
    pub(super) joined_at: Timestamp,
    pub(super) left: Option<(Seq, Timestamp)>,
    pub(super) read: Seq,
    pub(super) delivered: Seq,
}

impl Room {
    pub(super) fn current(&self) -> impl Iterator<Item = &Stay> {
        self.stays.iter().filter(|stay| stay.left.is_none())
    }

    pub(super) fn stay(&self, user: &UserId) -> Option<&Stay> {
        self.current().find(|stay| stay.user == *user)
    }

    fn stay_mut(&mut self, user: &UserId) -> Option<&mut Stay> {
        let mut stays = self.stays.iter_mut();
        stays.find(|stay| stay.left.is_none() && stay.user == *user)
    }

    pub(super) fn messages(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.events.values().filter_map(|event| match &event.body {
            EventBody::Message(message) => Some(&**message),
            EventBody::Updated { .. } | EventBody::Deleted { .. } => None,
        })
    }

    /// Others' messages past what the stay's user has read.
    pub(super) fn unread(&self, stay: &Stay) -> u64 {
        let unread = |message: &&Message| message.seq > stay.read && message.sender_id != stay.user;
        self.messages().filter(unread).count() as u64
    }

    fn join(&mut self, users: &[UserId], seq: Seq, at: Timestamp) {
        for (nth, user) in (0..).zip(users) {
            self.stays.push(Stay {
                user: user.clone(),
                joined_seq: seq,
                nth,
                joined_at: at,
                left: None,
                read: seq.previous(),
                delivered: seq.previous(),
            });
        }
    }

    /// Ends the stay of one, or of everybody.
    fn leave(&mut self, whom: Option<&UserId>, seq: Seq, at: Timestamp) -> Vec<UserId> {
        let mut left = Vec::new();
        for stay in &mut self.stays {
            if stay.left.is_none() && whom.is_none_or(|user| *user == stay.user) {
                stay.left = Some((seq, at));
                left.push(stay.user.clone());
            }
        }
        left.sort_unstable();
        left
    }

    /// The event that a change makes, with the conversation as it is now.
    fn updated(
        &self,
        names: &HashMap<UserId, Option<String>>,
        by: &UserId,
        added: Vec<UserId>,
        removed: Vec<UserId>,
    ) -> Result<Event, StoreError> {
        let data = to_raw_value(&ConversationUpdated {
            conversation_id: self.id,
            seq: self.last_seq,
            conversation: conversation(names, self, For::Everybody),
        })?;
        Ok(self.event(
            by,
            EventBody::Updated {
                data,
                added,
                removed,
            },
        ))
    }

    fn event(&self, by: &UserId, body: EventBody) -> Event {
        Event {
            conversation_id: self.id,
            seq: self.last_seq,
            at: self.updated_at,
            by: by.clone(),
            body,
        }
    }

    fn next(&mut self, at: Timestamp) -> Seq {
        self.last_seq = self.last_seq.next();
        self.updated_at = at;
        self.last_seq
    }
}

impl Tables {
    pub(super) fn see_users(&mut self, names: &[UserName]) {
        for (user, name) in names {
            self.names
                .insert(user.clone(), name.as_deref().map(str::to_owned));
        }
    }

    fn write(&mut self, announcement: Announcement) -> OutboxEntry {
        self.last_outbox_id += 1;
        let entry = OutboxEntry {
            id: OutboxId(self.last_outbox_id),
            announcement,
        };
        self.outbox.insert(entry.id, entry.clone());
        entry
    }

    /// Writes an event and what is to be published of it.
    fn record(&mut self, event: Event) -> OutboxEntry {
        if let Some(room) = self.conversations.get_mut(&event.conversation_id) {
            room.events.insert(event.seq, event.clone());
        }
        self.write(Announcement::Event(event))
    }

    pub(super) fn create(&mut self, new: NewConversation) -> Result<Created, StoreError> {
        let pair = match (new.kind, new.participants.as_slice()) {
            (ConversationKind::Direct, [one, other]) => {
                Some((one.min(other).clone(), one.max(other).clone()))
            }
            _ => None,
        };
        let there = self
            .conversations
            .values()
            .find(|room| pair.is_some() && room.pair == pair);
        if let Some(room) = there {
            let conversation = conversation(&self.names, room, For::Reader(&new.created_by));
            return Ok(Created {
                conversation,
                entry: None,
            });
        }
        let mut room = Room {
            id: new.id,
            kind: new.kind,
            title: new.title.map(|title| title.as_str().to_owned()),
            created_by: new.created_by.clone(),
            created_at: new.at,
            updated_at: new.at,
            last_seq: Seq::ZERO,
            pair,
            deleted_at: None,
            stays: Vec::new(),
            events: BTreeMap::new(),
        };
        let seq = room.next(new.at);
        room.join(&new.participants, seq, new.at);
        let event = room.updated(&self.names, &new.created_by, new.participants, Vec::new())?;
        let shown = conversation(&self.names, &room, For::Reader(&new.created_by));
        self.conversations.insert(new.id, room);
        let entry = Some(self.record(event));
        Ok(Created {
            conversation: shown,
            entry,
        })
    }

    pub(super) fn change(&mut self, change: Change) -> Result<Outcome<Changed>, StoreError> {
        let Change {
            conversation_id: id,
            by,
            at,
            action,
        } = change;
        let names = &self.names;
        let Some(room) = self.conversations.get_mut(&id) else {
            return Ok(Err(Refusal::NoConversation));
        };
        if room.stay(&by).is_none() {
            return Ok(Err(Refusal::NoConversation));
        }
        let facts = Facts {
            kind: room.kind,
            created_by: room.created_by.clone(),
        };
        if let Err(refusal) = rules::permit(&facts, &by, &action) {
            return Ok(Err(refusal));
        }
        let stays = !matches!(action, Action::Remove(_) | Action::Delete);
        let event = match action {
            Action::Rename(title) if room.title.as_deref() == Some(title.as_str()) => None,
            Action::Rename(title) => {
                room.title = Some(title.as_str().to_owned());
                room.next(at);
                Some(room.updated(names, &by, Vec::new(), Vec::new())?)
            }
            Action::Add { mut users, max } => {
                users.retain(|user| room.stay(user).is_none());
                if room.current().count() + users.len() > max {
                    return Ok(Err(Refusal::TooMany));
                }
                if users.is_empty() {
                    None
                } else {
                    let seq = room.next(at);
                    room.join(&users, seq, at);
                    Some(room.updated(names, &by, users, Vec::new())?)
                }
            }
            Action::Remove(user) => {
                if room.stay(&user).is_none() {
                    return Ok(Err(Refusal::NoParticipant));
                }
                let seq = room.next(at);
                let removed = room.leave(Some(&user), seq, at);
                if room.current().next().is_none() {
                    room.deleted_at = Some(at);
                }
                Some(room.updated(names, &by, Vec::new(), removed)?)
            }
            Action::Delete => {
                let seq = room.next(at);
                let removed = room.leave(None, seq, at);
                room.deleted_at = Some(at);
                room.pair = None;
                Some(room.event(&by, EventBody::Deleted { removed }))
            }
        };
        let shown = stays.then(|| conversation(names, room, For::Reader(&by)));
        let entry = event.map(|event| self.record(event));
        Ok(Ok(Changed {
            conversation: shown,
            entry,
        }))
    }

    pub(super) fn send(&mut self, new: &NewMessage) -> Outcome<Sent> {
        let room = self
            .conversations
            .get_mut(&new.conversation_id)
            .filter(|room| room.stay(&new.sender_id).is_some())
            .ok_or(Refusal::NoConversation)?;
        let mark = new
            .client_message_id
            .as_ref()
            .map(callboard_api::values::ClientMessageId::as_str);
        let before = mark.and_then(|mark| {
            room.messages().find(|message| {
                message.sender_id == new.sender_id
                    && message.client_message_id.as_deref() == Some(mark)
            })
        });
        if let Some(message) = before {
            return Ok(Sent {
                message: message.clone(),
                entry: None,
            });
        }
        let message = Message {
            id: new.id,
            conversation_id: new.conversation_id,
            seq: room.next(new.at),
            sender_id: new.sender_id.clone(),
            sender_name: new.sender_name.as_deref().map(str::to_owned),
            content: new.content.as_str().to_owned(),
            client_message_id: mark.map(str::to_owned),
            created_at: new.at,
        };
        let body = EventBody::Message(Box::new(message.clone()));
        let event = room.event(&new.sender_id, body);
        Ok(Sent {
            message,
            entry: Some(self.record(event)),
        })
    }

    pub(super) fn record_receipts(
        &mut self,
        requests: &[ReceiptRequest],
        at: Timestamp,
    ) -> Result<Receipts, StoreError> {
        let mut receipts = Receipts {
            outcomes: Vec::new(),
            entries: Vec::new(),
        };
        for request in requests {
            let recorded = self.receipt(request, at)?;
            receipts.outcomes.push(recorded.map(|(state, receipt)| {
                let receipt = receipt.map(|receipt| self.write(Announcement::Receipt(receipt)));
                receipts.entries.extend(receipt);
                state
            }));
        }
        Ok(receipts)
    }

    fn receipt(
        &mut self,
        request: &ReceiptRequest,
        at: Timestamp,
    ) -> Result<Outcome<(ReceiptState, Option<Receipt>)>, StoreError> {
        let (id, user) = (request.conversation_id, &request.user_id);
        let Some((room, before)) = self
            .conversations
            .get_mut(&id)
            .and_then(|room| room.stay(user).cloned().map(|stay| (room, stay)))
        else {
            return Ok(Err(Refusal::NoConversation));
        };
        let (read, delivered) = match &request.kind {
            ReceiptKind::ReadAll => (room.last_seq, room.last_seq),
            ReceiptKind::ReadUpTo(ids) => match newest(room, ids) {
                Some(newest) => (newest, newest),
                None => return Ok(Err(Refusal::UnknownMessages)),
            },
            ReceiptKind::Delivered(seq) => (before.read, room.last_seq.min(*seq)),
        };
        let (read, delivered) = (read.max(before.read), delivered.max(before.delivered));
        let moved = (read, delivered) != (before.read, before.delivered);
        let announced = room.current().count() <= rules::ANNOUNCED_UP_TO as usize;
        if let Some(stay) = room.stay_mut(user) {
            (stay.read, stay.delivered) = (read, delivered);
        }
        let receipt = if moved && announced {
            let (event, data) = if read > before.read {
                let data = MessagesRead {
                    conversation_id: id,
                    message_ids: newly_read(room, &before, read),
                    read_by: user.clone(),
                    read_seq: read,
                    read_at: at,
                };
                (EventName::MessagesRead, to_raw_value(&data)?)
            } else {
                let data = MessagesDelivered {
                    conversation_id: id,
                    delivered_to: user.clone(),
                    delivered_seq: delivered,
                };
                (EventName::MessagesDelivered, to_raw_value(&data)?)
            };
            Some(Receipt {
                conversation_id: id,
                tag: room.last_seq,
                at,
                by: user.clone(),
                event,
                data,
            })
        } else {
            None
        };
        let state = ReceiptState {
            conversation_id: id,
            read_seq: read,
            delivered_seq: delivered,
            unread_count: room.stay(user).map_or(0, |stay| room.unread(stay)),
        };
        Ok(Ok((state, receipt)))
    }

    pub(super) fn purge(&mut self, deleted_before: Timestamp, limit: usize) -> bool {
        let outbox = &self.outbox;
        let expired = self.conversations.values_mut().find(|room| {
            room.deleted_at.is_some_and(|at| at < deleted_before)
                && !outbox.values().any(|entry| entry.conversation() == room.id)
        });
        let Some(room) = expired else { return false };
        let mut rows = 0;
        while rows < limit {
            // A message is a row beside its event's.
            rows += match room.events.pop_first().map(|(_, event)| event.body) {
                Some(EventBody::Message(_)) => 2,
                Some(_) => 1,
                None if room.stays.pop().is_some() => 1,
                None => {
                    let id = room.id;
                    self.conversations.remove(&id);
                    break;
                }
            };
        }
        true
    }

    /// The lowest number of a conversation that may not have been published.
    pub(super) fn floor(&self, id: ConversationId) -> Seq {
        let unpublished = self.outbox.values().filter_map(|entry| {
            let place = entry.place();
            matches!(place, Place::Sequenced(_) if entry.conversation() == id).then(|| place.seq())
        });
        let last = self.conversations.get(&id).map(|room| room.last_seq);
        unpublished
            .min()
            .unwrap_or(last.unwrap_or(Seq::ZERO).next())
    }
}

/// The number of the newest of these messages, all of which must be there.
fn newest(room: &Room, ids: &[MessageId]) -> Option<Seq> {
    let seqs: Option<Vec<Seq>> = ids
        .iter()
        .map(|id| Some(room.messages().find(|message| message.id == *id)?.seq))
        .collect();
    seqs?.into_iter().max()
}

/// Others' messages that have been read by now, the newest of them.
fn newly_read(room: &Room, before: &Stay, read: Seq) -> Vec<MessageId> {
    let newly = |message: &&Message| {
        message.seq > before.read && message.seq <= read && message.sender_id != before.user
    };
    let newest = room.messages().rev().filter(newly).take(rules::READ_IDS);
    let mut ids: Vec<_> = newest.map(|message| message.id).collect();
    ids.reverse();
    ids
}
