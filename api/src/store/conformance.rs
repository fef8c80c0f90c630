//! What every [`Store`] must do, as tests that an implementation runs on itself:
//!
//! ```ignore
//! conformance::suite!(async { (Arc::new(store), whatever_keeps_it_alive) });
//! ```

mod catching_up;
mod conversations;
mod outbox;
mod participants;
mod receipts;
mod sending;

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use callboard_shared::{
    bus::Publication,
    clock::Timestamp,
    id::{ConversationId, MessageId, Seq, UserId},
    wire::{Conversation, ConversationKind, Message},
};

pub(crate) use self::{
    catching_up::*, conversations::*, outbox::*, participants::*, receipts::*, sending::*,
};
use super::{
    Action, Change, Changed, Created, Membership, NewConversation, NewMessage, OutboxEntry,
    Outcome, ReceiptKind, ReceiptRequest, ReceiptState, Receipts, Sent, Store,
};

/// Makes a test of each requirement; `$subject` is a future of a store and of what keeps it alive.
macro_rules! suite {
    ($($subject:tt)*) => {
        $crate::store::conformance::requirements! {
            $($subject)*;
            a_sequence_has_no_gaps_under_concurrent_sends
            a_repetition_is_answered_with_the_first_message
            concurrent_repetitions_send_one_message
            a_client_message_id_counts_for_one_sender_in_one_conversation
            a_removed_sender_finds_no_conversation
            a_refused_send_leaves_the_rest_of_its_batch_alone
            text_comes_back_as_it_was
            messages_are_paged_by_number
            a_conversation_begins_with_its_creation
            a_direct_conversation_is_created_once
            a_deleted_direct_conversation_makes_room_for_another
            a_list_stays_stable_while_things_change
            participants_are_paged_in_the_order_of_joining
            a_new_title_is_an_event_and_the_same_title_is_none
            whoever_is_added_starts_at_that_event
            a_conversation_has_a_largest_size
            whoever_is_removed_sees_that_event_last
            what_everybody_has_left_is_deleted
            a_deleted_conversation_is_gone_for_everybody
            deleted_rows_stay_until_nobody_can_ask_for_them
            names_are_those_of_the_last_token
            many_names_are_seen_at_once
            receipts_only_move_forward
            reading_counts_others_messages
            read_messages_are_named_up_to_the_newest_100
            unknown_messages_cannot_be_read
            receipts_of_large_conversations_are_not_announced
            a_batch_of_receipts_has_an_outcome_for_each
            unread_counts_agree_with_counting
            stays_are_told_apart
            stays_are_the_most_recently_active_first
            stays_of_many_are_told_in_the_order_of_asking
            a_gap_is_filled_in_order
            sync_tells_exactly_what_was_missed
            sync_is_bounded
            the_outbox_holds_what_was_committed
            the_outbox_is_read_by_age_and_in_pages
            an_outbox_id_is_never_used_again
            the_floor_is_the_lowest_that_may_be_unpublished
            a_publication_can_be_rebuilt_from_the_store
        }
    };
}

macro_rules! requirements {
    (run $subject:ident; $($name:ident)*) => {
        $(
            let (store, kept_alive) = $subject().await;
            $name(World::new(store)).await;
            drop(kept_alive);
        )*
    };
    ($subject:expr; $($name:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let (store, kept_alive) = $subject.await;
                $crate::store::conformance::$name($crate::store::conformance::World::new(store)).await;
                drop(kept_alive);
            }
        )*
    };
}

pub(crate) use requirements;
#[cfg(test)]
pub(crate) use suite;

/// Runs the whole suite; `subject` makes a fresh store, and what keeps it alive.
///
/// # Panics
///
/// If the store does not meet a requirement.
pub async fn run<F, K>(subject: impl Fn() -> F)
where
    F: Future<Output = (Arc<dyn Store>, K)>,
{
    suite!(run subject);
}

/// A store, and a clock that goes on by a second at each look.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) store: Arc<dyn Store>,
    time: Arc<AtomicI64>,
}

/// A user.
pub(crate) fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

/// Users.
pub(crate) fn users(names: &[&str]) -> Vec<UserId> {
    names.iter().map(|name| user(name)).collect()
}

/// As it travels, to be compared.
pub(crate) fn travelling(entry: &OutboxEntry) -> String {
    format!("{:?}", Publication::try_from(&entry.announcement).unwrap())
}

