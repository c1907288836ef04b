//! What the database has to be and to allow.

use super::{Failure, Finding, Site};
use crate::disk;
use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, PgPool};

/// PostgreSQL 15, as `server_version_num` has it.
const VERSION_MIN: i32 = 150_000;
/// Sessions beside the pool's (docs/operations.md), and some for people.
const SESSIONS_BESIDE: i32 = 18 + 8;
const LOCKS_MIN: i32 = 256;
/// Seconds by which a node's clock may differ from the database's.
const CLOCK_MAX: f64 = 2.0;

async fn setting(pool: &PgPool, name: &str) -> Result<String, sqlx::Error> {
    let setting = sqlx::query_scalar("select current_setting($1)").bind(name);
    setting.fetch_one(pool).await
}

async fn number(pool: &PgPool, name: &str) -> Result<i32, Failure> {
    Ok(setting(pool, name).await?.parse()?)
}

pub async fn version(site: &Site) -> Result<Finding, Failure> {
    let version = setting(&site.pool, "server_version").await?;
    Ok(match number(&site.pool, "server_version_num").await? {
        old if old < VERSION_MIN => Finding::wrong(format!("version {version}"), "upgrade it to 15 or newer"),
        _ => Finding::ok(format!("version {version}")),
    })
}

pub async fn durability(site: &Site) -> Result<Finding, Failure> {
    let mut off = vec![];
    for name in ["fsync", "full_page_writes", "synchronous_commit"] {
        if setting(&site.pool, name).await? == "off" {
            off.push(name);
        }
    }
    Ok(match off.as_slice() {
        [] => Finding::ok("what is answered is on the disk"),
        off => Finding::wrong(
            format!("{} off: what was answered may be lost", off.join(", ")),
            "switch it on in postgresql.conf, and for this role and database (alter role … reset …), then reload",
        ),
    })
}

pub async fn limits(site: &Site) -> Result<Finding, Failure> {
    let sessions = number(&site.pool, "max_connections").await?;
    let locks = number(&site.pool, "max_locks_per_transaction").await?;
    let pool = i32::try_from(site.config.store.database_pool)?;
    let wanted = pool + SESSIONS_BESIDE + i32::try_from(site.config.edge.read_pool)?;
    if sessions < wanted {
        let found = format!("max_connections is {sessions}, one node wants {wanted}");
        let advice = "raise it, for every node, or lower DATABASE_POOL and READ_POOL";
        return Ok(Finding::wrong(found, advice));
    }
    if locks < LOCKS_MIN {
        let found = format!("max_locks_per_transaction is {locks}");
        let advice = format!("set {LOCKS_MIN}: some statements touch many schemas");
        return Ok(Finding::mind(found, advice));
    }
    Ok(Finding::ok(format!("{sessions} sessions, {locks} locks a transaction")))
}

pub async fn clock(site: &Site) -> Result<Finding, Failure> {
    let before = Utc::now();
    let there: DateTime<Utc> = sqlx::query_scalar("select clock_timestamp()")
        .fetch_one(&site.pool)
        .await?;
    let trip = Utc::now().signed_duration_since(before);
    let seconds = there.signed_duration_since(before + trip / 2).as_seconds_f64();
    let told = format!("the database's is {seconds:+.3} s from this machine's");
    // By as much as half of the trip the answer may be older or newer than it is taken for.
    let unsure = (trip / 2).as_seconds_f64();
    Ok(match seconds.abs() > CLOCK_MAX + unsure {
        true => Finding::wrong(told, "have both machines keep time by NTP"),
        false => Finding::ok(told),
    })
}

