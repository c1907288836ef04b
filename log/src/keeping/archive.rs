//! Putting a workspace's old events away into files, and back (why files and not partitions: ADR 11).
//!
//! What is away is always positions 1 to some position, in segments without a gap; the rest is in the table. A segment's
//! file is complete, named, on the disk and read once more before its rows are deleted, in the transaction that
//! records it: whatever stops the program in between leaves the rows, and at most a file that the next try overwrites
//! with the same bytes. Appends go on meanwhile and afterwards. A node that knows the folder reads on in the files (shelf.rs);
//! any other is told that it is [`super::Archived`].

use super::{
    epoch,
    file::{FORMAT, FileError, FileReader, FileWriter, Header, Kind, Summary, VERSION},
    history::{HistoryError, SegmentReader, live},
    segment::Segment,
    store::Batch,
};
use crate::{
    HASH_ZERO, Log, ReadError, unhurried,
    wrong::{self, Variant::ArchivedTakenForNew},
};
use futures::TryStreamExt;
use sqlx::PgConnection;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};
use tokio::fs::{self, File};
use uuid::Uuid;

/// The most events in a segment: what one transaction deletes or puts back.
pub const SEGMENT_EVENTS_MAX: i64 = 100_000;

/// Why nothing (more) was put away or put back. Segments done before the failure stay done.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("workspace {workspace}: position {through} is beyond the last one, {last}")]
    Beyond { workspace: Uuid, through: i64, last: i64 },
    /// Repeats of a command are answered from the log, as long as its id is kept.
    #[error("workspace {workspace}: a command id that is still kept answers with position {position}")]
    Answered { workspace: Uuid, position: i64 },
    /// What is stored and what was written differ: nothing was deleted.
    #[error("workspace {workspace}: {promised} rows from {first} to {last} were to go, {found} went")]
    Rows {
        workspace: Uuid,
        first: i64,
        last: i64,
        promised: i64,
        found: u64,
    },
    #[error("the segment cannot be written")]
    File(#[from] FileError),
    #[error("the segment cannot be read")]
    History(#[from] HistoryError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl Log {
    /// Every stream with events in the table up to and including a position: its category and id.
    pub async fn streams(&self, workspace: Uuid, through: i64) -> Result<Vec<(String, Uuid)>, ReadError> {
        let streams =
            "select distinct stream_category, stream_id from log.events where workspace_id = $1 and position <= $2";
        let streams = sqlx::query_as(streams).bind(workspace).bind(through);
        Ok(streams.fetch_all(&self.pool).await?)
    }

    /// Puts away what is in the table up to and including a position, in as many segments as it takes; answers those
    /// it made. Nothing happens when that position is away already.
    pub async fn archive(&self, workspace: Uuid, through: i64, folder: &Path) -> Result<Vec<Segment>, ArchiveError> {
        let last = self.head(workspace).await?;
        if through > last {
            return Err(ArchiveError::Beyond {
                workspace,
                through,
                last,
            });
        }
        let mut made = Vec::new();
        while let Some(segment) = self.archive_next(workspace, through, folder).await? {
            made.push(segment);
        }
        Ok(made)
    }

    async fn archive_next(
        &self,
        workspace: Uuid,
        through: i64,
        folder: &Path,
    ) -> Result<Option<Segment>, ArchiveError> {
        let mut tx = self.pool.begin().await?;
        alone(&mut tx, workspace).await?;
        let (done, previous) = match Segment::newest(&mut tx, workspace).await? {
            Some(segment) => (segment.last, segment.last_hash),
            None => (0, HASH_ZERO),
        };
        if done >= through {
            return Ok(None);
        }
        let last = through.min(done + SEGMENT_EVENTS_MAX);
        nobody_is_answered(&mut tx, workspace, last).await?;
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            kind: Kind::Segment,
            workspace,
            first: done + 1,
            last,
            previous,
            rows: 0,
        };
        let segment = write(&mut tx, header, folder).await?;
        record(&mut tx, &segment).await?;
        epoch::go_on(&mut tx, workspace, "archived").await?;
        tx.commit().await?;
        Ok(Some(segment))
    }

    /// Puts back every segment that holds positions from `from` on, the newest first; answers those it put back.
    /// Nothing happens when they are in the table already. The files stay.
    pub async fn restore(&self, workspace: Uuid, from: i64, folder: &Path) -> Result<Vec<Segment>, ArchiveError> {
        let mut restored = Vec::new();
        while let Some(segment) = self.restore_newest(workspace, from, folder).await? {
            restored.push(segment);
        }
        Ok(restored)
    }

    async fn restore_newest(&self, workspace: Uuid, from: i64, folder: &Path) -> Result<Option<Segment>, ArchiveError> {
        let mut tx = self.pool.begin().await?;
        alone(&mut tx, workspace).await?;
        let Some(segment) = Segment::newest(&mut tx, workspace)
            .await?
            .filter(|segment| segment.last >= from)
        else {
            return Ok(None);
        };
        let mut events = SegmentReader::open(segment.clone(), folder).await?;
        let mut batch = Batch::new(workspace);
        let mut floors: HashMap<Uuid, i64> = HashMap::new();
        while let Some(event) = events.next().await? {
            floors.entry(event.stream_id).or_insert(event.version - 1);
            batch.event(&mut tx, event).await?;
        }
        batch.flush(&mut tx).await?;
        forget(&mut tx, &segment, floors).await?;
        epoch::go_on(&mut tx, workspace, "restored").await?;
        tx.commit().await?;
        Ok(Some(segment))
    }
}

