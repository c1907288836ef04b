//! Tables made beside are put into the place of the live ones, in one transaction. Who reads or writes the workspace's rows
//! waits a moment: first all that can be is folded, then the tables are locked, never waited for longer than a reader is kept
//! waiting behind us, and what has come meanwhile is folded. Those that were live are kept until the next time.

use super::{
    Tables,
    builder::{Beside, Builder},
};
use crate::{
    model::{BASE, CHECKPOINT, COUNTS},
    runner::Inner,
    schema,
    table::ProjectError,
    write::Mark,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::time::{Duration, Instant};

/// How long we wait for the tables' readers, while others wait behind us; the first time, and at most.
const LOCK_WAIT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// How long we go on trying.
const PATIENCE: Duration = Duration::from_secs(300);

impl Builder {
    /// Brings the tables up to date and puts them in place; answers the position at which it happened.
    pub async fn switch(&mut self, inner: &Inner, beside: &Beside) -> Result<i64, ProjectError> {
        let (began, mut wait) = (Instant::now(), LOCK_WAIT.0);
        loop {
            let Beside {
                workspace,
                name,
                tables,
                ..
            } = beside;
            inner
                .catch_up(&mut self.connection, *workspace, name, tables, i64::MAX)
                .await?;
            match try_switch(&mut self.connection, inner, beside, wait).await {
                Err(ProjectError::Database(error)) if is_contended(&error) && began.elapsed() < PATIENCE => {
                    wait = (wait * 2).min(LOCK_WAIT.1);
                    tokio::time::sleep(wait).await;
                }
                switched => return switched,
            }
        }
    }
}

async fn try_switch(
    connection: &mut PgConnection,
    inner: &Inner,
    beside: &Beside,
    wait: Duration,
) -> Result<i64, ProjectError> {
    let mut tx = connection.begin().await?;
    let wait = format!("set local lock_timeout = {}", wait.as_millis());
    sqlx::raw_sql(AssertSqlSafe(wait)).execute(&mut *tx).await?;
    let position = exchange(&mut tx, inner, beside).await?;
    tx.commit().await?;
    Ok(position)
}

/// In a transaction: nothing of it is seen before its end.
pub(super) async fn exchange(
    connection: &mut PgConnection,
    inner: &Inner,
    beside: &Beside,
) -> Result<i64, ProjectError> {
    let Beside {
        workspace,
        live,
        name,
        tables,
    } = beside;
    schema::take_role(connection, live).await?;
    if !schema::exists(&mut *connection, live).await? {
        schema::create(connection, live, live).await?;
    }
    let base = existing(connection, live, BASE.map(|(table, _)| table)).await?;
    let replaced = existing(connection, live, tables.names()).await?;
    lock(connection, live, &[base.as_slice(), &replaced].concat()).await?;
    let before = format!("before_{live}");
    schema::create(connection, &before, live).await?;
    let position = inner.catch_up(connection, *workspace, name, tables, i64::MAX).await?;
    if tables.are_all() {
        // They bring their own checkpoint and counts, and leave theirs with those before.
        drop_tables(connection, &before, &base).await?;
        take(connection, live, &before, &base).await?;
        take(connection, name, live, &BASE.map(|(table, _)| table)).await?;
    } else {
        keep_marks(connection, live, &before, tables).await?;
        let others = tables.others();
        let at = inner.catch_up(connection, *workspace, live, &others, position).await?;
        if at != position {
            return Err(ProjectError::Elsewhere { position: at });
        }
        take_counts(connection, name, live, tables).await?;
    }
    take(connection, live, &before, &replaced).await?;
    take(connection, name, live, &tables.names().collect::<Vec<_>>()).await?;
    let others = format!("update {live}.{CHECKPOINT} set made = gen_random_uuid(); drop schema {name} cascade");
    sqlx::raw_sql(AssertSqlSafe(others)).execute(connection).await?;
    Ok(position)
}

/// Those of the tables that are there.
pub(super) async fn existing(
    connection: &mut PgConnection,
    schema: &str,
    tables: impl IntoIterator<Item = &'static str>,
) -> Result<Vec<&'static str>, sqlx::Error> {
    let found = "select relname::text from pg_class where relnamespace = to_regnamespace($1)::oid and relkind = 'r'";
    let found: Vec<String> = sqlx::query_scalar(found).bind(schema).fetch_all(connection).await?;
    let is_there = |name: &&str| found.iter().any(|found| found == name);
    Ok(tables.into_iter().filter(is_there).collect())
}

/// In this order: the checkpoint first, as everybody does who writes rows.
async fn lock(connection: &mut PgConnection, schema: &str, tables: &[&str]) -> Result<(), sqlx::Error> {
    let all: Vec<String> = tables.iter().map(|table| format!("{schema}.{table}")).collect();
    let lock = format!("lock table {} in access exclusive mode", all.join(", "));
    sqlx::raw_sql(AssertSqlSafe(lock)).execute(connection).await?;
    Ok(())
}

async fn take(connection: &mut PgConnection, from: &str, to: &str, tables: &[&str]) -> Result<(), sqlx::Error> {
    let one = |table: &&str| format!("alter table {from}.{table} set schema {to};");
    let all: String = tables.iter().map(one).collect();
    sqlx::raw_sql(AssertSqlSafe(all)).execute(connection).await?;
    Ok(())
}

async fn drop_tables(connection: &mut PgConnection, schema: &str, tables: &[&str]) -> Result<(), sqlx::Error> {
    let all: String = tables
        .iter()
        .map(|table| format!("drop table {schema}.{table};"))
        .collect();
    sqlx::raw_sql(AssertSqlSafe(all)).execute(connection).await?;
    Ok(())
}

/// Where the live ones stand and what they count, noted with those that are put away.
async fn keep_marks(
    connection: &mut PgConnection,
    live: &str,
    before: &str,
    tables: &Tables,
) -> Result<(), sqlx::Error> {
    let Mark { position, .. } = Mark::read(&mut *connection, live).await?;
    let stand = format!("update {before}.{CHECKPOINT} set position = {position}");
    sqlx::raw_sql(AssertSqlSafe(stand)).execute(&mut *connection).await?;
    take_counts(connection, live, before, tables).await
}

async fn take_counts(connection: &mut PgConnection, from: &str, to: &str, tables: &Tables) -> Result<(), sqlx::Error> {
    let names: Vec<&str> = tables.names().collect();
    let take = format!(
        "with taken as (delete from {from}.{COUNTS} where name = any($1) returning *) insert into {to}.{COUNTS} select * from taken"
    );
    sqlx::query(AssertSqlSafe(take)).bind(names).execute(connection).await?;
    Ok(())
}

/// Somebody else has the lock, or waits for ours.
fn is_contended(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| ["55P03", "40P01"].contains(&code.as_ref()))
}
