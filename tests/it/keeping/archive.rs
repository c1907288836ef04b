//! Old positions go away and come back; nothing is lost, and nobody is told a silent nothing.

use super::{Folder, append, commanded, twelve, whole};
use futures::TryStreamExt;
use log::{
    AppendError, Log, ReadError, Recorded, Scan,
    keeping::{ArchiveError, Archived, ExportError, HistoryError, Segment, VerifyError, Walk},
};
use prometric_tests::{Database, eventually};
use sqlx::{PgPool, Row};
use uuid::Uuid;

/// Rows of the log's own tables: events, segments, noted streams.
async fn rows(pool: &PgPool, workspace: Uuid) -> (i64, i64, i64) {
    let counts = "select (select count(*) from log.events where workspace_id = $1), \
        (select count(*) from log.archives where workspace_id = $1), \
        (select count(*) from log.archived_streams where workspace_id = $1)";
    let row = sqlx::query(counts).bind(workspace).fetch_one(pool).await.unwrap();
    (row.get(0), row.get(1), row.get(2))
}

async fn everything(log: &Log, workspace: Uuid) -> Vec<Recorded> {
    log.read(workspace, 0, 10_000).await.unwrap()
}

/// What a reader of something that is away is told.
fn told<T: std::fmt::Debug>(answer: Result<T, ReadError>) -> (i64, i64, String) {
    match answer.unwrap_err() {
        ReadError::Archived(Archived { first, last, file, .. }) => (first, last, file),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn what_is_away_is_told_and_the_rest_goes_on() {
    let database = Database::create().await;
    let (log, pool, folder) = (database.log().await, database.pool().await, Folder::new());
    let workspace = twelve(&log).await;
    let before = everything(&log, workspace).await;
    let [first] = &log.archive(workspace, 5, folder.path()).await.unwrap()[..] else {
        panic!("one segment");
    };
    let [second] = &log.archive(workspace, 8, folder.path()).await.unwrap()[..] else {
        panic!("one segment");
    };
    assert_eq!(
        log.archive(workspace, 8, folder.path()).await.unwrap(),
        [],
        "it is away already"
    );
    assert_eq!((first.first, first.last, second.first, second.last), (1, 5, 6, 8));
    assert_eq!(second.previous_hash, first.last_hash);
    assert_eq!(rows(&pool, workspace).await, (4, 2, 3));

    assert_eq!(log.read(workspace, 8, 10).await.unwrap(), before[8..]);
    assert_eq!(log.read(workspace, 12, 10).await.unwrap(), []);
    assert_eq!(told(log.read(workspace, 0, 10).await), (1, 5, first.file.clone()));
    assert_eq!(told(log.read(workspace, 7, 10).await), (6, 8, second.file.clone()));
    let stream = |stream, after| log.read_stream(workspace, Uuid::from_u128(stream), after);
    assert_eq!(
        told(stream(1, 0).await),
        (1, 8, second.file.clone()),
        "all of it is away"
    );
    assert_eq!(
        told(stream(3, 0).await),
        (1, 8, second.file.clone()),
        "its beginning is"
    );
    assert_eq!(stream(3, 2).await.unwrap(), before[8..]);
    assert_eq!(stream(1, 3).await.unwrap(), [], "who knows its end has missed nothing");
    assert_eq!(stream(9, 0).await.unwrap(), [], "there is no such stream");

    let one = Uuid::from_u128(1);
    let all_away = (1, 8, second.file.clone());
    assert_eq!(told(log.latest_of_stream(workspace, one, None, 10).await), all_away);
    let replayed: Result<Vec<_>, _> = log.replay_stream(workspace, one, 0).try_collect().await;
    assert_eq!(told(replayed), all_away);
    let known: Result<Vec<_>, _> = log.replay_stream(workspace, one, 3).try_collect().await;
    assert_eq!(known.unwrap(), []);

    let stale = log.append(append(workspace, 1, Some(0), 1)).await;
    assert!(
        matches!(stale, Err(AppendError::Version { actual: 3, .. })),
        "{stale:?}"
    );
    let next = log.append(append(workspace, 1, Some(3), 1)).await.unwrap();
    assert_eq!((next.position, next.events[0].version), (13, 4));
    let next = log.append(append(workspace, 3, Some(6), 1)).await.unwrap();
    assert_eq!((next.position, next.events[0].version), (14, 7));

    let report = whole(&log, workspace, Some(folder.path())).await;
    assert_eq!((report.events, report.segments, report.streams), (14, 2, 3));
    let blind = log.verify(workspace, &Walk::default()).await.unwrap_err();
    assert!(
        matches!(
            blind,
            VerifyError::History(HistoryError::Archived(Archived { last: 5, .. }))
        ),
        "{blind}"
    );
    let blind = log.export(workspace, None, Vec::new()).await.unwrap_err();
    assert!(
        matches!(blind, ExportError::History(HistoryError::Archived(_))),
        "{blind}"
    );

    let mut file = Vec::new();
    log.export(workspace, Some(folder.path()), &mut file).await.unwrap();
    let other = Database::create().await;
    let there = other.log().await;
    there.import(&file[..]).await.unwrap();
    assert_eq!(
        everything(&there, workspace).await[..12],
        before,
        "an export brings what is away along"
    );
}

#[tokio::test]
async fn what_was_put_away_comes_back_as_it_was() {
    let database = Database::create().await;
    let (log, pool, folder) = (database.log().await, database.pool().await, Folder::new());
    let workspace = twelve(&log).await;
    let before = everything(&log, workspace).await;
    let mut segments: Vec<Segment> = Vec::new();
    for through in [2, 5, 12] {
        segments.extend(log.archive(workspace, through, folder.path()).await.unwrap());
    }
    assert_eq!(rows(&pool, workspace).await, (0, 3, 3));
    assert_eq!(
        log.restore(workspace, 6, folder.path()).await.unwrap(),
        segments[2..],
        "no more than asked for"
    );
    assert_eq!(log.read(workspace, 5, 100).await.unwrap(), before[5..]);
    assert_eq!(
        rows(&pool, workspace).await,
        (7, 2, 2),
        "the third stream has nothing away any more"
    );
    whole(&log, workspace, Some(folder.path())).await;

    let rest: Vec<Segment> = segments[..2].iter().rev().cloned().collect();
    assert_eq!(log.restore(workspace, 1, folder.path()).await.unwrap(), rest);
    assert_eq!(
        log.restore(workspace, 1, folder.path()).await.unwrap(),
        [],
        "once is enough"
    );
    assert_eq!(rows(&pool, workspace).await, (12, 0, 0));
    assert_eq!(everything(&log, workspace).await, before);
    whole(&log, workspace, None).await;
    assert_eq!(
        log.archive(workspace, 2, folder.path()).await.unwrap(),
        segments[..1],
        "the same file again"
    );
}

#[tokio::test]
async fn only_what_nobody_needs_goes_away() {
    let database = Database::create().await;
    let (log, pool, folder) = (database.log().await, database.pool().await, Folder::new());
    let workspace = twelve(&log).await;
    log.append(commanded(append(workspace, 4, None, 2))).await.unwrap();
    let beyond = log.archive(workspace, 15, folder.path()).await.unwrap_err();
    assert!(matches!(beyond, ArchiveError::Beyond { last: 14, .. }), "{beyond}");
    let answered = log.archive(workspace, 13, folder.path()).await.unwrap_err();
    assert!(
        matches!(answered, ArchiveError::Answered { position: 13, .. }),
        "{answered}"
    );
    assert_eq!(rows(&pool, workspace).await, (14, 0, 0));
    log.archive(workspace, 12, folder.path()).await.unwrap();
    assert_eq!(rows(&pool, workspace).await.0, 2);
}

#[tokio::test]
async fn whatever_stops_an_archiving_nothing_is_lost() {
    let database = Database::create().await;
    let (log, pool, folder) = (database.log().await, database.pool().await, Folder::new());
    let workspace = twelve(&log).await;
    let before = everything(&log, workspace).await;
    let file = folder.path().join(format!("{workspace}-{:012}-{:012}.ndjson", 1, 8));
    let partial = file.with_extension("ndjson.partial");

    // Before the first statement after the file: there is nowhere to write it to.
    let nowhere = log
        .archive(workspace, 8, &folder.path().join("missing"))
        .await
        .unwrap_err();
    assert!(matches!(nowhere, ArchiveError::File(_)), "{nowhere}");

    // In the midst of the file, and with an older one in its place: somebody was killed there.
    std::fs::write(&partial, "{\"header\"").unwrap();
    std::fs::write(&file, "half a li").unwrap();

    // The file is in place, the rows are deleted, and the commit does not come: it waits for the head's lock.
    let mut holder = pool.begin().await.unwrap();
    let lock = sqlx::query("select from log.heads where workspace_id = $1 for update").bind(workspace);
    lock.execute(&mut *holder).await.unwrap();
    let archiving = tokio::spawn({
        let (log, folder) = (log.clone(), folder.path().to_owned());
        async move { log.archive(workspace, 8, &folder).await }
    });
    let waiting = "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    eventually("it waits", || async {
        sqlx::query(waiting).fetch_optional(&pool).await.unwrap()
    })
    .await;
    assert!(!partial.exists() && std::fs::metadata(&file).unwrap().len() > 1_000);
    assert_eq!(everything(&log, workspace).await, before, "readers still see all");
    archiving.abort();
    archiving.await.unwrap_err();
    holder.rollback().await.unwrap();
    eventually("it is given up", || async {
        sqlx::query(waiting)
            .fetch_optional(&pool)
            .await
            .unwrap()
            .is_none()
            .then_some(())
    })
    .await;
    assert_eq!(rows(&pool, workspace).await, (12, 0, 0));

    // The database fails the deletion.
    let fail = "create function fail() returns trigger language plpgsql as $$ begin raise 'no'; end $$; \
        create trigger fail before delete on log.events execute function fail()";
    sqlx::raw_sql(fail).execute(&pool).await.unwrap();
    let failed = log.archive(workspace, 8, folder.path()).await.unwrap_err();
    assert!(matches!(failed, ArchiveError::Database(_)), "{failed}");
    sqlx::raw_sql("drop trigger fail on log.events")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(rows(&pool, workspace).await, (12, 0, 0));

    // A row that is missing is not put away unseen.
    sqlx::query("delete from log.events where workspace_id = $1 and position = 4")
        .bind(workspace)
        .execute(&pool)
        .await
        .unwrap();
    let hole = log.archive(workspace, 8, folder.path()).await.unwrap_err();
    assert!(matches!(hole, ArchiveError::File(_)), "{hole}");
    assert_eq!(rows(&pool, workspace).await, (11, 0, 0));
    log.archive(workspace, 3, folder.path()).await.unwrap();
    assert_eq!(rows(&pool, workspace).await, (8, 1, 2));
}

