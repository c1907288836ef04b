//! What is away: the segments there are, and how a reader is told that what it asks for is in one.

use super::store::digest;
use crate::ReadError;
use sqlx::{PgConnection, PgExecutor, Row, postgres::PgRow};
use uuid::Uuid;

/// What was asked for is not in the table any more: it was put away, and can be restored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("workspace {workspace}: positions {first} to {last} were put away into {file}")]
pub struct Archived {
    pub workspace: Uuid,
    pub first: i64,
    pub last: i64,
    pub file: String,
}

/// A stretch of a workspace's positions in a file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub workspace: Uuid,
    pub first: i64,
    pub last: i64,
    /// What the first event is chained to.
    pub previous_hash: [u8; 32],
    pub last_hash: [u8; 32],
    /// The file's name in the archive's folder.
    pub file: String,
    /// Of the whole file.
    pub sha256: [u8; 32],
    /// The file's size.
    pub bytes: u64,
}

macro_rules! segments {
    ($rest:literal) => {
        concat!(
            "select workspace_id, first_position, last_position, previous_hash, last_hash, file, sha256, bytes \
            from log.archives where workspace_id = $1 ",
            $rest
        )
    };
}

impl Segment {
    /// A workspace's segments, the oldest first.
    pub(super) async fn all(connection: &mut PgConnection, workspace: Uuid) -> Result<Vec<Self>, sqlx::Error> {
        let all = sqlx::query(segments!("order by first_position")).bind(workspace);
        all.fetch_all(connection).await?.iter().map(Self::from_row).collect()
    }

    pub(super) async fn newest(connection: &mut PgConnection, workspace: Uuid) -> Result<Option<Self>, sqlx::Error> {
        let newest = sqlx::query(segments!("order by first_position desc limit 1")).bind(workspace);
        let row = newest.fetch_optional(connection).await?;
        row.map(|row| Self::from_row(&row)).transpose()
    }

    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let bytes: i64 = row.try_get(7)?;
        Ok(Self {
            workspace: row.try_get(0)?,
            first: row.try_get(1)?,
            last: row.try_get(2)?,
            previous_hash: digest(row.try_get(3)?)?,
            last_hash: digest(row.try_get(4)?)?,
            file: row.try_get(5)?,
            sha256: digest(row.try_get(6)?)?,
            bytes: bytes.unsigned_abs(),
        })
    }

    pub(super) fn archived(&self) -> Archived {
        Archived {
            workspace: self.workspace,
            first: self.first,
            last: self.last,
            file: self.file.clone(),
        }
    }
}

/// The segment that holds a position, when it is away.
pub(super) async fn holding(
    executor: impl PgExecutor<'_>,
    workspace: Uuid,
    position: i64,
) -> Result<Option<Archived>, sqlx::Error> {
    let holding = segments!("and last_position >= $2 and first_position <= $2 order by last_position limit 1");
    let row = sqlx::query(holding)
        .bind(workspace)
        .bind(position)
        .fetch_optional(executor)
        .await?;
    row.map(|row| Ok(Segment::from_row(&row)?.archived())).transpose()
}

/// For a reader of a stream who did not find the version after this one. Which segment holds that version is not
/// recorded: this names all that is away, and the newest file, which is restored first.
async fn holding_stream(
    executor: impl PgExecutor<'_>,
    workspace: Uuid,
    stream_id: Uuid,
    after: i64,
) -> Result<Option<Archived>, sqlx::Error> {
    let away = segments!(
        "and exists (select from log.archived_streams s where s.workspace_id = $1 and s.stream_id = $2 and s.version > $3) \
        order by first_position desc limit 1"
    );
    let row = sqlx::query(away)
        .bind(workspace)
        .bind(stream_id)
        .bind(after)
        .fetch_optional(executor)
        .await?;
    let archived = |row| {
        Segment::from_row(&row).map(|segment| Archived {
            first: 1,
            ..segment.archived()
        })
    };
    row.map(archived).transpose()
}

/// What is missing may only be away: then the reader is told so.
pub(crate) async fn explained(executor: impl PgExecutor<'_>, error: ReadError) -> ReadError {
    let away = match error {
        ReadError::Hole {
            workspace, expected, ..
        } => holding(executor, workspace, expected).await,
        ReadError::StreamHole {
            workspace,
            stream_id,
            expected,
            ..
        } => holding_stream(executor, workspace, stream_id, expected - 1).await,
        _ => return error,
    };
    match away {
        Ok(Some(archived)) => archived.into(),
        Ok(None) => error,
        Err(unavailable) => unavailable.into(),
    }
}

/// A stream of which nothing was found after a version may be away as a whole.
pub(crate) async fn stream_is_live(
    executor: impl PgExecutor<'_>,
    workspace: Uuid,
    stream_id: Uuid,
    after: i64,
) -> Result<(), ReadError> {
    match holding_stream(executor, workspace, stream_id, after).await? {
        Some(archived) => Err(archived.into()),
        None => Ok(()),
    }
}
