//! The limit: all events read, their personal values opened, and decoded; and then the same rows into the same tables.

use crate::history::History;
use domain::Fact;
use futures::{StreamExt, TryStreamExt};
use log::Log;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use std::{pin::pin, time::Instant};

/// Events whose personal values are opened together.
const STEP: usize = 2_000;

pub struct Bare {
    pub rows: i64,
    /// Seconds until the rows are written, and until they are indexed.
    pub written: f64,
    pub indexed: f64,
}

pub async fn measure(history: &History, log: &Log, pool: &PgPool) -> Bare {
    let mut connection: PgConnection = pool.acquire().await.unwrap().detach();
    sqlx::raw_sql("set statement_timeout = 0; set synchronous_commit = off; drop schema if exists bare cascade; create schema bare")
        .execute(&mut connection)
        .await
        .unwrap();
    let tables = rows_of(&mut connection, &history.schema).await;
    let began = Instant::now();
    let mut decoded = 0_u64;
    let mut steps = pin!(log.replay(history.workspace, 0).try_chunks(STEP));
    while let Some(events) = steps.next().await {
        let mut events = events.unwrap();
        log.open_personal(&mut events).await.unwrap();
        for event in &events {
            Fact::decode(&event.category, &event.event_type, event.schema, &event.data).unwrap();
            decoded += 1;
        }
    }
    assert!(decoded > 0);
    for table in &tables {
        let copy = format!("copy bare.{} ({}) from stdin", table.name, table.columns);
        let mut copy = connection.copy_in_raw(&copy).await.unwrap();
        for part in &table.parts {
            copy.send(part.as_slice()).await.unwrap();
        }
        copy.finish().await.unwrap();
    }
    let written = began.elapsed().as_secs_f64();
    for statement in tables.iter().flat_map(|table| &table.indexes) {
        sqlx::raw_sql(AssertSqlSafe(statement.clone()))
            .execute(&mut connection)
            .await
            .unwrap();
    }
    let indexed = began.elapsed().as_secs_f64();
    let rows = tables.iter().map(|table| table.rows).sum();
    sqlx::raw_sql("drop schema bare cascade")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    Bare { rows, written, indexed }
}

struct Table {
    name: String,
    columns: String,
    parts: Vec<Vec<u8>>,
    rows: i64,
    indexes: Vec<String>,
}

/// What the replay has made, as COPY takes it, and tables for it that have no index yet but their key.
async fn rows_of(connection: &mut PgConnection, schema: &str) -> Vec<Table> {
    let names: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relnamespace = to_regnamespace($1)::oid and relkind = 'r' and relname <> 'checkpoint'",
    )
    .bind(schema)
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    let mut tables = vec![];
    for name in names {
        let like = format!(
            "create table bare.{name} (like {schema}.{name} including generated); alter table bare.{name} add primary key ({})",
            if name == "counts" { "name, field, value" } else { "id" }
        );
        sqlx::raw_sql(AssertSqlSafe(like))
            .execute(&mut *connection)
            .await
            .unwrap();
        let columns = "select string_agg(quote_ident(column_name), ', ' order by ordinal_position) from information_schema.columns \
            where table_schema = $1 and table_name = $2 and is_generated = 'NEVER'";
        let columns: String = sqlx::query_scalar(columns)
            .bind(schema)
            .bind(&name)
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        let indexes = "select replace(indexdef, $1 || '.', 'bare.') from pg_indexes where schemaname = $1 and tablename = $2 and indexname !~ '_pkey$'";
        let indexes: Vec<String> = sqlx::query_scalar(indexes)
            .bind(schema)
            .bind(&name)
            .fetch_all(&mut *connection)
            .await
            .unwrap();
        let copy = format!("copy {schema}.{name} ({columns}) to stdout");
        let mut parts = vec![];
        {
            let mut lines = connection.copy_out_raw(&copy).await.unwrap();
            let mut part = Vec::with_capacity(1 << 18);
            while let Some(line) = lines.next().await {
                part.extend_from_slice(&line.unwrap());
                if part.len() > 250_000 {
                    parts.push(std::mem::replace(&mut part, Vec::with_capacity(1 << 18)));
                }
            }
            parts.push(part);
        }
        let count = format!("select count(*) from {schema}.{name}");
        let rows = sqlx::query_scalar(AssertSqlSafe(count))
            .fetch_one(&mut *connection)
            .await
            .unwrap();
        tables.push(Table {
            name,
            columns,
            parts,
            rows,
            indexes,
        });
    }
    tables
}
