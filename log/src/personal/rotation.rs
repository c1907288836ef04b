//! Wraps every person's key anew under the master key in use, a bounded batch at a time, while others append. What was
//! done stays done: after a failure the next run goes on. At the end the other master keys are struck off, which the
//! database allows only when nothing is wrapped by them, and after which nothing can be.

use super::{
    PersonalError,
    cipher::Owner,
    keys::{PersonKeys, columns},
};
use uuid::Uuid;

/// Keys wrapped in one statement.
const BATCH: i64 = 500;

/// Workspace, person, wrapped key, id of the master key.
type Row = (Uuid, Uuid, Vec<u8>, String);

impl PersonKeys {
    /// Answers how many keys were wrapped anew.
    pub(super) async fn rotate(&self) -> Result<u64, PersonalError> {
        let mut rotated = 0;
        loop {
            // A node that still has another key in use may add to what this walk has passed.
            rotated += self.walk().await?;
            if self.strike_off().await? {
                return Ok(rotated);
            }
        }
    }

    async fn walk(&self) -> Result<u64, PersonalError> {
        let (current, _) = self.masters().await?.current()?;
        let next = "select workspace_id, person_id, wrapped, master_key from log.person_keys \
            where master_key <> $1 and ($2::uuid is null or (workspace_id, person_id) > ($2, $3)) \
            order by workspace_id, person_id limit $4";
        let (mut rotated, mut after) = (0, None);
        loop {
            let rows: Vec<Row> = sqlx::query_as(next)
                .bind(current)
                .bind(after.map(|(workspace, _): (Uuid, Uuid)| workspace))
                .bind(after.map(|(_, person)| person))
                .bind(BATCH)
                .fetch_all(&self.pool)
                .await?;
            let Some(last) = rows.last() else {
                return Ok(rotated);
            };
            after = Some((last.0, last.1));
            rotated += self.wrap_anew(rows).await?;
        }
    }

    /// Whoever was erased meanwhile stays erased.
    async fn wrap_anew(&self, rows: Vec<Row>) -> Result<u64, PersonalError> {
        let (current, master) = self.masters().await?.current()?;
        let (mut owners, mut old, mut anew) = (Vec::new(), Vec::new(), Vec::new());
        for (workspace, person, wrapped, id) in rows {
            let owner = Owner { workspace, person };
            let key = self.unwrap_key(owner, &id, &wrapped).await?;
            anew.push(master.wrap(owner, &key));
            owners.push(owner);
            old.push(id);
        }
        let (workspaces, people) = columns(&owners);
        let update = "update log.person_keys k set wrapped = w.wrapped, master_key = $1 \
            from unnest($2::uuid[], $3::uuid[], $4::text[], $5::bytea[]) w(workspace_id, person_id, old, wrapped) \
            where k.workspace_id = w.workspace_id and k.person_id = w.person_id and k.master_key = w.old";
        let updated = sqlx::query(update)
            .bind(current)
            .bind(workspaces)
            .bind(people)
            .bind(old)
            .bind(anew)
            .execute(&self.pool)
            .await?;
        Ok(updated.rows_affected())
    }

    /// `false` when somebody used another key meanwhile.
    async fn strike_off(&self) -> Result<bool, PersonalError> {
        let (current, _) = self.masters().await?.current()?;
        let strike_off = sqlx::query("delete from log.master_keys where id <> $1").bind(current);
        match strike_off.execute(&self.pool).await {
            Ok(_) => Ok(true),
            Err(sqlx::Error::Database(refusal)) if refusal.is_foreign_key_violation() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
