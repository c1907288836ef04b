//! How fast a workspace is read back: every event decoded, by `Log::replay`, against what PostgreSQL itself can give
//! out, `COPY` of the same rows in binary and undecoded.

use domain::Fact;
use futures::{StreamExt, TryStreamExt};
use log::Log;
use sqlx::PgPool;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// A large, a middling and a small event.
const SAMPLES: [&str; 3] = [
    include_str!("../../domain/samples/deal.created.v1.json"),
    include_str!("../../domain/samples/payment.received.v1.json"),
    include_str!("../../domain/samples/stock.received.v1.json"),
];

/// One run; take several in turn and compare medians.
#[derive(Debug, Clone, Copy)]
pub struct Replay {
    pub events: usize,
    pub replayed: Duration,
    pub copied: Duration,
}

impl Replay {
    /// Events read and decoded a second.
    pub fn rate(&self) -> f64 {
        self.events as f64 / self.replayed.as_secs_f64()
    }

    /// Against the copy: 1 is as fast; the goal is 0.6.
    pub fn ratio(&self) -> f64 {
        self.copied.as_secs_f64() / self.replayed.as_secs_f64()
    }
}

/// Events written straight into the table, ten a stream; their hashes are not chained.
pub async fn fill(pool: &PgPool, workspace: Uuid, events: i64) {
    let samples = SAMPLES.map(|sample| serde_json::from_str::<serde_json::Value>(sample).expect("a sample"));
    let column = |name: &str| {
        samples
            .each_ref()
            .map(|sample| sample[name].as_str().map(str::to_owned))
    };
    let metadata = serde_json::json!({"actor": format!("user:{}", Uuid::nil()), "commandId": Uuid::nil(), "correlationId": Uuid::nil()});
    let insert = "insert into log.events select $1, n, ($3::text[])[n % 3 + 1], md5($1::text || (n - 1) / 10)::uuid, (n - 1) % 10 + 1, \
        gen_random_uuid(), ($4::text[])[n % 3 + 1], 1, ($5::json[])[n % 3 + 1], $6::json, now(), sha256(n::text::bytea) \
        from generate_series(1, $2) n";
    sqlx::query(insert)
        .bind(workspace)
        .bind(events)
        .bind(column("category"))
        .bind(column("type"))
        .bind(samples.each_ref().map(|sample| sqlx::types::Json(&sample["data"])))
        .bind(sqlx::types::Json(metadata))
        .execute(pool)
        .await
        .expect("events");
    let head = "insert into log.heads (workspace_id, position) values ($1, $2)";
    let head = sqlx::query(head).bind(workspace).bind(events).execute(pool);
    head.await.expect("a head");
    sqlx::query("vacuum analyze log.events")
        .execute(pool)
        .await
        .expect("a vacuum");
}

/// Reads the workspace both ways.
pub async fn measure(log: &Log, pool: &PgPool, workspace: Uuid) -> Replay {
    let start = Instant::now();
    let copy = format!("copy (select * from log.events where workspace_id = '{workspace}') to stdout (format binary)");
    let mut connection = pool.acquire().await.expect("a connection");
    let mut rows = connection.copy_out_raw(&copy).await.expect("a copy");
    let mut bytes = 0;
    while let Some(chunk) = rows.try_next().await.expect("a chunk") {
        bytes += chunk.len();
    }
    drop(rows);
    let copied = start.elapsed();

    let start = Instant::now();
    let mut replay = Box::pin(log.replay(workspace, 0));
    let (mut events, mut read) = (0, 0);
    while let Some(event) = replay.next().await {
        let event = event.expect("an event");
        let fact = Fact::decode(&event.category, &event.event_type, &event.data).expect("a fact");
        std::hint::black_box((fact, event.meta()));
        events += 1;
        read += event.data.len();
    }
    assert!(bytes > read, "the copy gave out as much");
    Replay {
        events,
        replayed: start.elapsed(),
        copied,
    }
}
