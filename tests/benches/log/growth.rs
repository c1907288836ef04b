//! What an append and the load of a stream cost when the log is ten and a hundred times as long.

use crate::{
    cell::{Cell, median},
    limit,
    node::{Load, Mix, Nodes, append},
};
use prometric_tests::Database;
use sqlx::{Connection, Executor, PgConnection};
use std::time::Instant;
use uuid::Uuid;

/// Events of the stream that is loaded.
const STREAM: usize = 50;
const LOADS: usize = 2_000;

pub async fn run(sizes: &[i64]) {
    let mut first = None;
    println!(
        "{:<20} {:>10} {:>8} {:>12} {:>8}",
        "growth, events", "append/s", "x first", "load p50 ms", "x first"
    );
    for size in sizes {
        let database = limit::database().await;
        fill(&database, *size).await;
        let load = Load {
            nodes: 1,
            apart: false,
            workspaces: 1,
            events: 1,
            writers: 32,
            mix: Mix::Plain,
        };
        let appends = median((0..3).map(|_| Nodes::start(&database.url, load).measure().rate));
        let loaded = loads(&database).await;
        let (append_first, load_first) = *first.get_or_insert((appends, loaded.p50));
        println!(
            "{size:<20} {appends:>10.0} {:>8.2} {:>12.3} {:>8.2}",
            appends / append_first,
            loaded.p50,
            loaded.p50 / load_first
        );
    }
}

/// Fills workspace nil by SQL. Its hashes are not a chain; no verifier comes here.
pub async fn fill(database: &Database, events: i64) {
    let mut connection = PgConnection::connect(&database.url).await.unwrap();
    let insert = "insert into log.events select '00000000-0000-0000-0000-000000000000', n, 'deal', gen_random_uuid(), 1, gen_random_uuid(), 'deal.created', 1, \
        $2::json, $3::json, now(), sha256(int8send(n)) from generate_series($1::bigint + 1, $1 + 100000) n";
    for after in (0..events).step_by(100_000) {
        let part = sqlx::query(insert)
            .bind(after)
            .bind(limit::DATA.trim())
            .bind(limit::METADATA.trim());
        part.execute(&mut connection).await.unwrap();
    }
    let head = "insert into log.heads select workspace_id, position, hash, recorded_at from log.events order by position desc limit 1";
    connection.execute(head).await.unwrap();
    connection.execute("vacuum analyze log.events").await.unwrap();
    connection.execute("checkpoint").await.unwrap();
}

async fn loads(database: &Database) -> Cell {
    let log = database.log().await;
    let load = Load {
        nodes: 1,
        apart: false,
        workspaces: 1,
        events: STREAM,
        writers: 1,
        mix: Mix::Plain,
    };
    let mut streams = Vec::new();
    for _ in 0..20 {
        let append = append(Uuid::nil(), load, 1);
        streams.push(append.streams[0].stream.id);
        log.append(append).await.unwrap();
    }
    let mut latencies = Vec::new();
    for nth in 0..LOADS {
        let began = Instant::now();
        let events = log
            .read_stream(Uuid::nil(), streams[nth % streams.len()], 0)
            .await
            .unwrap();
        assert_eq!(events.len(), STREAM);
        latencies.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    Cell::of(0.0, latencies)
}
