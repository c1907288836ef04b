//! A row that is gone stops every reader, wherever it was missing from; so does one whose hash is no hash.

use super::write;
use futures::TryStreamExt;
use log::{Log, ReadError, Recorded, Scan};
use prometric_tests::Database;
use sqlx::PgPool;
use uuid::Uuid;

struct Torn {
    _database: Database,
    log: Log,
    pool: PgPool,
    workspace: Uuid,
    stream: Uuid,
}

impl Torn {
    /// 1,000 events of one stream, hence with versions equal to positions.
    async fn new() -> Self {
        let database = Database::create().await;
        let (log, pool) = (database.log().await, database.pool().await);
        let (workspace, stream) = (Uuid::now_v7(), Uuid::now_v7());
        write(&log, workspace, stream, 1_000, 20, 2).await;
        Self {
            _database: database,
            log,
            pool,
            workspace,
            stream,
        }
    }

    async fn delete(&self, position: i64) {
        let delete = "delete from log.events where workspace_id = $1 and position = $2";
        let deleted = sqlx::query(delete).bind(self.workspace).bind(position);
        assert_eq!(deleted.execute(&self.pool).await.unwrap().rows_affected(), 1);
    }

    async fn replay(&self) -> Result<Vec<Recorded>, ReadError> {
        self.log.replay(self.workspace, 0).try_collect().await
    }

    async fn replay_types(&self) -> Result<Vec<Scan>, ReadError> {
        self.log.replay_types(self.workspace, 0, &["a.1"]).try_collect().await
    }
}

#[track_caller]
fn missing<T: std::fmt::Debug>(read: Result<T, ReadError>, position: i64, next: i64) {
    match read {
        Err(ReadError::Hole { expected, found, .. }) => assert_eq!((expected, found), (position, next)),
        other => panic!("the hole at {position} was not seen: {other:?}"),
    }
}

#[track_caller]
fn missing_version<T: std::fmt::Debug>(read: Result<T, ReadError>, version: i64) {
    match read {
        Err(ReadError::StreamHole { expected, .. }) => assert_eq!(expected, version),
        other => panic!("version {version} was not missed: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_stops_every_reader() {
    let torn = Torn::new().await;
    let (log, workspace, stream) = (&torn.log, torn.workspace, torn.stream);
    torn.delete(600).await;

    missing(torn.replay().await, 600, 601);
    missing(torn.replay_types().await, 600, 601);
    missing(log.read(workspace, 590, 20).await, 600, 601);
    missing(log.read(workspace, 590, 10).await, 600, 1_000);
    missing(log.read(workspace, 599, 10).await, 600, 601);
    assert_eq!(
        log.read(workspace, 590, 9).await.unwrap().len(),
        9,
        "up to it all is well"
    );
    assert_eq!(log.read(workspace, 600, 9).await.unwrap().len(), 9, "and behind it");
    missing(log.latest(workspace, Some(610), 20).await, 600, 599);
    missing(log.latest(workspace, Some(610), 10).await, 600, 1_000);
    missing(log.latest(workspace, Some(601), 5).await, 600, 599);
    assert_eq!(log.latest(workspace, None, 400).await.unwrap().len(), 400);

    missing_version(log.read_stream(workspace, stream, 0).await, 600);
    missing_version(log.read_stream(workspace, stream, 599).await, 600);
    missing_version(log.latest_of_stream(workspace, stream, Some(610), 20).await, 600);
    let paged: Result<Vec<_>, _> = log.replay_stream(workspace, stream, 0).try_collect().await;
    missing_version(paged, 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_end_is_a_hole_too() {
    let torn = Torn::new().await;
    torn.delete(1_000).await;
    missing(torn.replay().await, 1_000, 1_000);
    missing(torn.replay_types().await, 1_000, 1_000);
    missing(torn.log.read(torn.workspace, 999, 10).await, 1_000, 1_000);
    missing(torn.log.latest(torn.workspace, None, 10).await, 1_000, 999);
    missing(torn.log.latest(torn.workspace, None, 1).await, 1_000, 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_that_is_none_is_an_error() {
    let torn = Torn::new().await;
    let cut = "update log.events set hash = substr(hash, 2) where workspace_id = $1 and position = 7";
    sqlx::query(cut).bind(torn.workspace).execute(&torn.pool).await.unwrap();
    for read in [torn.replay().await, torn.log.read(torn.workspace, 0, 10).await] {
        assert!(matches!(read, Err(ReadError::Hash { position: 7, .. })), "{read:?}");
    }
}
