//! The second wall: PostgreSQL refuses another workspace's rows to a workspace's role.

use prometric_tests::Server;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};

#[tokio::test]
async fn the_database_itself_refuses_another_schema() {
    let server = Server::start_with(&[]).await;
    let (mine, theirs) = (server.owner().await, server.owner().await);
    for owner in [&mine, &theirs] {
        owner.post("/customers", json!({"name": "Тайна"})).await.expect(201);
    }
    let pool = server.pool().await;
    let (mine, theirs) = (mine.schema().await, theirs.schema().await);

    let owner: Vec<String> = strings(
        &pool,
        &format!("select nspowner::regrole::text from pg_namespace where nspname = '{mine}'"),
    )
    .await;
    assert_eq!(owner, [mine.as_str()], "the role owns its schema");
    let others =
        format!("select tablename::text from pg_tables where schemaname = '{mine}' and tableowner <> '{mine}'");
    assert!(strings(&pool, &others).await.is_empty(), "and every table in it");
    let privileged = format!(
        "select rolname::text from pg_roles where rolname = '{mine}' and (rolsuper or rolcanlogin or rolcreaterole or rolcreatedb or rolbypassrls)"
    );
    assert!(strings(&pool, &privileged).await.is_empty());
    assert!(
        strings(
            &pool,
            &format!("select roleid::regrole::text from pg_auth_members where member = '{mine}'::regrole")
        )
        .await
        .is_empty()
    );

    let foreign = format!(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('log', 'platform', 'sagas', '{theirs}')"
    );
    let foreign = strings(&pool, &foreign).await;
    let own = strings(
        &pool,
        &format!("select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = '{mine}'"),
    )
    .await;
    for table in [
        "log.events",
        "log.heads",
        "log.commands",
        "platform.users",
        "platform.credentials",
        "platform.signing_keys",
        &format!("{theirs}.customers"),
    ] {
        assert!(foreign.iter().any(|name| name == table), "{table} is among {foreign:?}");
    }
    let mut connection = pool.acquire().await.unwrap();
    sqlx::query(AssertSqlSafe(format!("set role {mine}")))
        .execute(&mut *connection)
        .await
        .unwrap();
    for table in &own {
        sqlx::query(AssertSqlSafe(format!("select * from {table}")))
            .execute(&mut *connection)
            .await
            .unwrap();
    }
    for table in &foreign {
        for sql in [
            format!("select * from {table}"),
            format!("select count(*) from {table}"),
            format!("delete from {table}"),
            format!("truncate {table}"),
            format!("drop table {table}"),
        ] {
            let refused = sqlx::query(AssertSqlSafe(sql.clone()))
                .execute(&mut *connection)
                .await
                .unwrap_err();
            let code = refused
                .as_database_error()
                .and_then(|error| error.code().map(|code| code.to_string()));
            assert_eq!(
                code.as_deref(),
                Some("42501"),
                "{sql}: insufficient_privilege, not {refused}"
            );
        }
    }
    for sql in [
        format!("create table {theirs}.mine (id int)"),
        "create role another".to_owned(),
        "create schema another".to_owned(),
    ] {
        let refused = sqlx::query(AssertSqlSafe(sql.clone()))
            .execute(&mut *connection)
            .await
            .unwrap_err();
        assert_eq!(
            refused
                .as_database_error()
                .and_then(|error| error.code().map(|code| code.to_string()))
                .as_deref(),
            Some("42501"),
            "{sql}"
        );
    }
}

async fn strings(pool: &PgPool, sql: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
        .fetch_all(pool)
        .await
        .unwrap()
}
