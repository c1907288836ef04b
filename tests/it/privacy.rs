//! What is erased is found nowhere any more: not in the database, not on NATS, not in an export, not in the server's own lines.
//! What the law has kept goes on its day.

mod account;
mod contact;
mod fence;
mod planted;

use async_nats::jetstream;
use chrono::TimeDelta;
use domain::Role;
use futures::StreamExt;
use prometric_tests::{
    Client, Server, eventually, nats_url,
    story::{Shop, id},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

/// Every row of every table there is, as text.
async fn dump(pool: &PgPool) -> Vec<(String, String)> {
    let tables = "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(pool).await.unwrap();
    assert!(tables.len() > 30, "{tables:?}");
    let mut rows = vec![];
    for table in tables {
        let all = format!("select t::text from {table} t");
        let all: Result<Vec<String>, _> = sqlx::query_scalar(AssertSqlSafe(all)).fetch_all(pool).await;
        // One that was being made has taken its place meanwhile.
        rows.extend(all.unwrap_or_default().into_iter().map(|row| (table.clone(), row)));
    }
    rows
}

/// The tables in which one of the words stands.
async fn found(pool: &PgPool, words: &[&str]) -> Vec<String> {
    let mut tables: Vec<String> = dump(pool)
        .await
        .into_iter()
        .filter(|(_, row)| words.iter().any(|word| row.contains(word)))
        .map(|(table, _)| table)
        .collect();
    tables.sort();
    tables.dedup();
    tables
}

/// Everything that NATS keeps of a workspace.
async fn published(workspace: &str, expected: u64) -> Vec<String> {
    let client = async_nats::connect(nats_url()).await.unwrap();
    let stream = jetstream::new(client).get_stream("PROMETRIC").await.unwrap();
    let config = jetstream::consumer::pull::OrderedConfig {
        filter_subject: format!("prometric.{workspace}.>"),
        ..Default::default()
    };
    let consumer = stream.create_consumer(config).await.unwrap();
    let messages = consumer.messages().await.unwrap().take(expected as usize);
    messages
        .map(|message| {
            let message = message.unwrap();
            format!("{:?} {}", message.headers, String::from_utf8_lossy(&message.payload))
        })
        .collect()
        .await
}

const NAME: &str = "Маркер-Имя";
/// Planted in everything that a client may say of a person but their name.
const PLANTED: [&str; 13] = [
    "marker.mail@erase.kz",
    "+7701marker",
    "900101300017",
    "Маркер-Контакт",
    "Маркер-Фамилия",
    "marker.contact@erase.kz",
    "Маркер-Улица",
    "Маркер-Город",
    "Маркер-Звонок",
    "Маркер-Запись",
    "Маркер-Итог",
    "Маркер-Шаг",
    "Маркер-Отказ",
];

fn customer() -> Value {
    json!({
        "name": NAME, "type": "INDIVIDUAL", "email": PLANTED[0], "phone": PLANTED[1], "iin": PLANTED[2],
        "contacts": [{"firstName": PLANTED[3], "lastName": PLANTED[4], "email": PLANTED[5], "phone": PLANTED[1], "isPrimary": true}],
        "addresses": [{"addressLine1": PLANTED[6], "city": PLANTED[7]}],
    })
}

/// A deal that becomes the person's after something was done about it and it was declined.
async fn found_their_deal(owner: &Client, person: &str) {
    let deal = id(&owner
        .post("/deals", json!({"title": "ERP", "value": 100}))
        .await
        .expect(201));
    let path = format!("/deals/{deal}");
    let call = json!({"type": "call", "subject": PLANTED[8], "notes": PLANTED[9], "outcome": PLANTED[10]});
    let call = id(&owner.post(&format!("{path}/activities"), call).await.expect(201));
    let quotes = format!("{path}/quotes");
    let quote = id(&owner.post(&quotes, json!({})).await.expect(201));
    let sent = owner
        .post(&format!("{quotes}/{quote}/send"), json!({}))
        .await
        .expect(200);
    let decline = json!({"token": sent["token"], "reason": PLANTED[12]});
    owner.post("/quotes/decline", decline).await.expect(200);
    owner.put(&path, json!({"customerId": person})).await.expect(200);
    let next = json!({"nextStep": PLANTED[11]});
    owner.put(&format!("/activities/{call}"), next).await.expect(200);
}

async fn erase(client: &Client, person: &str) -> Value {
    let told = client
        .post("/privacy/erase", json!({"personId": person}))
        .await
        .expect(200);
    assert_eq!(told["status"], "erased", "{told}");
    told
}

#[tokio::test]
async fn whoever_is_erased_is_found_nowhere_and_the_chain_still_holds() {
    let server = Server::start().await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let mut shop = Shop::open(&owner, 100, 100).await;
    shop.customer = id(&owner.post("/customers", customer()).await.expect(201));
    let person = shop.customer.clone();
    let path = format!("/customers/{person}");
    owner
        .put(&path, json!({"phone": PLANTED[1], "source": "site"}))
        .await
        .expect(200);
    found_their_deal(&owner, &person).await;
    let deal = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
    eventually("the invoice", || async { owner.items("/finance/invoices").await.pop() }).await;
    eventually("all is told", || async {
        (!owner.items("/notifications").await.is_empty()
            && !owner.items("/production/orders?status=scheduled").await.is_empty())
        .then_some(())
    })
    .await;
    let all: Vec<&str> = PLANTED.iter().copied().chain([NAME]).collect();
    let stored = found(&pool, &all).await;
    assert!(
        !stored
            .iter()
            .any(|table| table.starts_with("log.") || table.starts_with("sagas.")),
        "sealed from the start: {stored:?}"
    );
    assert!(
        stored.iter().any(|table| table.ends_with(".customers"))
            && stored.iter().any(|table| table.ends_with(".deals"))
    );

    let exported = owner
        .get(&format!("/privacy/export?personId={person}"))
        .await
        .expect(200);
    for word in &all {
        assert!(
            exported["said"].to_string().contains(word) && exported["words"].to_string().contains(word),
            "{word}: {exported}"
        );
    }
    let plan = owner
        .post("/privacy/erase", json!({"personId": person, "dryRun": true}))
        .await
        .expect(200);
    let here = &plan["plan"]["workspaces"][0];
    assert_eq!(
        (&plan["status"], &here["workspaceId"]),
        (&json!("planned"), &json!(owner.workspace))
    );
    assert_eq!(
        (&here["erased"], &here["inTheClear"], &plan["plan"]["account"]),
        (&json!(false), &json!(0), &json!(false))
    );
    assert!(
        here["events"].as_i64().unwrap() >= 7 && here["kept"][0]["documents"] == 1,
        "{plan}"
    );
    let before = here["before"].as_array().unwrap();
    assert_eq!(before.len(), 2, "a deal and what was done about it: {plan}");
    let contact = owner.get(&path).await.expect(200)["contacts"][0]["id"].clone();
    assert_eq!(here["contacts"], json!([contact]), "who is reached there");
    assert_eq!(found(&pool, &all).await, stored, "a plan does nothing");

    // Read models of a moment and those before the last making go too.
    let position = owner.get(&path).await;
    owner
        .get(&format!("{path}?asOf={}", position.header("etag").trim_matches('"')))
        .await;
    let replay = server.tool(&["replay", "--workspace", &owner.workspace]);
    assert!(replay.status.success(), "{}", String::from_utf8_lossy(&replay.stderr));
    erase(&owner, &person).await;

    let left = found(&pool, &PLANTED).await;
    assert!(left.is_empty(), "{left:?}");
    let kept = found(&pool, &[NAME]).await;
    assert!(
        kept.len() == 1 && kept[0].ends_with(".invoices"),
        "only what the law has kept: {kept:?}"
    );
    let shown = owner.get(&path).await.expect(200);
    assert_eq!(
        (&shown["name"], &shown["email"], &shown["contacts"]),
        (&json!("***"), &Value::Null, &json!([]))
    );
    assert_eq!(owner.items("/deals").await[0]["customerName"], "***");
    let trail = owner.get(&format!("{path}/history")).await.expect(200).to_string();
    let again = owner
        .get(&format!("/privacy/export?personId={person}"))
        .await
        .expect(200);
    let said = server.said();
    let head: i64 = sqlx::query_scalar("select position from log.heads where workspace_id = $1::uuid")
        .bind(&owner.workspace)
        .fetch_one(&pool)
        .await
        .unwrap();
    let told = published(&owner.workspace, head as u64).await.join("\n");
    assert!(told.contains("person.erased") && told.contains("$sealed"));
    for (place, text) in [
        ("the trail", &trail),
        ("an export", &again.to_string()),
        ("the log lines", &said),
        ("NATS", &told),
    ] {
        for word in &all {
            assert!(!text.contains(word), "{word} in {place}");
        }
    }
    // Nobody is told of anew, and what is not theirs goes on.
    let refused = owner
        .put(&path, json!({"phone": "+7702"}))
        .await
        .refused(409, "CONFLICT");
    assert_eq!(refused["reason"], "person.erased");
    owner.put(&path, json!({"segment": "gone"})).await.expect(200);
    let another = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
    assert_eq!(
        owner.get(&format!("/deals/{another}")).await.expect(200)["customerName"],
        "***"
    );
    let verified = server.tool(&["audit", "verify"]);
    let words = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(
        verified.status.success() && words.contains("4 of whom it tells were erased"),
        "{words}{}",
        String::from_utf8_lossy(&verified.stderr)
    );
    let compared = server.tool(&["replay", "--verify", "--workspace", &owner.workspace]);
    assert!(
        compared.status.success(),
        "{}",
        String::from_utf8_lossy(&compared.stdout)
    );

    // The documents' day comes.
    server.set_clock(TimeDelta::days(366 * 7)).await;
    eventually("the invoice's name is gone too", || async {
        found(&pool, &[NAME]).await.is_empty().then_some(())
    })
    .await;
}

/// As `prometric keys erase` does, and going back to a backup.
#[tokio::test]
async fn whatever_destroys_a_key_takes_along_what_goes_with_it() {
    let mut server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let mut shop = Shop::open(&owner, 100, 100).await;
    shop.customer = id(&owner.post("/customers", customer()).await.expect(201));
    found_their_deal(&owner, &shop.customer).await;
    let deal = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
    eventually("the invoice", || async { owner.items("/finance/invoices").await.pop() }).await;
    server.kill();
    let erased = server.tool(&["keys", "erase", &owner.workspace, &shop.customer]);
    assert!(erased.status.success(), "{}", String::from_utf8_lossy(&erased.stderr));
    server.spawn().await;
    let left = found(&pool, &PLANTED).await;
    assert!(left.is_empty(), "before anything is served: {left:?}");
    let dated = "select count(*) from log.person_keys where keep_until is not null and wrapped is not null";
    let dated: i64 = sqlx::query_scalar(dated).fetch_one(&pool).await.unwrap();
    assert_eq!(dated, 1, "what the law has kept goes on its day");
}

#[tokio::test]
async fn owner_and_admin_erase_whom_the_workspace_knows_and_everybody_themselves() {
    let server = Server::start_with(&[]).await;
    let (owner, stranger, pool) = (server.owner().await, server.owner().await, server.pool().await);
    let person = id(&owner.post("/customers", customer()).await.expect(201));
    for role in [
        Role::Manager,
        Role::Accountant,
        Role::Employee,
        Role::Cashier,
        Role::Stockkeeper,
    ] {
        let member = server.member(&owner, role).await;
        let here = format!("/workspaces/{}/privacy", owner.workspace);
        let details = member
            .post(&format!("{here}/erase"), json!({"personId": person}))
            .await
            .refused(403, "AUTH_FORBIDDEN");
        assert_eq!(details["permission"], "PRIVACY_ERASE", "{details}");
        let details = member
            .get(&format!("{here}/export?personId={person}"))
            .await
            .refused(403, "AUTH_FORBIDDEN");
        assert_eq!(details["permission"], "PRIVACY_EXPORT", "{details}");
    }
    for (asked, status) in [
        (person.as_str(), 404),
        (&Uuid::now_v7().to_string(), 404),
        (&Uuid::nil().to_string(), 404),
    ] {
        stranger
            .post("/privacy/erase", json!({"personId": asked}))
            .await
            .expect(status);
        stranger
            .get(&format!("/privacy/export?personId={asked}"))
            .await
            .expect(status);
    }
    server
        .anonymous()
        .post("/privacy/erase", json!({"personId": person}))
        .await
        .expect(401);
    let admin = server.member(&owner, Role::Admin).await;
    let path = format!("/workspaces/{}/privacy/erase", owner.workspace);
    assert_eq!(
        admin.post(&path, json!({"personId": person})).await.expect(200)["status"],
        "erased"
    );

    // The same for oneself, whatever the role: the account goes, and its address is free.
    let member = server.member(&owner, Role::Employee).await;
    let email = member.get("/auth/me").await.expect(200)["email"]
        .as_str()
        .unwrap()
        .to_owned();
    let mine = member
        .get(&format!("/privacy/export?personId={}", member.user))
        .await
        .expect(200);
    assert!(
        mine.to_string().contains(&email) && !mine["addresses"].as_array().unwrap().is_empty(),
        "{mine}"
    );
    assert!(
        !found(&pool, &[&email])
            .await
            .iter()
            .any(|table| table.starts_with("log.")),
        "claims are hashes"
    );
    let told = erase(&member, &member.user).await;
    assert_eq!(told["plan"]["account"], true);
    let left = found(&pool, &[&email]).await;
    assert!(left.is_empty(), "{left:?}");
    let signing_in = json!({"email": email, "password": "SecurePassword123"});
    server
        .anonymous()
        .post("/auth/login", signing_in.clone())
        .await
        .expect(401);
    let verified = server.tool(&["audit", "verify"]);
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stderr)
    );
    let anew = json!({"email": email, "password": "SecurePassword123", "firstName": "Имя", "lastName": "Фамилия", "bin": "999999999990", "companyName": "ТОО"});
    server.anonymous().post("/users/register-owner", anew).await.expect(201);
    let code = server.codes_for(&email).pop();
    assert!(code.is_some());
    let newest = eventually("another code", || async {
        let codes = server.codes_for(&email);
        (codes.len() >= 2).then(|| codes.last().cloned()).flatten()
    })
    .await;
    server
        .anonymous()
        .post("/users/verify-email", json!({"email": email, "code": newest}))
        .await
        .expect(200);
    server.anonymous().post("/auth/login", signing_in).await.expect(200);
}

