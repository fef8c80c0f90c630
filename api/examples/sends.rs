//! What PostgreSQL takes of sends: `cargo run -p callboard-api --example sends`.
//!
//! `pgbench` calls the function that the store calls, on a server of its own with fsync on, so that
//! what is measured is the database and not how this program was compiled.

use std::{
    fs,
    io::{self, Write},
    process::Command,
};

use anyhow::{Context, Result};
use callboard_api::store::postgres::{DatabaseSettings, migrate};
use callboard_testbed::{postgres::Postgres, program};

/// Runs of each; the median is told.
const RUNS: usize = 5;

/// Seconds of a run.
const SECONDS: &str = "3";

/// 1,000 conversations of `alice`.
const FILL: &str = "
    CREATE FUNCTION conversation(n BIGINT) RETURNS UUID IMMUTABLE LANGUAGE sql
        AS $$ SELECT ('01890000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
    INSERT INTO conversations (id, kind, created_by, created_at, updated_at, last_seq, participant_count)
        SELECT conversation(n), 'group', 'alice', 0, 0, 1, 1 FROM generate_series(1, 1000) AS n;
    INSERT INTO participants (conversation_id, user_id, joined_seq, nth, joined_at, read_seq, delivered_seq)
        SELECT id, 'alice', 1, 0, 0, 0, 0 FROM conversations;
    ANALYZE;
";

const SEND: &str = r"
\set n random(1, :conversations)
SELECT count(*) FROM (
    SELECT array_agg(gen_random_uuid()) AS ids, array_agg(conversation(:n)) AS conversations,
        array_agg('alice'::text) AS senders, array_agg('Alice'::text) AS names, array_agg(repeat('some words ', 6)) AS contents,
        array_agg(gen_random_uuid()::text) AS marks, array_agg(1700000000000) AS times
    FROM generate_series(1, :batch)
) AS a, send_messages(a.ids, a.conversations, a.senders, a.names, a.contents, a.marks, a.times);
";

#[tokio::main]
async fn main() -> Result<()> {
    let server = Postgres::start().await?;
    let url = server.create_database().await?;
    migrate(&DatabaseSettings {
        database_url: Some(url.clone().into()),
        database_connections: 1,
    })
    .await?;
    let name = url.rsplit('/').next().unwrap_or_default();
    server.query(name, FILL).await?;
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("send.sql");
    fs::write(&script, SEND)?;
    let pgbench = program::postgres_folder()?.join("pgbench");

    let mut out = io::stdout();
    writeln!(
        out,
        "clients | conversations | batch | messages/s: median (all runs) | latency ms"
    )?;
    for (clients, conversations, batch) in [
        (1, 1000, 1),
        (16, 1000, 1),
        (16, 1, 1),
        (1, 1, 16),
        (1, 1, 64),
        (1, 1, 256),
        (4, 1000, 64),
    ] {
        let mut rates = Vec::new();
        let mut latencies = Vec::new();
        for _ in 0..RUNS {
            let mut run = Command::new(&pgbench);
            run.args(["--no-vacuum", "--protocol=prepared", "--time", SECONDS])
                .arg(format!("--client={clients}"))
                .arg(format!("--define=conversations={conversations}"))
                .arg(format!("--define=batch={batch}"))
                .arg("--file")
                .arg(&script)
                .arg(&url);
            let told = program::run(run).await?;
            let number = |before: &str| {
                let rest = told.split(before).nth(1)?;
                rest.split_whitespace().next()?.parse::<f64>().ok()
            };
            rates.push(number("tps = ").context("no rate")? * f64::from(batch));
            latencies.push(number("latency average = ").context("no latency")?);
        }
        rates.sort_by(f64::total_cmp);
        latencies.sort_by(f64::total_cmp);
        let all: Vec<_> = rates.iter().map(|rate| format!("{rate:.0}")).collect();
        writeln!(
            out,
            "{clients} | {conversations} | {batch} | {:.0} ({}) | {:.2}",
            rates[RUNS / 2],
            all.join(", "),
            latencies[RUNS / 2]
        )?;
    }
    Ok(())
}
