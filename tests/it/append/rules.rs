//! Who loses hears why, alone; a repeat hears what the first one did; keys and numbers are had once.

use super::{Answer, Asking, KIND, at_once, claims, id, in_one_batch, to, whole};
use log::{Append, AppendError, Appended, Log};
use prometric_tests::Database;
use sqlx::{AssertSqlSafe, PgPool};
use std::{collections::BTreeMap, time::Duration};
use uuid::Uuid;

pub(super) async fn new() -> (Database, Log, PgPool, Uuid) {
    let database = Database::create().await;
    let (log, pool) = (database.log().await, database.pool().await);
    (database, log, pool, Uuid::now_v7())
}

/// In words: where the log stands then, or why not.
fn said(answers: &[Answer]) -> Vec<String> {
    let said = |answer: &Answer| match answer {
        Ok(appended) if appended.repeated.is_some() => format!("repeated at {}", appended.position),
        Ok(appended) => format!("at {}", appended.position),
        Err(error) => error.to_string(),
    };
    answers.iter().map(said).collect()
}

#[tokio::test]
async fn whoever_loses_hears_why_alone() {
    let (_database, log, pool, workspace) = new().await;
    let other = Uuid::now_v7();
    let first = to(workspace).stream(1, 0, 3).takes(1, "a").command(1, 1);
    log.append(first.clone()).await.unwrap();
    let asked = vec![
        to(workspace).numbered(10, 0, "DL", 1),
        to(workspace).numbered(11, 2, "DL", 1),
        to(workspace).numbered(12, 0, "DL", 1).guard(1, 2),
        to(workspace).numbered(13, 0, "DL", 1).takes(13, "a"),
        to(workspace).numbered(15, None, "DL", 1).guard(16, 0).takes(15, "b"),
        to(workspace).numbered(17, 0, "DL", 1).command(1, 2),
        to(other)
            .numbered(1, 0, "DL", 1)
            .guard(10, 0)
            .takes(1, "a")
            .command(1, 2),
        to(other).numbered(2, 1, "DL", 1),
    ];
    // Its head is what tells the two apart in the batch; the order of what is asked for within one stays.
    let answers = in_one_batch(&log, &pool, asked).await;
    let expected = [
        "at 4".to_owned(),
        format!("stream {} stands at 0, not 2", id(11)),
        format!("stream {} was read at 2 and stands at 3", id(1)),
        format!("{KIND} a is taken by {}", id(1)),
        "at 5".to_owned(),
        "the command id was used for another request".to_owned(),
        "at 1".to_owned(),
        format!("stream {} stands at 0, not 1", id(2)),
    ];
    assert_eq!(said(&answers), expected);
    assert_eq!(said(&[log.append(first).await]), ["repeated at 3"]);
    assert_eq!(whole(&log, &pool, workspace).await.len(), 5);
    assert_eq!(whole(&log, &pool, other).await.len(), 1);
    assert_eq!(
        claims(&pool, workspace).await,
        BTreeMap::from([("a".into(), id(1)), ("b".into(), id(15))])
    );
}

/// It leaves a head of a log in which there is nothing.
#[tokio::test]
async fn after_the_first_of_a_workspace_has_lost_others_can_win() {
    let (_database, log, _pool, _) = new().await;
    let workspace = Uuid::now_v7();
    let lost = log.append(to(workspace).stream(1, 7, 1)).await;
    assert!(matches!(lost, Err(AppendError::Version { actual: 0, .. })), "{lost:?}");
    for stream in 1..=3 {
        log.append(to(workspace).stream(stream, 0, 1)).await.unwrap();
    }
}

