//! Where commits become durable. By default that is PostgreSQL: its tables are the log, and a batch is judged and committed by one
//! statement (batch/write.rs), so nothing stands in between. Otherwise it is an [`Engine`], somebody else's log with one stream for
//! each workspace, and the tables are its replica, from which loads, claims, counters and consumers are served as ever.
//!
//! The boundary is three verbs over bytes: append at an expected length, read from a revision, follow. What a stored commit is made of
//! is known here ([`Commit`]); what it is stored in, who implements the trait. The stream decides: a batch is judged on the replica
//! under the heads' locks, appended behind the commits that the replica has, and only then written to the tables. Where the stream
//! stands elsewhere the replica is behind; it catches up, and the batch is judged anew. So a lost race ends as it always did, and
//! whatever becomes of PostgreSQL, what was acknowledged is in the stream.

mod commit;
mod follow;
mod hand_over;
mod replica;
mod restore;

pub use commit::{COMMIT_BYTES_MAX, Commit, CommitError, KeyMove, NumberMove, RecordedCommand};
pub(crate) use follow::keep_following;
pub(crate) use replica::{BEGIN, BEGIN_PATIENTLY, Fate, Replica, apply, lengths};
pub use restore::{RestoreError, Restored};

use async_trait::async_trait;
use futures::stream::BoxStream;
use sqlx::PgConnection;
use uuid::Uuid;

/// A log outside, with a stream for each workspace. Its entries are commits: revision = the commit's number - 1, since commits
/// count from 1 as positions do.
#[async_trait]
pub trait Engine: Send + Sync + 'static {
    /// What its places are known by: those of another engine mean nothing here. Shown, so without secrets.
    fn name(&self) -> &str;

    /// Appends behind the first `length` entries of a workspace's stream. What is there already under that id, at that place,
    /// is there: a repeat is safe.
    async fn append(&self, workspace: Uuid, length: u64, entry: &Entry) -> Result<Put, EngineError>;

    /// The entries of a workspace's stream from a revision on, at most so many; none where there is no stream.
    async fn read(&self, workspace: Uuid, revision: u64, limit: usize) -> Result<Vec<Entry>, EngineError>;

    /// What is appended to all workspaces' streams, in the engine's own order, from behind a place or from the beginning; it ends
    /// with an error only.
    async fn follow(&self, after: Option<Place>) -> Result<BoxStream<'static, Result<Seen, EngineError>>, EngineError>;
}

/// One commit as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: Uuid,
    /// See [`Commit`]. JSON in UTF-8.
    pub text: String,
}

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is durable.
    There,
    /// The stream has another length. Nothing was appended, unless it was before.
    Elsewhere,
}

/// A place in the engine's own order over all streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub commit: u64,
    pub prepare: u64,
}

/// What a follower hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// A workspace's stream has an entry at that revision.
    Entry {
        workspace: Uuid,
        revision: u64,
        place: Place,
    },
    /// Up to there nothing more was of any workspace.
    Passed(Place),
    /// All that there was when it began has been told.
    CaughtUp,
}

/// Why an engine did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// It cannot be reached, or its answer was lost: an append may have happened all the same.
    #[error("the log's engine cannot be reached: {0}")]
    Away(String),
    /// It is there and will not have it; nothing was appended.
    #[error("the log's engine refuses it: {0}")]
    Refused(String),
}

/// A database that has commits of an engine would part from it with the first append that the engine does not see.
pub(crate) async fn is_none_needed(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let any = "select exists(select from log.heads where commits > 0)";
    match sqlx::query_scalar(any).fetch_one(connection).await? {
        false => Ok(()),
        true => Err(sqlx::Error::Configuration(
            "the database is the replica of a log's engine, which is not named: LOG_ENGINE".into(),
        )),
    }
}

impl From<EngineError> for sqlx::Error {
    /// For callers who know one store. Whatever it is, it is not theirs to mend.
    fn from(error: EngineError) -> Self {
        Self::Io(std::io::Error::other(error))
    }
}
