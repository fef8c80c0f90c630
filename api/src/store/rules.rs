//! Who may do what in a conversation. Pure: every implementation of the store asks here, within
//! its transaction, with what it has read there.

use callboard_shared::{id::UserId, wire::ConversationKind};

use super::Action;

/// Why a step was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such conversation, or the actor does not take part in it.
    NoConversation,
    /// The one to be removed does not take part.
    NoParticipant,
    /// Direct conversations stay between their two people.
    Direct,
    /// Only the creator may do it.
    CreatorOnly,
    /// More people would take part than are allowed.
    TooMany,
    /// Some of the messages are not in the conversation.
    UnknownMessages,
}

/// What the rules look at in a conversation.
#[derive(Debug)]
pub struct Facts {
    /// Whether it is direct.
    pub kind: ConversationKind,
    /// Who created it.
    pub created_by: UserId,
}

/// Whether a participant may do this.
///
/// # Errors
///
/// Why they may not.
pub fn permit(facts: &Facts, by: &UserId, action: &Action) -> Result<(), Refusal> {
    let creator = facts.created_by == *by;
    match action {
        Action::Rename(_) => Ok(()),
        Action::Add { .. } | Action::Remove(_) if facts.kind == ConversationKind::Direct => {
            Err(Refusal::Direct)
        }
        Action::Add { .. } => Ok(()),
        Action::Remove(user) if user == by || creator => Ok(()),
        Action::Delete if creator => Ok(()),
        Action::Remove(_) | Action::Delete => Err(Refusal::CreatorOnly),
    }
}

/// How many participants a conversation may have for its receipts to be announced.
pub const ANNOUNCED_UP_TO: u32 = 100;

/// How many messages `messages-read` names at most: the newest.
pub const READ_IDS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_do_what() {
        let [alice, bob, carol]: [UserId; 3] =
            ["alice", "bob", "carol"].map(|name| name.parse().unwrap());
        let group = Facts {
            kind: ConversationKind::Group,
            created_by: alice.clone(),
        };
        let direct = Facts {
            kind: ConversationKind::Direct,
            created_by: alice.clone(),
        };
        let rename = Action::Rename("x".try_into().unwrap());
        let add = Action::Add {
            users: vec![carol.clone()],
            max: 10,
        };
        let remove = |user: &UserId| Action::Remove(user.clone());

        assert_eq!(permit(&group, &bob, &rename), Ok(()));
        assert_eq!(permit(&group, &bob, &add), Ok(()));
        assert_eq!(permit(&group, &bob, &remove(&bob)), Ok(()));
        assert_eq!(
            permit(&group, &bob, &remove(&carol)),
            Err(Refusal::CreatorOnly)
        );
        assert_eq!(permit(&group, &alice, &remove(&carol)), Ok(()));
        assert_eq!(
            permit(&group, &bob, &Action::Delete),
            Err(Refusal::CreatorOnly)
        );
        assert_eq!(permit(&group, &alice, &Action::Delete), Ok(()));

        assert_eq!(permit(&direct, &bob, &rename), Ok(()));
        assert_eq!(permit(&direct, &alice, &add), Err(Refusal::Direct));
        assert_eq!(permit(&direct, &bob, &remove(&bob)), Err(Refusal::Direct));
        assert_eq!(permit(&direct, &alice, &remove(&bob)), Err(Refusal::Direct));
        assert_eq!(permit(&direct, &alice, &Action::Delete), Ok(()));
    }
}
