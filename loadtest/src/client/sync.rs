//! `POST /messages/sync`, as a product's client uses it.

use std::time::Duration;

use callboard_shared::{
    clock::{Clock, SystemClock},
    id::ConversationId,
};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::memory::Cursors;
use crate::{journal::Synced, rest::Rest};

/// Before it is tried again.
const PAUSE: Duration = Duration::from_millis(300);

/// The most events of a page.
const PAGE: usize = 100;

#[derive(Deserialize)]
struct Answer {
    conversations: Vec<Missed>,
    joined: Vec<Joined>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Missed {
    conversation_id: ConversationId,
    events: Vec<Place>,
    more: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Joined {
    id: ConversationId,
    last_seq: u64,
}

#[derive(Deserialize)]
struct Place {
    seq: u64,
}

#[derive(Deserialize)]
struct Page {
    items: Vec<Place>,
}

/// Asks what was missed, until there is an answer.
pub(super) async fn sync(rest: Rest, token: String, cursors: Cursors) -> Synced {
    loop {
        if let Some(synced) = try_sync(&rest, &token, &cursors).await {
            return synced;
        }
        sleep(PAUSE).await;
    }
}

async fn try_sync(rest: &Rest, token: &str, cursors: &Cursors) -> Option<Synced> {
    let body = json!({ "cursors": cursors });
    let answer: Answer = ask(rest, token, Method::POST, "sync", Some(&body)).await?;
    let asked_until = SystemClock.now();
    let mut synced = Synced {
        missed: Vec::new(),
        joined: Vec::new(),
        asked_until,
    };
    for missed in answer.conversations {
        let conversation = missed.conversation_id;
        let mut seqs: Vec<u64> = missed.events.iter().map(|event| event.seq).collect();
        let mut more = missed.more;
        while more {
            let cursor = cursors.get(&conversation).copied().unwrap_or(0);
            let after = seqs.last().copied().unwrap_or(cursor);
            let path = format!("conversations/{conversation}/events?after={after}&limit={PAGE}");
            let page: Page = ask(rest, token, Method::GET, &path, None).await?;
            more = page.items.len() == PAGE;
            seqs.extend(page.items.iter().map(|event| event.seq));
        }
        synced.missed.push((conversation, seqs));
    }
    let joined = answer.joined.into_iter();
    synced
        .joined
        .extend(joined.map(|joined| (joined.id, joined.last_seq)));
    Some(synced)
}

async fn ask<T: for<'de> Deserialize<'de>>(
    rest: &Rest,
    token: &str,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Option<T> {
    let (status, answer) = rest.call(token, method, path, body).await.ok()?;
    if !status.is_success() {
        return None;
    }
    serde_json::from_value(answer).ok()
}
