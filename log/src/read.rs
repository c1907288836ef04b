//! Reading. Within a workspace `position > p` is all a reader needs: commit order is position order, so nothing can
//! appear behind it. Positions and versions are dense, and the head, read no later than the events, says how far they
//! go: a hole is corruption and an error, at the end of the log as well as inside it.

mod beginning;
mod error;
mod latest;
mod moment;
mod page;
mod replay;
pub(crate) mod row;

pub use error::ReadError;
pub use replay::Scan;

use crate::{AppendError, Appended, CommandId, Log, PersonalError, Recorded, Shared, keeping};
use row::{Run, columns, decode, fetch};
use sqlx::PgConnection;
use std::sync::Arc;
use uuid::Uuid;

/// The positions of a workspace after $2 up to $3, and the head as it stood at that same instant. (As a row of its own
/// it would make PostgreSQL sort the rows, which costs as much as reading them.)
const RANGE: &str = concat!(
    "select ",
    columns!(),
    ", coalesce((select position from log.heads where workspace_id = $1), 0) \
    from log.events where workspace_id = $1 and position > $2 and position <= $3 order by position"
);

impl Log {
    /// A workspace's events after a position, in order, exactly `limit` if there are as many.
    pub async fn read(&self, workspace: Uuid, after: i64, limit: i64) -> Result<Vec<Recorded>, ReadError> {
        let mut connection = self.pool.acquire().await?;
        self.read_anywhere(&mut connection, workspace, after, limit).await
    }

    /// In the table, and in files where that is away.
    async fn read_anywhere(
        &self,
        connection: &mut PgConnection,
        workspace: Uuid,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Recorded>, ReadError> {
        let (mut events, mut reached) = (Vec::new(), after);
        while reached - after < limit {
            let rest = read_in_tx(connection, workspace, reached, limit - (reached - after)).await;
            let (archived, shelf) = match (rest, &self.shelf) {
                (Err(ReadError::Archived(archived)), Some(shelf)) => (archived, shelf),
                (rest, _) if events.is_empty() => return rest,
                (rest, _) => {
                    events.extend(rest?);
                    break;
                }
            };
            let left = limit - (reached - after);
            let away = shelf.positions(&self.pool, workspace, reached, left).await?;
            reached = away.last().ok_or(archived)?.position;
            events.extend(away);
        }
        Ok(events)
    }

    /// What this node has in memory of the events after a position, in order and without a hole; none of them: `None`.
    pub fn recent(&self, workspace: Uuid, after: i64, limit: i64) -> Option<Vec<Arc<Shared>>> {
        self.wakeup.tail.after(workspace, after, limit, self.personal.heard())
    }

    /// A workspace's events after a position, personal values open, for those who follow: from memory as far as they are
    /// there, else from the database, exactly `limit` if there are as many.
    pub async fn next(&self, workspace: Uuid, after: i64, limit: i64) -> Result<Vec<Arc<Shared>>, NextError> {
        if let Some(recent) = self.recent(workspace, after, limit) {
            return Ok(recent);
        }
        let mut connection = self.followers.acquire().await.map_err(ReadError::from)?;
        let mut events = self.read_anywhere(&mut connection, workspace, after, limit).await?;
        drop(connection); // opening may ask for keys
        self.open_personal(&mut events).await?;
        Ok(events.into_iter().map(Shared::new).collect())
    }

    /// A stream's events after a version, in order, all of them: `replay_stream` is for long ones.
    pub async fn read_stream(&self, workspace: Uuid, stream_id: Uuid, after: i64) -> Result<Vec<Recorded>, ReadError> {
        let (away, shelf) = match (self.read_live_stream(workspace, stream_id, after).await, &self.shelf) {
            (Err(ReadError::Archived(away)), Some(shelf)) => (away, shelf),
            (live, _) => return live,
        };
        let mut events = shelf.versions(&self.pool, workspace, stream_id, after).await?;
        let Some(last) = events.last().map(|event| event.version) else {
            return Err(away.into());
        };
        let live = Box::pin(self.read_live_stream(workspace, stream_id, last)).await?;
        Run::of_versions(workspace, stream_id, after).check(events.iter().chain(&live))?;
        events.extend(live);
        Ok(events)
    }

    pub(crate) async fn read_live_stream(
        &self,
        workspace: Uuid,
        stream_id: Uuid,
        after: i64,
    ) -> Result<Vec<Recorded>, ReadError> {
        let stream = concat!(
            "select ",
            columns!(),
            " from log.events where workspace_id = $1 and stream_id = $2 and version > $3 order by version"
        );
        let query = sqlx::query(stream).bind(workspace).bind(stream_id).bind(after);
        let events = fetch(query, &mut *self.pool.acquire().await?, workspace).await?;
        if events.is_empty() {
            keeping::stream_is_live(&self.pool, workspace, stream_id, after).await?;
        }
        match Run::of_versions(workspace, stream_id, after).check(&events) {
            Ok(()) => Ok(events),
            Err(hole) => Err(keeping::explained(&self.pool, hole).await),
        }
    }

    /// Where a workspace's log stands; 0 when it has no events.
    pub async fn head(&self, workspace: Uuid) -> Result<i64, sqlx::Error> {
        head_in_tx(&mut *self.pool.acquire().await?, workspace).await
    }

    /// The stream that a unique key belongs to.
    pub async fn owner_of(&self, workspace: Uuid, kind: &str, key: &str) -> Result<Option<Uuid>, ReadError> {
        let owners = self.owners_of(workspace, kind, &[key]).await?;
        Ok(owners.into_iter().next().map(|(_, owner)| owner))
    }

    /// Of these keys those that belong to a stream, with it.
    pub async fn owners_of(
        &self,
        workspace: Uuid,
        kind: &str,
        keys: &[&str],
    ) -> Result<Vec<(String, Uuid)>, ReadError> {
        // Each looked up for itself: asked for together, a plan of when there were few walks through all keys of the kind.
        let owners = "select u.key, c.stream_id from unnest($3::text[]) u(key) cross join lateral \
            (select stream_id from log.claims where workspace_id = $1 and kind = $2 and key = u.key limit 1) c";
        let owners = sqlx::query_as(owners).bind(workspace).bind(kind).bind(keys);
        Ok(owners.fetch_all(&self.pool).await?)
    }

    /// Of these streams those that there are, archived ones among them.
    pub async fn streams_there(&self, workspace: Uuid, ids: &[Uuid]) -> Result<Vec<Uuid>, ReadError> {
        let there = "select u.stream from unnest($2::uuid[]) u(stream) \
            where exists (select from log.events e where e.workspace_id = $1 and e.stream_id = u.stream) \
            or exists (select from log.archived_streams a where a.workspace_id = $1 and a.stream_id = u.stream)";
        let there = sqlx::query_scalar(there).bind(workspace).bind(ids);
        Ok(there.fetch_all(&self.pool).await?)
    }

    /// What a command id did, personal values open; `None` when it is new.
    pub async fn find_command(&self, workspace: Uuid, command: CommandId) -> Result<Option<Appended>, AppendError> {
        let known = "select request_hash, first_position, last_position, answer from log.commands where workspace_id = $1 and command_id = $2";
        let known = sqlx::query_as::<_, (Vec<u8>, i64, i64, String)>(known)
            .bind(workspace)
            .bind(command.id);
        let Some((hash, first, last, answer)) = known.fetch_optional(&self.pool).await? else {
            return Ok(None);
        };
        if hash != command.request_hash {
            return Err(AppendError::CommandReused);
        }
        let mut events = self.read(workspace, first - 1, last - first + 1).await?;
        self.open_personal(&mut events).await?;
        Ok(Some(Appended {
            position: last,
            events: events.into_iter().map(Shared::new).collect(),
            repeated: Some(answer),
        }))
    }
}

/// Why a follower did not get its events.
#[derive(Debug, thiserror::Error)]
pub enum NextError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("personal values cannot be opened")]
    Personal(#[from] PersonalError),
}

