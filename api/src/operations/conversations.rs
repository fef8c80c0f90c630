//! Conversations.

use std::collections::HashSet;

use callboard_shared::{
    auth::Identity,
    id::{ConversationId, UserId},
    wire::{Conversation, ConversationKind},
};

use super::{Error, Operations, Page, Result};
use crate::{
    store::{Action, Change, Changed, ListKey, NewConversation},
    values::{Limit, Title},
};

/// A conversation that someone wants to create.
#[derive(Debug, Clone)]
pub struct CreateConversation {
    /// Who takes part besides the creator; repetitions and the creator are passed over.
    pub participants: Vec<UserId>,
    /// Its title.
    pub title: Option<Title>,
    /// Group or direct.
    pub kind: ConversationKind,
}

impl Operations {
    /// Creates a conversation, or finds the direct one that these two people have already; tells
    /// whether it is new.
    ///
    /// # Errors
    ///
    /// If there are too many participants, or not exactly two in a direct conversation.
    pub async fn create_conversation(
        &self,
        creator: &Identity,
        create: CreateConversation,
    ) -> Result<(Conversation, bool)> {
        let CreateConversation {
            participants,
            title,
            kind,
        } = create;
        let participants = distinct(std::iter::once(creator.user_id.clone()).chain(participants));
        if kind == ConversationKind::Direct && participants.len() != 2 {
            return Err(Error::invalid(
                "participantIds",
                "must name exactly one other person in a direct conversation",
            ));
        }
        self.check_count("participantIds", participants.len())?;
        let at = self.now();
        let id = ConversationId::new(at);
        let created_by = creator.user_id.clone();
        let created = self
            .store()
            .create(NewConversation {
                id,
                kind,
                title,
                created_by,
                participants,
                at,
            })
            .await?;
        let new = created.entry.is_some();
        self.announce(created.entry).await;
        Ok((created.conversation, new))
    }

    /// A conversation.
    ///
    /// # Errors
    ///
    /// If the reader does not take part.
    pub async fn conversation(
        &self,
        reader: &Identity,
        id: ConversationId,
    ) -> Result<Conversation> {
        Ok(self.store().conversation(&reader.user_id, id).await??)
    }

    /// The reader's conversations, latest activity first.
    ///
    /// # Errors
    ///
    /// If the store is away.
    pub async fn conversations(
        &self,
        reader: &Identity,
        after: Option<ListKey>,
        limit: Limit,
    ) -> Result<Page<Conversation, ListKey>> {
        let found = self
            .store()
            .conversations(&reader.user_id, after, limit.get() + 1)
            .await?;
        Ok(Page::cut(found, limit.get(), |conversation| {
            conversation.into()
        }))
    }

    /// Gives a conversation another title.
    ///
    /// # Errors
    ///
    /// If the actor does not take part.
    pub async fn rename_conversation(
        &self,
        by: &Identity,
        id: ConversationId,
        title: Title,
    ) -> Result<Conversation> {
        self.change(by, id, Action::Rename(title))
            .await?
            .ok_or_else(Error::no_conversation)
    }

    /// Deletes a conversation.
    ///
    /// # Errors
    ///
    /// If the actor does not take part, or did not create it.
    pub async fn delete_conversation(&self, by: &Identity, id: ConversationId) -> Result<()> {
        self.change(by, id, Action::Delete).await.map(drop)
    }

    /// Makes a change and has it published.
    pub(super) async fn change(
        &self,
        by: &Identity,
        id: ConversationId,
        action: Action,
    ) -> Result<Option<Conversation>> {
        let change = Change {
            conversation_id: id,
            by: by.user_id.clone(),
            at: self.now(),
            action,
        };
        let Changed {
            conversation,
            entry,
        } = self.store().change(change).await??;
        self.announce(entry).await;
        Ok(conversation)
    }

    /// Refuses more people than a conversation may have.
    pub(super) fn check_count(&self, field: &str, count: usize) -> Result<()> {
        let max = self.inner.limits.participants;
        if count > max {
            return Err(Error::invalid(
                field,
                format!("must not make more than {max} participants"),
            ));
        }
        Ok(())
    }
}

/// Each user once, in the order of their first mention.
pub(super) fn distinct(users: impl IntoIterator<Item = UserId>) -> Vec<UserId> {
    let mut seen = HashSet::new();
    users
        .into_iter()
        .filter(|user| seen.insert(user.clone()))
        .collect()
}