#[tokio::test]
async fn appends_go_on_while_others_put_away_and_bring_back() {
    let database = Database::create().await;
    let (log, other, folder) = (database.log().await, database.log().await, Folder::new());
    let workspace = twelve(&log).await;
    let writers = (0..4_u128).map(|stream| {
        let log = if stream % 2 == 0 { log.clone() } else { other.clone() };
        tokio::spawn(async move {
            for version in 0..50 {
                log.append(append(workspace, 100 + stream, Some(version), 1))
                    .await
                    .unwrap();
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let keepers = [&log, &other].map(|log| {
        let (log, folder) = (log.clone(), folder.path().to_owned());
        tokio::spawn(async move {
            loop {
                let head = log.head(workspace).await.unwrap();
                log.archive(workspace, head, &folder).await.unwrap();
                if head == 212 {
                    return;
                }
                log.restore(workspace, head - 5, &folder).await.unwrap();
            }
        })
    });
    for task in writers.into_iter().chain(keepers) {
        task.await.unwrap();
    }
    let report = whole(&log, workspace, Some(folder.path())).await;
    assert_eq!((report.events, report.streams), (212, 7));
    log.restore(workspace, 1, folder.path()).await.unwrap();
    assert_eq!(whole(&log, workspace, None).await.events, 212);
}

/// Whoever knows the folder reads everything as before, whichever way.
#[tokio::test]
async fn what_is_away_is_read_from_its_files() {
    let (database, folder) = (Database::create().await, Folder::new());
    let log = database.log().await.with_archive(folder.path().to_owned());
    let workspace = twelve(&log).await;
    let before = log.read(workspace, 0, 100).await.unwrap();
    for through in [5, 8] {
        log.archive(workspace, through, folder.path()).await.unwrap();
    }
    for (after, limit) in [(0, 100), (0, 3), (3, 1), (4, 8), (5, 3), (7, 2), (8, 4), (12, 1)] {
        let (from, to) = (
            usize::try_from(after).unwrap(),
            usize::try_from(after + limit).unwrap().min(12),
        );
        assert_eq!(
            log.read(workspace, after, limit).await.unwrap(),
            before[from..to],
            "{after} {limit}"
        );
    }
    let newest_first: Vec<Recorded> = before.iter().rev().cloned().collect();
    assert_eq!(log.latest(workspace, None, 100).await.unwrap(), newest_first);
    assert_eq!(log.latest(workspace, Some(8), 3).await.unwrap(), newest_first[5..8]);
    let all: Result<Vec<_>, _> = log.replay(workspace, 0).try_collect().await;
    assert_eq!(all.unwrap(), before);
    let types = log.replay_types(workspace, 0, &["deal.created"]);
    let scans: Vec<Scan> = types.try_collect().await.unwrap();
    assert_eq!(
        scans.iter().flat_map(|scan| scan.events.clone()).collect::<Vec<_>>(),
        before
    );
    for stream in [1, 2, 3] {
        let stream = Uuid::from_u128(stream);
        let of_stream = |after: i64| -> Vec<Recorded> {
            let of = before
                .iter()
                .filter(|event| event.stream_id == stream && event.version > after);
            of.cloned().collect()
        };
        for after in 0..4 {
            assert_eq!(
                log.read_stream(workspace, stream, after).await.unwrap(),
                of_stream(after)
            );
        }
        let replayed: Result<Vec<_>, _> = log.replay_stream(workspace, stream, 0).try_collect().await;
        assert_eq!(replayed.unwrap(), of_stream(0));
        let mut latest = log.latest_of_stream(workspace, stream, None, 10).await.unwrap();
        latest.reverse();
        assert_eq!(latest, of_stream(0));
        let last = &of_stream(0)[2];
        let tail = log
            .read_tail(workspace, stream, last.version, &last.hash)
            .await
            .unwrap();
        assert_eq!(tail, Some(of_stream(last.version)));
        let other = log.read_tail(workspace, stream, last.version, &[9; 32]).await.unwrap();
        assert_eq!(other, None, "another past");
    }
}
