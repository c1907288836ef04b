//! Command ids: kept for their time, then forgotten, by one node at a time and without holding up anybody.

use crate::crash::all_planned;
use futures::{StreamExt, future::join_all, stream};
use log::{Append, AppendError, Appended, CommandId, Log, NewEvent, Stream, StreamAppend};
use prometric_tests::{
    Database, Server, append_to, eventually,
    story::{Shop, id},
};
use reqwest::Method;
use serde_json::json;
use sqlx::PgPool;
use std::time::Duration;
use uuid::Uuid;

const HOUR: Duration = Duration::from_secs(60 * 60);
/// Old ones, for several steps.
const CROWD: u64 = 30_000;

async fn append(log: &Log, workspace: Uuid, command: CommandId) -> Result<Appended, AppendError> {
    let event = NewEvent {
        id: Uuid::now_v7(),
        event_type: "done".to_owned(),
        schema: 1,
        data: "{}".to_owned(),
        number: None,
    };
    let stream = StreamAppend {
        stream: Stream {
            category: "shelf",
            id: Uuid::now_v7(),
        },
        expected: Some(0),
        events: vec![event],
    };
    log.append(Append {
        streams: vec![stream],
        command: Some(command),
        answer: "done".to_owned(),
        ..append_to(workspace)
    })
    .await
}

fn command() -> CommandId {
    CommandId {
        id: Uuid::now_v7(),
        request_hash: [7; 32],
    }
}

async fn age(pool: &PgPool, command: CommandId, by: Duration) {
    let older = "update log.commands set recorded_at = recorded_at - $2 where command_id = $1";
    let aged = sqlx::query(older)
        .bind(command.id)
        .bind(by)
        .execute(pool)
        .await
        .unwrap();
    assert_eq!(aged.rows_affected(), 1);
}

async fn crowd(pool: &PgPool, workspace: Uuid) {
    let crowd = "insert into log.commands (workspace_id, command_id, request_hash, first_position, last_position, answer, recorded_at) \
        select $1, gen_random_uuid(), '', 1, 0, repeat('a', 100), now() - interval '3 days' from generate_series(1, $2)";
    let crowd = sqlx::query(crowd).bind(workspace).bind(CROWD.cast_signed());
    crowd.execute(pool).await.unwrap();
}

#[tokio::test]
async fn a_repeat_is_answered_for_its_time_and_is_a_new_command_after_it() {
    let database = Database::create().await;
    let (log, pool, workspace) = (database.log().await, database.pool().await, Uuid::now_v7());
    let [old, kept, young] = [command(), command(), command()];
    for command in [old, kept, young] {
        append(&log, workspace, command).await.unwrap();
    }
    age(&pool, old, 49 * HOUR).await;
    age(&pool, kept, 47 * HOUR).await;

    assert_eq!(log.sweep_commands(48 * HOUR).await.unwrap(), 1);
    assert_eq!(log.sweep_commands(48 * HOUR).await.unwrap(), 0);
    for (command, position) in [(kept, 2), (young, 3)] {
        let repeat = append(&log, workspace, command).await.unwrap();
        assert_eq!((repeat.position, repeat.repeated.as_deref()), (position, Some("done")));
    }
    let anew = append(&log, workspace, old).await.unwrap();
    assert_eq!((anew.position, anew.repeated), (4, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_go_on_while_a_crowd_is_swept() {
    let database = Database::create().await;
    let (log, pool, workspace) = (database.log().await, database.pool().await, Uuid::now_v7());
    let commands: Vec<CommandId> = (0..200).map(|_| command()).collect();
    append(&log, workspace, commands[0]).await.unwrap();
    crowd(&pool, workspace).await;
    let appends = async {
        for command in &commands {
            append(&log, workspace, *command).await.unwrap();
        }
    };
    let (swept, ()) = tokio::join!(log.sweep_commands(48 * HOUR), appends);
    assert_eq!(swept.unwrap(), CROWD);
    for command in commands {
        assert!(append(&log, workspace, command).await.unwrap().repeated.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_nodes_one_sweeps_and_again_when_it_is_time() {
    let database = Database::create().await;
    let nodes = join_all((0..4).map(|_| database.log())).await;
    let (pool, workspace) = (database.pool().await, Uuid::now_v7());
    let round = async || {
        crowd(&pool, workspace).await;
        let sweeps = nodes.iter().map(|node| node.sweep_commands_in_turn(48 * HOUR, HOUR));
        let swept = join_all(sweeps).await.into_iter().filter_map(Result::unwrap);
        swept.collect::<Vec<_>>()
    };
    assert_eq!(round().await, [CROWD]);
    assert_eq!(round().await, Vec::<u64>::new());
    let later = "update log.sweeps set began_at = began_at - interval '1 hour'";
    sqlx::raw_sql(later).execute(&pool).await.unwrap();
    assert_eq!(round().await, [2 * CROWD], "what came since");
}

/// Events that the sagas fold in one transaction.
const BATCH: i64 = 500;

/// What a process did stands in the log, be it behind the batch that it is folded from: it does not need the ids of its
/// commands to know.
#[tokio::test(flavor = "multi_thread")]
async fn processes_folded_anew_do_nothing_twice_although_their_command_ids_are_forgotten() {
    let mut server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let workspace: Uuid = owner.workspace.parse().unwrap();
    let shop = Shop::open(&owner, 100, 20).await;
    let deal = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
    let head = async || {
        let head = sqlx::query_scalar::<_, i64>("select position from log.heads where workspace_id = $1");
        head.bind(workspace).fetch_one(&pool).await.unwrap()
    };
    let filler = head().await..BATCH - 1;
    stream::iter(filler)
        .for_each_concurrent(16, async |n| {
            let body = json!({"name": format!("ТОО {n}"), "type": "COMPANY"}).to_string();
            let hurried = &[("Prefer", "respond-async")];
            owner
                .send(Method::POST, "/customers", Some(body), hurried)
                .await
                .expect(201);
        })
        .await;
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
    all_planned(&owner, 1).await;
    let settled = async || {
        eventually("all processes are where the log is", || async {
            let there = "select position from sagas.checkpoints where workspace_id = $1";
            let there: Option<i64> = sqlx::query_scalar(there)
                .bind(workspace)
                .fetch_optional(&pool)
                .await
                .unwrap();
            let owing = "select count(*) from sagas.instances where owes";
            let owing: i64 = sqlx::query_scalar(owing).fetch_one(&pool).await.unwrap();
            let head = head().await;
            (there == Some(head) && owing == 0).then_some(head)
        })
        .await
    };
    let before = settled().await;

    server.kill();
    let forget =
        "truncate sagas.instances, sagas.checkpoints, log.commands; delete from log.followers where consumer = 'sagas'";
    sqlx::raw_sql(forget).execute(&pool).await.unwrap();
    server.spawn().await;
    assert_eq!(settled().await, before, "nothing was done twice, nor refused");
    let asked = sqlx::query_scalar("select count(*) from log.commands");
    let asked: i64 = asked.fetch_one(&pool).await.unwrap();
    assert_eq!(asked, 0, "nor even asked for");
}