impl World {
    /// A world around an empty store.
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            time: Arc::new(AtomicI64::new(1_700_000_000_000)),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.time.fetch_add(1_000, Ordering::SeqCst))
    }

    pub(crate) fn new_conversation(
        &self,
        kind: ConversationKind,
        people: &[&str],
    ) -> NewConversation {
        let at = self.now();
        let participants = users(people);
        let created_by = participants[0].clone();
        NewConversation {
            id: ConversationId::new(at),
            kind,
            title: None,
            created_by,
            participants,
            at,
        }
    }

    pub(crate) async fn create(&self, people: &[&str]) -> Created {
        self.store
            .create(self.new_conversation(ConversationKind::Group, people))
            .await
            .unwrap()
    }

    /// A group; the first of these people creates it.
    pub(crate) async fn group(&self, people: &[&str]) -> ConversationId {
        self.create(people).await.conversation.id
    }

    pub(crate) async fn direct(&self, one: &str, other: &str) -> Created {
        self.store
            .create(self.new_conversation(ConversationKind::Direct, &[one, other]))
            .await
            .unwrap()
    }

    pub(crate) fn message(&self, id: ConversationId, sender: &str, text: &str) -> NewMessage {
        let at = self.now();
        NewMessage {
            id: MessageId::new(at),
            conversation_id: id,
            sender_id: user(sender),
            sender_name: Some(sender.to_uppercase().into()),
            content: text.try_into().unwrap(),
            client_message_id: None,
            at,
        }
    }

    pub(crate) fn marked(
        &self,
        id: ConversationId,
        sender: &str,
        text: &str,
        mark: &str,
    ) -> NewMessage {
        NewMessage {
            client_message_id: Some(mark.try_into().unwrap()),
            ..self.message(id, sender, text)
        }
    }

    pub(crate) async fn try_send(&self, message: NewMessage) -> Outcome<Sent> {
        self.store.send(vec![message]).await.unwrap().pop().unwrap()
    }

    pub(crate) async fn send(&self, id: ConversationId, sender: &str, text: &str) -> Message {
        self.try_send(self.message(id, sender, text))
            .await
            .unwrap()
            .message
    }

    pub(crate) async fn change(
        &self,
        id: ConversationId,
        by: &str,
        action: Action,
    ) -> Outcome<Changed> {
        self.store
            .change(Change {
                conversation_id: id,
                by: user(by),
                at: self.now(),
                action,
            })
            .await
            .unwrap()
    }

    pub(crate) async fn rename(
        &self,
        id: ConversationId,
        by: &str,
        title: &str,
    ) -> Outcome<Changed> {
        self.change(id, by, Action::Rename(title.try_into().unwrap()))
            .await
    }

    pub(crate) async fn add(
        &self,
        id: ConversationId,
        by: &str,
        people: &[&str],
    ) -> Outcome<Changed> {
        self.change(
            id,
            by,
            Action::Add {
                users: users(people),
                max: 1_000,
            },
        )
        .await
    }

    pub(crate) async fn remove(
        &self,
        id: ConversationId,
        by: &str,
        whom: &str,
    ) -> Outcome<Changed> {
        self.change(id, by, Action::Remove(user(whom))).await
    }

    pub(crate) async fn delete(&self, id: ConversationId, by: &str) -> Outcome<Changed> {
        self.change(id, by, Action::Delete).await
    }

    pub(crate) async fn show(&self, id: ConversationId, reader: &str) -> Outcome<Conversation> {
        self.store.conversation(&user(reader), id).await.unwrap()
    }

    pub(crate) async fn receipt(
        &self,
        id: ConversationId,
        who: &str,
        kind: ReceiptKind,
    ) -> (Outcome<ReceiptState>, Vec<OutboxEntry>) {
        let request = ReceiptRequest {
            user_id: user(who),
            conversation_id: id,
            kind,
        };
        let Receipts {
            mut outcomes,
            entries,
        } = self
            .store
            .record_receipts(vec![request], self.now())
            .await
            .unwrap();
        (outcomes.pop().unwrap(), entries)
    }

    /// Remembers a name.
    pub(crate) async fn see(&self, id: &str, name: Option<&str>) {
        let seen = (user(id), name.map(Arc::from));
        self.store.see_users(&[seen], self.now()).await.unwrap();
    }

    /// One user's stays.
    pub(crate) async fn stays(
        &self,
        name: &str,
        limit: usize,
        since: Timestamp,
    ) -> Vec<Membership> {
        let mut stays = self
            .store
            .memberships(&[user(name)], limit, since)
            .await
            .unwrap();
        assert_eq!(stays.len(), 1);
        stays.remove(0)
    }

    /// The numbers of all events, whoever takes part.
    pub(crate) async fn sequence(&self, id: ConversationId) -> Vec<u64> {
        let events = self.store.events_from(id, Seq::ZERO, 10_000).await.unwrap();
        events.iter().map(|event| event.seq.get()).collect()
    }

    /// Everything that is in the outbox.
    pub(crate) async fn outbox(&self) -> Vec<OutboxEntry> {
        let before = self.now().plus(Duration::from_secs(3600));
        let first = super::OutboxId::default();
        let pending = self.store.pending(before, first, 10_000).await.unwrap();
        let ids: Vec<_> = pending.iter().map(|pending| pending.id).collect();
        self.store.entries(&ids).await.unwrap()
    }

    pub(crate) async fn empty_outbox(&self) {
        let ids: Vec<_> = self.outbox().await.iter().map(|entry| entry.id).collect();
        self.store.published(&ids).await.unwrap();
    }
}
