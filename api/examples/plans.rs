//! What PostgreSQL does for each query that runs often, with a million messages:
//! `cargo run -p callboard-api --example plans`.
//!
//! Fills a database of its own, calls the store, and prints the plans that `auto_explain` reports:
//! those of the very statements that the store sends, the ones inside functions among them. Plans are
//! the generic ones, which is what a prepared statement may end up with. Fails if a large table is
//! read from end to end.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Result, ensure};
use callboard_api::store::{
    ListKey, NewMessage, OutboxId, Range, ReceiptKind, ReceiptRequest, Store, SyncRequest,
    postgres::{DatabaseSettings, PostgresStore, migrate},
};
use callboard_shared::{
    clock::Timestamp,
    id::{ConversationId, MessageId, Seq, UserId},
};
use callboard_testbed::postgres::Postgres;
use tracing_subscriber::fmt::MakeWriter;

/// 5,001 groups of 5 to 24 out of 20,000 users; `hub` is in 1,000 of them. One conversation has
/// 100,000 messages and the others share 900,000; every fifth has a `clientMessageId`.
const FILL: &str = include_str!("fill.sql");

/// Tables that no plan may read from end to end.
const LARGE: [&str; 5] = [
    "messages",
    "events",
    "participants",
    "conversations",
    "users",
];

/// What the server has said since it was last looked at.
#[derive(Clone, Default)]
struct Notices(Arc<Mutex<Vec<u8>>>);

impl Write for Notices {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Notices {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Notices {
    fn take(&self) -> String {
        let said = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8_lossy(&said)
            .replace("\\n", "\n")
            .replace("\\t", "  ")
    }
}

fn conversation(n: u64) -> Result<ConversationId> {
    Ok(format!("01890000-0000-7000-8000-{n:012x}").parse()?)
}

fn message(id: ConversationId, sender: &UserId, mark: &str, at: Timestamp) -> Result<NewMessage> {
    Ok(NewMessage {
        id: MessageId::new(at),
        conversation_id: id,
        sender_id: sender.clone(),
        sender_name: None,
        content: "hello".try_into()?,
        client_message_id: Some(mark.try_into()?),
        at,
    })
}

#[tokio::main]
async fn main() -> Result<()> {
    let notices = Notices::default();
    tracing_subscriber::fmt()
        .with_env_filter("sqlx::postgres::notice=trace")
        .with_writer(notices.clone())
        .without_time()
        .with_level(false)
        .with_target(false)
        .with_ansi(false)
        .init();
    let server = Postgres::start().await?;
    let url = server.create_database().await?;
    let settings = |url: String| DatabaseSettings {
        database_url: Some(url.into()),
        database_connections: 1,
    };
    migrate(&settings(url.clone())).await?;
    let name = url.rsplit('/').next().unwrap_or_default();
    for statement in FILL.split(";\n\n") {
        server.query(name, statement).await?;
    }
    server.query(name, "VACUUM ANALYZE").await?;
    let explained = [
        "session_preload_libraries=auto_explain",
        "auto_explain.log_min_duration=0",
        "auto_explain.log_analyze=on",
        "auto_explain.log_buffers=on",
        "auto_explain.log_nested_statements=on",
        "client_min_messages=log",
        "plan_cache_mode=force_generic_plan",
    ]
    .map(|setting| format!("-c%20{}", setting.replace('=', "%3D")))
    .join("%20");
    let store = PostgresStore::connect(&settings(format!("{url}?options={explained}")))?;
    store.check().await?;

    let (hot, other) = (conversation(0)?, conversation(700)?);
    let hub: UserId = "hub".parse()?;
    let crowd = (0..200).map(|n| format!("user{n}").parse());
    let crowd: Vec<UserId> = crowd.collect::<Result<_, _>>()?;
    let (at, ever) = (
        Timestamp::from_secs(1_800_000_000),
        Timestamp::from_millis(0),
    );
    let mut marks = 0;
    let mut batch = |count: usize| -> Result<Vec<NewMessage>> {
        let mut next = || {
            marks += 1;
            message(hot, &hub, &format!("new{marks}"), at)
        };
        (0..count).map(|_| next()).collect()
    };
    let receipt = |id, kind| ReceiptRequest {
        user_id: hub.clone(),
        conversation_id: id,
        kind,
    };
    let mut reached = 40_000;
    let mut delivered = || {
        reached += 1;
        receipt(hot, ReceiptKind::Delivered(Seq::new(reached)))
    };
    let older = Range {
        after: None,
        before: Some(Seq::new(40_000)),
    };
    let later = ListKey {
        updated_at: Timestamp::from_secs(1_700_000_500),
        id: other,
    };
    let known = (0..990).map(|n| Ok((conversation(n)?, Seq::new(178))));
    let away = SyncRequest {
        reader: hub.clone(),
        cursors: known.collect::<Result<_>>()?,
        events_each: 100,
        events_in_all: 2_000,
        joined: 1_000,
    };
    // The first call prepares.
    macro_rules! explain {
        ($($what:literal => $call:expr;)*) => {$(
            let _ = $call?;
            notices.take();
            let _ = $call?;
            let plans = notices.take();
            writeln!(io::stdout(), "## {}\n\n{plans}", $what)?;
            for table in LARGE {
                let scan = format!("Seq Scan on {table} ");
                ensure!(!plans.contains(&scan), "{}: {scan}", $what);
            }
        )*};
    }
    explain! {
        "a send" => store.send(batch(1)?).await;
        "a repeated send" => store.send(vec![message(hot, &hub, "new1", at)?]).await;
        "64 gathered sends" => store.send(batch(64)?).await;
        "the newest messages" => store.messages(&hub, hot, Range::default(), 50).await;
        "older messages" => store.messages(&hub, hot, older, 50).await;
        "events after a number" => store.events(&hub, hot, Seq::new(60_000), 100).await;
        "events for the bus" => store.events_from(hot, Seq::new(60_000), 256).await;
        "a conversation" => store.conversation(&hub, hot).await;
        "a page of 1,000 conversations" => store.conversations(&hub, None, 20).await;
        "a later page of them" => store.conversations(&hub, Some(later), 20).await;
        "participants" => store.participants(&hub, other, None, 50).await;
        "a membership" => store.membership(&hub, other).await;
        "memberships of someone with 1,000" => store.memberships(std::slice::from_ref(&hub), 1_000, ever).await;
        "memberships of 200 at once" => store.memberships(&crowd, 1_000, ever).await;
        "sync of 1,000 conversations" => store.sync(away.clone()).await;
        "a receipt" => store.record_receipts(vec![delivered(), receipt(other, ReceiptKind::ReadAll)], at).await;
        "the floor" => store.floor(other).await;
        "the sweeper's page" => store.pending(at, OutboxId::default(), 1_000).await;
        "what is of the page" => store.entries(&[OutboxId(1), OutboxId(2)]).await;
        "the backlog" => store.backlog().await;
        "published" => store.published(&[OutboxId(1), OutboxId(2)]).await;
        "a name" => store.see_users(&[(hub.clone(), Some("Hub".into()))], at).await;
    }
    writeln!(io::stdout(), "No large table is read from end to end.")?;
    Ok(())
}