/// As archiving does it; the node plans before, and its statement begins before, so that it cannot see it.
#[tokio::test]
async fn what_is_archived_while_an_append_waits_is_not_new() {
    let (_database, log, pool, workspace) = new().await;
    let at = |version: i64| to(workspace).stream(1, version, 1);
    for version in 0..3 {
        log.append(at(version)).await.unwrap();
    }
    let mut archive = pool.begin().await.unwrap();
    for statement in [
        "insert into log.archived_streams select workspace_id, stream_id, 'deal', 3 from log.events where workspace_id = $1 limit 1",
        "delete from log.events where workspace_id = $1",
        "update log.heads set epoch = epoch + 1 where workspace_id = $1",
    ] {
        let statement = sqlx::query(statement).bind(workspace).execute(&mut *archive);
        assert!(statement.await.unwrap().rows_affected() > 0);
    }
    let append = tokio::spawn({
        let (log, append) = (log.clone(), at(0));
        async move { log.append(append).await }
    });
    log.append(to(Uuid::now_v7()).stream(1, 0, 1)).await.unwrap();
    assert!(!append.is_finished());
    archive.commit().await.unwrap();
    let answer = append.await.unwrap();
    assert!(
        matches!(answer, Err(AppendError::Version { actual: 3, .. })),
        "{answer:?}"
    );
    assert_eq!(log.append(at(3)).await.unwrap().events[0].version, 4);
}

#[tokio::test]
async fn a_repeat_is_answered_and_another_request_refused_however_they_come() {
    let (database, log, pool, workspace) = new().await;
    let nodes = [log, database.log().await];
    // The nil id is an id like any other.
    for (nth, events) in [(0, 1), (1, 2), (2, 0)] {
        let ask = |request| {
            to(workspace)
                .stream(nth, 0, events)
                .takes(nth, &format!("{nth}"))
                .command(nth, request)
        };
        // The same append, its events included: at once in one node and in another.
        let first = ask(1);
        let asked = || [first.clone(), first.clone(), ask(2)];
        let (here, there) = futures::join!(at_once(&nodes[0], asked()), at_once(&nodes[1], asked()));
        for refused in [&here[2], &there[2]] {
            assert!(matches!(refused, Err(AppendError::CommandReused)), "{refused:?}");
        }
        let told: Vec<&Appended> = here[..2]
            .iter()
            .chain(&there[..2])
            .map(|answer| answer.as_ref().unwrap())
            .collect();
        let answer = format!("{nth}/1");
        let repeats = told
            .iter()
            .filter(|appended| appended.repeated.as_ref() == Some(&answer));
        assert_eq!((repeats.count(), told[0].events.len()), (3, events));
        for appended in &told {
            assert_eq!(
                (appended.position, &appended.events),
                (told[0].position, &told[0].events)
            );
        }
        // Long afterwards, too, whatever became of what it was about.
        nodes[0]
            .append(to(workspace).stream(nth, None, 1).releases(nth, &format!("{nth}")))
            .await
            .unwrap();
        let again = nodes[1].append(ask(1)).await.unwrap();
        assert_eq!((&again.events, again.repeated), (&told[0].events, Some(answer)));
        assert!(matches!(nodes[1].append(ask(2)).await, Err(AppendError::CommandReused)));
    }
    whole(&nodes[0], &pool, workspace).await;
}

#[tokio::test]
async fn several_streams_are_written_together_or_not_at_all() {
    let (_database, log, pool, workspace) = new().await;
    let three = to(workspace)
        .stream(1, 0, 2)
        .stream(2, None, 1)
        .numbered(3, 0, "DL", 2)
        .takes(3, "a")
        .command(1, 1);
    let appended = log.append(three).await.unwrap();
    let places: Vec<_> = appended
        .events
        .iter()
        .map(|event| (event.stream_id, event.version, event.position))
        .collect();
    let expected = [
        (id(1), 1, 1),
        (id(1), 2, 2),
        (id(2), 1, 3),
        (id(3), 1, 4),
        (id(3), 2, 5),
    ];
    assert_eq!(places, expected);
    assert_eq!(whole(&log, &pool, workspace).await, appended.recorded());
    let stale = |stream, version| {
        to(workspace)
            .stream(4, 0, 1)
            .stream(stream, version, 1)
            .takes(4, "b")
            .command(2, 1)
    };
    let asked = [
        stale(1, 1),
        stale(3, 0),
        stale(5, 1),
        stale(1, 2).guard(3, 1),
        stale(1, 2).takes(4, "a"),
    ];
    for append in asked {
        assert!(log.append(append).await.is_err());
        assert_eq!(whole(&log, &pool, workspace).await.len(), 5);
        assert_eq!(claims(&pool, workspace).await.len(), 1);
    }
    // What lost has not used its command id up.
    assert_eq!(said(&[log.append(stale(1, 2)).await]), ["at 7"]);
}

