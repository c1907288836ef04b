//! A workspace in which nothing has happened has no tables, and is read all the same.

use super::LISTS;
use prometric_tests::{Client, Server, eventually};
use serde_json::json;
use sqlx::PgPool;

async fn has_tables(pool: &PgPool, owner: &Client) -> bool {
    let there = sqlx::query_scalar("select to_regnamespace($1) is not null or to_regrole($1) is not null");
    there.bind(owner.schema().await).fetch_one(pool).await.unwrap()
}

async fn total(client: &Client, path: &str) -> u64 {
    let shown = client.get(path).await.expect(200);
    shown["total"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_come_with_the_first_event_and_nobody_misses_them_before() {
    let mut server = Server::start_with(&[]).await;
    let second = server.another().await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let elsewhere = owner.at(&second.url);
    for reader in [&owner, &elsewhere] {
        for list in LISTS {
            let shown = reader.get(list).await.expect(200);
            assert_eq!((&shown["total"], &shown["items"]), (&json!(0), &json!([])), "{list}");
        }
        assert_eq!(reader.get("/departments").await.expect(200), json!([]));
        assert_eq!(total(reader, "/employees?search=a&sort=lastName").await, 0);
        let nothing = "/customers/0190c2a5-0000-7000-8000-000000000000";
        reader.get(nothing).await.refused(404, "NOT_FOUND");
    }
    assert!(!has_tables(&pool, &owner).await);
    let verified = server.tool(&["replay", "--verify"]);
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stderr)
    );
    assert!(!has_tables(&pool, &owner).await, "whoever looks makes none");

    server.kill();
    server.spawn().await;
    assert_eq!(total(&owner, "/deals").await, 0);
    assert!(!has_tables(&pool, &owner).await, "a start makes none");

    let body = json!({"name": "Первый"}).to_string();
    let at_once = [("Prefer", "respond-async")];
    let made = owner
        .send(reqwest::Method::POST, "/customers", Some(body), &at_once)
        .await;
    made.expect(201);
    for reader in [&owner, &elsewhere] {
        reader.get("/customers?limit=1").await.expect(200);
        assert_eq!(total(reader, "/deals").await, 0);
    }
    owner.post("/customers", json!({"name": "Второй"})).await.expect(201);
    for reader in [&owner, &elsewhere] {
        assert_eq!(total(reader, "/customers").await, 2);
    }
    assert!(has_tables(&pool, &owner).await);
    let before = eventually("a moment is prepared", || async {
        let answer = owner.get("/customers?asOf=0").await;
        (answer.status != 202).then_some(answer)
    });
    assert_eq!(before.await.expect(200)["total"], json!(0));
}
