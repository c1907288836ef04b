//! A workspace goes to another database as it is, or not at all.

use super::{Folder, append, claiming, commanded, twelve, whole};
use log::{
    AppendError, KeyRing, Log,
    keeping::{ExportError, FileError, ImportError},
};
use prometric_tests::{Database, eventually};
use sqlx::PgPool;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

async fn exported(log: &Log, workspace: Uuid) -> Vec<u8> {
    let mut file = Vec::new();
    let summary = log.export(workspace, None, &mut file).await.unwrap();
    assert_eq!(summary.bytes, file.len() as u64);
    file
}

#[tokio::test]
async fn a_workspace_moves_whole_and_goes_on_where_it_was() {
    let (here, there) = (Database::create().await, Database::create().await);
    let (here, there) = (here.log().await, there.log().await);
    let workspace = twelve(&here).await;
    let last = claiming(commanded(append(workspace, 4, Some(0), 1)), "X-1");
    here.append(last.clone()).await.unwrap();
    let file = exported(&here, workspace).await;
    let summary = there.import(&file[..]).await.unwrap();

    assert_eq!(
        (summary.header.last, summary.header.rows),
        (13, 3),
        "a claim, a number, a command"
    );
    let events = here.read(workspace, 0, 100).await.unwrap();
    assert_eq!(there.read(workspace, 0, 100).await.unwrap(), events);
    assert_eq!(
        whole(&there, workspace, None).await,
        whole(&here, workspace, None).await
    );
    assert_eq!(exported(&there, workspace).await, file, "the same bytes again");

    let repeat = there.append(last).await.unwrap();
    assert_eq!(repeat.repeated.as_deref(), Some("done"));
    assert_eq!(repeat.recorded(), events[12..]);
    let taken = there.append(claiming(append(workspace, 5, Some(0), 1), "X-1")).await;
    assert!(
        matches!(taken, Err(AppendError::Claimed { owner, .. }) if owner == Uuid::from_u128(4)),
        "{taken:?}"
    );
    let late = there.append(append(workspace, 3, Some(5), 1)).await;
    assert!(matches!(late, Err(AppendError::Version { actual: 6, .. })), "{late:?}");
    let next = there.append(append(workspace, 3, Some(6), 1)).await.unwrap();
    assert_eq!((next.position, next.events[0].version), (14, 7));
    assert!(
        next.events[0].data.contains(r#""DL-2026-0014""#),
        "{}",
        next.events[0].data
    );
    assert_eq!(whole(&there, workspace, None).await.position, 14);
}

/// What is exported from a closed workspace is all there is, and all there will be: no node writes to it here any more.
#[tokio::test]
async fn a_workspace_that_was_closed_is_written_only_where_it_went() {
    let (database, there) = (Database::create().await, Database::create().await);
    let (here, other, there) = (database.log().await, database.log().await, there.log().await);
    let workspace = twelve(&here).await;
    let asked = commanded(append(workspace, 4, Some(0), 1));
    let first = here.append(asked.clone()).await.unwrap();
    here.close(workspace).await.unwrap();
    here.close(workspace).await.unwrap();
    for node in [&here, &other] {
        let late = node.append(append(workspace, 5, Some(0), 1)).await;
        assert!(matches!(late, Err(AppendError::Closed)), "{late:?}");
    }
    let repeat = other.append(asked).await.unwrap();
    assert_eq!(
        (repeat.events, repeat.repeated.as_deref()),
        (first.events, Some("done"))
    );
    there.import(&exported(&here, workspace).await[..]).await.unwrap();
    let next = there.append(append(workspace, 5, Some(0), 1)).await.unwrap();
    assert_eq!((next.position, here.head(workspace).await.unwrap()), (14, 13));

    let folder = Folder::new();
    here.archive(workspace, 5, folder.path()).await.unwrap();
    let late = other.append(append(workspace, 5, Some(0), 1)).await;
    assert!(matches!(late, Err(AppendError::Closed)), "{late:?}");
    here.reopen(workspace).await.unwrap();
    here.reopen(workspace).await.unwrap();
    for (stream, node) in [(5, &here), (6, &other)] {
        node.append(append(workspace, stream, Some(0), 1)).await.unwrap();
    }
    assert_eq!(whole(&other, workspace, Some(folder.path())).await.position, 15);
}

/// Their keys go along, wrapped as they are: the other database opens them with the same master key, and only with it.
#[tokio::test]
async fn personal_values_move_with_their_keys() {
    let (here, there) = (Database::create().await, Database::create().await);
    let ring = || KeyRing::parse("one BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=").unwrap();
    let (here, there) = (
        here.log().await.with_master_keys(ring()).await.unwrap(),
        there.log().await.with_master_keys(ring()).await.unwrap(),
    );
    let (workspace, kept, erased) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    for (stream, person) in [(1, kept), (2, erased)] {
        let mut append = append(workspace, stream, Some(0), 1);
        append.streams[0].events[0].number = None;
        append.streams[0].events[0].data = format!(r#"{{"name":{{"$person":"{person}","$value":"Асель"}}}}"#);
        here.append(append).await.unwrap();
    }
    here.erase_person(workspace, erased).await.unwrap();
    there.import(&exported(&here, workspace).await[..]).await.unwrap();
    let mut events = there.read(workspace, 0, 10).await.unwrap();
    assert!(
        events.iter().all(|event| !event.data.contains("Асель")),
        "sealed as they were"
    );
    there.open_personal(&mut events).await.unwrap();
    assert!(events[0].data.contains("Асель"), "{}", events[0].data);
    assert!(events[1].data.contains(r#""$erased":true"#), "{}", events[1].data);
}

async fn nothing_is_in(pool: &PgPool, workspace: Uuid) {
    for table in ["events", "heads", "claims", "numbers", "commands", "person_keys"] {
        let rows = format!("select count(*) from log.{table} where workspace_id = $1");
        let rows = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(rows)).bind(workspace);
        assert_eq!(rows.fetch_one(pool).await.unwrap(), 0, "{table}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_whole_leaves_nothing_behind() {
    let (here, there) = (Database::create().await, Database::create().await);
    let (here, pool, there) = (here.log().await, there.pool().await, there.log().await);
    let workspace = twelve(&here).await;
    for _ in 0..3 {
        // More than one statement's rows, so that something is written before the end is seen.
        here.append(append(workspace, 8, None, 400)).await.unwrap();
    }
    here.append(claiming(append(workspace, 4, Some(0), 1), "X-1"))
        .await
        .unwrap();
    let whole = String::from_utf8(exported(&here, workspace).await).unwrap();
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let row = whole.replacen(r#""table":"claims""#, r#""table":"heads""#, 1);
    let column = whole.replacen(
        r#""table":"claims","row":{"#,
        r#""table":"claims","row":{"stream_id":7,"x":{"#,
        1,
    );
    type Expected = fn(&ImportError) -> bool;
    let refused: [(String, Expected); 7] = [
        (lines[..lines.len() - 1].concat(), |e| {
            matches!(e, ImportError::File(FileError::Truncated { line: 1217 }))
        }),
        (whole[..whole.len() - 1].to_owned(), |e| {
            matches!(e, ImportError::File(FileError::Truncated { line: 1217 }))
        }),
        ([&lines[..1000], &lines[1001..]].concat().concat(), |e| {
            matches!(e, ImportError::File(FileError::Chain { line: 1001, .. }))
        }),
        (whole.replacen(r#""key": "X-1""#, r#""key": "X-2""#, 1), |e| {
            matches!(e, ImportError::File(FileError::Digest { line: 1217 }))
        }),
        (row, |e| matches!(e, ImportError::UnknownTable { line: 1215, .. })),
        (column, |e| {
            matches!(e, ImportError::File(FileError::Malformed { line: 1215, .. }))
        }),
        (whole.replacen(r#""last":1213"#, r#""last":1214"#, 1), |e| {
            matches!(
                e,
                ImportError::File(FileError::Count {
                    what: "events",
                    promised: 1214,
                    found: 1213,
                    ..
                })
            )
        }),
    ];
    for (file, expected) in refused {
        let error = there.import(file.as_bytes()).await.unwrap_err();
        assert!(expected(&error), "{error:?}");
        nothing_is_in(&pool, workspace).await;
    }
    there.import(whole.as_bytes()).await.unwrap();
    let again = there.import(whole.as_bytes()).await.unwrap_err();
    assert!(matches!(again, ImportError::Exists { position: 1213, .. }), "{again}");
}

#[tokio::test]
async fn what_is_no_workspace_is_neither_written_nor_taken() {
    let (here, there) = (Database::create().await, Database::create().await);
    let (here, there, folder) = (here.log().await, there.log().await, Folder::new());
    let unknown = here.export(Uuid::now_v7(), None, Vec::new()).await.unwrap_err();
    assert!(matches!(unknown, ExportError::Unknown { .. }), "{unknown}");
    let workspace = twelve(&here).await;
    let segments = here.archive(workspace, 12, folder.path()).await.unwrap();
    let segment = std::fs::read(folder.path().join(&segments[0].file)).unwrap();
    let error = there.import(&segment[..]).await.unwrap_err();
    assert!(matches!(error, ImportError::NotAWorkspace), "{error}");
}

#[tokio::test]
async fn an_export_is_of_one_moment_while_appends_go_on() {
    let (here, there) = (Database::create().await, Database::create().await);
    let (here, there) = (here.log().await, there.log().await);
    let workspace = twelve(&here).await;
    let mut large = append(workspace, 5, None, 20);
    for event in &mut large.streams[0].events {
        event.data = format!(r#"{{"number":"","text":"{}"}}"#, "x".repeat(50_000));
    }
    here.append(large).await.unwrap();
    // A pipe that takes little: the export stands still in the midst of the events until somebody reads.
    let (sink, mut source) = tokio::io::duplex(1_000);
    let export = tokio::spawn({
        let here = here.clone();
        async move { here.export(workspace, None, sink).await.unwrap() }
    });
    let mut file = vec![0; 500];
    source.read_exact(&mut file).await.unwrap();
    here.append(claiming(append(workspace, 1, Some(3), 5), "late"))
        .await
        .unwrap();
    assert!(!export.is_finished());
    source.read_to_end(&mut file).await.unwrap();
    assert_eq!(export.await.unwrap().header.last, 32);
    there.import(&file[..]).await.unwrap();
    assert_eq!(whole(&there, workspace, None).await.position, 32);
    there
        .append(claiming(append(workspace, 2, Some(3), 1), "late"))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_append_during_an_import_waits_and_goes_on_behind_it() {
    let (here, target) = (Database::create().await, Database::create().await);
    let (here, pool, there) = (here.log().await, target.pool().await, target.log().await);
    let workspace = twelve(&here).await;
    let file = exported(&here, workspace).await;
    let (mut sink, source) = tokio::io::duplex(file.len());
    let (first, rest) = file.split_at(file.len() / 2);
    sink.write_all(first).await.unwrap();
    let import = tokio::spawn({
        let there = there.clone();
        async move { there.import(source).await }
    });
    let blocked = "select from pg_stat_activity where datname = current_database() and application_name = 'prometric-committer' \
        and wait_event_type = 'Lock'";
    let importing = "select from pg_locks l join pg_class c on c.oid = l.relation where c.relname = 'heads' \
        and l.mode = 'RowShareLock' and l.database = (select oid from pg_database where datname = current_database())";
    let seen = async |sql: &'static str| {
        eventually(sql, || async { sqlx::query(sql).fetch_optional(&pool).await.unwrap() }).await;
    };
    seen(importing).await;
    let appended = tokio::spawn(async move { there.append(append(workspace, 3, None, 1)).await });
    seen(blocked).await;
    sink.write_all(rest).await.unwrap();
    drop(sink);
    import.await.unwrap().unwrap();
    let appended = appended.await.unwrap().unwrap();
    assert_eq!((appended.position, appended.events[0].version), (13, 7));
    assert_eq!(whole(&target.log().await, workspace, None).await.position, 13);
}