/// A stream that is only looked at, whether as a guard or without events, must be where it was.
#[tokio::test]
async fn what_is_only_read_is_checked_as_well() {
    let (_database, log, pool, workspace) = new().await;
    log.append(to(workspace).stream(1, 0, 1)).await.unwrap();
    let answers = in_one_batch(
        &log,
        &pool,
        vec![
            to(workspace).stream(2, 0, 1).command(1, 1),
            to(workspace).stream(1, 0, 0),
            to(workspace).stream(3, 0, 0).stream(4, 0, 1),
        ],
    );
    let expected = [
        "at 2".to_owned(),
        format!("stream {} stands at 1, not 0", id(1)),
        "at 3".to_owned(),
    ];
    assert_eq!(said(&answers.await), expected);
    let asked = || {
        [
            to(workspace).stream(5, None, 1).guard(1, 0),
            to(workspace).stream(6, None, 1).guard(7, 0),
        ]
    };
    let expected = [
        format!("stream {} was read at 0 and stands at 1", id(1)),
        "at 4".to_owned(),
    ];
    assert_eq!(said(&at_once(&log, asked()).await), expected);
    // A guard on what is written, too, and one on what nobody has written yet.
    assert_eq!(
        said(&[log.append(to(workspace).stream(1, 1, 1).guard(1, 1)).await]),
        ["at 5"]
    );
    assert_eq!(
        said(&[log.append(to(workspace).guard(1, 2).guard(8, 0)).await]),
        ["at 5"]
    );
    assert!(log.append(to(workspace).guard(1, 1)).await.is_err());
}

#[tokio::test]
async fn a_key_has_one_owner_who_alone_can_give_it_away() {
    let (_database, log, pool, workspace) = new().await;
    let owner = async || claims(&pool, workspace).await.get("a").copied();
    let said = async |append: Append| said(&[log.append(append).await]).remove(0);
    let on = |stream| to(workspace).stream(stream, None, 1);
    let taken = |by| format!("{KIND} a is taken by {}", id(by));
    assert_eq!(said(on(1).takes(1, "a")).await, "at 1");
    assert_eq!(said(on(1).takes(1, "a")).await, "at 2"); // what one has one may take
    assert_eq!(said(on(2).takes(2, "a")).await, taken(1));
    assert_eq!(said(on(2).releases(2, "a")).await, "at 3"); // and what one has not one may give back, for nothing
    assert_eq!(owner().await, Some(id(1)));
    // Who gives away what is not theirs gives nothing away.
    assert_eq!(said(on(2).releases(2, "a").takes(3, "a")).await, taken(1));
    assert_eq!(said(on(2).takes(3, "a").releases(2, "a")).await, taken(1));
    // It changes hands within one append, in whichever order that is said.
    assert_eq!(said(on(2).releases(1, "a").takes(2, "a")).await, "at 4");
    assert_eq!(owner().await, Some(id(2)));
    assert_eq!(said(on(2).takes(3, "a").releases(2, "a")).await, "at 5");
    assert_eq!(owner().await, Some(id(3)));
    assert_eq!(said(on(3).takes(3, "a").releases(3, "a")).await, "at 6");
    assert_eq!(owner().await, None);
    assert_eq!(said(on(3).takes(3, "a").releases(4, "a")).await, "at 7"); // it was nobody's
    assert_eq!(said(on(3).releases(3, "a").takes(3, "a")).await, "at 8");
    assert_eq!(owner().await, Some(id(3)));
    assert_eq!(
        said(on(3).takes(3, "a").takes(4, "a")).await,
        "two streams take the same key"
    );
    // Of those that want it at once one gets it; the others hear of that one.
    let answers = at_once(&log, (10..16).map(|stream| on(stream).takes(stream, "b"))).await;
    let winner = claims(&pool, workspace).await["b"];
    let lost = format!("{KIND} b is taken by {winner}");
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(
        answers
            .iter()
            .flat_map(|answer| answer.as_ref().err())
            .all(|error| error.to_string() == lost)
    );
    // Another workspace's key of that name is another key.
    log.append(to(Uuid::now_v7()).takes(9, "a")).await.unwrap();
    whole(&log, &pool, workspace).await;
}

