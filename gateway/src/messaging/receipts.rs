//! Receipts that clients send, gathered into one write.
//!
//! A client that reads a conversation says so often, and so do its user's other tabs. What comes
//! within [`GATHERED_FOR`] goes to the API at once; what one user says of one conversation is one
//! receipt there.

use std::{collections::HashMap, mem, sync::Arc, time::Duration};

use callboard_shared::id::{ConversationId, MessageId, Seq, UserId};
use serde_json::{Value, json};

use super::{Messaging, events::Reply};
use crate::{
    backend::{Receipt, ReceiptRequest, ReceiptState},
    error::Refusal,
    worker::{Links, Slot},
};

/// From the first receipt to the write.
const GATHERED_FOR: Duration = Duration::from_millis(100);

/// The most receipts that wait; past it further ones are refused.
const WAITING: usize = 10_000;

/// What is being gathered.
#[derive(Default)]
pub(super) struct Receipts {
    gathered: HashMap<Key, Gathered>,
    count: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    user: UserId,
    conversation: ConversationId,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Read,
    Delivered,
}

#[derive(Default)]
struct Gathered {
    message_ids: Vec<MessageId>,
    read_all: bool,
    seq: Seq,
    waiting: Vec<(Receipt, Reply)>,
}

impl Receipts {
    pub(super) fn is_empty(&self) -> bool {
        self.gathered.is_empty()
    }
}

impl Gathered {
    /// All of them in one.
    fn receipt(&self, kind: Kind) -> Receipt {
        match kind {
            Kind::Read if self.read_all => Receipt::ReadAll,
            Kind::Read => Receipt::Read(self.message_ids.clone()),
            Kind::Delivered => Receipt::Delivered(self.seq),
        }
    }
}

impl Messaging {
    /// Takes a receipt up.
    pub(super) fn receipt(
        &mut self,
        links: &mut Links,
        slot: Slot,
        conversation: ConversationId,
        receipt: Receipt,
        reply: Reply,
    ) {
        let Some(user) = self.user(slot).map(|user| user.identity.user_id.clone()) else {
            return;
        };
        if self.receipts.count >= WAITING {
            return self.refuse(links, &reply, &Refusal::too_many_waiting());
        }
        if self.receipts.is_empty() {
            self.handle
                .after(GATHERED_FOR, |this, _| this.record_receipts());
        }
        let kind = match receipt {
            Receipt::Read(_) | Receipt::ReadAll => Kind::Read,
            Receipt::Delivered(_) => Kind::Delivered,
        };
        let gathered = self
            .receipts
            .gathered
            .entry(Key {
                user,
                conversation,
                kind,
            })
            .or_default();
        match &receipt {
            Receipt::Read(ids) => gathered.message_ids.extend(ids),
            Receipt::ReadAll => gathered.read_all = true,
            Receipt::Delivered(seq) => gathered.seq = gathered.seq.max(*seq),
        }
        gathered.waiting.push((receipt, reply));
        self.receipts.count += 1;
    }

    fn record_receipts(&mut self) {
        let gathered: Vec<(Key, Gathered)> =
            mem::take(&mut self.receipts).gathered.into_iter().collect();
        let request = |(key, gathered): &(Key, Gathered)| key.request(gathered.receipt(key.kind));
        let requests = gathered.iter().map(request).collect();
        let backend = Arc::clone(&self.shared.backend);
        let record = async move { backend.record_receipts(requests).await };
        self.handle.run(record, move |this, links, answers| {
            for ((key, gathered), answer) in gathered.into_iter().zip(answers) {
                match answer {
                    // One bad receipt must not spoil those it was gathered with.
                    Err(_) if gathered.waiting.len() > 1 => {
                        this.record_each(&key, gathered.waiting);
                    }
                    answer => {
                        for (_, reply) in &gathered.waiting {
                            this.answer_receipt(links, key.kind, reply, &answer);
                        }
                    }
                }
            }
        });
    }

    /// Records receipts that were gathered into one each for itself.
    fn record_each(&self, key: &Key, waiting: Vec<(Receipt, Reply)>) {
        let backend = Arc::clone(&self.shared.backend);
        let kind = key.kind;
        let (requests, replies): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .map(|(receipt, reply)| (key.request(receipt), reply))
            .unzip();
        self.handle.run(
            async move { backend.record_receipts(requests).await },
            move |this, links, answers| {
                for (reply, answer) in replies.iter().zip(&answers) {
                    this.answer_receipt(links, kind, reply, answer);
                }
            },
        );
    }

    fn answer_receipt(
        &self,
        links: &mut Links,
        kind: Kind,
        reply: &Reply,
        answer: &Result<ReceiptState, Refusal>,
    ) {
        match answer {
            Ok(state) => self.acknowledge(links, reply, kind.added(state)),
            Err(refusal) => self.refuse(links, reply, refusal),
        }
    }
}

impl Key {
    fn request(&self, receipt: Receipt) -> ReceiptRequest {
        ReceiptRequest {
            user_id: self.user.clone(),
            conversation_id: self.conversation,
            receipt,
        }
    }
}

impl Kind {
    /// What the acknowledgement adds.
    fn added(self, state: &ReceiptState) -> Value {
        match self {
            Self::Read => json!({"readSeq": state.read_seq, "unreadCount": state.unread_count}),
            Self::Delivered => json!({"deliveredSeq": state.delivered_seq}),
        }
    }
}
