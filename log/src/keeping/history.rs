//! A workspace's whole history as one stream, wherever its parts are: first the segments' files, then the table.

use super::{
    file::{FileError, FileReader, Item},
    segment::{Archived, Segment},
    store,
};
use crate::{
    HASH_ZERO, Log, ReadError, Recorded,
    read::row::{columns, decode},
};
use chrono::{DateTime, Utc};
use futures::{
    Stream, StreamExt, TryStreamExt,
    future::ready,
    stream::{self, BoxStream},
};
use sqlx::{PgConnection, Postgres, Row, pool::PoolConnection};
use std::path::Path;
use tokio::fs::File;
use uuid::Uuid;

/// Why a history cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// Say in which folder the files are, or restore them.
    #[error(transparent)]
    Archived(#[from] Archived),
    #[error("{file}: {source}")]
    File { file: String, source: FileError },
    /// A well-formed file, but not the one that was put away.
    #[error("{file}: not the file that was put away under this name")]
    Exchanged { file: String },
    /// A row that is no event.
    #[error(transparent)]
    Row(#[from] ReadError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Where a workspace stands, at one moment.
pub(super) struct Moment {
    pub connection: PoolConnection<Postgres>,
    /// 0 and zeros when the log knows no such workspace.
    pub position: i64,
    pub hash: [u8; 32],
    pub recorded_at: DateTime<Utc>,
    pub epoch: i64,
    pub segments: Vec<Segment>,
}

impl Moment {
    /// Everything read on its connection is of this moment. The connection is not used again: closing it ends whatever
    /// it was still sending.
    pub async fn open(log: &Log, workspace: Uuid) -> Result<Self, sqlx::Error> {
        let mut connection = log.pool.acquire().await?;
        connection.close_on_drop();
        sqlx::raw_sql("begin isolation level repeatable read read only")
            .execute(&mut *connection)
            .await?;
        crate::unhurried(&mut connection).await?;
        let head = sqlx::query(
            "select position, hash, greatest(recorded_at, 'epoch'), epoch from log.heads where workspace_id = $1",
        );
        let head = head.bind(workspace).fetch_optional(&mut *connection).await?;
        let (position, hash, recorded_at, epoch) = match head {
            Some(row) => (
                row.try_get(0)?,
                store::digest(row.try_get(1)?)?,
                row.try_get(2)?,
                row.try_get(3)?,
            ),
            None => (0, HASH_ZERO, DateTime::UNIX_EPOCH, 0),
        };
        let segments = Segment::all(&mut connection, workspace).await?;
        Ok(Self {
            connection,
            position,
            hash,
            recorded_at,
            epoch,
            segments,
        })
    }

    /// Up to which position the events are in files.
    pub fn archived(&self) -> i64 {
        self.segments.last().map_or(0, |segment| segment.last)
    }

    /// The events behind a position, in order.
    pub fn events<'a>(
        &'a mut self,
        workspace: Uuid,
        after: i64,
        folder: Option<&'a Path>,
    ) -> BoxStream<'a, Result<Recorded, HistoryError>> {
        let wanted: Vec<Segment> = self.segments.iter().filter(|s| s.last > after).cloned().collect();
        let live = live(&mut self.connection, workspace, after, i64::MAX).map_err(HistoryError::from);
        match (folder, wanted.first()) {
            (_, None) => live.boxed(),
            (None, Some(first)) => stream::iter([Err(first.archived().into())]).boxed(),
            (Some(folder), Some(_)) => stream::iter(wanted)
                .then(move |segment| SegmentReader::open(segment, folder))
                .map_ok(|reader| {
                    stream::try_unfold(reader, |mut reader| async move {
                        let event = reader.next().await?;
                        Ok::<_, HistoryError>(event.map(|event| (event, reader)))
                    })
                })
                .try_flatten()
                .try_filter(move |event| ready(event.position > after))
                .chain(live)
                .boxed(),
        }
    }
}

/// The table's events behind `after` up to `through`.
pub(super) fn live(
    connection: &mut PgConnection,
    workspace: Uuid,
    after: i64,
    through: i64,
) -> impl Stream<Item = Result<Recorded, ReadError>> + Send {
    let events = concat!(
        "select ",
        columns!(),
        " from log.events where workspace_id = $1 and position > $2 and position <= $3 order by position"
    );
    let rows = sqlx::query(events)
        .bind(workspace)
        .bind(after)
        .bind(through)
        .fetch(connection);
    rows.map(move |row| decode(&row?, workspace))
}

/// A segment's file being read.
pub(super) struct SegmentReader {
    file: FileReader<File>,
    segment: Segment,
}

impl SegmentReader {
    pub async fn open(segment: Segment, folder: &Path) -> Result<Self, HistoryError> {
        let opened = async { FileReader::open(File::open(folder.join(&segment.file)).await?).await };
        let file = opened.await.map_err(|source| segment.unreadable(source))?;
        let header = file.header();
        if (header.workspace, header.first, header.last) != (segment.workspace, segment.first, segment.last) {
            return Err(segment.exchanged());
        }
        Ok(Self { file, segment })
    }

    /// The next event; `None` once the file was read to its end and is the one that was put away.
    pub async fn next(&mut self) -> Result<Option<Recorded>, HistoryError> {
        match self.file.next().await {
            Ok(Some(Item::Event(event))) => Ok(Some(event)),
            Ok(Some(Item::Row(_))) => Err(self.segment.exchanged()),
            Ok(None) if self.file.summary().map(|read| read.sha256) == Some(self.segment.sha256) => Ok(None),
            Ok(None) => Err(self.segment.exchanged()),
            Err(source) => Err(self.segment.unreadable(source)),
        }
    }
}

impl Segment {
    fn unreadable(&self, source: FileError) -> HistoryError {
        let file = self.file.clone();
        HistoryError::File { file, source }
    }

    fn exchanged(&self) -> HistoryError {
        let file = self.file.clone();
        HistoryError::Exchanged { file }
    }
}
