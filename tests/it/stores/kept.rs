//! What is kept: passwords nowhere, numbers for good, answers for whoever repeats.

use super::{PASSWORD, Till, cashier, owner, registration, server};
use reqwest::Method;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};

/// The tables in which a word stands.
async fn found(pool: &PgPool, word: &str) -> Vec<String> {
    let tables = "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(pool).await.unwrap();
    assert!(tables.len() > 30, "{tables:?}");
    let mut found = vec![];
    for table in tables {
        let holds = format!("select exists (select from {table} t where strpos(t::text, $1) > 0)");
        let holds = sqlx::query_scalar(AssertSqlSafe(holds))
            .bind(word)
            .fetch_one(pool)
            .await;
        if holds.unwrap_or(false) {
            found.push(table);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn no_password_stands_anywhere() {
    let server = server().await;
    let (till, _) = owner(&server, "owner1").await;
    let mut asked = cashier("cashier1");
    asked["password"] = json!("Plain-Cashier-1");
    let key = [("Idempotency-Key", "made")];
    let made = till
        .ask(Method::POST, "/employees/", Some(asked.clone()), &key)
        .await
        .expect(201);
    let again = till
        .ask(Method::POST, "/employees/", Some(asked.clone()), &key)
        .await
        .expect(201);
    assert_eq!(made, again);
    asked["password"] = json!("Plain-Other-2");
    till.ask(Method::POST, "/employees/", Some(asked), &key)
        .await
        .refused(422);
    let path = format!("/employees/{}/reset-password/", made["data"]["employee"]["id"]);
    let new = json!({"new_password": "Plain-Reset-3"});
    till.ask(Method::POST, &path, Some(new), &[("Idempotency-Key", "reset")])
        .await
        .expect(200);
    let pool = server.pool().await;
    for word in [PASSWORD, "Plain-Cashier-1", "Plain-Other-2", "Plain-Reset-3"] {
        assert_eq!(found(&pool, word).await, Vec::<String>::new(), "{word}");
        assert!(!server.said().contains(word), "{word} is in the server's lines");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_people_is_sealed_in_the_log() {
    let server = server().await;
    let (_, _) = owner(&server, "marker-owner").await;
    let events = "select count(*) from log.events where strpos(data::text, $1) > 0";
    let pool = server.pool().await;
    for word in ["marker-owner\"", "ivan@example.com", "Иванов"] {
        let clear: i64 = sqlx::query_scalar(events).bind(word).fetch_one(&pool).await.unwrap();
        // The slug is made of the name here, and is no secret: it ends otherwise.
        assert_eq!(clear, i64::from(word == "marker-owner\""), "{word}");
    }
    let claims: Vec<String> = sqlx::query_scalar("select key from log.claims where kind = 'user.username'")
        .fetch_all(&pool)
        .await
        .unwrap();
    assert!(claims.len() == 1 && !claims[0].contains("marker"), "{claims:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_the_same_everywhere_and_after_a_replay() {
    let server = server().await;
    let (till, data) = owner(&server, "owner1").await;
    till.post("/employees/", cashier("cashier1")).await.expect(201);
    let seen = async || {
        let signed_in = till.login("owner1", PASSWORD).await.expect(200);
        let me = till.get("/auth/me/").await.expect(200);
        let stores = till.get("/stores/").await.expect(200);
        let employees = till.get("/employees/").await.expect(200);
        (
            [&signed_in["user"]["id"], &me["data"]["user"]["id"]].map(Clone::clone),
            [
                &signed_in["available_stores"][0]["id"],
                &me["data"]["store"]["id"],
                &stores["data"]["stores"][0]["id"],
            ]
            .map(Clone::clone),
            employees["data"]["employees"].clone(),
        )
    };
    let before = seen().await;
    assert!(before.0.iter().all(|id| *id == data["user"]["id"]) && data["user"]["id"].is_i64());
    assert!(before.1.iter().all(|id| *id == data["store"]["id"]) && data["store"]["id"].is_i64());
    let replayed = server.tool(&["replay"]);
    assert!(
        replayed.status.success(),
        "{}",
        String::from_utf8_lossy(&replayed.stderr)
    );
    assert_eq!(seen().await, before);
    // The rest of the API knows the store by its other name.
    let id = "select id::text from platform.workspaces where slug = 'moy-magazin-owner1'";
    let id: String = sqlx::query_scalar(id).fetch_one(&server.pool().await).await.unwrap();
    let same = till.get(&format!("/stores/{id}/")).await.expect(200);
    assert_eq!(same["data"]["store"]["id"], data["store"]["id"]);
}

/// An answer of document 4 shows the store or the employee: it waits until they can be seen, whatever is preferred.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_not_want_to_wait_is_shown_what_they_made_all_the_same() {
    let server = server().await;
    let (till, data) = owner(&server, "owner1").await;
    let hurried = [("Prefer", "respond-async")];
    let send = async |method: Method, path: &str, body| till.ask(method, path, Some(body), &hurried).await;
    for nth in 0..5 {
        let made = send(Method::POST, "/employees/", cashier(&format!("cashier{nth}"))).await;
        let made = made.expect(201)["data"]["employee"].clone();
        assert_eq!(made["position"], json!("Кассир"));
        let path = format!("/employees/{}/", made["id"]);
        let changed = send(Method::PATCH, &path, json!({"position": "Старший кассир"})).await;
        assert_eq!(
            changed.expect(200)["data"]["employee"]["position"],
            json!("Старший кассир")
        );
        let made = send(Method::POST, "/stores/", json!({"name": format!("Ещё {nth}")})).await;
        assert!(made.expect(201)["data"]["store"]["id"].is_i64());
        let path = format!("/stores/{}/", data["store"]["id"]);
        let name = json!(format!("Первый {nth}"));
        let changed = send(Method::PATCH, &path, json!({"name": name})).await;
        assert_eq!(changed.expect(200)["data"]["store"]["name"], name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_is_answered_as_the_first_time() {
    let server = server().await;
    let till = Till::at(&server);
    let key = [("Idempotency-Key", "first")];
    let register = async |body| till.ask(Method::POST, "/auth/register/", Some(body), &key).await;
    let first = register(registration("owner1")).await.expect(201);
    assert_eq!(register(registration("owner1")).await.expect(201), first);
    let mut other = registration("owner1");
    other["password"] = json!("AnotherPass123");
    other["password_confirm"] = json!("AnotherPass123");
    register(other).await.refused(422);
    let data = &first["data"];
    let till = till.with(&data["tokens"]["access"], &data["store"]["tenant_key"]);
    let second = async || {
        let body = Some(json!({"name": "Второй"}));
        till.ask(Method::POST, "/stores/", body, &key).await.expect(201)["data"]["store"].clone()
    };
    assert_eq!(second().await, second().await);
    assert_eq!(
        till.get("/stores/").await.expect(200)["data"]["stores"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}