pub async fn privileges(site: &Site) -> Result<Finding, Failure> {
    let may = "select rolsuper or rolcreaterole, has_database_privilege(current_database(), 'create'), \
        array(select nspname::text from pg_namespace where nspname like 'tenant\\_%' and not pg_has_role(nspowner, 'member')) \
        from pg_roles where rolname = current_user";
    let (roles, schemas, foreign): (bool, bool, Vec<String>) = sqlx::query_as(may).fetch_one(&site.pool).await?;
    Ok(match foreign.first() {
        _ if !roles => Finding::wrong("the role cannot make roles", "alter role … createrole, as a superuser"),
        _ if !schemas => Finding::wrong(
            "the role cannot make schemas",
            "grant create on database … to …, or make it the database's owner",
        ),
        Some(first) => Finding::wrong(
            format!(
                "{} workspaces belong to roles that this one cannot become, {first} first",
                foreign.len()
            ),
            "grant those roles to it: after restoring a backup, restore the roles' memberships too",
        ),
        None => Finding::ok("it makes schemas and roles, and becomes each workspace's"),
    })
}

pub async fn extensions(site: &Site) -> Result<Finding, Failure> {
    let there = "select exists (select from pg_available_extensions where name = 'pg_trgm'), \
        exists (select from pg_collation where collprovider = 'i'), current_setting('server_encoding') = 'UTF8'";
    let (trigrams, icu, utf8): (bool, bool, bool) = sqlx::query_as(there).fetch_one(&site.pool).await?;
    Ok(match (trigrams, icu, utf8) {
        (false, ..) => Finding::wrong("pg_trgm is not there", "install PostgreSQL's contrib package"),
        (_, false, _) => Finding::wrong("it was built without ICU", "use a build of PostgreSQL with ICU"),
        (.., false) => Finding::mind(
            "its encoding is not UTF-8",
            "searches go without an index: make it anew with UTF-8",
        ),
        (true, true, true) => Finding::ok("pg_trgm, ICU, UTF-8"),
    })
}

pub async fn migrations(site: &Site) -> Result<Finding, Failure> {
    let mut missing = vec![];
    for (schema, migrations) in [("log", log::MIGRATIONS), ("sagas", sagas::MIGRATIONS)] {
        let known = sqlx::query_scalar("select to_regclass($1 || '.migrations') is not null");
        if !known.bind(schema).fetch_one(&site.pool).await? {
            return Ok(Finding::mind(
                format!("schema {schema} is not there yet"),
                "`prometric serve` makes it at its first start",
            ));
        }
        let applied = AssertSqlSafe(format!("select name from {schema}.migrations"));
        let applied: Vec<String> = sqlx::query_scalar(applied).fetch_all(&site.pool).await?;
        let left = migrations
            .iter()
            .filter(|migration| !applied.iter().any(|name| name == migration.name));
        missing.extend(left.map(|migration| format!("{schema} {}", migration.name)));
    }
    Ok(match missing.as_slice() {
        [] => Finding::ok("log and sagas are of this build, or a later one"),
        missing => Finding::mind(
            format!("yet to be applied: {}", missing.join(", ")),
            "`prometric serve` of this build applies them at its start",
        ),
    })
}

pub async fn indexes(site: &Site) -> Result<Finding, Failure> {
    let broken = "select i.indexrelid::regclass::text from pg_index i join pg_class c on c.oid = i.indexrelid \
        join pg_namespace n on n.oid = c.relnamespace where not (i.indisvalid and i.indisready and i.indislive) \
        and (n.nspname in ('log', 'platform', 'sagas', 'reading') or n.nspname like 'tenant\\_%') order by 1";
    let broken: Vec<String> = sqlx::query_scalar(broken).fetch_all(&site.pool).await?;
    Ok(match broken.as_slice() {
        [] => Finding::ok("all are valid"),
        broken => Finding::wrong(
            format!("not valid: {}", broken.join(", ")),
            "reindex index … for each of them, while nobody writes much",
        ),
    })
}

pub async fn disk(site: &Site) -> Result<Finding, Failure> {
    let size: i64 = sqlx::query_scalar("select pg_database_size(current_database())")
        .fetch_one(&site.pool)
        .await?;
    let told = format!("the database has {} MB", size >> 20);
    Ok(match disk::try_to_write(&site.pool).await {
        Ok(()) => Finding::ok(format!("{told}, and room for more")),
        Err(error) => Finding::wrong(
            format!("{told}, and writing fails: {error}"),
            "make room on its disk, or see that it is a primary: a standby only reads",
        ),
    })
}
