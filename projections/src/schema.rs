//! A workspace's schema: `tenant_{slug}`, owned by a role of the same name. Requests and folds run as that role, so
//! the database itself refuses another workspace's rows.

use log::migrate::{self, Migration};
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Postgres, Transaction};

const TENANT: &[Migration] = &[Migration::new(
    "0001_tenant",
    include_str!("../../migrations/tenant/0001_tenant.sql"),
)];
const PLATFORM_MIGRATIONS: &[Migration] = &[Migration::new(
    "0001_platform",
    include_str!("../../migrations/platform/0001_platform.sql"),
)];

/// The platform's own schema.
pub const PLATFORM: &str = "platform";

pub(crate) async fn migrate_platform(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    migrate::apply(connection, PLATFORM, PLATFORM_MIGRATIONS).await
}

/// Creates what is missing of a workspace's role and schema, and brings its tables up to date. The name comes from a
/// checked slug: `tenant_[a-z0-9_]+`.
pub(crate) async fn provision(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    // Roles belong to the whole server: another database, or another node this very moment, may have made it.
    let role = format!(
        "do $$ begin create role {schema} nologin; exception when duplicate_object or unique_violation then null; end $$; \
         grant {schema} to current_user; \
         create schema if not exists {schema} authorization {schema}; \
         set local role {schema};"
    );
    sqlx::raw_sql(AssertSqlSafe(role)).execute(&mut *connection).await?;
    migrate::apply(connection, schema, TENANT).await?;
    sqlx::raw_sql("reset role").execute(connection).await?;
    Ok(())
}

/// A transaction that reads this workspace's rows and can see no other's.
pub async fn read<'a>(pool: &'a PgPool, schema: &str) -> Result<Transaction<'a, Postgres>, sqlx::Error> {
    let role = if schema == PLATFORM {
        String::new()
    } else {
        format!("; set local role {schema}")
    };
    pool.begin_with(AssertSqlSafe(format!("begin read only{role}"))).await
}

/// From here on the transaction is the workspace's.
pub(crate) async fn enter(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    if schema != PLATFORM {
        sqlx::raw_sql(AssertSqlSafe(format!("set local role {schema}")))
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// A workspace's tables in an existing schema, without a role of their own: for a replay beside the live ones.
pub(crate) async fn create_tables(connection: &mut PgConnection, schema: &str) -> Result<(), sqlx::Error> {
    migrate::apply(connection, schema, TENANT).await
}
