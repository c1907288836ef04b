//! What 10,000 idle workspaces cost: nothing that grows with them.

use super::reader::{Reader, append, caught_up};
use prometric_tests::{Database, database_url, eventually};
use sqlx::{PgPool, postgres::PgPoolOptions};
use std::time::{Duration, Instant};
use uuid::Uuid;

const WORKSPACES: i32 = 10_000;
const READERS: [&str; 4] = ["one", "two", "three", "four"];
/// What one node may cost in a second, with four consumers: it keeps its leases.
const TRANSACTIONS_MAX: f64 = 20.0;
const ROWS_MAX: f64 = 2_000.0;
const WINDOW: Duration = Duration::from_secs(3);

/// Transactions ended, and rows read by scans and by indexes, in the whole life of a database.
async fn spent(elsewhere: &PgPool, database: &str) -> (Instant, i64, i64) {
    let spent =
        "select xact_commit + xact_rollback, tup_returned + tup_fetched from pg_stat_database where datname = $1";
    let (transactions, rows) = sqlx::query_as(spent).bind(database).fetch_one(elsewhere).await.unwrap();
    (Instant::now(), transactions, rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_idle_workspaces_cost_nothing_that_can_be_measured() {
    let database = Database::create().await;
    let log = database.log().await;
    let pool = Reader::prepare(&database).await;
    let busy = Uuid::now_v7();
    append(&log, busy, 1).await;
    // Caught up by all but one, which is behind in one workspace.
    let fill = "insert into log.heads (workspace_id, position) select gen_random_uuid(), 1 from generate_series(1, $1)";
    sqlx::query(fill).bind(WORKSPACES).execute(&pool).await.unwrap();
    let told = "insert into log.followers (consumer, workspace_id, position, attempts, node, epoch) \
        select c, workspace_id, 1, 0, gen_random_uuid(), 0 from log.heads, unnest($1::text[]) c where workspace_id <> $2 or c <> 'one'";
    sqlx::query(told)
        .bind(READERS.as_slice())
        .bind(busy)
        .execute(&pool)
        .await
        .unwrap();
    sqlx::raw_sql("analyze log.heads, log.followers")
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;

    let pool = database.pool().await;
    let node = database.log().await;
    let readers = READERS.map(|name| Reader::new(name, &pool));
    let began = Instant::now();
    let followers: Vec<_> = readers.iter().map(|reader| node.follow(reader.clone(), 4)).collect();
    eventually("the one that is behind has caught up", || caught_up(&pool, "one")).await;
    let all = async || followers.iter().all(|follower| follower.ranges() == 16).then_some(());
    eventually("it leads everything", all).await;
    println!("ready after {:?}", began.elapsed());

    let elsewhere = PgPoolOptions::new().connect(&database_url()).await.unwrap();
    let first = std::cell::Cell::new(spent(&elsewhere, &database.name).await);
    let (transactions, rows) = eventually("it costs little", || async {
        let (before, now) = (first.get(), spent(&elsewhere, &database.name).await);
        let elapsed = now.0 - before.0;
        if elapsed < WINDOW {
            return None;
        }
        first.set(now); // what starting cost may have been counted only now: the next window tells
        let rate = |before: i64, now: i64| (now - before) as f64 / elapsed.as_secs_f64();
        let rates = (rate(before.1, now.1), rate(before.2, now.2));
        (rates.0 < TRANSACTIONS_MAX && rates.1 < ROWS_MAX).then_some(rates)
    })
    .await;
    println!("idle: {transactions:.1} transactions/s, {rows:.0} rows/s");
    let steps: usize = readers.iter().map(|reader| reader.steps().len()).sum();
    assert_eq!(steps, 1, "whoever had caught up was not asked");
    append(&log, busy, 1).await;
    for reader in READERS {
        eventually("it still hears", || caught_up(&pool, reader)).await;
    }
}
