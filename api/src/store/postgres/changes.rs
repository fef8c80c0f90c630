//! Conversations as they come to be and change: each change is one event.
//!
//! Every change is made under the lock on the conversation's row, as sends are.

use callboard_shared::{
    clock::Timestamp,
    id::{ConversationId, Seq, UserId},
    wire::{ConversationKind, ConversationUpdated},
};
use serde_json::value::{RawValue, to_raw_value};
use sqlx::{Connection, PgConnection, query, query_scalar};
use uuid::Uuid;

use super::{
    columns::{message_columns, uuid},
    conversations::{conversations, one, unread_count},
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

/// How often a direct conversation may turn out to be there and be deleted before it is read.
const DIRECT_ATTEMPTS: usize = 3;

pub(super) async fn create(
    connection: &mut PgConnection,
    new: &NewConversation,
) -> Result<Created, StoreError> {
    for _ in 0..DIRECT_ATTEMPTS {
        if let Some(created) = insert(connection, new).await? {
            return Ok(created);
        }
        if let Some(there) = direct(connection, new).await? {
            return Ok(there);
        }
    }
    Err(StoreError::Unavailable(
        "the direct conversation comes and goes".into(),
    ))
}

/// The two people of a direct conversation, in order.
fn pair(new: &NewConversation) -> Option<(&str, &str)> {
    match (new.kind, new.participants.as_slice()) {
        (ConversationKind::Direct, [one, other]) => {
            Some((one.min(other).as_str(), one.max(other).as_str()))
        }
        _ => None,
    }
}

/// The direct conversation that these two have already, unless it has just been deleted.
async fn direct(
    connection: &mut PgConnection,
    new: &NewConversation,
) -> Result<Option<Created>, StoreError> {
    let (low, high) = pair(new).unzip();
    let sql = "SELECT id FROM conversations WHERE direct_low = $1 AND direct_high = $2";
    let there = query_scalar::<_, Uuid>(sql)
        .bind(low)
        .bind(high)
        .fetch_optional(&mut *connection)
        .await?;
    let Some(id) = there else { return Ok(None) };
    let id = ConversationId::from_bytes(id.into_bytes());
    match one(connection, &new.created_by, id).await {
        Ok(conversation) => Ok(Some(Created {
            conversation,
            entry: None,
        })),
        Err(Stop::Refused(_)) => Ok(None),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Creates it, unless these two have one already: the unique index makes the second of two who
/// create it at once wait for the first.
async fn insert(
    connection: &mut PgConnection,
    new: &NewConversation,
) -> Result<Option<Created>, StoreError> {
    let mut transaction = connection.begin().await?;
    let (low, high) = pair(new).unzip();
    let inserted = query(
        "INSERT INTO conversations
             (id, kind, title, created_by, created_at, updated_at, last_seq, participant_count, direct_low, direct_high)
         VALUES ($1, $2, $3, $4, $5, $5, 1, $6, $7, $8)
         ON CONFLICT (direct_low, direct_high) WHERE direct_low IS NOT NULL DO NOTHING",
    )
    .bind(uuid(new.id))
    .bind(rows::kind_name(new.kind))
    .bind(new.title.as_ref().map(Title::as_str))
    .bind(new.created_by.as_str())
    .bind(new.at.as_millis())
    .bind(rows::rows(new.participants.len()))
    .bind(low)
    .bind(high)
    .execute(&mut *transaction)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(None);
    }
    let step = Step {
        id: new.id,
        seq: Seq::ZERO.next(),
        at: new.at,
        by: new.created_by.clone(),
    };
    step.join(&mut transaction, &new.participants).await?;
    let entry = step
        .updated(&mut transaction, new.participants.clone(), Vec::new())
        .await?;
    let conversation = match one(&mut transaction, &step.by, step.id).await {
        Ok(conversation) => conversation,
        Err(Stop::Refused(refusal)) => {
            return Err(rows::defect(format!(
                "{refusal:?} right after the creation"
            )));
        }
        Err(Stop::Failed(error)) => return Err(error),
    };
    transaction.commit().await?;
    Ok(Some(Created {
        conversation,
        entry: Some(entry),
    }))
}

pub(super) async fn change(
    connection: &mut PgConnection,
    change: &Change,
) -> Result<Changed, Stop> {
    let mut transaction = connection.begin().await?;
    let id = change.conversation_id;
    query("SELECT FROM conversations WHERE id = $1 FOR UPDATE")
        .bind(uuid(id))
        .execute(&mut *transaction)
        .await?;
    // A statement of its own, which sees what was committed before the lock was granted.
    let row = query(
        "SELECT c.kind, c.created_by, c.title, c.participant_count, c.last_seq
         FROM conversations c JOIN participants p ON p.conversation_id = c.id
         WHERE c.id = $1 AND p.user_id = $2 AND p.left_seq IS NULL",
    )
    .bind(uuid(id))
    .bind(change.by.as_str())
    .fetch_optional(&mut *transaction)
    .await?
    .ok_or(Refusal::NoConversation)?;
    let facts = Facts {
        kind: rows::kind(&row)?,
        created_by: row.user_id("created_by")?,
    };
    rules::permit(&facts, &change.by, &change.action)?;

    let step = Step {
        id,
        seq: row.seq("last_seq")?.next(),
        at: change.at,
        by: change.by.clone(),
    };
    let entry = match &change.action {
        Action::Rename(title) if row.text("title")? == Some(title.as_str()) => None,
        Action::Rename(title) => Some(step.rename(&mut transaction, title).await?),
        Action::Add { users, max } => {
            let users = newcomers(&mut transaction, id, users).await?;
            if row.count::<usize>("participant_count")? + users.len() > *max {
                return Err(Refusal::TooMany.into());
            }
            if users.is_empty() {
                None
            } else {
                Some(step.add(&mut transaction, users).await?)
            }
        }
        Action::Remove(user) => Some(step.remove(&mut transaction, user).await?),
        Action::Delete => Some(step.delete(&mut transaction).await?),
    };
    let conversation = match &change.action {
        Action::Rename(_) | Action::Add { .. } => Some(one(&mut transaction, &step.by, id).await?),
        Action::Remove(_) | Action::Delete => None,
    };
    transaction.commit().await?;
    Ok(Changed {
        conversation,
        entry,
    })
}

/// Those who do not take part yet.
async fn newcomers(
    connection: &mut PgConnection,
    id: ConversationId,
    users: &[UserId],
) -> Result<Vec<UserId>, StoreError> {
    let rows = query(
        "SELECT asked.user_id FROM unnest($2::text[]) WITH ORDINALITY AS asked (user_id, nth)
         WHERE NOT EXISTS (SELECT FROM participants p
             WHERE p.conversation_id = $1 AND p.user_id = asked.user_id AND p.left_seq IS NULL)
         ORDER BY asked.nth",
    )
    .bind(uuid(id))
    .bind(users.iter().map(UserId::as_str).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| row.user_id("user_id")).collect()
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
        connection: &mut PgConnection,
        title: &Title,
    ) -> Result<OutboxEntry, StoreError> {
        query("UPDATE conversations SET title = $4, last_seq = $2, updated_at = $3 WHERE id = $1")
            .bind(uuid(self.id))
            .bind(number(self.seq))
            .bind(self.at.as_millis())
            .bind(title.as_str())
            .execute(&mut *connection)
            .await?;
        self.updated(connection, Vec::new(), Vec::new()).await
    }

    async fn add(
        &self,
        connection: &mut PgConnection,
        users: Vec<UserId>,
    ) -> Result<OutboxEntry, StoreError> {
        self.join(connection, &users).await?;
        query(
            "UPDATE conversations SET participant_count = participant_count + $4, last_seq = $2, updated_at = $3
             WHERE id = $1",
        )
        .bind(uuid(self.id))
        .bind(number(self.seq))
        .bind(self.at.as_millis())
        .bind(rows::rows(users.len()))
        .execute(&mut *connection)
        .await?;
        self.updated(connection, users, Vec::new()).await
    }

    /// By this event; what was before it is neither unread nor undelivered.
    async fn join(
        &self,
        connection: &mut PgConnection,
        users: &[UserId],
    ) -> Result<(), StoreError> {
        query(
            "INSERT INTO participants (conversation_id, user_id, joined_seq, nth, joined_at, read_seq, delivered_seq)
             SELECT $1, a.user_id, $2, a.nth - 1, $3, $2 - 1, $2 - 1
             FROM unnest($4::text[]) WITH ORDINALITY AS a (user_id, nth)",
        )
        .bind(uuid(self.id))
        .bind(number(self.seq))
        .bind(self.at.as_millis())
        .bind(users.iter().map(UserId::as_str).collect::<Vec<_>>())
        .execute(connection)
        .await?;
        Ok(())
    }

    /// A conversation that its last participant leaves is as good as deleted.
    async fn remove(
        &self,
        connection: &mut PgConnection,
        user: &UserId,
    ) -> Result<OutboxEntry, Stop> {
        let left = query(
            "UPDATE participants SET left_seq = $2, left_at = $3
             WHERE conversation_id = $1 AND user_id = $4 AND left_seq IS NULL",
        )
        .bind(uuid(self.id))
        .bind(number(self.seq))
        .bind(self.at.as_millis())
        .bind(user.as_str())
        .execute(&mut *connection)
        .await?;
        if left.rows_affected() == 0 {
            return Err(Refusal::NoParticipant.into());
        }
        query(
            "UPDATE conversations SET participant_count = participant_count - 1, last_seq = $2, updated_at = $3,
                 deleted_at = CASE participant_count WHEN 1 THEN $3 END WHERE id = $1",
        )
        .bind(uuid(self.id))
        .bind(number(self.seq))
        .bind(self.at.as_millis())
        .execute(&mut *connection)
        .await?;
        Ok(self
            .updated(connection, Vec::new(), vec![user.clone()])
            .await?)
    }

    /// Everybody leaves by the last event, so that nobody finds the conversation any more and
    /// everybody's stay ends with it. Receipts lock participants too, in this same order.
    async fn delete(&self, connection: &mut PgConnection) -> Result<OutboxEntry, StoreError> {
        let sql = "SELECT user_id FROM participants WHERE conversation_id = $1 AND left_seq IS NULL
                   ORDER BY user_id FOR UPDATE";
        let rows = query(sql)
            .bind(uuid(self.id))
            .fetch_all(&mut *connection)
            .await?;
        let removed = rows
            .iter()
            .map(|row| row.user_id("user_id"))
            .collect::<Result<_, _>>()?;
        query(
            "WITH emptied AS (
                 UPDATE participants SET left_seq = $2, left_at = $3 WHERE conversation_id = $1 AND left_seq IS NULL
             ), deleted AS (
                 UPDATE conversations SET participant_count = 0, last_seq = $2, updated_at = $3, deleted_at = $3,
                     direct_low = NULL, direct_high = NULL WHERE id = $1
             )
             INSERT INTO events (conversation_id, seq, kind, at, by_user) VALUES ($1, $2, 'deleted', $3, $4)",
        )
        .bind(uuid(self.id))
        .bind(number(self.seq))
        .bind(self.at.as_millis())
        .bind(self.by.as_str())
        .execute(&mut *connection)
        .await?;
        self.announce(connection, EventBody::Deleted { removed })
            .await
    }

    /// Writes the event with the conversation as it is now.
    async fn updated(
        &self,
        connection: &mut PgConnection,
        added: Vec<UserId>,
        removed: Vec<UserId>,
    ) -> Result<OutboxEntry, StoreError> {
        let data = self.snapshot(connection).await?;
        query("INSERT INTO events (conversation_id, seq, kind, at, by_user, data) VALUES ($1, $2, 'updated', $3, $4, $5)")
            .bind(uuid(self.id))
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

    async fn snapshot(&self, connection: &mut PgConnection) -> Result<Box<RawValue>, StoreError> {
        let sql = conversations!("SELECT $1, NULL::text, NULL::bigint");
        let row = query(sql).bind(uuid(self.id)).fetch_one(connection).await?;
        let conversation = rows::conversation(&row, For::Everybody)?;
        Ok(to_raw_value(&ConversationUpdated {
            conversation_id: self.id,
            seq: self.seq,
            conversation,
        })?)
    }

    async fn announce(
        &self,
        connection: &mut PgConnection,
        body: EventBody,
    ) -> Result<OutboxEntry, StoreError> {
        let event = Event {
            conversation_id: self.id,
            seq: self.seq,
            at: self.at,
            by: self.by.clone(),
            body,
        };
        let mut entries = outbox::add(connection, vec![Announcement::Event(event)]).await?;
        entries
            .pop()
            .ok_or_else(|| rows::defect("the outbox took no entry"))
    }
}
