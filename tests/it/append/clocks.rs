//! Whose clock is believed: the database's, whatever a node's says.

use super::{Asking, rules::new, to};
use chrono::{DateTime, TimeDelta, Utc};
use prometric_tests::Database;
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

/// Command ids are kept for a time that the database's clock tells, and no node's.
#[tokio::test]
async fn the_age_of_a_command_is_the_databases() {
    let (_database, log, pool, workspace) = new().await;
    log.append(to(workspace).stream(9, 0, 1)).await.unwrap();
    // As a node with a clock far ahead would have left it.
    let ahead = "update log.heads set recorded_at = now() + interval '1 year' where workspace_id = $1";
    sqlx::query(ahead).bind(workspace).execute(&pool).await.unwrap();
    for nth in 1..4 {
        let asked = to(workspace).stream(nth, 0, 1).command(nth, 1);
        log.append(asked).await.unwrap();
    }
    let aged =
        "select count(*) from log.commands where workspace_id = $1 and recorded_at > now() + interval '1 minute'";
    let aged: i64 = sqlx::query_scalar(aged).bind(workspace).fetch_one(&pool).await.unwrap();
    assert_eq!(aged, 0);
}

/// The database's clock, as its functions are found by, is ahead of ours: our node is one whose clock is days behind.
async fn set_clock(pool: &PgPool, days: i32) {
    let clock = format!(
        "create or replace function ahead.clock_timestamp() returns timestamptz language sql volatile \
         return pg_catalog.clock_timestamp() + make_interval(days => {days})"
    );
    sqlx::query(AssertSqlSafe(clock)).execute(pool).await.unwrap();
}

/// An event of a node that is late is recorded when it happens, and not when the workspace's last one did.
#[tokio::test]
async fn a_node_whose_clock_is_days_behind_dates_nothing_back() {
    let database = Database::create().await;
    let admin = database.pool().await;
    let name = &database.name;
    let found_first = format!("create schema ahead; alter database {name} set search_path = ahead, pg_catalog, public");
    sqlx::raw_sql(AssertSqlSafe(found_first)).execute(&admin).await.unwrap();
    let (log, workspace) = (database.log().await, Uuid::now_v7());
    for (version, days) in [(0, 1), (1, 5), (2, 30)] {
        set_clock(&admin, days).await;
        log.append(to(workspace).stream(1, version, 1)).await.unwrap();
        let recorded = "select max(recorded_at) from log.events where workspace_id = $1";
        let recorded = sqlx::query_scalar(recorded).bind(workspace);
        let recorded: DateTime<Utc> = recorded.fetch_one(&admin).await.unwrap();
        let late = Utc::now() + TimeDelta::days(days.into()) - recorded;
        assert!(late.abs() < TimeDelta::minutes(1), "by {late} at day {days}");
    }
}
