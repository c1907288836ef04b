//! A snapshot spares the events before it, and is believed only by the same fold and on the same history.

use super::write;
use log::{Folded, Log, Snapshot, Stream};
use prometric_tests::Database;
use uuid::Uuid;

const FOLD: [u8; 32] = [7; 32];
const OTHER_FOLD: [u8; 32] = [8; 32];

/// Where the snapshot stands, and the versions behind it.
async fn load(log: &Log, workspace: Uuid, id: Uuid, fold: &[u8; 32]) -> (Option<i64>, Vec<i64>) {
    let stream = Stream { category: "shelf", id };
    let Folded { snapshot, tail, .. } = log.load(workspace, stream, fold).await.unwrap();
    let tail = tail.iter().map(|event| event.version).collect();
    (snapshot.map(|snapshot| snapshot.version), tail)
}

async fn taken_at(log: &Log, workspace: Uuid, stream: Uuid, version: i64) -> Snapshot {
    let events = log.read_stream(workspace, stream, version - 1).await.unwrap();
    Snapshot {
        version,
        hash: events[0].hash,
        state: format!("at {version}"),
    }
}

#[tokio::test]
async fn a_snapshot_is_believed_only_by_the_same_fold_on_the_same_history() {
    let database = Database::create().await;
    let log = database.log().await;
    let (workspace, stream) = (Uuid::now_v7(), Uuid::now_v7());
    write(&log, workspace, stream, 10, 5, 1).await;
    assert_eq!(load(&log, workspace, stream, &FOLD).await, (None, (1..=10).collect()));

    let at_8 = taken_at(&log, workspace, stream, 8).await;
    log.keep_snapshot(workspace, stream, &at_8, &FOLD).await.unwrap();
    let kept = log
        .load(
            workspace,
            Stream {
                category: "shelf",
                id: stream,
            },
            &FOLD,
        )
        .await
        .unwrap();
    assert_eq!(kept.snapshot, Some(at_8));
    assert_eq!(load(&log, workspace, stream, &FOLD).await, (Some(8), vec![9, 10]));
    assert_eq!(
        load(&log, workspace, stream, &OTHER_FOLD).await,
        (None, (1..=10).collect())
    );
    let asked_as_another = Stream {
        category: "box",
        id: stream,
    };
    assert_eq!(
        log.load(workspace, asked_as_another, &FOLD).await.unwrap().snapshot,
        None
    );

    let at_5 = taken_at(&log, workspace, stream, 5).await;
    log.keep_snapshot(workspace, stream, &at_5, &FOLD).await.unwrap();
    assert_eq!(
        load(&log, workspace, stream, &FOLD).await.0,
        Some(8),
        "a late writer does not undo a later one"
    );
    log.keep_snapshot(workspace, stream, &at_5, &OTHER_FOLD).await.unwrap();
    assert_eq!(
        load(&log, workspace, stream, &OTHER_FOLD).await.0,
        Some(5),
        "another fold replaces it"
    );
    assert_eq!(load(&log, workspace, stream, &FOLD).await.0, None);
}

#[tokio::test]
async fn a_snapshot_of_what_the_log_does_not_hold_is_discarded_and_replaced() {
    let database = Database::create().await;
    let log = database.log().await;
    let (workspace, stream) = (Uuid::now_v7(), Uuid::now_v7());
    write(&log, workspace, stream, 10, 5, 1).await;
    let honest = taken_at(&log, workspace, stream, 6).await;
    let ahead = Snapshot {
        version: 11,
        ..honest.clone()
    };
    let of_another_past = Snapshot {
        version: 10,
        ..honest.clone()
    };
    for lost in [ahead, of_another_past] {
        log.keep_snapshot(workspace, stream, &lost, &FOLD).await.unwrap();
        assert_eq!(load(&log, workspace, stream, &FOLD).await, (None, (1..=10).collect()));
        log.keep_snapshot(workspace, stream, &honest, &FOLD).await.unwrap();
        assert_eq!(load(&log, workspace, stream, &FOLD).await, (Some(6), vec![7, 8, 9, 10]));
    }
}

#[tokio::test]
async fn what_a_reader_holds_is_read_on_or_disowned() {
    let database = Database::create().await;
    let log = database.log().await;
    let (workspace, stream) = (Uuid::now_v7(), Uuid::now_v7());
    write(&log, workspace, stream, 5, 5, 1).await;
    let hash = taken_at(&log, workspace, stream, 3).await.hash;
    let tail = log.read_tail(workspace, stream, 3, &hash).await.unwrap().unwrap();
    assert_eq!(tail.iter().map(|event| event.version).collect::<Vec<_>>(), [4, 5]);
    assert_eq!(
        log.read_tail(workspace, stream, 4, &hash).await.unwrap(),
        None,
        "another event stands there"
    );
    assert_eq!(
        log.read_tail(workspace, stream, 6, &hash).await.unwrap(),
        None,
        "none stands there"
    );
}
