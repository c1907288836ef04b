//! A workspace's schema: `tenant_{slug}`, owned by a role of the same name. Requests read as that role (readers.rs), so the
//! database itself refuses another workspace's rows. It is made with the first event there is to fold; before, the workspace is
//! read in a schema that all such share and nobody writes to. docs/decisions/0031-tables-come-with-the-first-event.md

use crate::model::{BASE, BUILD, MODELS, Model};
use log::migrate::{self, Migration};
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgExecutor, PgPool};
use std::{collections::HashSet, sync::LazyLock};
use uuid::Uuid;

/// What workspaces share.
const SHARED: &[Migration] = &[
    Migration::new(
        "0001_reading",
        include_str!("../../migrations/reading/0001_reading.sql"),
    ),
    Migration::new("0002_moment", include_str!("../../migrations/reading/0002_moment.sql")),
];
const PLATFORM_MIGRATIONS: &[Migration] = &[
    Migration::new(
        "0001_platform",
        include_str!("../../migrations/platform/0001_platform.sql"),
    ),
    Migration::new("0005_made", include_str!("../../migrations/platform/0005_made.sql")),
    Migration::new(
        "0009_members",
        include_str!("../../migrations/platform/0009_members.sql"),
    ),
    Migration::new(
        "0012_organizations",
        include_str!("../../migrations/platform/0012_organizations.sql"),
    ),
    Migration::new(
        "0017_usernames",
        include_str!("../../migrations/platform/0017_usernames.sql"),
    ),
];

/// The platform's own schema.
pub const PLATFORM: &str = "platform";
/// The schema of what all workspaces' tables and queries use: a collation, functions, an extension.
const READING: &str = "reading";

/// This build's tables without a row, and the role that reads them.
pub(crate) static EMPTY: LazyLock<String> = LazyLock::new(|| format!("empty_{}", BUILD.as_str()));

/// The platform's tables, where no server may have been yet.
pub async fn prepare(pool: &PgPool) -> Result<(), sqlx::Error> {
    migrate_platform(&mut *pool.acquire().await?).await
}

pub(crate) async fn migrate_platform(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    migrate::apply(connection, PLATFORM, PLATFORM_MIGRATIONS).await?;
    migrate::apply(connection, READING, SHARED).await?;
    let mut tx = connection.begin().await?;
    provision(&mut tx, &EMPTY).await?;
    tx.commit().await
}

/// Those of these workspaces, by id and schema, that have no tables and need none, for nothing has happened in them.
pub(crate) async fn untouched(
    connection: &mut PgConnection,
    workspaces: &[(Uuid, String)],
) -> Result<HashSet<Uuid>, sqlx::Error> {
    let untouched = "select w.id from unnest($1::uuid[], $2::text[]) w (id, schema) where to_regnamespace(w.schema) is null \
         and not exists (select from log.heads h where h.workspace_id = w.id and h.position > 0)";
    let (ids, schemas): (Vec<Uuid>, Vec<&str>) = workspaces.iter().map(|(id, schema)| (*id, schema.as_str())).unzip();
    let untouched: Vec<Uuid> = sqlx::query_scalar(untouched)
        .bind(ids)
        .bind(schemas)
        .fetch_all(connection)
        .await?;
    Ok(untouched.into_iter().collect())
}

/// The schemas whose tables are all as this build makes them, with a role of their own on this server.
pub(crate) async fn current(connection: &mut PgConnection) -> Result<HashSet<String>, sqlx::Error> {
    let current = "select n.nspname::text from unnest($1::text[], $2::text[]) m (name, fingerprint) \
         join pg_class c on c.relname = m.name and c.relkind = 'r' join pg_namespace n on n.oid = c.relnamespace \
         join pg_roles r on r.rolname = n.nspname \
         where obj_description(c.oid, 'pg_class') = m.fingerprint and pg_has_role(r.oid, 'member') \
         group by n.nspname having count(*) = cardinality($1)";
    let names: Vec<String> = sqlx::query_scalar(current)
        .bind(names())
        .bind(fingerprints())
        .fetch_all(connection)
        .await?;
    Ok(names.into_iter().collect())
}

