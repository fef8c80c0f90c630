//! Receipts: how far everyone has read, and what was delivered to them.
//!
//! A batch takes as many statements as one receipt: what it moves is locked and read, worked out
//! here, and written.

use std::collections::HashMap;

use callboard_shared::{
    clock::Timestamp,
    event::EventName,
    id::{ConversationId, MessageId, Seq, UserId},
    wire::{MessagesDelivered, MessagesRead},
};
use serde_json::value::to_raw_value;
use sqlx::{Connection, PgConnection, Row, postgres::PgRow, query};
use uuid::Uuid;

use super::{columns::uuid, conversations::unread_count, outbox};
use crate::store::{
    Announcement, Outcome, Receipt, ReceiptKind, ReceiptRequest, ReceiptState, Receipts, Refusal,
    StoreError,
    rows::{self, Columns, number},
    rules,
};

/// Whose receipts in which conversation.
type Key = (ConversationId, UserId);

/// How far someone has got.
#[derive(Clone, Copy)]
struct Stay {
    read: Seq,
    delivered: Seq,
    last_seq: Seq,
    participants: u32,
}

/// What one request does.
struct Step<'r> {
    request: &'r ReceiptRequest,
    before: Stay,
    after: Stay,
}

/// What is told of a step.
struct Details {
    unread: u64,
    /// The messages it reads, oldest first.
    messages: Vec<MessageId>,
}

/// Moves receipts forward, never back.
pub(super) async fn record(
    connection: &mut PgConnection,
    requests: &[ReceiptRequest],
    at: Timestamp,
) -> Result<Receipts, StoreError> {
    let newest = newest(connection, requests).await?;
    let mut transaction = connection.begin().await?;
    let mut stays = lock(&mut transaction, requests).await?;
    let steps: Vec<Outcome<Step<'_>>> = requests
        .iter()
        .zip(newest)
        .map(|(request, newest)| step(request, newest, &mut stays))
        .collect();
    let taken: Vec<_> = steps.iter().flatten().collect();
    let details = details(&mut transaction, &taken).await?;
    let mut announcements = Vec::new();
    for (step, details) in taken.iter().zip(&details) {
        announcements.extend(step.announcement(details, at)?);
    }
    let moved: Vec<_> = taken.iter().filter(|step| step.moves()).collect();
    let mut entries = Vec::new();
    if !moved.is_empty() {
        store(&mut transaction, &moved).await?;
        entries = outbox::add(&mut transaction, announcements).await?;
    }
    transaction.commit().await?;
    let mut details = details.into_iter();
    let outcomes = steps.iter().map(|step| {
        let step = step.as_ref().map_err(|refusal| *refusal)?;
        Ok(ReceiptState {
            conversation_id: step.request.conversation_id,
            read_seq: step.after.read,
            delivered_seq: step.after.delivered,
            unread_count: details.next().map_or(0, |details| details.unread),
        })
    });
    Ok(Receipts {
        outcomes: outcomes.collect(),
        entries,
    })
}

fn key(request: &ReceiptRequest) -> Key {
    (request.conversation_id, request.user_id.clone())
}

fn step<'r>(
    request: &'r ReceiptRequest,
    newest: Option<Seq>,
    stays: &mut HashMap<Key, Stay>,
) -> Outcome<Step<'r>> {
    let stay = stays
        .get_mut(&key(request))
        .ok_or(Refusal::NoConversation)?;
    let before = *stay;
    let (read, delivered) = match request.kind {
        ReceiptKind::ReadAll => (stay.last_seq, stay.last_seq),
        ReceiptKind::ReadUpTo(_) => {
            let newest = newest.ok_or(Refusal::UnknownMessages)?;
            (newest, newest)
        }
        ReceiptKind::Delivered(seq) => (stay.read, stay.last_seq.min(seq)),
    };
    stay.read = read.max(before.read);
    stay.delivered = delivered.max(before.delivered);
    Ok(Step {
        request,
        before,
        after: *stay,
    })
}

impl Step<'_> {
    fn moves(&self) -> bool {
        (self.after.read, self.after.delivered) != (self.before.read, self.before.delivered)
    }

    fn announcement(
        &self,
        details: &Details,
        at: Timestamp,
    ) -> Result<Option<Announcement>, StoreError> {
        if !self.moves() || self.after.participants > rules::ANNOUNCED_UP_TO {
            return Ok(None);
        }
        let (conversation_id, by) = key(self.request);
        let (event, data) = if self.after.read > self.before.read {
            let data = to_raw_value(&MessagesRead {
                conversation_id,
                message_ids: details.messages.clone(),
                read_by: by.clone(),
                read_seq: self.after.read,
                read_at: at,
            })?;
            (EventName::MessagesRead, data)
        } else {
            let data = to_raw_value(&MessagesDelivered {
                conversation_id,
                delivered_to: by.clone(),
                delivered_seq: self.after.delivered,
            })?;
            (EventName::MessagesDelivered, data)
        };
        Ok(Some(Announcement::Receipt(Receipt {
            conversation_id,
            // What was locked may be newer than the conversation as it was read with it.
            tag: self.after.last_seq.max(self.after.delivered),
            at,
            by,
            event,
            data,
        })))
    }
}

