//! Conversations as they come to be and change: each change is one event.

use callboard_shared::{
    clock::Timestamp,
    id::{ConversationId, Seq, UserId},
    wire::{Conversation, ConversationKind, ConversationUpdated},
};
use serde_json::value::{RawValue, to_raw_value};
use sqlx::{SqliteConnection, query, query_scalar};

use super::{
    columns::message_columns,
    conversations::{conversations, one, unread_count},
    membership::is_participant,
    outbox,
};
use crate::{
    store::{
        Action, Announcement, Change, Changed, Created, Event, EventBody, NewConversation,
        OutboxEntry, Refusal, StoreError,
        failure::Stop,
        rows::{self, Columns, For, number},
        rules::{self, Facts},
    },
    values::Title,
};

pub(super) async fn create(
    connection: &mut SqliteConnection,
    new: NewConversation,
) -> Result<Created, StoreError> {
    let pair = match (new.kind, new.participants.as_slice()) {
        (ConversationKind::Direct, [one, other]) => Some((one.min(other), one.max(other))),
        _ => None,
    };
    let (low, high) = pair.unzip();
    let there = query_scalar::<_, Vec<u8>>(
        "SELECT id FROM conversations WHERE direct_low = ?1 AND direct_high = ?2",
    )
    .bind(low.map(UserId::as_str))
    .bind(high.map(UserId::as_str))
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(id) = there.and_then(|id| id.try_into().ok()) {
        let conversation =
            seen(one(connection, &new.created_by, ConversationId::from_bytes(id)).await)?;
        return Ok(Created {
            conversation,
            entry: None,
        });
    }
    query(
        "INSERT INTO conversations
             (id, kind, title, created_by, created_at, updated_at, last_seq, participant_count, direct_low, direct_high)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1, json_array_length(?8), ?6, ?7);
         INSERT INTO participants
             (conversation_id, user_id, joined_seq, nth, joined_at, read_seq, delivered_seq)
         SELECT ?1, value, 1, key, ?5, 0, 0 FROM json_each(?8);",
    )
    .bind(new.id.as_bytes().as_slice())
    .bind(rows::kind_name(new.kind))
    .bind(new.title.as_ref().map(Title::as_str))
    .bind(new.created_by.as_str())
    .bind(new.at.as_millis())
    .bind(low.map(UserId::as_str))
    .bind(high.map(UserId::as_str))
    .bind(serde_json::to_string(&new.participants)?)
    .execute(&mut *connection)
    .await?;
    let step = Step {
        id: new.id,
        seq: Seq::ZERO.next(),
        at: new.at,
        by: new.created_by,
    };
    let entry = step
        .updated(connection, new.participants, Vec::new())
        .await?;
    let conversation = seen(one(connection, &step.by, step.id).await)?;
    Ok(Created {
        conversation,
        entry: Some(entry),
    })
}

/// What was read of a conversation whose participant the reader must be.
fn seen(conversation: Result<Conversation, Stop>) -> Result<Conversation, StoreError> {
    conversation.map_err(|stop| match stop {
        Stop::Failed(error) => error,
        Stop::Refused(refusal) => {
            StoreError::Defect(format!("{refusal:?} right after the change").into())
        }
    })
}

pub(super) async fn change(
    connection: &mut SqliteConnection,
    change: Change,
) -> Result<Changed, Stop> {
    let Change {
        conversation_id: id,
        by,
        at,
        action,
    } = change;
    let row = query(
        "SELECT c.kind, c.created_by, c.title, c.participant_count, c.last_seq
         FROM conversations c JOIN participants p ON p.conversation_id = c.id
         WHERE c.id = ?1 AND p.user_id = ?2 AND p.left_seq IS NULL",
    )
    .bind(id.as_bytes().as_slice())
    .bind(by.as_str())
    .fetch_optional(&mut *connection)
    .await?
    .ok_or(Refusal::NoConversation)?;
    rules::permit(
        &Facts {
            kind: rows::kind(&row)?,
            created_by: row.user_id("created_by")?,
        },
        &by,
        &action,
    )?;

    let step = Step {
        id,
        seq: row.seq("last_seq")?.next(),
        at,
        by,
    };
    let entry = match action {
        Action::Rename(title) if row.text("title")? == Some(title.as_str()) => None,
        Action::Rename(title) => Some(step.rename(connection, &title).await?),
        Action::Add { users, max } => {
            let users = newcomers(connection, id, &users).await?;
            if row.count::<usize>("participant_count")? + users.len() > max {
                return Err(Refusal::TooMany.into());
            }
            if users.is_empty() {
                None
            } else {
                Some(step.add(connection, users).await?)
            }
        }
        Action::Remove(user) => {
            if !is_participant(connection, &user, id).await? {
                return Err(Refusal::NoParticipant.into());
            }
            let entry = step.remove(connection, user).await?;
            return Ok(Changed {
                conversation: None,
                entry: Some(entry),
            });
        }
        Action::Delete => {
            let entry = step.delete(connection).await?;
            return Ok(Changed {
                conversation: None,
                entry: Some(entry),
            });
        }
    };
    Ok(Changed {
        conversation: Some(one(connection, &step.by, id).await?),
        entry,
    })
}

/// Those who do not take part yet.
async fn newcomers(
    connection: &mut SqliteConnection,
    id: ConversationId,
    users: &[UserId],
) -> Result<Vec<UserId>, StoreError> {
    let rows = query(
        "SELECT value FROM json_each(?2) WHERE value NOT IN
             (SELECT user_id FROM participants WHERE conversation_id = ?1 AND left_seq IS NULL)
         ORDER BY key",
    )
    .bind(id.as_bytes().as_slice())
    .bind(serde_json::to_string(users)?)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| row.user_id("value")).collect()
}