/// The same on a connection at hand: a follower that holds its checkpoint's lock must not wait for a second one.
pub async fn read_in_tx(
    connection: &mut PgConnection,
    workspace: Uuid,
    after: i64,
    limit: i64,
) -> Result<Vec<Recorded>, ReadError> {
    let until = after.saturating_add(limit.max(0));
    let query = || sqlx::query(RANGE).bind(workspace).bind(after).bind(until);
    let mut rows = query().fetch_all(&mut *connection).await?;
    let mut head = row::head_of(&rows)?;
    if rows.is_empty() && until > after {
        // Nobody said how far the log goes; asked apart, it may have gone on since.
        head = Some(head_in_tx(&mut *connection, workspace).await?);
        if head > Some(after) {
            rows = query().fetch_all(&mut *connection).await?;
        }
    }
    let events: Vec<_> = rows
        .iter()
        .map(|row| decode(row, workspace))
        .collect::<Result<_, _>>()?;
    let (mut run, head) = (Run::of_positions(workspace, after), head.unwrap_or(after));
    let dense = run.check(&events).and_then(|()| run.reaches(until.min(head), head));
    match dense {
        Ok(()) => Ok(events),
        Err(hole) => Err(keeping::explained(connection, hole).await),
    }
}

async fn head_in_tx(connection: &mut PgConnection, workspace: Uuid) -> Result<i64, sqlx::Error> {
    let head = sqlx::query_scalar("select position from log.heads where workspace_id = $1");
    Ok(head.bind(workspace).fetch_optional(connection).await?.unwrap_or(0))
}
