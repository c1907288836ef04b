//! Backwards: the latest events of a workspace or a stream, and the pages before them, newest first.

use super::{
    ReadError, head_in_tx,
    row::{Run, columns, fetch},
};
use crate::{Log, Recorded, keeping};
use uuid::Uuid;

impl Log {
    /// The `limit` events before a position (`None`: the latest), newest first. The page after that one begins
    /// before the last position of this one.
    pub async fn latest(&self, workspace: Uuid, before: Option<i64>, limit: i64) -> Result<Vec<Recorded>, ReadError> {
        match self.latest_live(workspace, before, limit).await {
            Err(ReadError::Archived(_)) if self.shelf.is_some() => {
                let last = match before {
                    Some(before) => before - 1,
                    None => self.head(workspace).await?,
                };
                let after = (last - limit).max(0);
                let mut events = self.read(workspace, after, last - after).await?;
                events.reverse();
                Ok(events)
            }
            live => live,
        }
    }

    async fn latest_live(&self, workspace: Uuid, before: Option<i64>, limit: i64) -> Result<Vec<Recorded>, ReadError> {
        let page = concat!(
            "select ",
            columns!(),
            " from log.events where workspace_id = $1 and position <= $2 and position > $2 - $3 order by position desc"
        );
        let (before, limit) = (before.unwrap_or(i64::MAX), limit.max(0));
        let mut connection = self.pool.acquire().await?;
        let head = head_in_tx(&mut connection, workspace).await?;
        let first = head.min(before.saturating_sub(1));
        let query = sqlx::query(page).bind(workspace).bind(first).bind(limit);
        let events = fetch(query, &mut connection, workspace).await?;
        let mut run = Run::of_positions(workspace, 0).down_from(first);
        let dense = run
            .check(&events)
            .and_then(|()| run.reaches((first - limit).max(0) + 1, head));
        match dense {
            Ok(()) => Ok(events),
            Err(hole) => Err(keeping::explained(&mut *connection, hole).await),
        }
    }

    /// The same within a stream, by version.
    pub async fn latest_of_stream(
        &self,
        workspace: Uuid,
        stream_id: Uuid,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Recorded>, ReadError> {
        match self.latest_of_live_stream(workspace, stream_id, before, limit).await {
            Err(ReadError::Archived(_)) if self.shelf.is_some() => {
                let mut events = self.read_stream(workspace, stream_id, 0).await?;
                events.retain(|event| before.is_none_or(|before| event.version < before));
                events.reverse();
                events.truncate(usize::try_from(limit).unwrap_or(0));
                Ok(events)
            }
            live => live,
        }
    }

    async fn latest_of_live_stream(
        &self,
        workspace: Uuid,
        stream_id: Uuid,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Recorded>, ReadError> {
        let page = concat!(
            "select ",
            columns!(),
            " from log.events where workspace_id = $1 and stream_id = $2 and version < $3 order by version desc limit $4"
        );
        let (before, limit) = (before.unwrap_or(i64::MAX), limit.max(0));
        let query = sqlx::query(page)
            .bind(workspace)
            .bind(stream_id)
            .bind(before)
            .bind(limit);
        let events = fetch(query, &mut *self.pool.acquire().await?, workspace).await?;
        if events.is_empty() && before > 1 && limit > 0 {
            keeping::stream_is_live(&self.pool, workspace, stream_id, 0).await?;
        }
        if let Some(first) = events.first().map(|event| event.version) {
            let mut run = Run::of_versions(workspace, stream_id, 0).down_from(first);
            let dense = run
                .check(&events)
                .and_then(|()| run.reaches(first.saturating_sub(limit).max(0) + 1, 0));
            if let Err(hole) = dense {
                return Err(keeping::explained(&self.pool, hole).await);
            }
        }
        Ok(events)
    }
}
