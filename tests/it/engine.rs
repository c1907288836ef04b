//! The log where an engine has it and PostgreSQL follows: nobody may be able to tell the difference, whatever is lost on the way. Most of
//! it runs against an engine in memory that loses answers on purpose; two tests lead the real way, through the adapter and crate
//! `eventstore`, to another server of ours, which stands for the cluster: no server of EventStoreDB's makers is at hand. All that is
//! asked of the log otherwise is asked of that way by `./dev engine`.

mod cluster;
mod memory;
mod story;

use crate::append::{Answer, Asking, claims, model::told_at_once, whole};
use log::{AppendError, Log};
use memory::{Fault, Memory};
use prometric_tests::{Database, Server, append_to as to, eventually};
use sqlx::{AssertSqlSafe, PgPool};
use std::sync::Arc;
use uuid::Uuid;

const WORKSPACE: Uuid = Uuid::from_u128(7);

/// A database that is the replica of an engine, and a node on it.
struct Replica {
    log: Log,
    pool: PgPool,
    database: Database,
}

impl Replica {
    async fn of(engine: &Memory) -> Self {
        let database = Database::create().await;
        let pool = database.pool().await;
        let options = database.url.parse().unwrap();
        let log = Log::open_on(options, pool.clone(), Arc::new(engine.clone()))
            .await
            .unwrap();
        Self { log, pool, database }
    }

    /// Until it has taken over all that the engine has.
    async fn has_all_of(&self, engine: &Memory) {
        let held = "select coalesce(sum(commits), 0)::bigint from log.heads";
        eventually("the replica has caught up", || async {
            let held: i64 = sqlx::query_scalar(held).fetch_one(&self.pool).await.ok()?;
            (held == i64::try_from(engine.entries().len()).ok()?).then_some(())
        })
        .await;
    }
}

/// A command of the same program as that server, which goes well.
fn succeeds(server: &Server, arguments: &[&str], env: &[(&str, &str)]) {
    let said = server.start_tool_with(arguments, env).wait_with_output().unwrap();
    let words = [said.stdout, said.stderr].concat();
    assert!(
        said.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&words)
    );
}

/// What makes the log, row by row, of all workspaces.
pub async fn rows(pool: &PgPool) -> Vec<String> {
    let mut rows = Vec::new();
    for table in ["heads", "events", "claims", "numbers", "commands"] {
        let of_table = format!("select '{table} ' || to_jsonb(t)::text from log.{table} t order by 1");
        let of_table: Vec<String> = sqlx::query_scalar(AssertSqlSafe(of_table))
            .fetch_all(pool)
            .await
            .unwrap();
        rows.extend(of_table);
    }
    rows
}

