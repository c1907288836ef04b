//! A workspace's schema: `tenant_{slug}`, owned by a role of the same name. Requests read as that role (readers.rs), so the
//! database itself refuses another workspace's rows.

use log::migrate::{self, Migration};
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, PgConnection};
use std::{collections::HashSet, sync::LazyLock};

/// A workspace's tables, each as it is now, with its indexes: there is no history to be replayed on them, for a table
/// that changes is made anew and folded from the log.
const TABLES: &[&str] = &[
    include_str!("../../migrations/tenant/checkpoint.sql"),
    include_str!("../../migrations/tenant/counts.sql"),
    include_str!("../../migrations/tenant/customers.sql"),
    include_str!("../../migrations/tenant/deals.sql"),
    include_str!("../../migrations/tenant/orders.sql"),
    include_str!("../../migrations/tenant/products.sql"),
    include_str!("../../migrations/tenant/stock_movements.sql"),
    include_str!("../../migrations/tenant/boms.sql"),
    include_str!("../../migrations/tenant/production_orders.sql"),
    include_str!("../../migrations/tenant/invoices.sql"),
    include_str!("../../migrations/tenant/payments.sql"),
    include_str!("../../migrations/tenant/exchange_rates.sql"),
    include_str!("../../migrations/tenant/notifications.sql"),
];
/// Counted up whenever a fold makes other rows of the same events while no table's SQL changes.
const FOLDS: u32 = 1;
/// What workspaces share.
const SHARED: &[Migration] = &[Migration::new(
    "0001_reading",
    include_str!("../../migrations/reading/0001_reading.sql"),
)];
const PLATFORM_MIGRATIONS: &[Migration] = &[
    Migration::new(
        "0001_platform",
        include_str!("../../migrations/platform/0001_platform.sql"),
    ),
    Migration::new("0005_made", include_str!("../../migrations/platform/0005_made.sql")),
];

/// The platform's own schema.
pub const PLATFORM: &str = "platform";
/// The schema of what all workspaces' tables and queries use: a collation, functions, an extension.
const READING: &str = "reading";

/// What rows of this build are known by; it stands as a comment on each workspace's schema.
static SHAPE: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    hash.update(FOLDS.to_be_bytes());
    for table in TABLES {
        hash.update(table);
    }
    let digest = hash.finalize();
    digest
        .iter()
        .fold("prometric ".to_owned(), |text, byte| format!("{text}{byte:02x}"))
});

pub(crate) async fn migrate_platform(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    migrate::apply(connection, PLATFORM, PLATFORM_MIGRATIONS).await?;
    migrate::apply(connection, READING, SHARED).await
}

/// The schemas whose rows are of this build's shape, with a role of their own on this server.
pub(crate) async fn current(connection: &mut PgConnection) -> Result<HashSet<String>, sqlx::Error> {
    let current = "select n.nspname::text from pg_namespace n join pg_roles r on r.rolname = n.nspname \
         where obj_description(n.oid, 'pg_namespace') = $1 and pg_has_role(r.oid, 'member')";
    let names: Vec<String> = sqlx::query_scalar(current)
        .bind(SHAPE.as_str())
        .fetch_all(connection)
        .await?;
    Ok(names.into_iter().collect())
}

/// Creates what is missing of a workspace's role and schema. The name comes from a checked slug: `tenant_[a-z0-9_]+`.
pub async fn provision(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    take_role(connection, schema).await?;
    if !exists(connection, schema).await? {
        make(connection, schema, schema).await?;
    }
    Ok(())
}

/// Empty tables of this build's shape beside a workspace's live ones, whose role is taken; answers the name of their schema.
pub(crate) async fn make_beside(connection: &mut PgConnection, schema: &str) -> Result<String, sqlx::Error> {
    let next = format!("next_{schema}");
    make(connection, &next, schema).await?;
    Ok(next)
}

/// Holds the live rows still until the transaction's end: whoever wants to write them waits.
pub(crate) async fn hold(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    if exists(connection, schema).await? {
        let hold = format!("select from {schema}.checkpoint for update");
        sqlx::query(AssertSqlSafe(hold)).execute(connection).await?;
    }
    Ok(())
}

/// Puts the tables beside into the place of the live ones, which are kept until the next time. Who reads sees either. Who
/// waits to write the ones before finds them at a position where nobody is, and writes nothing.
pub(crate) async fn switch(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    let put_away = match exists(connection, schema).await? {
        true => format!(
            "drop schema if exists before_{schema} cascade; update {schema}.checkpoint set position = -1 - position; \
             alter schema {schema} rename to before_{schema};"
        ),
        false => String::new(),
    };
    let switch = format!("{put_away} alter schema next_{schema} rename to {schema}");
    sqlx::raw_sql(AssertSqlSafe(switch)).execute(connection).await?;
    Ok(())
}

/// Puts the tables before the last switch back into their place; `false`: there are none of this build's shape. Those taken
/// out of it are dropped.
pub(crate) async fn switch_back(connection: &mut PgConnection, schema: &str) -> Result<bool, sqlx::Error> {
    take_role(connection, schema).await?;
    if !is_current(&mut *connection, &format!("before_{schema}")).await? {
        return Ok(false);
    }
    let back = format!(
        "update {schema}.checkpoint set position = -1 - position; alter schema {schema} rename to next_{schema}; \
         alter schema before_{schema} rename to {schema}; \
         update {schema}.checkpoint set position = -1 - position, made = gen_random_uuid(); \
         drop schema next_{schema} cascade"
    );
    sqlx::raw_sql(AssertSqlSafe(back)).execute(connection).await?;
    Ok(true)
}

/// Whether it is there, in this build's shape.
pub(crate) async fn is_current(connection: &mut PgConnection, schema: &str) -> Result<bool, sqlx::Error> {
    let shape = sqlx::query_scalar("select obj_description(to_regnamespace($1)::oid, 'pg_namespace')");
    let shape: Option<String> = shape.bind(schema).fetch_one(connection).await?;
    Ok(shape.as_deref() == Some(SHAPE.as_str()))
}

pub(crate) async fn exists(connection: &mut PgConnection, schema: &str) -> Result<bool, sqlx::Error> {
    let exists = sqlx::query_scalar("select to_regnamespace($1) is not null");
    exists.bind(schema).fetch_one(connection).await
}

/// Nobody else makes the workspace's tables until the transaction's end, and there is a role for them.
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

/// A schema of that name with empty tables, all owned by that role.
async fn make(connection: &mut PgConnection, name: &str, role: &str) -> Result<(), sqlx::Error> {
    let shape = SHAPE.as_str();
    let schema = format!(
        "drop schema if exists {name} cascade; create schema {name} authorization {role}; \
         comment on schema {name} is '{shape}'; set local role {role}"
    );
    sqlx::raw_sql(AssertSqlSafe(schema)).execute(&mut *connection).await?;
    create_tables(connection, name).await?;
    sqlx::raw_sql("reset role").execute(connection).await?;
    Ok(())
}

/// A workspace's tables in an existing schema: its own, or one for a replay beside it.
pub(crate) async fn create_tables(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    // Whoever made the extension before us may have put it elsewhere.
    let trigrams: String = sqlx::query_scalar(
        "select quote_ident(n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm'",
    )
    .fetch_one(&mut *connection)
    .await?;
    let tables = TABLES
        .join("\n")
        .replace("{schema}", schema)
        .replace("{trgm}", &trigrams);
    sqlx::raw_sql(AssertSqlSafe(tables)).execute(connection).await?;
    Ok(())
}
