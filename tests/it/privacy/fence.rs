//! What was erased does not come back with a backup.

use super::{PLANTED, customer, erase, found};
use prometric_tests::{Server, story::id};
use sqlx::AssertSqlSafe;
use std::{fs, path::PathBuf};
use uuid::Uuid;

/// A fence of its own, gone with the test.
struct Fence(PathBuf);

impl Fence {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("prometric-erased-{}", Uuid::now_v7())))
    }

    fn env(&self) -> [(&'static str, &str); 1] {
        [("ERASURES_FILE", self.0.to_str().unwrap())]
    }
}

impl Drop for Fence {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

#[tokio::test]
async fn an_erased_key_does_not_come_back_with_a_backup() {
    let fence = Fence::new();
    let mut server = Server::start_with(&fence.env()).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let person = id(&owner.post("/customers", customer()).await.expect(201));
    let path = format!("/customers/{person}");
    let tables = ["log.person_keys", "platform.forgotten"];
    for table in tables {
        let keep = format!(
            "create table public.backup_{0} as table {table}",
            table.replace('.', "_")
        );
        sqlx::raw_sql(AssertSqlSafe(keep)).execute(&pool).await.unwrap();
    }
    let schema: String = sqlx::query_scalar(
        "select schemaname::text from pg_tables where tablename = 'customers' and schemaname like 'tenant_%'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    let keep = format!("create table public.backup_rows as table {schema}.customers");
    sqlx::raw_sql(AssertSqlSafe(keep)).execute(&pool).await.unwrap();
    erase(&owner, &person).await;
    assert!(
        fs::read_to_string(&fence.0)
            .unwrap()
            .contains(&format!("{} {person}", owner.workspace))
    );

    server.kill();
    for table in tables {
        let back = format!(
            "truncate {table}; insert into {table} select * from public.backup_{}",
            table.replace('.', "_")
        );
        sqlx::raw_sql(AssertSqlSafe(back)).execute(&pool).await.unwrap();
    }
    let rows = format!(
        "update {schema}.customers c set name = b.name, email = b.email, phone = b.phone, iin = b.iin, contacts = b.contacts, \
        addresses = b.addresses from public.backup_rows b where b.id = c.id"
    );
    sqlx::raw_sql(AssertSqlSafe(rows)).execute(&pool).await.unwrap();
    sqlx::raw_sql("drop table public.backup_rows")
        .execute(&pool)
        .await
        .unwrap();
    assert!(!found(&pool, &PLANTED).await.is_empty(), "the backup has it");
    server.spawn().await;
    assert_eq!(
        owner.get(&path).await.expect(200)["name"],
        "***",
        "before anything is served"
    );
    assert!(found(&pool, &PLANTED).await.is_empty());
    let alive: bool = sqlx::query_scalar(
        "select exists (select from log.person_keys where person_id = $1::uuid and wrapped is not null)",
    )
    .bind(&person)
    .fetch_one(&pool)
    .await
    .unwrap();
    assert!(!alive);
}