fn version(answer: &Answer) -> (i64, i64) {
    match answer {
        Err(AppendError::Version { expected, actual, .. }) => (*expected, *actual),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_node_behind_the_stream_catches_up_before_it_says_who_has_lost() {
    let engine = Memory::default();
    let (one, other) = (Replica::of(&engine).await, Replica::of(&engine).await);
    let first = to(WORKSPACE).numbered(1, 0, "DL", 2).takes(1, "a").command(1, 1);
    let first = one.log.append(first).await.unwrap();
    assert_eq!((first.position, first.events.len()), (2, 2));

    let answer = other.log.append(to(WORKSPACE).stream(1, 0, 1)).await;
    assert_eq!(version(&answer), (0, 2));
    let answer = other.log.append(to(WORKSPACE).stream(2, 0, 1).guard(1, 1)).await;
    assert!(
        matches!(answer, Err(AppendError::Guard { actual: 2, .. })),
        "{answer:?}"
    );
    let answer = other.log.append(to(WORKSPACE).stream(2, 0, 1).takes(2, "a")).await;
    let owner = Uuid::from_u128(1);
    assert!(
        matches!(answer, Err(AppendError::Claimed { owner: who, .. }) if who == owner),
        "{answer:?}"
    );
    let answer = other.log.append(to(WORKSPACE).command(1, 1)).await.unwrap();
    assert_eq!(answer.repeated.as_deref(), Some("1/1"));
    let answer = other.log.append(to(WORKSPACE).command(1, 2)).await;
    assert!(matches!(answer, Err(AppendError::CommandReused)), "{answer:?}");

    let next = to(WORKSPACE).numbered(2, 0, "DL", 1).releases(1, "a");
    let next = other.log.append(next).await.unwrap();
    assert_eq!(next.position, 3);
    assert!(next.events[0].data.contains("DL-2026-0003"), "{}", next.events[0].data);
    // Now it is the first one that is behind; it hears of it although it asks for nothing.
    one.has_all_of(&engine).await;
    assert!(claims(&one.pool, WORKSPACE).await.is_empty());
    assert_eq!(rows(&one.pool).await, rows(&other.pool).await);
    whole(&one.log, &one.pool, WORKSPACE).await;
}

#[tokio::test]
async fn nodes_that_race_leave_one_log() {
    let engine = Memory::default();
    let nodes = [Replica::of(&engine).await, Replica::of(&engine).await];
    let race = |node: usize| {
        let log = nodes[node].log.clone();
        async move {
            let mut won = 0;
            for stream in 0..20 {
                let append = to(WORKSPACE)
                    .numbered(stream, 0, "DL", 1)
                    .takes(stream, &format!("key {stream}"));
                match log.append(append).await {
                    Ok(_) => won += 1,
                    Err(AppendError::Version { .. } | AppendError::Claimed { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            won
        }
    };
    let (one, other) = tokio::join!(race(0), race(1));
    assert_eq!(one + other, 20, "each stream is begun once");
    for node in &nodes {
        node.has_all_of(&engine).await;
        assert_eq!(whole(&node.log, &node.pool, WORKSPACE).await.len(), 20);
    }
    assert_eq!(rows(&nodes[0].pool).await, rows(&nodes[1].pool).await);
}

/// Each on a database of its own, which the other's commits come to only through the engine.
#[tokio::test]
async fn what_callers_are_told_follows_from_the_order_of_the_streams() {
    let engine = Memory::default();
    let nodes = [Replica::of(&engine).await, Replica::of(&engine).await];
    let told = told_at_once(&[nodes[0].log.clone(), nodes[1].log.clone()]).await;
    for node in &nodes {
        node.has_all_of(&engine).await;
        for (workspace, model) in &told {
            model.compare(&node.log, &node.pool, *workspace).await;
        }
    }
}

#[tokio::test]
async fn an_append_whose_answer_was_lost_is_found_again() {
    let engine = Memory::default();
    let node = Replica::of(&engine).await;
    for (nth, faults) in [
        (1, vec![Fault::AnswerLost]),
        (2, vec![Fault::NeverCame]),
        (3, vec![Fault::NeverCame, Fault::AnswerLost]),
    ] {
        engine.fails(faults);
        let written = node.log.append(to(WORKSPACE).stream(nth, 0, 1)).await.unwrap();
        assert_eq!(written.position, i64::try_from(nth).unwrap());
    }
    assert_eq!(engine.entries().len(), 3, "each is there once");
    // Lost for good, as far as this node knows; the third try was the one that came.
    engine.fails(vec![Fault::NeverCame, Fault::NeverCame, Fault::AnswerLost]);
    let append = to(WORKSPACE).stream(4, 0, 1).command(4, 4);
    let unknown = node.log.append(append.clone()).await;
    assert!(matches!(unknown, Err(AppendError::Unknown)), "{unknown:?}");
    let repeated = node.log.append(append).await.unwrap();
    assert_eq!((repeated.position, repeated.repeated.as_deref()), (4, Some("4/4")));
    assert_eq!(engine.entries().len(), 4);
    whole(&node.log, &node.pool, WORKSPACE).await;
}

#[tokio::test]
async fn what_the_engine_will_not_have_is_refused_and_nothing_of_it_stays() {
    let engine = Memory::default();
    let node = Replica::of(&engine).await;
    engine.fails(vec![Fault::Refused]);
    let refused = node.log.append(to(WORKSPACE).stream(1, 0, 1).takes(1, "a")).await;
    assert!(matches!(refused, Err(AppendError::Refused(_))), "{refused:?}");
    let mut large = to(WORKSPACE).stream(1, 0, 1);
    large.streams[0].events[0].data = format!(r#"{{"text":"{}"}}"#, "x".repeat(log::COMMIT_BYTES_MAX - 100));
    let refused = node.log.append(large).await;
    assert!(
        matches!(refused, Err(AppendError::Limit { .. } | AppendError::Refused(_))),
        "{refused:?}"
    );
    assert!(engine.entries().is_empty());
    let written = node
        .log
        .append(to(WORKSPACE).stream(1, 0, 1).takes(1, "a"))
        .await
        .unwrap();
    assert_eq!(written.position, 1);
}

#[tokio::test]
async fn tables_are_made_again_from_the_streams_as_they_were() {
    let engine = Memory::default();
    let node = Replica::of(&engine).await;
    for workspace in [7, 8].map(Uuid::from_u128) {
        for append in [
            to(workspace).numbered(1, 0, "DL", 3).takes(1, "a").command(1, 1),
            to(workspace).stream(1, 3, 1).stream(2, 0, 2).takes(2, "b"),
            to(workspace).command(2, 2),
            to(workspace).numbered(3, 0, "IN", 1).releases(1, "a").takes(3, "a"),
            to(workspace).stream(2, 2, 1).releases(2, "b"),
        ] {
            node.log.append(append).await.unwrap();
        }
    }
    let again = Replica::of(&engine).await;
    let restored = again.log.recover().await.unwrap();
    assert_eq!((restored.workspaces, restored.commits, restored.events), (2, 10, 16));
    assert_eq!(rows(&again.pool).await, rows(&node.pool).await);
    assert_eq!(again.log.recover().await.unwrap(), restored, "again changes nothing");
    whole(&again.log, &again.pool, WORKSPACE).await;
}

#[tokio::test]
async fn a_replica_is_not_taken_for_a_log_nor_a_log_for_a_replica() {
    let engine = Memory::default();
    let node = Replica::of(&engine).await;
    node.log.append(to(WORKSPACE).stream(1, 0, 1)).await.unwrap();
    let opened = Log::open(node.database.url.parse().unwrap(), node.pool.clone()).await;
    assert!(opened.is_err(), "its appends would be in no stream");

    let database = Database::create().await;
    let pool = database.pool().await;
    database
        .log()
        .await
        .append(to(WORKSPACE).stream(1, 0, 1))
        .await
        .unwrap();
    let engine = Memory::default();
    let log = Log::open_on(database.url.parse().unwrap(), pool, Arc::new(engine.clone()))
        .await
        .unwrap();
    let refused = log.append(to(WORKSPACE).stream(2, 0, 1)).await;
    assert!(matches!(refused, Err(AppendError::Refused(_))), "{refused:?}");
    assert!(engine.entries().is_empty(), "a part of a log would be in the stream");
    log.append(to(Uuid::from_u128(9)).stream(1, 0, 1)).await.unwrap();
}

#[tokio::test]
async fn a_log_that_began_in_postgresql_is_handed_over() {
    let database = Database::create().await;
    let (log, pool) = (database.log().await, database.pool().await);
    for append in [
        to(WORKSPACE).numbered(1, 0, "DL", 1_200).takes(1, "a").command(1, 1),
        to(WORKSPACE).stream(2, 0, 1).releases(1, "a").takes(2, "b"),
        to(WORKSPACE).command(2, 2),
    ] {
        log.append(append).await.unwrap();
    }
    drop(log);
    let engine = Memory::default();
    let options = database.url.parse().unwrap();
    let log = Log::open_on(options, pool.clone(), Arc::new(engine.clone()))
        .await
        .unwrap();
    // Stopped in the middle, it goes on.
    engine.fails(vec![Fault::AnswerLost, Fault::NeverCame, Fault::NeverCame]);
    assert!(log.hand_over().await.is_err());
    assert_eq!(log.hand_over().await.unwrap(), 1);
    assert_eq!(log.hand_over().await.unwrap(), 0);
    let next = log
        .append(to(WORKSPACE).numbered(3, 0, "DL", 1).takes(3, "a"))
        .await
        .unwrap();
    assert!(next.events[0].data.contains("DL-2026-1201"), "{}", next.events[0].data);
    let again = Replica::of(&engine).await;
    again.log.recover().await.unwrap();
    // When command ids were noted is not handed over.
    let all =
        |rows: Vec<String>| -> Vec<String> { rows.into_iter().filter(|row| !row.starts_with("commands")).collect() };
    assert_eq!(all(rows(&again.pool).await), all(rows(&pool).await));
    let repeated = again.log.append(to(WORKSPACE).command(1, 1)).await.unwrap();
    assert_eq!(
        (repeated.events.len(), repeated.repeated.as_deref()),
        (1_200, Some("1/1"))
    );
}

/// What no stream has: who erases a person must be able to take it away.
const KEYS: [&str; 2] = ["master_keys", "person_keys"];

/// Their rows, as a backup has them.
pub async fn kept_keys(pool: &PgPool) -> Vec<String> {
    let mut kept = Vec::new();
    for table in KEYS {
        let rows = format!("select coalesce(jsonb_agg(to_jsonb(t)), '[]')::text from log.{table} t");
        let rows = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_one(pool).await;
        kept.push(rows.unwrap());
    }
    kept
}

pub async fn put_keys_back(pool: &PgPool, kept: &[String]) {
    sqlx::raw_sql("delete from log.person_keys; delete from log.master_keys")
        .execute(pool)
        .await
        .unwrap();
    for (table, rows) in KEYS.iter().zip(kept) {
        let insert =
            format!("insert into log.{table} select * from jsonb_populate_recordset(null::log.{table}, $1::jsonb)");
        let inserted = sqlx::query(AssertSqlSafe(insert)).bind(rows).execute(pool).await;
        inserted.unwrap();
    }
}