/// The event that a change makes.
struct Step {
    id: ConversationId,
    seq: Seq,
    at: Timestamp,
    by: UserId,
}

impl Step {
    async fn rename(
        &self,
        connection: &mut SqliteConnection,
        title: &Title,
    ) -> Result<OutboxEntry, StoreError> {
        query("UPDATE conversations SET title = ?4, last_seq = ?2, updated_at = ?3 WHERE id = ?1")
            .bind(self.id.as_bytes().as_slice())
            .bind(number(self.seq))
            .bind(self.at.as_millis())
            .bind(title.as_str())
            .execute(&mut *connection)
            .await?;
        self.updated(connection, Vec::new(), Vec::new()).await
    }

    async fn add(
        &self,
        connection: &mut SqliteConnection,
        users: Vec<UserId>,
    ) -> Result<OutboxEntry, StoreError> {
        query(
            "INSERT INTO participants
                 (conversation_id, user_id, joined_seq, nth, joined_at, read_seq, delivered_seq)
             SELECT ?1, value, ?2, key, ?3, ?2 - 1, ?2 - 1 FROM json_each(?4);
             UPDATE conversations SET participant_count = participant_count + json_array_length(?4),
                 last_seq = ?2, updated_at = ?3 WHERE id = ?1;",
        )
        .bind(self.id.as_bytes().as_slice())
        .bind(number(self.seq))
        .bind(self.at.as_millis())
        .bind(serde_json::to_string(&users)?)
        .execute(&mut *connection)
        .await?;
        self.updated(connection, users, Vec::new()).await
    }

    /// A conversation that its last participant leaves is as good as deleted.
    async fn remove(
        &self,
        connection: &mut SqliteConnection,
        user: UserId,
    ) -> Result<OutboxEntry, StoreError> {
        query(
            "UPDATE participants SET left_seq = ?2, left_at = ?3
             WHERE conversation_id = ?1 AND user_id = ?4 AND left_seq IS NULL;
             UPDATE conversations SET participant_count = participant_count - 1, last_seq = ?2, updated_at = ?3,
                 deleted_at = CASE participant_count WHEN 1 THEN ?3 END WHERE id = ?1;",
        )
        .bind(self.id.as_bytes().as_slice())
        .bind(number(self.seq))
        .bind(self.at.as_millis())
        .bind(user.as_str())
        .execute(&mut *connection)
        .await?;
        self.updated(connection, Vec::new(), vec![user]).await
    }

    /// Everybody leaves by the last event, so that nobody finds the conversation any more and
    /// everybody's stay ends with it.
    async fn delete(&self, connection: &mut SqliteConnection) -> Result<OutboxEntry, StoreError> {
        query(
            "UPDATE participants SET left_seq = ?2, left_at = ?3 WHERE conversation_id = ?1 AND left_seq IS NULL;
             UPDATE conversations SET participant_count = 0, last_seq = ?2, updated_at = ?3, deleted_at = ?3,
                 direct_low = NULL, direct_high = NULL WHERE id = ?1;
             INSERT INTO events (conversation_id, seq, kind, at, by_user) VALUES (?1, ?2, 'deleted', ?3, ?4);",
        )
        .bind(self.id.as_bytes().as_slice())
        .bind(number(self.seq))
        .bind(self.at.as_millis())
        .bind(self.by.as_str())
        .execute(&mut *connection)
        .await?;
        let sql = "SELECT user_id FROM participants WHERE conversation_id = ?1 AND left_seq = ?2 ORDER BY user_id";
        let rows = query(sql)
            .bind(self.id.as_bytes().as_slice())
            .bind(number(self.seq))
            .fetch_all(&mut *connection)
            .await?;
        let removed = rows
            .iter()
            .map(|row| row.user_id("user_id"))
            .collect::<Result<_, _>>()?;
        self.announce(connection, EventBody::Deleted { removed })
            .await
    }

    /// Writes the event with the conversation as it is now.
    async fn updated(
        &self,
        connection: &mut SqliteConnection,
        added: Vec<UserId>,
        removed: Vec<UserId>,
    ) -> Result<OutboxEntry, StoreError> {
        let data = self.snapshot(connection).await?;
        query("INSERT INTO events (conversation_id, seq, kind, at, by_user, data) VALUES (?1, ?2, 'updated', ?3, ?4, ?5)")
            .bind(self.id.as_bytes().as_slice())
            .bind(number(self.seq))
            .bind(self.at.as_millis())
            .bind(self.by.as_str())
            .bind(data.get())
            .execute(&mut *connection)
            .await?;
        self.announce(
            connection,
            EventBody::Updated {
                data,
                added,
                removed,
            },
        )
        .await
    }

    async fn snapshot(
        &self,
        connection: &mut SqliteConnection,
    ) -> Result<Box<RawValue>, StoreError> {
        let sql = conversations!("SELECT ?1, NULL, NULL");
        let row = query(sql)
            .bind(self.id.as_bytes().as_slice())
            .fetch_one(connection)
            .await?;
        let conversation = rows::conversation(&row, For::Everybody)?;
        Ok(to_raw_value(&ConversationUpdated {
            conversation_id: self.id,
            seq: self.seq,
            conversation,
        })?)
    }

    async fn announce(
        &self,
        connection: &mut SqliteConnection,
        body: EventBody,
    ) -> Result<OutboxEntry, StoreError> {
        let (by, at) = (self.by.clone(), self.at);
        let event = Event {
            conversation_id: self.id,
            seq: self.seq,
            at,
            by,
            body,
        };
        outbox::add(connection, Announcement::Event(event)).await
    }
}
