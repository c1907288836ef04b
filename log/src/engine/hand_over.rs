//! Hands a log that began in PostgreSQL over to an engine: its events in commits one after the other, then its claims, counters and command
//! ids, as they stand, in the last ones. Only when all of it is there do the tables say that they are a replica; stopped before,
//! it is begun again, and what is in the stream already is found there.

use super::{
    Commit, CommitError, EngineError, Entry, Fate, KeyMove, NumberMove, RecordedCommand, Replica, RestoreError,
};
use crate::{HASH_ZERO, Log, Recorded, committer::ENGINE_BYTES_MAX, unhurried};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// Events that are read at once, and the most of a commit.
const PAGE: i64 = 500;
/// What a row of any kind costs besides its texts.
const ROW_BYTES: usize = 300;

impl Log {
    /// All workspaces whose log is older than their stream; answers how many there were. Each is locked meanwhile: an append to it waits,
    /// or is refused.
    pub async fn hand_over(&self) -> Result<usize, RestoreError> {
        let replica = self.replica.as_ref().ok_or(RestoreError::NoEngine)?;
        let older = "select workspace_id from log.heads where commits = 0 and position > 0 order by workspace_id";
        let older: Vec<Uuid> = sqlx::query_scalar(older).fetch_all(&self.pool).await?;
        for workspace in &older {
            self.hand_over_one(replica, *workspace).await?;
        }
        Ok(older.len())
    }

    async fn hand_over_one(&self, replica: &Replica, workspace: Uuid) -> Result<(), RestoreError> {
        let mut tx = self.pool.begin().await?;
        unhurried(&mut tx).await?;
        let lock = "select position, recorded_at from log.heads where workspace_id = $1 and commits = 0 for update";
        let stands: Option<(i64, DateTime<Utc>)> =
            sqlx::query_as(lock).bind(workspace).fetch_optional(&mut *tx).await?;
        let Some((position, at)) = stands else {
            return Ok(()); // somebody else has done it
        };
        let mut stream = Stream::new(replica, workspace, at);
        let mut after = 0;
        while after < position {
            let page = self.read(workspace, after, PAGE.min(position - after)).await;
            for event in page.map_err(|error| RestoreError::Differs(error.into()))? {
                after = event.position;
                stream.event(event).await?;
            }
        }
        stream.rows(&mut tx).await?;
        let commits = stream.end().await?;
        sqlx::query("update log.heads set commits = $2 where workspace_id = $1")
            .bind(workspace)
            .bind(commits)
            .execute(&mut *tx)
            .await?;
        Ok(tx.commit().await?)
    }
}

/// A workspace's stream in the making: the same each time, so that what is there is found again.
struct Stream<'a> {
    replica: &'a Replica,
    /// The one that is filled.
    commit: Commit,
    bytes: usize,
}

impl<'a> Stream<'a> {
    fn new(replica: &'a Replica, workspace: Uuid, at: DateTime<Utc>) -> Self {
        let commit = Commit {
            workspace,
            number: 1,
            at,
            first: 1,
            previous: HASH_ZERO,
            events: Vec::new(),
            claims: Vec::new(),
            numbers: Vec::new(),
            commands: Vec::new(),
        };
        let bytes = 0;
        Self { replica, commit, bytes }
    }

    async fn event(&mut self, event: Recorded) -> Result<(), RestoreError> {
        self.make_room(event.data.len() + event.metadata.len()).await?;
        self.commit.events.push(event);
        Ok(())
    }

    /// What stands beside the events.
    async fn rows(&mut self, connection: &mut PgConnection) -> Result<(), RestoreError> {
        let workspace = self.commit.workspace;
        let claims = "select kind, key, stream_id from log.claims where workspace_id = $1 order by kind, key";
        let claims: Vec<(String, String, Uuid)> = sqlx::query_as(claims)
            .bind(workspace)
            .fetch_all(&mut *connection)
            .await?;
        for (kind, key, stream) in claims {
            self.make_room(kind.len() + key.len()).await?;
            let taken = true;
            self.commit.claims.push(KeyMove {
                kind,
                key,
                stream,
                taken,
            });
        }
        let numbers =
            "select series, year, last from log.numbers where workspace_id = $1 and last > 0 order by series, year";
        let numbers: Vec<(String, i32, i64)> = sqlx::query_as(numbers)
            .bind(workspace)
            .fetch_all(&mut *connection)
            .await?;
        for (series, year, last) in numbers {
            self.make_room(series.len()).await?;
            self.commit.numbers.push(NumberMove { series, year, last });
        }
        let commands = "select command_id, request_hash, first_position, last_position, answer from log.commands \
            where workspace_id = $1 order by command_id";
        let commands: Vec<(Uuid, [u8; 32], i64, i64, String)> = sqlx::query_as(commands)
            .bind(workspace)
            .fetch_all(&mut *connection)
            .await?;
        for (id, request_hash, first, last, answer) in commands {
            self.make_room(answer.len()).await?;
            self.commit.commands.push(RecordedCommand {
                id,
                request_hash,
                first,
                last,
                answer,
            });
        }
        Ok(())
    }

    /// What does not fit goes into the next commit.
    async fn make_room(&mut self, texts: usize) -> Result<(), RestoreError> {
        let bytes = ROW_BYTES + texts;
        if self.bytes > 0 && self.bytes + bytes > ENGINE_BYTES_MAX {
            self.put().await?;
        }
        self.bytes += bytes;
        Ok(())
    }

    /// Its id comes from what is in it, so that it is found again, and nothing else is taken for it.
    async fn put(&mut self) -> Result<(), RestoreError> {
        let Commit {
            workspace, number, at, ..
        } = self.commit;
        let text = self.commit.encode().map_err(differs)?;
        let id = Uuid::new_v5(&workspace, text.as_bytes());
        let put = self.replica.put(workspace, number - 1, &Entry { id, text }).await;
        match put {
            Fate::There => {}
            Fate::Elsewhere => return Err(differs(CommitError::Misplaced { workspace, number })),
            Fate::Refused(why) => return Err(EngineError::Refused(why).into()),
            Fate::Unknown => return Err(EngineError::Away("whether it has a commit is not known".to_owned()).into()),
        }
        let next = Self::new(self.replica, workspace, at);
        let (first, previous) = (self.commit.last() + 1, self.commit.hash());
        self.bytes = 0;
        self.commit = Commit {
            number: number + 1,
            first,
            previous,
            ..next.commit
        };
        Ok(())
    }

    /// How many commits there are.
    async fn end(mut self) -> Result<i64, RestoreError> {
        if self.bytes > 0 {
            self.put().await?;
        }
        Ok(self.commit.number - 1)
    }
}

fn differs(error: CommitError) -> RestoreError {
    RestoreError::Differs(error.into())
}