/// One archiving or restoring of a workspace at a time; appends are not held up.
async fn alone(tx: &mut PgConnection, workspace: Uuid) -> Result<(), sqlx::Error> {
    unhurried(tx).await?;
    sqlx::query("select pg_advisory_xact_lock(hashtext('prometric.archive'), hashtext($1::text))")
        .bind(workspace)
        .execute(tx)
        .await?;
    Ok(())
}

async fn nobody_is_answered(tx: &mut PgConnection, workspace: Uuid, through: i64) -> Result<(), ArchiveError> {
    let first =
        "select min(first_position) from log.commands where workspace_id = $1 and first_position <= last_position";
    let first: Option<i64> = sqlx::query_scalar(first).bind(workspace).fetch_one(tx).await?;
    match first {
        Some(position) if position <= through => Err(ArchiveError::Answered { workspace, position }),
        _ => Ok(()),
    }
}

/// Writes the segment's file: under another name first, then synced, renamed, its folder synced, and read again.
async fn write(tx: &mut PgConnection, header: Header, folder: &Path) -> Result<Segment, ArchiveError> {
    let Header {
        workspace, first, last, ..
    } = header;
    let file = format!("{workspace}-{first:012}-{last:012}.ndjson");
    let (path, partial) = (folder.join(&file), folder.join(format!("{file}.partial")));
    let (output, previous) = (File::create(&partial).await.map_err(FileError::Io)?, header.previous);
    let mut writer = FileWriter::create(output, header).await?;
    let mut events = live(tx, workspace, first - 1, last);
    while let Some(event) = events.try_next().await.map_err(HistoryError::from)? {
        writer.event(event).await?;
    }
    let (written, output) = writer.finish().await?;
    settle(output, &partial, &path, folder).await.map_err(FileError::Io)?;
    let read = read_again(path).await?;
    if read != written {
        return Err(FileError::Digest { line: 1 }.into());
    }
    Ok(Segment {
        workspace,
        first,
        last,
        previous_hash: previous,
        last_hash: written.hash,
        file,
        sha256: written.sha256,
        bytes: written.bytes,
    })
}

async fn settle(output: File, partial: &Path, path: &Path, folder: &Path) -> Result<(), std::io::Error> {
    output.sync_all().await?;
    fs::rename(partial, path).await?;
    File::open(folder).await?.sync_all().await
}

async fn read_again(path: PathBuf) -> Result<Summary, FileError> {
    let mut reader = FileReader::open(File::open(path).await?).await?;
    while reader.next().await?.is_some() {}
    let line = reader.line();
    reader.summary().cloned().ok_or(FileError::Truncated { line })
}

/// Enters the segment and its streams' versions, and deletes its rows.
async fn record(tx: &mut PgConnection, segment: &Segment) -> Result<(), ArchiveError> {
    let Segment {
        workspace, first, last, ..
    } = *segment;
    let enter = "insert into log.archives (workspace_id, first_position, last_position, previous_hash, last_hash, file, sha256, bytes) \
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    sqlx::query(enter)
        .bind(workspace)
        .bind(first)
        .bind(last)
        .bind(&segment.previous_hash[..])
        .bind(&segment.last_hash[..])
        .bind(&segment.file)
        .bind(&segment.sha256[..])
        .bind(i64::try_from(segment.bytes).unwrap_or(i64::MAX))
        .execute(&mut *tx)
        .await?;
    let floors = "insert into log.archived_streams (workspace_id, stream_id, category, version, hash) \
        select distinct on (stream_id) workspace_id, stream_id, stream_category, version, hash from log.events \
        where workspace_id = $1 and position between $2 and $3 order by stream_id, version desc \
        on conflict (workspace_id, stream_id) do update set version = excluded.version, hash = excluded.hash";
    let floors = sqlx::query(floors).bind(workspace).bind(first).bind(last);
    if !wrong::is(ArchivedTakenForNew) {
        floors.execute(&mut *tx).await?;
    }
    let delete = "delete from log.events where workspace_id = $1 and position between $2 and $3";
    let gone = sqlx::query(delete).bind(workspace).bind(first).bind(last);
    let (promised, found) = (last - first + 1, gone.execute(tx).await?.rows_affected());
    if u64::try_from(promised).ok() == Some(found) {
        return Ok(());
    }
    Err(ArchiveError::Rows {
        workspace,
        first,
        last,
        promised,
        found,
    })
}

/// Strikes out the segment, and sets its streams' versions back to where they stood before it.
async fn forget(tx: &mut PgConnection, segment: &Segment, floors: HashMap<Uuid, i64>) -> Result<(), sqlx::Error> {
    let strike = "delete from log.archives where workspace_id = $1 and first_position = $2";
    sqlx::query(strike)
        .bind(segment.workspace)
        .bind(segment.first)
        .execute(&mut *tx)
        .await?;
    let (streams, versions): (Vec<Uuid>, Vec<i64>) = floors.into_iter().unzip();
    let lower = "with floors as (select * from unnest($2::uuid[], $3::bigint[]) f(stream_id, version)), \
        gone as (delete from log.archived_streams a using floors f where f.version = 0 and (a.workspace_id, a.stream_id) = ($1, f.stream_id)) \
        update log.archived_streams a set version = f.version, hash = null from floors f where f.version > 0 and (a.workspace_id, a.stream_id) = ($1, f.stream_id)";
    sqlx::query(lower)
        .bind(segment.workspace)
        .bind(streams)
        .bind(versions)
        .execute(tx)
        .await?;
    Ok(())
}
