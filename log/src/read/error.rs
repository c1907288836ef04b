//! Why reading failed. A log that is damaged is never read past: the reader stops and says where.

use crate::{
    AppendError,
    keeping::{Archived, HistoryError},
};
use uuid::Uuid;

/// A new way to find the log incomplete is a new variant, and stops its readers the same way.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Ask again later.
    #[error("the log cannot be read")]
    Unavailable(#[from] sqlx::Error),
    /// `found` is the next position that is there; the head when none is.
    #[error("workspace {workspace}: position {expected} is missing, found {found}")]
    Hole { workspace: Uuid, expected: i64, found: i64 },
    /// The same within a stream; 0 when none is.
    #[error("workspace {workspace}, stream {stream_id}: version {expected} is missing, found {found}")]
    StreamHole {
        workspace: Uuid,
        stream_id: Uuid,
        expected: i64,
        found: i64,
    },
    /// What is missing was put away into a file.
    #[error(transparent)]
    Archived(#[from] Archived),
    /// It is known where that is, but it cannot be read there.
    #[error("what was put away cannot be read")]
    Archive(#[source] Box<HistoryError>),
    #[error("workspace {workspace}: the hash at position {position} is not 32 bytes long")]
    Hash { workspace: Uuid, position: i64 },
}

impl From<HistoryError> for ReadError {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Database(error) => Self::Unavailable(error),
            HistoryError::Archived(archived) => Self::Archived(archived),
            error => Self::Archive(Box::new(error)),
        }
    }
}

impl From<ReadError> for AppendError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unavailable(error) => Self::Unavailable(error),
            damaged => Self::Damaged(damaged),
        }
    }
}
