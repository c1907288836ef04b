//! What is kept with the rows: their totals, and the shape they have.

use super::LISTS;
use log::Log;
use projections::{Projections, Tables};
use prometric_tests::{Client, Server, Yard, story::id};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

/// A workspace's tables as they were before their shape was part of them.
const BEFORE: &str = include_str!("tenant_2026_11.sql");

/// Lists whose totals are kept by a value.
const COUNTED: [(&str, &str); 9] = [
    ("/customers", "type"),
    ("/customers", "status"),
    ("/customers", "segment"),
    ("/products", "type"),
    ("/products", "status"),
    ("/products", "category"),
    ("/deals", "stage"),
    ("/orders", "status"),
    ("/production/orders", "status"),
];

async fn total(owner: &Client, path: &str) -> Value {
    let data = owner.get(path).await.expect(200);
    assert_eq!(data["pagination"]["totalIsEstimate"], json!(false), "{path}");
    data["total"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_are_those_of_the_rows_whatever_happened_to_them() {
    let server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    let owner = &yard.owner;
    for n in 0..5 {
        let customer = json!({"name": "a", "segment": format!("S{}", n % 2), "type": if n == 0 { "INDIVIDUAL" } else { "COMPANY" }});
        let customer = id(&owner.post("/customers", customer).await.expect(201));
        if n > 2 {
            owner
                .send(reqwest::Method::DELETE, &format!("/customers/{customer}"), None, &[])
                .await
                .expect(200);
        } else {
            owner
                .put(
                    &format!("/customers/{customer}"),
                    json!({"status": "ACTIVE", "segment": "S2"}),
                )
                .await
                .expect(200);
        }
        let deal = id(&owner.post("/deals", json!({"title": "a"})).await.expect(201));
        if n % 2 == 0 {
            owner
                .post(&format!("/deals/{deal}/stage"), json!({"stage": "CLOSING"}))
                .await
                .expect(200);
        }
    }
    for list in LISTS {
        let rows = owner.items(&format!("{list}?limit=100")).await.len();
        assert_eq!(total(owner, &format!("{list}?limit=1")).await, json!(rows), "{list}");
    }
    for (list, field) in COUNTED {
        let rows = owner.items(&format!("{list}?limit=100")).await;
        let mut values: Vec<&str> = rows.iter().filter_map(|row| row[field].as_str()).collect();
        values.sort_unstable();
        values.dedup();
        for value in &values {
            let holding = rows.iter().filter(|row| row[field] == *value).count();
            let path = format!("{list}?limit=1&{field}={value}");
            assert_eq!(total(owner, &path).await, json!(holding), "{path}");
            let narrowed = format!("{path}&createdAt[gte]=2020-01-01");
            assert_eq!(
                total(owner, &narrowed).await,
                json!(holding),
                "{narrowed}, which is counted"
            );
        }
        let all = format!("{list}?limit=1&{field}={}", values.join(","));
        let holding = rows.iter().filter(|row| row[field].is_string()).count();
        assert_eq!(total(owner, &all).await, json!(holding), "{all}");
    }
    let unread = async || owner.get("/notifications?unread=true&limit=1").await.expect(200);
    let before = unread().await;
    assert_eq!(before["total"], before["unreadCount"]);
    let first = id(&before["items"][0]);
    for _ in 0..2 {
        owner
            .put(&format!("/notifications/{first}/read"), json!({}))
            .await
            .expect(200);
        let after = unread().await;
        assert_eq!(after["total"].as_i64(), before["total"].as_i64().map(|total| total - 1));
        assert_eq!(after["unreadCount"], after["total"]);
    }
    let read = owner.get("/notifications?limit=100").await.expect(200);
    assert_eq!(read["total"], before["total"], "read or not");
    replays(&server, &yard.pool, owner).await;
}

#[tokio::test]
async fn a_cursor_brings_the_total_along() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    for n in 0..7 {
        owner
            .post("/deals", json!({"title": "a", "value": n}))
            .await
            .expect(201);
    }
    let (mut page, mut number) = (owner.get("/deals?value[gte]=1&limit=2").await.expect(200), 1);
    while let Some(next) = page["pagination"]["nextCursor"].as_str() {
        assert_eq!((&page["total"], &page["page"]), (&json!(6), &json!(number)));
        page = owner
            .get(&format!("/deals?value[gte]=1&limit=2&cursor={next}"))
            .await
            .expect(200);
        number += 1;
        assert_eq!(page["pagination"]["hasPrev"], json!(true));
    }
    assert_eq!((&page["total"], number), (&json!(6), 3));
}

/// The live rows are what the log says, totals included.
async fn replays(server: &Server, pool: &PgPool, owner: &Client) {
    let log = Log::open(server.database_url.parse().unwrap(), pool.clone())
        .await
        .unwrap();
    let projections = Projections::open(log, pool.clone()).await.unwrap();
    let workspace: uuid::Uuid = owner.workspace.parse().unwrap();
    let replayed = projections
        .verify(workspace.into(), Tables::all(), &|_| {})
        .await
        .unwrap();
    assert!(replayed.differing().is_empty(), "{replayed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_of_an_older_shape_is_made_anew_before_it_is_served() {
    let mut server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    let owner = &yard.owner;
    let seen = async || {
        let mut seen = Vec::new();
        for list in LISTS {
            seen.push(owner.get(&format!("{list}?limit=100")).await.expect(200));
        }
        seen
    };
    let (before, schema) = (seen().await, owner.schema().await);
    server.kill();
    grow_old(&yard.pool, &schema).await;
    server.spawn().await;
    assert_eq!(seen().await, before);
    replays(&server, &yard.pool, owner).await;
    let shown = owner.get("/deals?search=erp").await.expect(200);
    assert_eq!(shown["total"], json!(2), "what the older shape could not: {shown}");
    server.kill();
    let touched = "select max(xmin::text::bigint) from {s}.deals".replace("{s}", &schema);
    let written = || sqlx::query_scalar::<_, i64>(AssertSqlSafe(touched.clone())).fetch_one(&yard.pool);
    let at = written().await.unwrap();
    server.spawn().await;
    assert_eq!(written().await.unwrap(), at, "and only once");
    yard.lives().await;
}

/// The schema as the build before left it, with its rows.
async fn grow_old(pool: &PgPool, schema: &str) {
    let run = async |sql: String| {
        let done = sqlx::raw_sql(AssertSqlSafe(sql.clone())).execute(pool).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    };
    run(format!(
        "alter schema {schema} rename to newer; create schema {schema} authorization {schema}"
    ))
    .await;
    run(format!(
        "set role {schema}; {} ; reset role",
        BEFORE.replace("{schema}", schema)
    ))
    .await;
    let tables: Vec<(String, String)> = sqlx::query_as(
        "select table_name::text, string_agg(quote_ident(column_name), ', ') from information_schema.columns older where table_schema = $1 \
            and exists (select from information_schema.columns newer where newer.table_schema = 'newer' \
                and (newer.table_name, newer.column_name) = (older.table_name, older.column_name)) group by 1",
    )
    .bind(schema)
    .fetch_all(pool)
    .await
    .unwrap();
    assert_eq!(tables.len(), 11);
    for (table, columns) in tables {
        run(format!(
            "delete from {schema}.{table}; insert into {schema}.{table} ({columns}) select {columns} from newer.{table}"
        ))
        .await;
    }
    run("drop schema newer cascade".to_owned()).await;
}
