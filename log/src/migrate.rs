//! Applies numbered SQL files to a schema, each once, in one transaction under a lock. Used for the log's and the
//! platform's schema and, the same way, for every workspace's: that is why it is not a migration crate, which know
//! one schema a database.

use crate::unhurried;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// One file, embedded in the binary.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    pub name: &'static str,
    /// `{schema}` stands for the schema's name.
    pub sql: &'static str,
}

impl Migration {
    pub const fn new(name: &'static str, sql: &'static str) -> Self {
        Self { name, sql }
    }
}

/// Brings the schema up to date; creates it when absent. Runs in a savepoint when a transaction is open already.
pub async fn apply(connection: &mut PgConnection, schema: &str, migrations: &[Migration]) -> Result<(), sqlx::Error> {
    let mut tx = connection.begin().await?;
    unhurried(&mut tx).await?;
    sqlx::query("select pg_advisory_xact_lock(hashtext('prometric.migrate'), hashtext($1))")
        .bind(schema)
        .execute(&mut *tx)
        .await?;
    let (schema_exists, known): (bool, bool) =
        sqlx::query_as("select to_regnamespace($1) is not null, to_regclass($1 || '.migrations') is not null")
            .bind(schema)
            .fetch_one(&mut *tx)
            .await?;
    if !schema_exists {
        run(&mut tx, schema, "create schema {schema}").await?;
    }
    if !known {
        run(
            &mut tx,
            schema,
            "create table {schema}.migrations (name text primary key, applied_at timestamptz not null default now())",
        )
        .await?;
    }
    let applied: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("select name from {schema}.migrations")))
        .fetch_all(&mut *tx)
        .await?;
    for migration in migrations
        .iter()
        .filter(|migration| !applied.iter().any(|name| name == migration.name))
    {
        run(&mut tx, schema, migration.sql).await?;
        let done = format!("insert into {schema}.migrations (name) values ($1)");
        sqlx::query(AssertSqlSafe(done))
            .bind(migration.name)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await
}

async fn run(connection: &mut PgConnection, schema: &str, sql: &str) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql.replace("{schema}", schema)))
        .execute(connection)
        .await?;
    Ok(())
}
