//! Who takes part.

use callboard_shared::{
    auth::Identity,
    id::{ConversationId, UserId},
    wire::{Conversation, Participant},
};

use super::{Error, Operations, Page, Result, conversations::distinct};
use crate::{
    store::{Action, Membership, ParticipantKey, Refusal},
    values::Limit,
};

impl Operations {
    /// The participants in the order of their joining.
    ///
    /// # Errors
    ///
    /// If the reader does not take part.
    pub async fn participants(
        &self,
        reader: &Identity,
        id: ConversationId,
        after: Option<ParticipantKey>,
        limit: Limit,
    ) -> Result<Page<Participant, ParticipantKey>> {
        let found = self
            .store()
            .participants(&reader.user_id, id, after, limit.get() + 1)
            .await??;
        let page = Page::cut(found, limit.get(), |listed| listed.key);
        Ok(Page {
            items: page
                .items
                .into_iter()
                .map(|listed| listed.participant)
                .collect(),
            next: page.next,
        })
    }

    /// Adds people to a group; who takes part already is passed over.
    ///
    /// # Errors
    ///
    /// If the actor does not take part, the conversation is direct, or it would get too large.
    pub async fn add_participants(
        &self,
        by: &Identity,
        id: ConversationId,
        users: Vec<UserId>,
    ) -> Result<Conversation> {
        let max = self.inner.limits.participants;
        let action = Action::Add {
            users: distinct(users),
            max,
        };
        self.change(by, id, action)
            .await?
            .ok_or_else(Error::no_conversation)
    }

    /// Removes someone from a group, or lets the actor leave it.
    ///
    /// # Errors
    ///
    /// If either does not take part, the conversation is direct, or the actor removes someone else
    /// without having created it.
    pub async fn remove_participant(
        &self,
        by: &Identity,
        id: ConversationId,
        user: UserId,
    ) -> Result<()> {
        self.change(by, id, Action::Remove(user)).await.map(drop)
    }

    /// What a gateway needs to know of those who connect, in the order of asking: the current
    /// stays, most recently active first and at most `limit` a user, and those that ended not long
    /// ago. Remembers the display names. However many connect at once, it is few queries.
    ///
    /// # Errors
    ///
    /// If the store is away.
    pub async fn memberships(
        &self,
        identities: &[Identity],
        limit: usize,
    ) -> Result<Vec<Vec<Membership>>> {
        self.inner.names.see(identities, self.now()).await?;
        let left_since = self.now().minus(self.inner.limits.departed);
        let users: Vec<_> = identities
            .iter()
            .map(|identity| identity.user_id.clone())
            .collect();
        Ok(self.store().memberships(&users, limit, left_since).await?)
    }

    /// A user's current stay in a conversation; none if they do not take part.
    ///
    /// # Errors
    ///
    /// If the store is away.
    pub async fn membership(
        &self,
        user: &UserId,
        id: ConversationId,
    ) -> Result<Option<Membership>> {
        match self.store().membership(user, id).await? {
            Ok(membership) => Ok(Some(membership)),
            Err(Refusal::NoConversation) => Ok(None),
            Err(other) => Err(other.into()),
        }
    }
}
