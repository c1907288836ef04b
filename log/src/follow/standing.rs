//! Who follows, and how far they are: for operators.

use crate::Log;
use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

/// How far a consumer is in a workspace, as it was told within the last second or two.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Following {
    pub workspace: Uuid,
    pub consumer: String,
    pub position: i64,
    pub head: i64,
    /// When the first event was recorded that it has not seen; unknown when that is put away.
    pub waits_since: Option<DateTime<Utc>>,
    /// That failed since the last success.
    pub attempts: i32,
    pub error: Option<String>,
    pub failing_since: Option<DateTime<Utc>>,
}

impl Log {
    /// All who have ever followed, by workspace.
    pub async fn following(&self) -> Result<Vec<Following>, sqlx::Error> {
        let following = "select f.workspace_id as workspace, f.consumer, f.position, f.head, e.recorded_at as waits_since, \
            f.attempts, f.error, f.failing_since from log.following f \
            left join log.events e on e.workspace_id = f.workspace_id and e.position = f.position + 1 \
            order by f.workspace_id, f.consumer";
        sqlx::query_as(following).fetch_all(&self.pool).await
    }

    /// All workspaces that have a log.
    pub async fn workspaces(&self) -> Result<Vec<Uuid>, sqlx::Error> {
        let workspaces = "select workspace_id from log.heads where position > 0 order by workspace_id";
        sqlx::query_scalar(workspaces).fetch_all(&self.pool).await
    }
}
