//! Moments of a workspace's log, by the clock and by position.

use crate::Log;
use chrono::{DateTime, Utc};
use uuid::Uuid;

impl Log {
    /// The last position that was recorded up to a time; 0 when there is none. No event is recorded earlier than the one
    /// before it, so it is found by halving. What is put away counts as earlier than all that is here.
    pub async fn position_at(&self, workspace: Uuid, time: DateTime<Utc>) -> Result<i64, sqlx::Error> {
        let search = "with recursive search (low, high) as ( \
            select 0::bigint, coalesce((select position from log.heads where workspace_id = $1), 0) \
            union all \
            select case when earlier then middle else low end, case when earlier then high else middle - 1 end \
            from search, lateral (select (low + high + 1) / 2 as middle) m, lateral (select coalesce( \
                (select recorded_at <= $2 from log.events where workspace_id = $1 and position = middle), true) as earlier) e \
            where low < high) \
            select low from search where low = high limit 1";
        let search = sqlx::query_scalar(search).bind(workspace).bind(time);
        search.fetch_one(&self.pool).await
    }

    /// When the event at a position was recorded; `None`: there is none, or it is put away.
    pub async fn recorded_at(&self, workspace: Uuid, position: i64) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
        let recorded = "select recorded_at from log.events where workspace_id = $1 and position = $2";
        let recorded = sqlx::query_scalar(recorded).bind(workspace).bind(position);
        recorded.fetch_optional(&self.pool).await
    }
}