#[tokio::test]
async fn numbers_have_no_gaps_whoever_loses_in_between() {
    let (database, log, pool, workspace) = new().await;
    let (nodes, other) = ([log, database.log().await], Uuid::now_v7());
    for workspace in [workspace, other] {
        nodes[0]
            .append(to(workspace).stream(1, 0, 1).takes(1, "a"))
            .await
            .unwrap();
    }
    for round in 1..=6_u128 {
        let asked = |node: u128| {
            (0..24_u128).map(move |nth| {
                let stream = 1000 * round + 100 * node + nth;
                let series = if nth % 2 == 0 { "DL" } else { "INV" };
                let mut append = to(if nth % 5 == 0 { other } else { workspace });
                append.number_year = 2026 + i32::try_from(nth % 3).unwrap();
                let append = append.numbered(stream, 0, series, 1 + usize::try_from(nth % 3).unwrap());
                match nth % 4 {
                    1 => append.stream(1, 5, 1),    // stands elsewhere
                    2 => append.takes(stream, "a"), // is taken
                    _ => append.numbered(stream + 50, None, "DL", 1),
                }
            })
        };
        let (here, there) = futures::join!(at_once(&nodes[0], asked(0)), at_once(&nodes[1], asked(1)));
        let written = |answers: &[Answer]| answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!((written(&here), written(&there)), (12, 12));
        // What callers are told is what is there.
        for appended in here.into_iter().chain(there).flatten() {
            let event = &appended.events[0];
            let there = nodes[0]
                .read(event.workspace, event.position - 1, appended.events.len() as i64)
                .await;
            assert_eq!(there.unwrap(), appended.recorded());
        }
    }
    for workspace in [workspace, other] {
        whole(&nodes[1], &pool, workspace).await;
    }
}

/// Beyond four digits a number grows; and what stands around it stays as it was, in whatever letters.
#[tokio::test]
async fn a_number_goes_where_it_was_asked_for() {
    let (_database, log, pool, workspace) = new().await;
    log.append(to(workspace).numbered(1, 0, "DL", 1)).await.unwrap();
    let far = "update log.numbers set last = 9998 where workspace_id = $1";
    sqlx::query(far).bind(workspace).execute(&pool).await.unwrap();
    let mut append = to(workspace).numbered(1, 1, "DL", 3);
    let texts = [
        r#"{"өлең":"қазақша \"😀\"","number":null,"n":1.50}"#,
        r#"{"number":{"a":[1,2]}}"#,
        "{}",
    ];
    for (event, data) in append.streams[0].events.iter_mut().zip(texts) {
        event.data = data.into();
    }
    let appended = log.append(append).await.unwrap();
    let told: Vec<&str> = appended.events.iter().map(|event| event.data.as_str()).collect();
    let expected = [
        r#"{"өлең":"қазақша \"😀\"","number":"DL-2026-9999","n":1.5}"#,
        r#"{"number":"DL-2026-10000"}"#,
        r#"{"number":"DL-2026-10001"}"#,
    ];
    assert_eq!(told.len(), 3);
    for (told, expected) in told.iter().zip(expected) {
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(told), value(expected));
    }
    assert_eq!(log.read(workspace, 1, 3).await.unwrap(), appended.recorded());
}

/// A backup restored under a live node, or a fail-over that lost something: the node hears of it, and does not try for ever.
#[tokio::test]
async fn a_workspace_that_vanished_begins_anew() {
    let (database, log, pool, workspace) = new().await;
    let other = database.log().await;
    for version in 0..4 {
        let node = if version % 2 == 0 { &log } else { &other };
        node.append(to(workspace).stream(1, version, 1)).await.unwrap();
    }
    for table in ["events", "commands", "claims", "numbers", "heads"] {
        let delete = AssertSqlSafe(format!("delete from log.{table} where workspace_id = $1"));
        sqlx::query(delete).bind(workspace).execute(&pool).await.unwrap();
    }
    let again = log.append(to(workspace).stream(1, 0, 2));
    let again = tokio::time::timeout(Duration::from_secs(5), again).await;
    assert_eq!(again.expect("an answer").unwrap().position, 2);
    let behind = other.append(to(workspace).stream(1, 4, 1)).await;
    assert!(
        matches!(behind, Err(AppendError::Version { actual: 2, .. })),
        "{behind:?}"
    );
    assert_eq!(whole(&log, &pool, workspace).await.len(), 2);
}
