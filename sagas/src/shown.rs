//! Instances as people look at them. They are written down behind the folding (memory.rs): what is shown may be a moment old.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::{Error, FromRow, PgPool, Row, postgres::PgRow};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    pub workspace_id: Uuid,
    pub saga: String,
    /// What it is about.
    pub instance: Uuid,
    /// As `Standing::name` has it.
    pub status: String,
    pub reason: Option<String>,
    /// Something is to be done at once.
    pub owes: bool,
    /// When something is to be done next, by the database's clock.
    pub due_at: Option<DateTime<Utc>>,
    pub started_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub state: Value,
}

impl FromRow<'_, PgRow> for Instance {
    fn from_row(row: &PgRow) -> Result<Self, Error> {
        Ok(Self {
            workspace_id: row.try_get("workspace_id")?,
            saga: row.try_get("saga")?,
            instance: row.try_get("instance")?,
            status: row.try_get("status")?,
            reason: row.try_get("reason")?,
            owes: row.try_get("owes")?,
            due_at: row.try_get("due_at")?,
            started_at: row.try_get("started_at")?,
            updated_at: row.try_get("updated_at")?,
            state: row.try_get("state")?,
        })
    }
}

/// Those that have not come to their end, the oldest first.
pub async fn unfinished(
    pool: &PgPool,
    workspace: Option<Uuid>,
    status: Option<&str>,
    limit: i64,
) -> Result<Vec<Instance>, Error> {
    let unfinished = "select * from sagas.instances where status <> 'done' and ($1::uuid is null or workspace_id = $1) \
        and ($2::text is null or status = $2) order by started_at, instance limit $3";
    let unfinished = sqlx::query_as(unfinished).bind(workspace).bind(status).bind(limit);
    unfinished.fetch_all(pool).await
}

/// All that are about that.
pub async fn instances(pool: &PgPool, about: Uuid) -> Result<Vec<Instance>, Error> {
    let about = sqlx::query_as("select * from sagas.instances where instance = $1 order by saga").bind(about);
    about.fetch_all(pool).await
}
