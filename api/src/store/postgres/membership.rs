//! Who takes part where, and what they have missed.

use std::collections::BTreeMap;

use callboard_shared::{
    clock::Timestamp,
    id::{ConversationId, Seq, UserId},
};
use sqlx::{Connection, PgConnection, query};
use uuid::Uuid;

use super::{
    columns::{events, message_columns, uuid},
    conversations::{conversations, unread_count},
};
use crate::store::{
    Backlog, Event, Membership, Missed, Refusal, StoreError, SyncRequest, UserName,
    failure::Stop,
    rows::{self, Columns, For, number},
};

/// In the order of ids, so that those who see the same people at once do not wait in a circle.
pub(super) async fn see_users(
    connection: &mut PgConnection,
    names: &[UserName],
    at: Timestamp,
) -> Result<(), StoreError> {
    let last: BTreeMap<&str, Option<&str>> = names
        .iter()
        .map(|(user, name)| (user.as_str(), name.as_deref()))
        .collect();
    let (ids, names): (Vec<_>, Vec<_>) = last.into_iter().unzip();
    query(
        "WITH relaxed AS (SELECT set_config('synchronous_commit', 'off', TRUE))
         INSERT INTO users (id, name, seen_at)
         SELECT seen.id, seen.name, $3 FROM relaxed, unnest($1::text[], $2::text[]) AS seen (id, name)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, seen_at = excluded.seen_at
         WHERE users.name IS DISTINCT FROM excluded.name",
    )
    .bind(ids)
    .bind(names)
    .bind(at.as_millis())
    .execute(connection)
    .await?;
    Ok(())
}

pub(super) async fn current(
    connection: &mut PgConnection,
    user: &UserId,
    id: ConversationId,
) -> Result<Membership, Stop> {
    let row = query(
        "SELECT p.conversation_id, p.joined_seq, p.left_seq, c.last_seq
         FROM participants p JOIN conversations c ON c.id = p.conversation_id
         WHERE p.conversation_id = $1 AND p.user_id = $2 AND p.left_seq IS NULL",
    )
    .bind(uuid(id))
    .bind(user.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(rows::membership(&row.ok_or(Refusal::NoConversation)?)?)
}

pub(super) async fn all(
    connection: &mut PgConnection,
    users: &[UserId],
    limit: usize,
    left_since: Timestamp,
) -> Result<Vec<Vec<Membership>>, StoreError> {
    let found = query(
        "SELECT asked.nth, stay.*
         FROM unnest($1::text[]) WITH ORDINALITY AS asked (user_id, nth) CROSS JOIN LATERAL (
             (SELECT p.conversation_id, p.joined_seq, p.left_seq, c.last_seq, c.updated_at AS recent
              FROM participants p JOIN conversations c ON c.id = p.conversation_id
              WHERE p.user_id = asked.user_id AND p.left_seq IS NULL
              ORDER BY c.updated_at DESC, c.id DESC LIMIT $2)
             UNION ALL
             (SELECT p.conversation_id, p.joined_seq, p.left_seq, c.last_seq, p.left_at
              FROM participants p JOIN conversations c ON c.id = p.conversation_id
              WHERE p.user_id = asked.user_id AND p.left_seq IS NOT NULL AND p.left_at >= $3)
         ) AS stay
         ORDER BY asked.nth, stay.left_seq IS NOT NULL, stay.recent DESC, stay.conversation_id DESC",
    )
    .bind(users.iter().map(UserId::as_str).collect::<Vec<_>>())
    .bind(rows::rows(limit))
    .bind(left_since.as_millis())
    .fetch_all(connection)
    .await?;
    let mut stays = vec![Vec::new(); users.len()];
    for row in &found {
        let nth: usize = row.count("nth")?;
        if let Some(stays) = stays.get_mut(nth - 1) {
            stays.push(rows::membership(row)?);
        }
    }
    Ok(stays)
}

pub(super) async fn sync(
    connection: &mut PgConnection,
    request: &SyncRequest,
) -> Result<Backlog, StoreError> {
    let mut moment = connection
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let asked: Vec<Uuid> = request.cursors.keys().copied().map(uuid).collect();
    let known = query(
        "SELECT c.id, c.last_seq FROM participants p JOIN conversations c ON c.id = p.conversation_id
         WHERE p.user_id = $1 AND p.left_seq IS NULL AND p.conversation_id = ANY ($2) ORDER BY c.id",
    )
    .bind(request.reader.as_str())
    .bind(&asked)
    .fetch_all(&mut *moment)
    .await?;

    let mut left = request.cursors.clone();
    let mut budget = request.events_in_all;
    let mut wanted = Vec::with_capacity(known.len());
    for row in &known {
        let (id, last_seq) = (row.conversation_id("id")?, row.seq("last_seq")?);
        let cursor = left.remove(&id).unwrap_or(Seq::ZERO);
        // There are no gaps: the numbers tell how many events there are.
        let missed = last_seq.get().saturating_sub(cursor.get());
        let limit = budget.min(request.events_each);
        let take = usize::try_from(missed).unwrap_or(limit).min(limit);
        budget -= take;
        wanted.push((id, cursor, last_seq, take));
    }
    let mut events = missed(&mut moment, &wanted).await?;
    let conversations = wanted.into_iter().map(|(id, cursor, last_seq, _)| {
        Missed::new(id, cursor, last_seq, events.remove(&id).unwrap_or_default())
    });
    let conversations = conversations.collect();

    let sql = conversations!(
        "SELECT c.id, p.user_id, p.read_seq FROM participants p JOIN conversations c ON c.id = p.conversation_id
         WHERE p.user_id = $1 AND p.left_seq IS NULL AND p.conversation_id <> ALL ($2)
         ORDER BY c.updated_at DESC, c.id DESC LIMIT $3"
    );
    let joined = query(sql)
        .bind(request.reader.as_str())
        .bind(&asked)
        .bind(rows::rows(request.joined))
        .fetch_all(&mut *moment)
        .await?;
    moment.commit().await?;
    let joined = joined
        .iter()
        .map(|row| rows::conversation(row, For::Reader))
        .collect::<Result<_, _>>()?;
    Ok(Backlog {
        conversations,
        joined,
        left: left.into_keys().collect(),
    })
}

/// So many events after each cursor.
async fn missed(
    connection: &mut PgConnection,
    wanted: &[(ConversationId, Seq, Seq, usize)],
) -> Result<BTreeMap<ConversationId, Vec<Event>>, StoreError> {
    let wanted: Vec<_> = wanted.iter().filter(|(.., take)| *take > 0).collect();
    let mut events: BTreeMap<_, Vec<_>> = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(events);
    }
    let sql = concat!(
        "SELECT missed.* FROM unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS wanted (id, after, take)
         CROSS JOIN LATERAL (",
        events!(
            "WHERE e.conversation_id = wanted.id AND e.seq > wanted.after ORDER BY e.seq LIMIT wanted.take"
        ),
        ") AS missed ORDER BY missed.conversation_id, missed.seq"
    );
    let found = query(sql)
        .bind(wanted.iter().map(|(id, ..)| uuid(*id)).collect::<Vec<_>>())
        .bind(
            wanted
                .iter()
                .map(|(_, after, ..)| number(*after))
                .collect::<Vec<_>>(),
        )
        .bind(
            wanted
                .iter()
                .map(|(.., take)| rows::rows(*take))
                .collect::<Vec<_>>(),
        )
        .fetch_all(connection)
        .await?;
    for row in &found {
        let event = rows::event(row)?;
        events.entry(event.conversation_id).or_default().push(event);
    }
    Ok(events)
}