/// Each table that names a user is emptied of them (`ACCOUNT` of api/src/privacy/erasure.rs), or said here not to be.
#[tokio::test]
async fn every_table_beside_the_log_that_names_a_user_forgets_them() {
    const EMPTIED: [&str; 7] = [
        "credentials",
        "offers",
        "password_resets",
        "recovery_codes",
        "second_factors",
        "sessions",
        "waiting_accounts",
    ];
    const FOLDED: [&str; 2] = ["api_keys", "memberships"];
    // Emptied of all that the workspace has (imports::forget), for a file may tell of anybody.
    const WHOLE: [&str; 1] = ["imports"];
    let server = Server::start_with(&[]).await;
    let named = "select distinct table_name::text from information_schema.columns where table_schema = 'platform' and column_name = 'user_id'";
    let named: Vec<String> = sqlx::query_scalar(named).fetch_all(&server.pool().await).await.unwrap();
    for table in named {
        assert!(
            [&EMPTIED[..], &FOLDED, &WHOLE].concat().contains(&table.as_str()),
            "platform.{table}: who forgets the user there?"
        );
    }
}

/// Where nothing keeps it, and only there.
#[tokio::test]
async fn who_may_see_more_hears_it_in_the_clear_beside_the_stream() {
    let prefix = format!("open-{}", Uuid::now_v7().simple());
    let server = Server::start_with(&[("NATS_URL", &nats_url()), ("NATS_OPEN_PREFIX", &prefix)]).await;
    let owner = server.owner().await;
    let client = async_nats::connect(nats_url()).await.unwrap();
    let subject = format!("{prefix}.{}.customer.created", owner.workspace);
    let mut heard = client.subscribe(subject).await.unwrap();
    client.flush().await.unwrap();
    owner.post("/customers", customer()).await.expect(201);
    let message = tokio::time::timeout(std::time::Duration::from_secs(20), heard.next()).await;
    let message = message.expect("it is told").unwrap();
    let said: Value = serde_json::from_slice(&message.payload).unwrap();
    assert_eq!((&said["name"], &said["phone"]), (&json!(NAME), &json!(PLANTED[1])));
    let kept = published(&owner.workspace, 1).await.join("\n");
    assert!(kept.contains("$sealed") && !kept.contains(NAME), "{kept}");
}
