//! Keys of documents that the law has kept for a while although whom they tell of was erased.

use crate::{Log, PersonalError};
use chrono::{DateTime, Utc};
use uuid::Uuid;

impl Log {
    /// Has a key destroyed at that time, if there is one; whichever is earlier when it is said twice.
    pub async fn keep_until(&self, workspace: Uuid, key: Uuid, until: DateTime<Utc>) -> Result<(), PersonalError> {
        let keep = "update log.person_keys set keep_until = least(keep_until, $3) \
            where workspace_id = $1 and person_id = $2 and wrapped is not null";
        sqlx::query(keep)
            .bind(workspace)
            .bind(key)
            .bind(until)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Keys whose time has come by the database's clock: workspace and key. Each is to be erased.
    pub async fn no_longer_kept(&self) -> Result<Vec<(Uuid, Uuid)>, PersonalError> {
        let due = "select workspace_id, person_id from log.person_keys where keep_until <= log.clock() and wrapped is not null";
        Ok(sqlx::query_as(due).fetch_all(&self.pool).await?)
    }
}
