//! More than can be written: whoever floods waits, and is told so; the others go on. And callers who leave, and the
//! log's own end, while something is being written.

use super::{Asking, Dam, claims, event_ids, to, whole};
use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use log::{Append, AppendError, Log};
use prometric_tests::{Database, eventually};
use sqlx::PgPool;
use uuid::Uuid;

async fn new() -> (Database, Log, PgPool, Uuid) {
    let database = Database::create().await;
    let (log, pool, workspace) = (database.log().await, database.pool().await, Uuid::now_v7());
    log.append(to(workspace).stream(1, 0, 1)).await.unwrap();
    (database, log, pool, workspace)
}

/// One event of so many bytes.
fn large(workspace: Uuid, stream: u128, bytes: usize) -> Append {
    let mut append = to(workspace).stream(stream, 0, 1);
    append.streams[0].events[0].data = format!("{{\"text\":\"{}\"}}", "x".repeat(bytes));
    append
}

#[tokio::test]
async fn one_workspace_flooding_the_node_does_not_hold_another_up() {
    let (_database, log, pool, flooding) = new().await;
    let quiet = Uuid::now_v7();
    // Batch upon batch, at once; and behind all of it the quiet one asks.
    let flood = (0..400).map(|nth| large(flooding, 10 + nth, 100_000));
    let mut answers: FuturesUnordered<_> = flood
        .chain([to(quiet).stream(1, 0, 1)])
        .map(|append| {
            let (log, workspace) = (log.clone(), append.workspace);
            tokio::spawn(async move { (workspace, log.append(append).await) })
        })
        .collect();
    let (mut order, mut overloaded) = (vec![], 0);
    while let Some(answer) = answers.next().await {
        let (workspace, answer) = answer.unwrap();
        match answer {
            Ok(_) => order.push(workspace),
            Err(AppendError::Overloaded) if workspace == flooding => overloaded += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    let place = order.iter().position(|workspace| *workspace == quiet).unwrap();
    assert!(
        place <= 200,
        "the quiet one was answered as number {place} of {}",
        order.len()
    );
    let written = whole(&log, &pool, flooding).await.len();
    assert_eq!(written + overloaded, 401);
}

#[tokio::test]
async fn who_finds_no_room_is_told_and_later_it_goes_on() {
    let (_database, log, pool, flooding) = new().await;
    let quiet = Uuid::now_v7();
    let dam = Dam::of(&pool, flooding).await;
    let flood = (0..100).map(|nth| large(flooding, 10 + nth, 900_000));
    let spawn = |append: Append| {
        let log = log.clone();
        tokio::spawn(async move { log.append(append).await })
    };
    let mut answers: FuturesUnordered<_> = flood.map(spawn).collect();
    // Nothing of the flood can be written; the others are not held up.
    log.append(to(quiet).stream(1, 0, 1)).await.unwrap();
    // The first to be answered are those that found no room.
    let first = answers.next().await.unwrap().unwrap();
    assert!(matches!(first, Err(AppendError::Overloaded)), "{first:?}");
    dam.opens().await;
    let (mut written, mut overloaded) = (1, 1);
    while let Some(answer) = answers.next().await {
        match answer.unwrap() {
            Ok(_) => written += 1,
            Err(AppendError::Overloaded) => overloaded += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(written + overloaded, 101);
    assert!(written > 30, "{written}");
    log.append(large(flooding, 1_000, 900_000)).await.unwrap();
    assert_eq!(whole(&log, &pool, flooding).await.len(), written + 1);
}

/// Another session's transaction may keep the heads of several workspaces for long.
#[tokio::test]
async fn who_is_stuck_behind_a_lock_holds_no_other_workspace_up() {
    let (_database, log, pool, quiet) = new().await;
    let (mut dams, mut stuck) = (vec![], vec![]);
    for _ in 0..10 {
        let workspace = Uuid::now_v7();
        log.append(to(workspace).stream(1, 0, 1)).await.unwrap();
        dams.push(Dam::of(&pool, workspace).await);
        let log = log.clone();
        stuck.push(tokio::spawn(async move {
            log.append(to(workspace).numbered(2, 0, "DL", 1)).await
        }));
    }
    // Who is in other hands is not waited for: the dams open only afterwards.
    for version in 0..20 {
        log.append(to(quiet).numbered(2, version, "DL", 1)).await.unwrap();
    }
    assert!(stuck.iter().all(|append| !append.is_finished()));
    for dam in dams {
        dam.opens().await;
    }
    for append in join_all(stuck).await {
        append.unwrap().unwrap();
    }
}

/// Where several nodes write, a batch meets workspaces that another has in hand just now.
#[tokio::test]
async fn what_another_node_is_writing_to_is_put_off_and_the_rest_of_the_batch_is_not() {
    let (database, log, pool, held) = new().await;
    let (other, free) = (database.log().await, Uuid::now_v7());
    for workspace in [held, free] {
        for (stream, node) in [(2, &log), (3, &other), (4, &log)] {
            node.append(to(workspace).stream(stream, 0, 1)).await.unwrap();
        }
    }
    let dam = Dam::of(&pool, held).await;
    let asked = [held, free].map(|workspace| to(workspace).stream(5, 0, 1));
    let mut answers: FuturesUnordered<_> = asked.into_iter().map(|append| log.append(append)).collect();
    let first = answers.next().await.unwrap().unwrap();
    assert_eq!(first.events[0].workspace, free);
    assert!(futures::poll!(answers.next()).is_pending());
    dam.opens().await;
    assert_eq!(answers.next().await.unwrap().unwrap().position, 5);
    assert_eq!(whole(&log, &pool, held).await.len(), 5);
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Leaves {
    BeforeItAsks,
    WhileItWaits,
    WhileItIsWritten,
}

#[tokio::test]
async fn a_caller_who_leaves_leaves_nothing_or_all_of_it() {
    let (_database, log, pool, workspace) = new().await;
    for (nth, leaves) in (10..).zip([Leaves::BeforeItAsks, Leaves::WhileItWaits, Leaves::WhileItIsWritten]) {
        let dam = Dam::across(&pool).await;
        let before = (leaves == Leaves::WhileItWaits).then(|| {
            let log = log.clone();
            tokio::spawn(async move { log.append(to(workspace).stream(2, None, 1)).await })
        });
        if before.is_some() {
            dam.is_felt(&pool).await;
        }
        let append = to(workspace)
            .stream(nth, 0, 3)
            .takes(nth, &nth.to_string())
            .command(nth, 1);
        let mut call = Box::pin(log.append(append.clone()));
        if leaves != Leaves::BeforeItAsks {
            assert!(futures::poll!(&mut call).is_pending());
        }
        if leaves == Leaves::WhileItIsWritten {
            dam.is_felt(&pool).await;
        }
        drop(call);
        dam.opens().await;
        if let Some(before) = before {
            before.await.unwrap().unwrap();
        }
        // Whoever comes afterwards finds it decided: what a committer has in hand is written, and nothing else.
        log.append(to(workspace).stream(1, None, 1)).await.unwrap();
        let written = leaves == Leaves::WhileItIsWritten;
        let known = log.find_command(workspace, append.command.unwrap()).await.unwrap();
        assert_eq!(
            known.map(|known| known.events.len()),
            written.then_some(3),
            "{leaves:?}"
        );
        let ids = event_ids([&append]);
        let events = whole(&log, &pool, workspace).await;
        let there = events.iter().filter(|event| ids.contains(&event.event_id)).count();
        assert_eq!(there, if written { 3 } else { 0 }, "{leaves:?}");
        assert_eq!(
            claims(&pool, workspace).await.contains_key(&nth.to_string()),
            written,
            "{leaves:?}"
        );
        // And who asks again gets what there is, or writes it now.
        let again = log.append(append).await.unwrap();
        assert_eq!(
            (again.events.len(), again.repeated.is_some()),
            (3, written),
            "{leaves:?}"
        );
    }
}

#[tokio::test]
async fn the_end_of_the_log_loses_nothing_and_leaves_no_connection() {
    let (database, log, pool, workspace) = new().await;
    let answers = {
        let dam = Dam::across(&pool).await;
        let calls = (10..40).map(|stream| {
            let log = log.clone();
            tokio::spawn(async move { log.append(to(workspace).stream(stream, 0, 2)).await })
        });
        let calls: Vec<_> = calls.collect();
        dam.is_felt(&pool).await;
        // From here on only the callers hold the log, each until it is answered.
        drop(log);
        dam.opens().await;
        join_all(calls).await
    };
    assert!(answers.iter().all(|answer| matches!(answer, Ok(Ok(_)))), "{answers:?}");
    no_committer(&pool).await;
    // Whoever leaves together with the last handle, in the middle of a commit, leaves all of it or nothing.
    let log = database.log().await;
    let dam = Dam::across(&pool).await;
    let call = tokio::spawn(async move { log.append(to(workspace).stream(50, 0, 2).takes(50, "a")).await });
    dam.is_felt(&pool).await;
    call.abort();
    assert!(call.await.is_err());
    dam.opens().await;
    no_committer(&pool).await;
    let log = database.log().await;
    let events = whole(&log, &pool, workspace).await.len();
    let written = claims(&pool, workspace).await.contains_key("a");
    assert_eq!(events, 61 + if written { 2 } else { 0 });
}

async fn no_committer(pool: &PgPool) {
    let committers = "select count(*) from pg_stat_activity where datname = current_database()
        and application_name = 'prometric-committer'";
    let gone = async || {
        let committers: i64 = sqlx::query_scalar(committers).fetch_one(pool).await.unwrap();
        (committers == 0).then_some(())
    };
    eventually("the committers are gone", gone).await;
}
