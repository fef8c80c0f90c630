//! One tab of a user: the client, the application on top of it, and what a user does there.
//!
//! The application keeps the last event of each conversation. After a connection that was not
//! recovered it syncs, and holds back what comes meanwhile. So at every moment it can tell whether it
//! has a hole, and in the end it must have what the database has.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    time::Duration,
};

use callboard_api::values::Limit;
use callboard_shared::{
    auth::Identity,
    id::{ConversationId, Seq, UserId},
};
use serde_json::Value;
use tokio::{sync::Notify, task::spawn_local, time::sleep};

use crate::{
    checker::{Item, Session, item},
    client::{Client, Heard},
    world::World,
};

/// What the application knows of a conversation.
#[derive(Debug, Default)]
pub struct Known {
    /// The last event it has.
    pub last: Seq,
    /// Up to here it was told by a sync, so that it may be told again.
    synced: Seq,
    /// How far everyone has read, and was delivered to.
    pub receipts: BTreeMap<String, (u64, u64)>,
}

/// A tab.
pub struct Tab {
    /// Who and which, as in the trace.
    pub name: String,
    /// Whose.
    pub identity: Identity,
    /// Its client.
    pub client: Client,
    /// Its application: what it knows, by conversation.
    pub known: RefCell<BTreeMap<ConversationId, Known>>,
    session: RefCell<Session>,
    /// What waits for the sync that is under way; `None` if none is due.
    waiting: RefCell<Option<Vec<(String, Value)>>>,
    /// Counts the sessions: a sync of one before proves nothing.
    generation: Cell<u64>,
    syncing: Cell<bool>,
    ready: Cell<bool>,
    /// Its user is away, and it does not connect.
    pub away: Cell<bool>,
    /// Told when the connection is to be cut.
    pub cut: Notify,
    pub(crate) world: World,
}

impl Tab {
    /// A tab that has never been connected.
    #[must_use]
    pub fn new(world: &World, name: String, identity: Identity, token: String) -> Rc<Self> {
        Rc::new(Self {
            name,
            identity,
            client: Client::new(token),
            known: RefCell::default(),
            session: RefCell::default(),
            waiting: RefCell::new(Some(Vec::new())),
            generation: Cell::new(0),
            syncing: Cell::new(false),
            ready: Cell::new(false),
            away: Cell::new(false),
            cut: Notify::new(),
            world: world.clone(),
        })
    }

    /// Whose it is.
    #[must_use]
    pub fn user(&self) -> &UserId {
        &self.identity.user_id
    }

