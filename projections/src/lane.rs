//! A workspace's folding, one batch ahead of its writing: while the database writes what one batch came to, the next one is
//! folded on the rows that the first one left in memory. Whatever a fold has to read from the tables waits for that writing. When
//! a writing fails, or nobody waits for it any more, all that is remembered of the workspace is forgotten with it.

use crate::{
    known::Era,
    runner::Inner,
    table::{Change, ProjectError},
    write::{Mark, write},
};
use sqlx::{PgConnection, Postgres, pool::PoolConnection};
use tokio::task::JoinHandle;

pub(crate) struct Lane<'a> {
    inner: &'a Inner,
    pub schema: String,
    pub era: Era,
    /// Where the batches end that were given to be written.
    pub mark: Mark,
    state: State,
    memory: Memory<'a>,
}

/// Rows are remembered as they were folded, before they are written: unless it is said that all are, they are forgotten.
pub(crate) struct Memory<'a> {
    inner: &'a Inner,
    era: Era,
    is_true: bool,
}

impl<'a> Memory<'a> {
    pub fn new(inner: &'a Inner, era: Era) -> Self {
        let is_true = false;
        Self { inner, era, is_true }
    }

    /// All that was folded up to there is written.
    pub fn holds(&mut self, position: i64) {
        self.is_true = true;
        self.inner.stands(self.era.workspace, position);
    }
}

impl Drop for Memory<'_> {
    fn drop(&mut self) {
        if !self.is_true {
            self.inner.forget(self.era.workspace);
        }
    }
}

enum State {
    /// All is written; a connection is taken when one is wanted.
    Idle(Option<PoolConnection<Postgres>>),
    Writing(JoinHandle<Writing>),
    Failed,
}

type Writing = (PoolConnection<Postgres>, Result<bool, ProjectError>);

impl<'a> Lane<'a> {
    pub fn new(inner: &'a Inner, schema: String, era: Era, mark: Mark) -> Self {
        Self {
            inner,
            schema,
            era,
            mark,
            state: State::Idle(None),
            memory: Memory::new(inner, era),
        }
    }

    /// Begins to write what a batch up to there came to, when the one before is written.
    pub async fn write(&mut self, to: i64, changes: Vec<Change>) -> Result<(), ProjectError> {
        self.settle().await?;
        let mut connection = match std::mem::replace(&mut self.state, State::Failed) {
            State::Idle(Some(connection)) => connection,
            _ => self.inner.log.followers().acquire().await?,
        };
        let (schema, from) = (self.schema.clone(), self.mark);
        self.mark.position = to;
        self.state = State::Writing(tokio::spawn(async move {
            let written = write(&mut connection, &schema, from, to, changes).await;
            (connection, written)
        }));
        Ok(())
    }

    /// Waits until all is written; an error when it is not: somebody else moved the checkpoint, or the database failed.
    pub async fn settle(&mut self) -> Result<(), ProjectError> {
        let State::Writing(writing) = &mut self.state else {
            return Ok(());
        };
        let written = writing.await;
        self.state = State::Failed;
        // The task does not panic: what else ends it is the runtime going down.
        let (connection, written) = written.map_err(|_| sqlx::Error::WorkerCrashed)?;
        if !written? {
            let Mark { position, .. } = self.mark;
            return Err(ProjectError::Elsewhere { position });
        }
        self.state = State::Idle(Some(connection));
        self.inner.stands(self.era.workspace, self.mark.position);
        Ok(())
    }

    /// The last batch is written as well.
    pub async fn finish(&mut self) -> Result<(), ProjectError> {
        self.settle().await?;
        self.memory.holds(self.mark.position);
        Ok(())
    }

    /// A connection on which all that was folded can be read.
    pub async fn connection(&mut self) -> Result<&mut PgConnection, ProjectError> {
        self.settle().await?;
        if !matches!(self.state, State::Idle(Some(_))) {
            self.state = State::Idle(Some(self.inner.log.followers().acquire().await?));
        }
        match &mut self.state {
            State::Idle(Some(connection)) => Ok(connection),
            _ => Err(sqlx::Error::WorkerCrashed.into()),
        }
    }
}

/// Where a fold reads rows that it does not remember.
pub(crate) enum Source<'l, 'a> {
    Connection(&'l mut PgConnection),
    Lane(&'l mut Lane<'a>),
}

impl Source<'_, '_> {
    pub async fn connection(&mut self) -> Result<&mut PgConnection, ProjectError> {
        match self {
            Self::Connection(connection) => Ok(connection),
            Self::Lane(lane) => lane.connection().await,
        }
    }
}
