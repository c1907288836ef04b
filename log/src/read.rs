//! Reading. Within a workspace `position > p` is all a reader needs: commit order is position order, so nothing can
//! appear behind it. A hole is corruption and an error.

use crate::{AppendError, Appended, CommandId, Log, Recorded, chain::HASH_ZERO};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

macro_rules! columns {
    () => {
        "workspace_id, position, stream_category, stream_id, version, event_id, type, schema, data::text, metadata::text, recorded_at, hash"
    };
}

impl Log {
    /// A workspace's events after a position, in order, at most `limit`.
    pub async fn read(&self, workspace: Uuid, after: i64, limit: i64) -> Result<Vec<Recorded>, sqlx::Error> {
        read_in_tx(&mut *self.pool.acquire().await?, workspace, after, limit).await
    }

    /// A stream's events after a version, in order.
    pub async fn read_stream(
        &self,
        workspace: Uuid,
        stream_id: Uuid,
        after: i64,
    ) -> Result<Vec<Recorded>, sqlx::Error> {
        let stream = concat!(
            "select ",
            columns!(),
            " from log.events where workspace_id = $1 and stream_id = $2 and version > $3 order by version"
        );
        decode(
            &sqlx::query(stream)
                .bind(workspace)
                .bind(stream_id)
                .bind(after)
                .fetch_all(&self.pool)
                .await?,
        )
    }

    /// Where a workspace's log stands; 0 when it has no events.
    pub async fn head(&self, workspace: Uuid) -> Result<i64, sqlx::Error> {
        let head = sqlx::query_scalar("select position from log.heads where workspace_id = $1");
        Ok(head.bind(workspace).fetch_optional(&self.pool).await?.unwrap_or(0))
    }

    /// What a command id did, personal values open; `None` when it is new.
    pub async fn find_command(&self, workspace: Uuid, command: CommandId) -> Result<Option<Appended>, AppendError> {
        let known = "select request_hash, first_position, last_position, answer from log.commands where workspace_id = $1 and command_id = $2";
        let Some(row) = sqlx::query(known)
            .bind(workspace)
            .bind(command.id)
            .fetch_optional(&self.pool)
            .await?
        else {
            return Ok(None);
        };
        let (hash, first, last): (Vec<u8>, i64, i64) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        if hash != command.request_hash {
            return Err(AppendError::CommandReused);
        }
        let mut events = self.read(workspace, first - 1, last - first + 1).await?;
        self.open_personal(&mut events).await?;
        Ok(Some(Appended {
            position: last,
            events,
            repeated: Some(row.try_get(3)?),
        }))
    }
}

/// The same on a connection at hand: a follower that holds its checkpoint's lock must not wait for a second one.
pub async fn read_in_tx(
    connection: &mut PgConnection,
    workspace: Uuid,
    after: i64,
    limit: i64,
) -> Result<Vec<Recorded>, sqlx::Error> {
    let page = concat!(
        "select ",
        columns!(),
        " from log.events where workspace_id = $1 and position > $2 order by position limit $3"
    );
    let rows = sqlx::query(page)
        .bind(workspace)
        .bind(after)
        .bind(limit)
        .fetch_all(connection)
        .await?;
    let events = decode(&rows)?;
    for (event, expected) in events.iter().zip(after + 1..) {
        if event.position != expected {
            return Err(sqlx::Error::Protocol(format!(
                "workspace {workspace}: position {expected} is missing from the log"
            )));
        }
    }
    Ok(events)
}

fn decode(rows: &[PgRow]) -> Result<Vec<Recorded>, sqlx::Error> {
    rows.iter().map(decode_one).collect()
}

fn decode_one(row: &PgRow) -> Result<Recorded, sqlx::Error> {
    let hash: &[u8] = row.try_get(11)?;
    Ok(Recorded {
        workspace: row.try_get(0)?,
        position: row.try_get(1)?,
        category: row.try_get(2)?,
        stream_id: row.try_get(3)?,
        version: row.try_get(4)?,
        event_id: row.try_get(5)?,
        event_type: row.try_get(6)?,
        schema: row.try_get(7)?,
        data: row.try_get(8)?,
        metadata: row.try_get(9)?,
        recorded_at: row.try_get(10)?,
        hash: hash.try_into().unwrap_or(HASH_ZERO),
    })
}