/// The number of the newest of the messages that each request names, if all of them are in the
/// conversation. Messages never change, so this needs no lock.
async fn newest(
    connection: &mut PgConnection,
    requests: &[ReceiptRequest],
) -> Result<Vec<Option<Seq>>, StoreError> {
    let mut newest = vec![None; requests.len()];
    let (mut nths, mut conversations, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for (nth, request) in (0_i64..).zip(requests) {
        if let ReceiptKind::ReadUpTo(messages) = &request.kind {
            for message in messages {
                nths.push(nth);
                conversations.push(uuid(request.conversation_id));
                ids.push(Uuid::from_bytes(*message.as_bytes()));
            }
        }
    }
    if ids.is_empty() {
        return Ok(newest);
    }
    let found = query(
        "SELECT asked.nth, max(found.seq) AS newest
         FROM unnest($1::bigint[], $2::uuid[], $3::uuid[]) AS asked (nth, conversation_id, id)
         LEFT JOIN LATERAL (
             SELECT seq FROM messages WHERE id = asked.id AND conversation_id = asked.conversation_id LIMIT 1
         ) AS found ON TRUE
         GROUP BY asked.nth HAVING count(found.seq) = count(*)",
    )
    .bind(nths)
    .bind(conversations)
    .bind(ids)
    .fetch_all(connection)
    .await?;
    for row in &found {
        let nth: usize = row.count("nth")?;
        newest[nth] = Some(row.seq("newest")?);
    }
    Ok(newest)
}

/// Locks what may be moved, in one order for all, and reads how far everyone is.
async fn lock(
    connection: &mut PgConnection,
    requests: &[ReceiptRequest],
) -> Result<HashMap<Key, Stay>, StoreError> {
    let conversations = requests.iter().map(|request| uuid(request.conversation_id));
    let users = requests.iter().map(|request| request.user_id.as_str());
    let found = query(
        "SELECT p.conversation_id, p.user_id, p.read_seq, p.delivered_seq, c.last_seq, c.participant_count
         FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::text[]) AS a (conversation_id, user_id)) AS asked
         JOIN participants p ON p.conversation_id = asked.conversation_id AND p.user_id = asked.user_id
             AND p.left_seq IS NULL
         JOIN conversations c ON c.id = p.conversation_id
         ORDER BY p.conversation_id, p.user_id FOR NO KEY UPDATE OF p",
    )
    .bind(conversations.collect::<Vec<_>>())
    .bind(users.collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    let stay = |row: &PgRow| {
        let stay = Stay {
            read: row.seq("read_seq")?,
            delivered: row.seq("delivered_seq")?,
            last_seq: row.seq("last_seq")?,
            participants: row.count("participant_count")?,
        };
        let key = (
            row.conversation_id("conversation_id")?,
            row.user_id("user_id")?,
        );
        Ok((key, stay))
    };
    found.iter().map(stay).collect()
}

async fn details(
    connection: &mut PgConnection,
    steps: &[&Step<'_>],
) -> Result<Vec<Details>, StoreError> {
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let sql = concat!(
        "SELECT ",
        unread_count!(),
        " AS unread_count,
         ARRAY(SELECT id FROM (
             SELECT id, seq FROM messages WHERE conversation_id = page.id AND seq > page.before
                 AND seq <= page.read_seq AND sender_id <> page.user_id ORDER BY seq DESC LIMIT $5
         ) AS read ORDER BY seq) AS messages
         FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[])
             WITH ORDINALITY AS page (id, user_id, before, read_seq, nth)
         CROSS JOIN LATERAL (SELECT id, message_count FROM conversations WHERE id = page.id LIMIT 1) AS c
         ORDER BY page.nth"
    );
    let conversations = steps.iter().map(|step| uuid(step.request.conversation_id));
    let users = steps.iter().map(|step| step.request.user_id.as_str());
    let before = steps.iter().map(|step| number(step.before.read));
    let after = steps.iter().map(|step| number(step.after.read));
    let found = query(sql)
        .bind(conversations.collect::<Vec<_>>())
        .bind(users.collect::<Vec<_>>())
        .bind(before.collect::<Vec<_>>())
        .bind(after.collect::<Vec<_>>())
        .bind(rows::rows(rules::READ_IDS))
        .fetch_all(connection)
        .await?;
    let details = |row: &PgRow| {
        let messages: Vec<Uuid> = row.try_get("messages")?;
        Ok(Details {
            unread: row.count("unread_count")?,
            messages: messages
                .into_iter()
                .map(|id| MessageId::from_bytes(id.into_bytes()))
                .collect(),
        })
    };
    found.iter().map(details).collect()
}

async fn store(connection: &mut PgConnection, steps: &[&&Step<'_>]) -> Result<(), StoreError> {
    let conversations = steps.iter().map(|step| uuid(step.request.conversation_id));
    let users = steps.iter().map(|step| step.request.user_id.as_str());
    let read = steps.iter().map(|step| number(step.after.read));
    let delivered = steps.iter().map(|step| number(step.after.delivered));
    query(
        "UPDATE participants p SET read_seq = greatest(p.read_seq, moved.read_seq),
             delivered_seq = greatest(p.delivered_seq, moved.delivered_seq)
         FROM (SELECT conversation_id, user_id, max(read_seq) AS read_seq, max(delivered_seq) AS delivered_seq
               FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[])
                   AS a (conversation_id, user_id, read_seq, delivered_seq)
               GROUP BY conversation_id, user_id) AS moved
         WHERE p.conversation_id = moved.conversation_id AND p.user_id = moved.user_id AND p.left_seq IS NULL",
    )
    .bind(conversations.collect::<Vec<_>>())
    .bind(users.collect::<Vec<_>>())
    .bind(read.collect::<Vec<_>>())
    .bind(delivered.collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}
