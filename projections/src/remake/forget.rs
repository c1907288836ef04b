//! Rows of a workspace in which somebody was erased: made again from the log, which does not say any more what it said of
//! them; and whatever was made before is dropped: tables kept for going back, past moments, copies under a name.
//!
//! The platform's tables cannot be made beside the live ones, for others stand among them that are folded from nothing. There
//! the rows that tell of the person are folded one by one, under the lock of the checkpoint that they stand at.

use super::{Builder, Tables, history::History, trace::Trace};
use crate::{
    model::CHECKPOINT,
    runner::{Inner, Projections},
    schema::PLATFORM,
    table::{Change, ProjectError, Projector, Seen, renamed},
    write::{Mark, write},
};
use domain::id::WorkspaceId;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

impl Projections {
    /// After the person's key in that workspace was destroyed. Can be stopped and asked for again at any moment.
    pub async fn forget(&self, workspace: WorkspaceId, person: Uuid) -> Result<(), ProjectError> {
        if workspace == WorkspaceId::PLATFORM {
            return self.0.fold_platform_again(person).await;
        }
        self.remake(workspace, Tables::all(), &|_| {}).await?;
        let live = self.0.schema(workspace.into()).await?;
        let mut builder = Builder::open(&self.0.pool).await?;
        builder.discard(&format!("before_{live}")).await?;
        builder.drop_past(workspace.into()).await
    }
}

impl Builder {
    async fn drop_past(&mut self, workspace: Uuid) -> Result<(), ProjectError> {
        let past = "select n.nspname::text from pg_namespace n where starts_with(n.nspname, $1) \
            or starts_with(obj_description(n.oid, 'pg_namespace'), $2)";
        let past: Vec<String> = sqlx::query_scalar(past)
            .bind(format!("past_{}_", workspace.simple()))
            .bind(format!("prometric copy of {workspace} at "))
            .fetch_all(&mut self.connection)
            .await?;
        for name in past {
            self.discard(&name).await?;
            if name.starts_with("copy_") {
                let role = format!("drop role if exists {name}");
                sqlx::raw_sql(AssertSqlSafe(role)).execute(&mut self.connection).await?;
            }
        }
        Ok(())
    }
}

/// A row of one of the tables.
type Rows = BTreeMap<(usize, Uuid), Box<dyn Trace>>;

impl Inner {
    async fn fold_platform_again(&self, person: Uuid) -> Result<(), ProjectError> {
        let mut connection = self.pool.acquire().await?.detach();
        log::unhurried(&mut connection).await?;
        let mut tx = connection.begin().await?;
        // Whoever folds waits.
        sqlx::query("select from platform.checkpoint for update")
            .execute(&mut *tx)
            .await?;
        let mark = Mark::read(&mut *tx, PLATFORM).await?;
        let tables = self.tables(WorkspaceId::PLATFORM.into());
        let mark_of_theirs = format!(r#""$person":"{person}""#);
        let mut keys = BTreeSet::new();
        self.each(mark.position, |event| {
            if event.recorded.data.contains(&mark_of_theirs) {
                for (nth, table) in tables.iter().enumerate() {
                    keys.extend(table.concerned(event).into_iter().map(|key| (nth, key)));
                }
            }
        })
        .await?;
        let trace = |(nth, key): (usize, Uuid)| Some(((nth, key), tables.get(nth)?.trace(key)));
        let mut rows: Rows = keys.into_iter().filter_map(trace).collect();
        self.each(mark.position, |event| rows.values_mut().for_each(|row| row.take(event)))
            .await?;
        put(&mut tx, &tables, mark, rows).await?;
        tx.commit().await?;
        self.forget(WorkspaceId::PLATFORM.into());
        Ok(())
    }

    /// The platform's events up to a position, personal values open.
    async fn each(&self, until: i64, mut see: impl FnMut(&Seen)) -> Result<(), ProjectError> {
        let mut history = History::until(&self.log, WorkspaceId::PLATFORM.into(), until);
        while let Some(step) = history.next().await? {
            step.seen().iter().for_each(&mut see);
        }
        Ok(())
    }
}

/// Writes the rows at the position where they stand; who remembers them from before begins anew.
async fn put(
    connection: &mut PgConnection,
    tables: &[&dyn Projector],
    mark: Mark,
    rows: Rows,
) -> Result<(), ProjectError> {
    let mut changes: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for ((nth, _), row) in rows {
        if let Some(row) = row.row()? {
            changes.entry(nth).or_default().push(renamed(&row));
        }
    }
    let change = |(nth, rows): (usize, Vec<String>)| Some(tables.get(nth)?.rewritten(&rows));
    let changes: Vec<Change> = changes.into_iter().filter_map(change).collect();
    let position = mark.position;
    if !write(&mut *connection, PLATFORM, mark, position, changes).await? {
        return Err(ProjectError::Elsewhere { position });
    }
    let made = format!("update {PLATFORM}.{CHECKPOINT} set made = gen_random_uuid()");
    sqlx::query(AssertSqlSafe(made)).execute(connection).await?;
    Ok(())
}
