//! Makes the tables again from an engine's streams. Each commit follows the one before by number, position and hash, or it is not taken
//! over; what is there already stays, so it may be stopped and begun again. What was never in the streams cannot come from there: the
//! keys of people above all (`log.person_keys`), which come from a backup, and without which personal values stay sealed for good.

use super::{EngineError, Seen};
use crate::{Log, batch::Failure};
use futures::StreamExt;
use std::collections::BTreeSet;
use uuid::Uuid;

/// What the tables hold afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    pub workspaces: i64,
    pub commits: i64,
    pub events: i64,
}

/// Why the tables were not made again; what was taken over stays.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("the log is PostgreSQL's own: there is nothing to make it from")]
    NoEngine,
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("the streams do not fit the tables")]
    Differs(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<Failure> for RestoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Tables(error) | Failure::Late(error) => Self::Database(error),
            Failure::Engine(error) => Self::Engine(error),
            Failure::Differs { .. } => Self::Differs(failure.into()),
        }
    }
}

impl Log {
    /// Takes over all that the engine holds and the tables do not.
    pub async fn recover(&self) -> Result<Restored, RestoreError> {
        let replica = self.replica.as_ref().ok_or(RestoreError::NoEngine)?;
        let mut seen = replica.engine().follow(None).await?;
        let mut workspaces = BTreeSet::<Uuid>::new();
        loop {
            match seen.next().await {
                Some(Ok(Seen::Entry { workspace, .. })) => {
                    workspaces.insert(workspace);
                }
                Some(Ok(Seen::Passed(_))) => {}
                Some(Ok(Seen::CaughtUp)) => break,
                Some(Err(error)) => return Err(error.into()),
                None => return Err(EngineError::Away("it tells no more".to_owned()).into()),
            }
        }
        drop(seen);
        let mut connection = self.pool.acquire().await?;
        for workspace in workspaces {
            replica.catch_up(&mut connection, workspace).await?;
        }
        let held = "select count(*), coalesce(sum(commits), 0)::bigint, coalesce(sum(position), 0)::bigint \
            from log.heads where commits > 0";
        let (workspaces, commits, events) = sqlx::query_as(held).fetch_one(&mut *connection).await?;
        Ok(Restored {
            workspaces,
            commits,
            events,
        })
    }
}
