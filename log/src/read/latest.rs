//! Backwards: the latest events of a workspace or a stream, and the pages before them, newest first.

use super::{
    ReadError,
    row::{self, Run, columns, decode, fetch},
};
use crate::{Log, Recorded};
use uuid::Uuid;

impl Log {
    /// The `limit` events before a position (`None`: the latest), newest first. The page after that one begins
    /// before the last position of this one.
    pub async fn latest(&self, workspace: Uuid, before: Option<i64>, limit: i64) -> Result<Vec<Recorded>, ReadError> {
        let page = concat!(
            row::head_row!("9223372036854775807"),
            " union all select ",
            columns!(),
            ", null::bigint from log.events where workspace_id = $1 and position < $2 and position >= \
            least($2, coalesce((select position from log.heads where workspace_id = $1), 0) + 1) - $3 order by position desc"
        );
        let before = before.unwrap_or(i64::MAX);
        let rows = sqlx::query(page).bind(workspace).bind(before).bind(limit.max(0));
        let rows = rows.fetch_all(&self.pool).await?;
        let Some((head, rows)) = rows.split_first() else {
            return Ok(Vec::new());
        };
        let head = row::head(head)?;
        let events: Vec<_> = rows
            .iter()
            .map(|row| decode(row, workspace))
            .collect::<Result<_, _>>()?;
        let first = head.min(before.saturating_sub(1));
        let mut run = Run::of_positions(workspace, 0).down_from(first);
        run.check(&events)?;
        run.reaches(first.saturating_sub(limit.max(0)).max(0) + 1, head)?;
        Ok(events)
    }

    /// The same within a stream, by version.
    pub async fn latest_of_stream(
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
        if let Some(first) = events.first().map(|event| event.version) {
            let mut run = Run::of_versions(workspace, stream_id, 0).down_from(first);
            run.check(&events)?;
            run.reaches(first.saturating_sub(limit).max(0) + 1, 0)?;
        }
        Ok(events)
    }
}