    /// Whether it is connected, ready, and has nothing to sync.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.client.is_connected() && self.ready.get() && self.waiting.borrow().is_none()
    }

    fn broken(&self, how: &str) {
        let how = format!("{}: {how}", self.name);
        self.world.trace.note("BROKEN", &how);
        self.world.verdict.broken(how);
    }

    /// Connects, again and again, for ever.
    pub async fn live(self: Rc<Self>) {
        let dice = self.world.dice.clone();
        loop {
            if let Some(gateway) = self.world.any_gateway().filter(|_| !self.away.get()) {
                let slow = self.world.is_troubled() && dice.percent(10);
                let this = Rc::clone(&self);
                let hear = move |heard| this.hear(heard);
                self.client.set_loud(true);
                let ended = tokio::select! {
                    biased;
                    () = self.cut.notified() => "cut".to_owned(),
                    ended = self.client.connection(&gateway, &dice, slow, &hear) => format!("{ended:?}"),
                };
                self.client.forget();
                self.ready.set(false);
                self.world
                    .trace
                    .note(&self.name, format!("disconnected: {ended}"));
            }
            let patience = if dice.percent(90) { 3_000 } else { 20_000 };
            sleep(dice.millis(100, patience)).await;
        }
    }

    fn hear(self: &Rc<Self>, heard: Heard) {
        match heard {
            Heard::Connected { recovered } => {
                self.world
                    .trace
                    .note(&self.name, format!("connected, recovered: {recovered}"));
                if !recovered {
                    *self.session.borrow_mut() = Session::default();
                    *self.waiting.borrow_mut() = Some(Vec::new());
                    self.generation.set(self.generation.get() + 1);
                }
            }
            Heard::Event(name, data, cursor) => self.event(name, data, cursor.as_deref()),
            Heard::Nonsense(packet) => self.broken(&format!("was sent {packet}")),
        }
    }

    fn event(self: &Rc<Self>, name: String, data: Value, cursor: Option<&str>) {
        let what = format!(
            "{name} {} {}",
            data["conversationId"]
                .as_str()
                .map_or("", |id| &id[id.len() - 4..]),
            data["seq"]
        );
        self.world
            .trace
            .note(&self.name, format!("{what} {}", cursor.unwrap_or("")));
        if let Some(cursor) = cursor {
            let checked = self.session.borrow_mut().cursor(cursor);
            checked.unwrap_or_else(|how| self.broken(&how));
        }
        if let Some((conversation, item)) = item(&name, &data) {
            let database = &self.world.ground.database;
            let checked = self
                .session
                .borrow_mut()
                .sent(database, self.user(), conversation, item);
            checked.unwrap_or_else(|how| self.broken(&format!("{conversation}: {how}")));
            self.check_message(conversation, item, &data);
        }
        if let "messages-read" | "messages-delivered" = name.as_str()
            && let Some(conversation) = conversation_of(&data)
        {
            let checked = self.session.borrow().receipt(conversation);
            checked.unwrap_or_else(|how| self.broken(&format!("{conversation}: {how}")));
        }
        match name.as_str() {
            "ready" => {
                self.ready.set(true);
                self.sync();
            }
            "error" => self.world.trace.note(&self.name, data.to_string()),
            _ => {
                let mut waiting = self.waiting.borrow_mut();
                match &mut *waiting {
                    Some(waiting) => waiting.push((name, data)),
                    None => {
                        drop(waiting);
                        self.apply(&name, &data);
                    }
                }
            }
        }
    }

    /// A message must be the one that the database has at this place.
    fn check_message(&self, conversation: ConversationId, item: Item, data: &Value) {
        if let (Item::Event(seq), Some(id)) = (item, data["message"]["id"].as_str()) {
            let database = &self.world.ground.database;
            let stored = database.look(|tables| tables.message_at(conversation, seq));
            if stored.map(|id| id.to_string()).as_deref() != Some(id) {
                self.broken(&format!(
                    "{conversation}: message {id} at {seq}, where {stored:?} is stored"
                ));
            }
        }
    }

    /// The application takes something in.
    fn apply(self: &Rc<Self>, name: &str, data: &Value) {
        let Some(conversation) = conversation_of(data) else {
            return;
        };
        let mut known = self.known.borrow_mut();
        match (item(name, data), known.get_mut(&conversation)) {
            (Some((_, Item::Gone)), _) => drop(known.remove(&conversation)),
            (Some((_, Item::Event(seq))), Some(there)) => {
                if seq == there.last.next() {
                    there.last = seq;
                } else if seq > there.synced || seq > there.last {
                    let (last, synced) = (there.last, there.synced);
                    drop(known);
                    self.broken(&format!(
                        "{conversation}: the application has {last} (synced {synced}) and is told {seq}"
                    ));
                }
            }
            (Some((_, Item::Event(seq))), None) => {
                let database = &self.world.ground.database;
                let stays = database.look(|tables| tables.intervals(self.user(), conversation));
                if stays.iter().any(|stay| stay.joined == seq) {
                    let added = Known {
                        last: seq,
                        synced: seq,
                        ..Known::default()
                    };
                    known.insert(conversation, added);
                    drop(known);
                    self.fetch(conversation);
                }
                // What else is unknown was left before the sync, and is followed by its end.
            }
            (None, Some(there)) => receipt(&mut there.receipts, name, data),
            (None, None) => {}
        }
    }

    /// Asks how far everyone has got in a conversation.
    fn fetch(self: &Rc<Self>, conversation: ConversationId) {
        let this = Rc::clone(self);
        spawn_local(async move {
            loop {
                let identity = this.identity.clone();
                let answer = this
                    .world
                    .apis
                    .call(async |operations| operations.conversation(&identity, conversation).await)
                    .await;
                match answer {
                    Ok(Ok(found)) => {
                        if let Some(known) = this.known.borrow_mut().get_mut(&conversation) {
                            for participant in found.participants {
                                let read = participant.read_seq.map_or(0, Seq::get);
                                let delivered = participant.delivered_seq.map_or(0, Seq::get);
                                let entry = known.receipts.entry(participant.user_id.to_string());
                                let entry = entry.or_default();
                                *entry = (entry.0.max(read), entry.1.max(delivered));
                            }
                        }
                        return;
                    }
                    Ok(Err(error))
                        if error.code() == callboard_shared::error::ErrorCode::NotFound =>
                    {
                        return;
                    }
                    _ => sleep(this.world.dice.millis(100, 1_000)).await,
                }
            }
        });
    }

    /// Syncs, if that is due and not under way.
    fn sync(self: &Rc<Self>) {
        if self.waiting.borrow().is_none() || self.syncing.replace(true) {
            return;
        }
        let this = Rc::clone(self);
        spawn_local(async move {
            loop {
                let generation = this.generation.get();
                let synced = this.ask_for_missed(generation).await;
                if synced {
                    break;
                }
                sleep(this.world.dice.millis(50, 800)).await;
            }
            this.syncing.set(false);
        });
    }

    /// One attempt to sync; says whether it is done.
    async fn ask_for_missed(self: &Rc<Self>, generation: u64) -> bool {
        if !self.ready.get() {
            return false;
        }
        let cursors: BTreeMap<_, _> = {
            let known = self.known.borrow();
            known.iter().map(|(id, known)| (*id, known.last)).collect()
        };
        let identity = self.identity.clone();
        let apis = &self.world.apis;
        let asked = apis.call(async |operations| operations.sync(&identity, cursors).await);
        let Ok(Ok(mut backlog)) = asked.await else {
            return false;
        };
        for missed in &mut backlog.conversations {
            while missed.more {
                let after = missed.events.last().map_or(Seq::ZERO, |event| event.seq);
                let (identity, id) = (self.identity.clone(), missed.conversation_id);
                let asked = apis.call(async |operations| {
                    operations.events(&identity, id, after, Limit::MAX).await
                });
                match asked.await {
                    Ok(Ok(events)) => {
                        missed.more = events
                            .last()
                            .is_some_and(|event| event.seq < missed.last_seq);
                        missed.events.extend(events);
                    }
                    _ => return false,
                }
            }
        }
        if self.generation.get() != generation || !self.ready.get() {
            return false;
        }
        self.world.trace.note(&self.name, "synced");
        let mut known = self.known.borrow_mut();
        for missed in backlog.conversations {
            let there = known.entry(missed.conversation_id).or_default();
            for event in missed.events {
                if event.seq != there.last.next() {
                    self.broken(&format!("the sync has {} after {}", event.seq, there.last));
                }
                there.last = event.seq;
            }
            there.synced = there.last;
        }
        for joined in backlog.joined {
            let there = Known {
                last: joined.last_seq,
                synced: joined.last_seq,
                ..Known::default()
            };
            known.insert(joined.id, there);
        }
        for left in backlog.left {
            known.remove(&left);
        }
        let conversations: Vec<_> = known.keys().copied().collect();
        drop(known);
        for conversation in conversations {
            self.fetch(conversation);
        }
        let waiting = self.waiting.take().unwrap_or_default();
        for (name, data) in waiting {
            self.apply(&name, &data);
        }
        true
    }

    /// What is wrong with what the application has, now that nothing happens any more.
    #[must_use]
    pub fn difference(&self) -> Option<String> {
        if !self.is_live() {
            return Some(format!(
                "{} is not live (connected: {}, ready: {}, to sync: {})",
                self.name,
                self.client.is_connected(),
                self.ready.get(),
                self.waiting.borrow().is_some()
            ));
        }
        let database = &self.world.ground.database;
        let current = database.look(|tables| tables.current(self.user()));
        let known = self.known.borrow();
        let has: Vec<_> = known.iter().map(|(id, known)| (*id, known.last)).collect();
        if has != current {
            return Some(format!(
                "{} has {has:?}, the database {current:?}",
                self.name
            ));
        }
        for (id, _) in current {
            let progress = database.look(|tables| tables.progress(id));
            for there in progress {
                let (read, delivered) = known[&id]
                    .receipts
                    .get(there.user.as_str())
                    .copied()
                    .unwrap_or_default();
                let behind =
                    |stored: Option<Seq>, has: u64| stored.is_some_and(|seq| seq.get() > has);
                if behind(there.read, read) || behind(there.delivered, delivered) {
                    return Some(format!(
                        "{} has read {read} and delivered {delivered} of {there:?} in {id}",
                        self.name
                    ));
                }
            }
        }
        None
    }

    /// Which of its sessions it has.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation.get()
    }

    /// Whether its session was sent this event, live or as missed.
    #[must_use]
    pub fn was_sent(&self, conversation: ConversationId, seq: Seq) -> bool {
        self.session.borrow().reached(conversation) >= Some(seq)
    }

    /// Lets a user do things at random, for ever.
    pub async fn act(self: Rc<Self>) {
        let dice = self.world.dice.clone();
        let mut number = 0_u64;
        loop {
            sleep(dice.millis(30, 1_500)).await;
            if !self.world.is_busy() {
                sleep(Duration::from_secs(1)).await;
                continue;
            }
            number += 1;
            let conversation = {
                let known = self.known.borrow();
                let all: Vec<_> = known.keys().copied().collect();
                dice.pick(&all).copied()
            };
            if let Some(conversation) = conversation {
                self.one_thing(conversation, number).await;
            }
        }
    }
}

fn conversation_of(data: &Value) -> Option<ConversationId> {
    data["conversationId"].as_str()?.parse().ok()
}

fn receipt(receipts: &mut BTreeMap<String, (u64, u64)>, name: &str, data: &Value) {
    let text = |field: &str| data[field].as_str().unwrap_or_default().to_owned();
    let number = |field: &str| data[field].as_u64().unwrap_or(0);
    match name {
        "messages-read" => {
            let entry = receipts.entry(text("readBy")).or_default();
            let read = number("readSeq");
            *entry = (entry.0.max(read), entry.1.max(read));
        }
        "messages-delivered" => {
            let entry = receipts.entry(text("deliveredTo")).or_default();
            entry.1 = entry.1.max(number("deliveredSeq"));
        }
        _ => {}
    }
}
