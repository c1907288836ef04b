//! What a verifying walk may find.

use super::super::{books::BookError, history::HistoryError, seal::SealError};
use crate::{ChainError, PersonalError};
use uuid::Uuid;

/// The first thing that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Chain(#[from] ChainError),
    #[error(transparent)]
    Stream(#[from] StreamError),
    #[error(transparent)]
    Sealed(#[from] SealError),
    #[error("workspace {workspace}: the log should go on to position {head}, but ends at {last}")]
    Truncated { workspace: Uuid, head: i64, last: i64 },
    #[error("workspace {workspace}: position {last} is beyond the head, {head}")]
    Beyond { workspace: Uuid, head: i64, last: i64 },
    #[error("workspace {workspace}: the head holds another hash than its event, position {position}")]
    Head { workspace: Uuid, position: i64 },
    #[error("workspace {workspace}: the head holds another time than its event, position {position}")]
    HeadTime { workspace: Uuid, position: i64 },
    /// It says whether the workspace is closed, and whether anything was put away.
    #[error("workspace {workspace}: the head's epoch is {found}, and the last one entered is {entered}")]
    HeadEpoch { workspace: Uuid, found: i64, entered: i64 },
    /// Heads signed from here on would have a wrong root.
    #[error("workspace {workspace}: the tree that is kept for position {position} is not that of the events")]
    Tree { workspace: Uuid, position: i64 },
    #[error(transparent)]
    Books(#[from] BookError),
    /// `log.archived_streams` is wrong: an append to the stream would be given a wrong version.
    #[error(
        "workspace {workspace}, through position {position}: stream {stream_id} is noted at {noted:?}, not {actual:?}"
    )]
    Noted {
        workspace: Uuid,
        /// The last one that is in a file.
        position: i64,
        stream_id: Uuid,
        noted: Option<i64>,
        actual: Option<i64>,
    },
    #[error(transparent)]
    History(#[from] HistoryError),
    #[error("personal values cannot be opened")]
    Personal(#[from] PersonalError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// A stream's versions are not 1, 2, 3, …
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("workspace {workspace}, position {position}: stream {stream_id} goes on with {found} after {last}")]
pub struct StreamError {
    pub workspace: Uuid,
    pub position: i64,
    pub stream_id: Uuid,
    pub last: i64,
    pub found: i64,
}