/// The tables of one schema that are not as this build makes them, or not there.
pub(crate) async fn outdated(connection: impl PgExecutor<'_>, schema: &str) -> Result<Vec<&'static str>, sqlx::Error> {
    let current = "select m.name from unnest($2::text[], $3::text[]) m (name, fingerprint) \
         join pg_class c on c.relname = m.name and c.relkind = 'r' and c.relnamespace = to_regnamespace($1)::oid \
         where obj_description(c.oid, 'pg_class') = m.fingerprint";
    let current: Vec<String> = sqlx::query_scalar(current)
        .bind(schema)
        .bind(names())
        .bind(fingerprints())
        .fetch_all(connection)
        .await?;
    let mut outdated = names();
    outdated.retain(|name| !current.iter().any(|current| current == name));
    Ok(outdated)
}

fn names() -> Vec<&'static str> {
    MODELS.iter().map(|model| model.name).collect()
}

fn fingerprints() -> Vec<&'static str> {
    MODELS.iter().map(|model| model.fingerprint.as_str()).collect()
}

/// Creates what is missing of a role and its schema. A workspace's name comes from a checked slug: `tenant_[a-z0-9_]+`.
pub async fn provision(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    take_role(connection, schema).await?;
    if !exists(&mut *connection, schema).await? {
        create(connection, schema, schema).await?;
        create_tables(connection, schema, schema, MODELS.iter()).await?;
        create_indexes(connection, schema, MODELS.iter()).await?;
    }
    Ok(())
}

pub(crate) async fn exists(connection: impl PgExecutor<'_>, schema: &str) -> Result<bool, sqlx::Error> {
    let exists = sqlx::query_scalar("select to_regnamespace($1) is not null");
    exists.bind(schema).fetch_one(connection).await
}

/// Nobody else changes what tables the workspace has until the transaction's end, and there is a role for them.
pub(crate) async fn take_role(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock(hashtext('prometric.migrate'), hashtext($1))")
        .bind(schema)
        .execute(&mut *connection)
        .await?;
    // Roles belong to the whole server: another database, or another node this very moment, may have made it.
    let role = format!(
        "do $$ begin create role {schema} nologin; exception when duplicate_object or unique_violation then null; end $$; \
         grant {schema} to current_user;"
    );
    sqlx::raw_sql(AssertSqlSafe(role)).execute(connection).await?;
    Ok(())
}

/// A schema of that name, empty but for the checkpoint and the counts, all owned by that role. What was there is dropped.
pub(crate) async fn create(connection: &mut PgConnection, name: &str, role: &str) -> Result<(), sqlx::Error> {
    let base: String = BASE.iter().map(|(_, sql)| sql.replace("{schema}", name)).collect();
    let schema = format!(
        "drop schema if exists {name} cascade; create schema {name} authorization {role}; set role {role}; {base}; reset role"
    );
    sqlx::raw_sql(AssertSqlSafe(schema)).execute(connection).await?;
    Ok(())
}

/// Empty tables without the indexes that lists need.
pub(crate) async fn create_tables(
    connection: &mut PgConnection,
    schema: &str,
    role: &str,
    models: impl Iterator<Item = &Model>,
) -> Result<(), sqlx::Error> {
    let table = |model: &Model| {
        let (table, _) = model.statements();
        let Model { name, fingerprint, .. } = model;
        format!("{table}\ncomment on table {{schema}}.{name} is '{fingerprint}';\n")
    };
    let tables: String = models.map(table).collect();
    let tables = format!("set role {role}; {}; reset role", tables.replace("{schema}", schema));
    sqlx::raw_sql(AssertSqlSafe(tables)).execute(connection).await?;
    Ok(())
}

/// And those indexes.
pub(crate) async fn create_indexes(
    connection: &mut PgConnection,
    schema: &str,
    models: impl Iterator<Item = &Model>,
) -> Result<(), sqlx::Error> {
    // Whoever made the extension before us may have put it elsewhere.
    let trigrams: String = sqlx::query_scalar(
        "select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm'",
    )
    .fetch_one(&mut *connection)
    .await?;
    let indexes: String = models.map(|model| model.statements().1).collect();
    let indexes = indexes.replace("{schema}", schema).replace("{trgm}", &trigrams);
    sqlx::raw_sql(AssertSqlSafe(indexes)).execute(connection).await?;
    Ok(())
}
