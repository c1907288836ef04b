//! Whoever erases themselves is signed out at once and everywhere, and no row beside the log names them any more.

use crate::identity::factor::switch_on;
use domain::Role;
use prometric_tests::{Server, eventually};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How many rows of the platform's tables name that user, by table: by their id, or by their address where that is all there is.
async fn rows(pool: &PgPool, user: Uuid, email: &str) -> BTreeMap<String, i64> {
    let named = "select distinct table_name::text, 'user_id' from information_schema.columns \
        where table_schema = 'platform' and column_name = 'user_id' union values ('invitations', 'email'), ('users', 'id')";
    let named: Vec<(String, String)> = sqlx::query_as(named).fetch_all(pool).await.unwrap();
    let mut rows = BTreeMap::new();
    for (table, column) in named {
        let name = if column == "email" {
            email.to_owned()
        } else {
            user.to_string()
        };
        let count = format!("select count(*) from platform.{table} where {column}::text = $1");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(count))
            .bind(name)
            .fetch_one(pool)
            .await
            .unwrap();
        rows.insert(table, count);
    }
    rows.retain(|_, count| *count > 0);
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_erases_themselves_is_signed_out_everywhere_and_has_no_rows() {
    let server = Server::start_with(&[]).await;
    let second = server.another().await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let member = server.member(&owner, Role::Manager).await;
    let user: Uuid = member.user.parse().unwrap();
    let email = member.get("/auth/me").await.expect(200)["email"]
        .as_str()
        .unwrap()
        .to_owned();
    switch_on(&member).await;
    let key = json!({"name": "Касса", "permissions": ["DEALS_VIEW"]});
    member.post("/api-keys", key).await.expect(201);
    let stranger = server.anonymous();
    stranger
        .post("/auth/forgot-password", json!({"email": email}))
        .await
        .expect(200);
    owner.post("/invitations", json!({"email": email})).await.expect(201);
    eventually("a reset is kept", || async {
        rows(&pool, user, &email).await.get("password_resets").map(drop)
    })
    .await;
    let before = rows(&pool, user, &email).await;
    for table in [
        "api_keys",
        "credentials",
        "invitations",
        "memberships",
        "password_resets",
        "recovery_codes",
        "second_factors",
        "sessions",
        "users",
    ] {
        assert!(before.contains_key(table), "platform.{table}: {before:?}");
    }
    let elsewhere = member.at(&second.url);
    elsewhere.get("/auth/me").await.expect(200);

    let told = member
        .post("/privacy/erase", json!({"personId": user}))
        .await
        .expect(200);
    assert_eq!(told["status"], "erased", "{told}");
    member.get("/auth/me").await.expect(401);
    eventually("the other node has heard", || async {
        (elsewhere.get("/auth/me").await.status == 401).then_some(())
    })
    .await;
    // What is folded from the log says that there was somebody, and nothing of them.
    let mut after = rows(&pool, user, &email).await;
    for folded in ["api_keys", "memberships", "users"] {
        after.remove(folded);
    }
    assert!(after.is_empty(), "{after:?}");
    let person: (Option<String>, String, String) =
        sqlx::query_as("select email, first_name, last_name from platform.users where id = $1")
            .bind(user)
            .fetch_one(&pool)
            .await
            .unwrap();
    assert!(person.0.as_ref().is_none_or(|email| email.ends_with("@erased.invalid")));
    assert!(
        ![&person.1, &person.2].iter().any(|name| name.contains("Имя")),
        "{person:?}"
    );
}
