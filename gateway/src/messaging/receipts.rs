//! Receipts that clients send, gathered into one write.
//!
//! A client that reads a conversation says so often, and so do its user's other tabs. What comes
//! within [`GATHERED_FOR`], or while a write is under way, goes to the API at once; what one user
//! says of one conversation is one receipt there. What cannot be recorded because the API is away is
//! kept ([`Kept`]) and offered again until it is back; whoever waits for it is told so.

use std::{collections::BTreeMap, mem, sync::Arc, time::Duration};

use callboard_shared::{
    error::ErrorCode,
    id::{ConversationId, MessageId, Seq},
};
use serde_json::{Value, json};

use super::{
    Messaging,
    events::Reply,
    kept::{Kept, Key, Kind, Room},
};
use crate::{
    backend::{Receipt, ReceiptState},
    error::{self, Refusal},
    worker::{Links, Slot},
};

/// From the first receipt to the write.
const GATHERED_FOR: Duration = Duration::from_millis(100);

/// The most receipts that wait; past it further ones are refused.
const WAITING: usize = 10_000;

/// How long what is kept waits before it is offered again; half of it is by chance.
const OFFERED_EVERY: Duration = Duration::from_secs(2);

/// What is being gathered, and what is kept.
#[derive(Default)]
pub(super) struct Receipts {
    gathered: BTreeMap<Key, Gathered>,
    count: usize,
    /// A write is to come, or under way.
    writing: bool,
    kept: Kept,
    /// What is kept will be offered.
    offering: bool,
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
        self.gathered.is_empty() && self.kept.is_empty()
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
            return self.refuse(links, &reply, &error::too_many_waiting());
        }
        if !mem::replace(&mut self.receipts.writing, true) {
            self.handle
                .after(GATHERED_FOR, |this, _| this.record_receipts());
        }
        let kind = Kind::of(&receipt);
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
        self.receipts.count = 0;
        let gathered: Vec<(Key, Gathered)> =
            mem::take(&mut self.receipts.gathered).into_iter().collect();
        if gathered.is_empty() {
            self.receipts.writing = false;
            return;
        }
        let request = |(key, gathered): &(Key, Gathered)| key.request(gathered.receipt(key.kind));
        let requests = gathered.iter().map(request).collect();
        let backend = Arc::clone(&self.shared.backend);
        let record = async move { backend.record_receipts(requests).await };
        self.handle.run(record, move |this, links, answers| {
            for ((key, gathered), answer) in gathered.into_iter().zip(answers) {
                match answer {
                    // One bad receipt must not spoil those it was gathered with.
                    Err(refusal)
                        if refusal.code != ErrorCode::Unavailable && gathered.waiting.len() > 1 =>
                    {
                        this.record_each(key, gathered.waiting);
                    }
                    answer => this.answer_receipts(links, &key, gathered.waiting, &answer),
                }
            }
            this.record_receipts();
        });
    }

    fn offer_later(&mut self) {
        if !self.receipts.kept.is_empty() && !mem::replace(&mut self.receipts.offering, true) {
            let pause =
                OFFERED_EVERY.mul_f64(f64::midpoint(1.0, callboard_shared::random::random()));
            self.handle.after(pause, |this, _| this.offer_kept());
        }
    }

    /// Has what is kept recorded, until nothing is left or the API is found to be away.
    fn offer_kept(&mut self) {
        let oldest = self.receipts.kept.oldest();
        let (backend, requests) = (Arc::clone(&self.shared.backend), oldest.clone());
        let record = async move { backend.record_receipts(requests).await };
        self.handle.run(record, move |this, _, answers| {
            let mut away = false;
            for (request, answer) in oldest.iter().zip(answers) {
                match answer {
                    Err(refusal) if refusal.code == ErrorCode::Unavailable => away = true,
                    Err(refusal) => {
                        this.shared.metrics.error(refusal.code.as_str());
                        this.receipts.kept.refused(request);
                    }
                    Ok(_) => this.receipts.kept.done(request),
                }
            }
            if away || this.receipts.kept.is_empty() {
                this.receipts.offering = false;
                this.offer_later();
            } else {
                this.offer_kept();
            }
        });
    }

    /// Records receipts that were gathered into one each for itself.
    fn record_each(&self, key: Key, waiting: Vec<(Receipt, Reply)>) {
        let backend = Arc::clone(&self.shared.backend);
        let request = |(receipt, _): &(Receipt, Reply)| key.request(receipt.clone());
        let requests = waiting.iter().map(request).collect();
        self.handle.run(
            async move { backend.record_receipts(requests).await },
            move |this, links, answers| {
                for (waiting, answer) in waiting.into_iter().zip(answers) {
                    this.answer_receipts(links, &key, vec![waiting], &answer);
                }
            },
        );
    }

    /// Tells those who wait for one write what became of it. What could not be recorded for want of
    /// the API is kept.
    fn answer_receipts(
        &mut self,
        links: &mut Links,
        key: &Key,
        waiting: Vec<(Receipt, Reply)>,
        answer: &Result<ReceiptState, Refusal>,
    ) {
        for (receipt, reply) in waiting {
            match answer {
                Ok(state) => self.acknowledge(links, &reply, key.kind.added(state)),
                Err(refusal)
                    if refusal.code == ErrorCode::Unavailable && Kept::may_keep(&receipt) =>
                {
                    if self.receipts.kept.keep(key.request(receipt)) == Room::Made {
                        self.shared.metrics.error("receipt_dropped");
                    }
                    self.refuse(links, &reply, &error::receipt_kept());
                    self.offer_later();
                }
                Err(refusal) => self.refuse(links, &reply, refusal),
            }
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
