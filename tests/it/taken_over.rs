//! A database as the build of 2026-11-26 left it (a dump, with what that build showed of it): the last one whose read models
//! were changed by migrations, without signed heads, trees, turns, causes. Whatever was in it is there afterwards, and can be
//! written to, proved, visited and made again.

use prometric_tests::{Client, Database, Server, story::id};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor};
use std::{fs, path::PathBuf, process::Command};

/// A database dump has no roles in it.
const ROLE: &str = "tenant_too_demo_957786207480";

fn file(ending: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("it/taken_over/2026_11_26.{ending}"))
}

async fn restored() -> Database {
    let database = Database::create().await;
    let role = format!(
        "do $$ begin create role {ROLE}; exception when duplicate_object or unique_violation then null; end $$"
    );
    database.pool().await.execute(AssertSqlSafe(role)).await.unwrap();
    let programs = PathBuf::from(std::env::var("PG_BIN").expect("PG_BIN: run the tests with ./dev test"));
    let restore = Command::new(programs.join("pg_restore"))
        .args(["--exit-on-error", "--dbname", &database.url])
        .arg(file("dump"))
        .output()
        .unwrap();
    assert!(restore.status.success(), "{}", String::from_utf8_lossy(&restore.stderr));
    database
}

/// What stood there then stands there now, whatever else there may be beside it.
fn is_still_there(then: &Value, now: &Value) -> bool {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => then
            .iter()
            .all(|(name, then)| now.get(name).is_some_and(|now| is_still_there(then, now))),
        (Value::Array(then), Value::Array(now)) => {
            then.len() == now.len() && then.iter().zip(now).all(|(then, now)| is_still_there(then, now))
        }
        (then, now) => then == now,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_build_left_is_taken_over() {
    let then: Value = serde_json::from_str(&fs::read_to_string(file("json")).unwrap()).unwrap();
    let database = restored().await;
    let server = Server::start_on(&database.url).await;
    let mut owner = Client::new(&server.url);
    let email = then["email"].as_str().unwrap();
    owner.sign_in(email, "SecurePassword123").await;
    let shown = then["shown"].as_object().unwrap();
    for (list, then) in shown {
        let now = owner.items(list).await;
        assert!(is_still_there(then, &json!(now)), "{list}: {then:#} and now {now:#?}");
    }

    let deal = id(&shown["/deals"][0]);
    let told = owner.items(&format!("/deals/{deal}/history")).await;
    assert!(told.len() > 1, "{told:#?}");
    let customer = id(&shown["/customers"][0]);
    let renamed = json!({"name": "ТОО Новое имя"});
    owner.put(&format!("/customers/{customer}"), renamed).await.expect(200);
    let more = json!({"title": "После обновления", "customerId": customer, "value": 1000});
    owner.post("/deals", more).await.expect(201);

    let heads = server.mail_dir.with_extension("heads.json");
    for words in [
        &["audit", "verify"][..],
        &["audit", "heads", "--out", heads.to_str().unwrap()],
        &["replay", "--all"],
        &["replay", "--all", "--verify"],
        &["audit", "verify"],
    ] {
        let done = tokio::task::block_in_place(|| server.tool(words));
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{words:?}: {said}");
    }
    fs::remove_file(heads).unwrap();
    let now = owner.items("/deals").await;
    assert_eq!(now.len(), shown["/deals"].as_array().unwrap().len() + 1);
}
