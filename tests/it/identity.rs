//! Who gets in: registration by either document, the code in the mail, and workspaces.

mod devices;
pub(crate) mod factor;
mod keys;
mod limits;
mod once;
mod organizations;
mod passwords;
mod pending;
mod rotation;
mod session;
mod smtp;

use futures::future::join_all;
use prometric_tests::{Answer, Client, Server, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use std::{collections::BTreeSet, fs};

const PASSWORD: &str = "SecurePassword123";

/// Document 1's body.
fn owner(email: &str, bin: &str) -> Value {
    json!({"email": email, "password": PASSWORD, "firstName": "Имя", "lastName": "Фамилия", "bin": bin, "companyName": "ТОО Компания"})
}

/// Document 2's.
fn organization(email: &str, bin: &str) -> Value {
    json!({
        "email": email, "password": PASSWORD, "firstName": "Нұрдәулет", "lastName": "Ахматов", "phone": "+77001234567",
        "organizationName": "Tech Solutions KZ", "organizationBin": bin,
    })
}

async fn login(client: &Client, email: &str, password: &str) -> Answer {
    client
        .post("/auth/login", json!({"email": email, "password": password}))
        .await
}

async fn count(pool: &PgPool, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
        .fetch_one(pool)
        .await
        .unwrap()
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("a text, not {value}"))
        .to_owned()
}

#[tokio::test]
async fn either_documents_body_registers_an_owner() {
    let server = Server::start_with(&[]).await;
    let (anybody, pool) = (server.anonymous(), server.pool().await);
    let ways = [
        (
            "/users/register-owner",
            owner("one@company.kz", "123456789012"),
            "bin",
            "/users/verify-email",
        ),
        (
            "/auth/register",
            organization("two@company.kz", "123456789013"),
            "organizationBin",
            "/auth/verify-email",
        ),
    ];
    for (register, body, bin_field, verify) in ways {
        let (email, bin) = (text(&body["email"]), text(&body[bin_field]));
        let asked = anybody
            .post("/auth/check-email", json!({"email": email}))
            .await
            .expect(200);
        assert_eq!((&asked["exists"], &asked["available"]), (&json!(false), &json!(true)));
        let asked = anybody.post("/auth/check-bin", json!({"bin": bin})).await.expect(200);
        assert_eq!(
            (&asked["exists"], &asked["checkDigitHolds"]),
            (&json!(false), &json!(bin.ends_with('3')))
        );

        let registered = anybody.post(register, body.clone()).await.expect(201);
        assert_eq!(
            (&registered["user"]["email"], &registered["user"]["status"]),
            (&json!(email), &json!("pending")),
            "{registered}"
        );
        assert!(
            registered["user"]["id"].is_string() && registered["message"].is_string(),
            "{registered}"
        );
        let exist = async || {
            let email = json!({"email": email.to_uppercase()});
            let email = anybody.post("/auth/check-email", email).await.expect(200);
            let bin = anybody.post("/auth/check-bin", json!({"bin": bin})).await.expect(200);
            [email["exists"].clone(), bin["exists"].clone()]
        };
        assert_eq!(exist().await, [json!(false), json!(false)], "nothing is claimed yet");

        login(&anybody, &email, PASSWORD).await.refused(403, "AUTH_FORBIDDEN");
        login(&anybody, &email, "SecurePassword124")
            .await
            .refused(401, "AUTH_INVALID_CREDENTIALS");
        let code = server.code_for(&email).await;
        for _ in 0..2 {
            let verified = anybody
                .post(verify, json!({"email": email, "code": code}))
                .await
                .expect(200);
            assert_eq!(
                verified["message"],
                json!("Email verified successfully"),
                "asking again is no mistake"
            );
        }
        assert_eq!(exist().await, [json!(true), json!(true)]);
        let signed_in = login(&anybody, &format!(" {} ", email.to_uppercase()), PASSWORD)
            .await
            .expect(200);
        for id in ["organizationId", "workspaceId"] {
            assert_eq!(signed_in["user"][id], registered[id], "it is the one that was promised");
        }

        let again = anybody
            .post(register, {
                let mut other = body.clone();
                other[bin_field] = json!("999999999999");
                other["email"] = json!(format!(" {} ", email.to_uppercase()));
                other
            })
            .await;
        assert_eq!(
            again.refused(409, "ALREADY_EXISTS")["rules"],
            json!({"email": "not_unique"})
        );
        let again = anybody
            .post(register, {
                let mut other = body.clone();
                other["email"] = json!("other@company.kz");
                other
            })
            .await;
        assert_eq!(
            again.refused(409, "ALREADY_EXISTS")["rules"],
            json!({bin_field: "not_unique"})
        );
    }
    assert_eq!(count(&pool, "select count(*) from platform.users").await, 2);
    assert_eq!(
        count(&pool, "select count(*) from platform.credentials").await,
        2,
        "a refused registration leaves no password behind"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_register_one_address_at_once_one_gets_it() {
    let server = Server::start_with(&[("PROMETRIC_RATE_LIMITS", "off")]).await;
    let pool = server.pool().await;
    let rivals = (0..6).map(|n| {
        let client = server.anonymous();
        async move {
            let mut body = organization("same@company.kz", &format!("{:012}", 555_000_000_000_u64 + n));
            body["password"] = json!(format!("{PASSWORD}-{n}"));
            client.post("/auth/register", body).await.expect(201)["user"]["id"].clone()
        }
    });
    join_all(rivals).await;
    // The last one's; each took the place of the one before.
    let ids = "select id from platform.registrations where email = 'same@company.kz'";
    let ids: Vec<uuid::Uuid> = sqlx::query_scalar(ids).fetch_all(&pool).await.unwrap();
    let mailed = "select count(*) from platform.registrations where mail_seed is not null";
    eventually("the mail is out", || async {
        (count(&pool, mailed).await == 0).then_some(())
    })
    .await;
    let mut verified = 0;
    for code in server.codes_for("same@company.kz").into_iter().rev().take(5) {
        let body = json!({"email": "same@company.kz", "code": code});
        verified += i32::from(server.anonymous().post("/auth/verify-email", body).await.status == 200);
    }
    assert_eq!((ids.len(), verified), (1, 1));
    let mut entered = vec![];
    for n in 0..6 {
        let answer = login(&server.anonymous(), "same@company.kz", &format!("{PASSWORD}-{n}")).await;
        entered.extend((answer.status == 200).then(|| answer.expect(200)["user"]["id"].clone()));
    }
    assert_eq!(entered, [json!(ids[0])]);
    let repeats = (0..4).map(|_| {
        let client = server.anonymous();
        let body = organization("repeat@company.kz", "666000000000").to_string();
        async move {
            client
                .send(Method::POST, "/auth/register", Some(body), &[("Idempotency-Key", "1")])
                .await
                .expect(201)["user"]["id"]
                .clone()
        }
    });
    let ids: BTreeSet<String> = join_all(repeats).await.iter().map(text).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let code = server.code_for("repeat@company.kz").await;
    server
        .anonymous()
        .post(
            "/auth/verify-email",
            json!({"email": "repeat@company.kz", "code": code}),
        )
        .await
        .expect(200);
    assert_eq!(
        login(&server.anonymous(), "repeat@company.kz", PASSWORD)
            .await
            .expect(200)["user"]["id"],
        json!(ids.first())
    );
    let orphans = "select count(*) from platform.credentials where user_id not in (select id from platform.users)";
    assert_eq!(count(&pool, orphans).await, 0, "nobody's passwords are not kept");
}

#[tokio::test]
async fn a_code_is_good_for_its_address_a_few_tries_and_a_quarter_of_an_hour() {
    let server = Server::start_with(&[]).await;
    let (anybody, pool) = (server.anonymous(), server.pool().await);
    let mut codes = Vec::new();
    for (n, email) in ["guesser@company.kz", "late@company.kz", "patient@company.kz"]
        .into_iter()
        .enumerate()
    {
        let mut body = organization(email, &format!("{:012}", 444_000_000_000_usize + n));
        body["firstName"] = json!("Агент 654321");
        anybody.post("/auth/register", body).await.expect(201);
        let code = server.code_for(email).await;
        let mail = fs::read_dir(&server.mail_dir)
            .unwrap()
            .filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok())
            .find(|mail| mail.contains(email))
            .unwrap();
        let sixes: Vec<&str> = mail
            .split(|c: char| !c.is_alphanumeric())
            .filter(|run| run.len() == 6 && run.bytes().all(|byte| byte.is_ascii_digit()))
            .collect();
        assert_eq!(
            sixes,
            [code.as_str(); 2],
            "in text and HTML the code is the only free-standing number of six digits"
        );
        codes.push(code);
    }
    let wrong = (0..)
        .map(|n| format!("{n:06}"))
        .find(|code| !codes.contains(code))
        .unwrap();
    let verify = async |email: &str, code: &str| {
        anybody
            .post("/auth/verify-email", json!({"email": email, "code": code}))
            .await
    };
    for (email, code) in [
        ("guesser@company.kz", wrong.as_str()),
        ("guesser@company.kz", &codes[1]),
        ("nobody@company.kz", &codes[0]),
        ("guesser@company.kz", "1"),
        ("guesser@company.kz", "'--"),
    ] {
        let told = verify(email, code).await.refused(400, "VALIDATION_FAILED");
        assert_eq!(
            (&told["rules"], &told["reason"]),
            (&json!({"code": "not_allowed"}), &json!("user.code_wrong")),
            "an unknown address is not told from a wrong code"
        );
    }
    for _ in 0..5 {
        verify("guesser@company.kz", &wrong)
            .await
            .refused(400, "VALIDATION_FAILED");
    }
    verify("guesser@company.kz", &codes[0])
        .await
        .refused(400, "VALIDATION_FAILED");
    sqlx::query(
        "update platform.registrations set expires_at = now() - interval '1 second' where email = 'late@company.kz'",
    )
    .execute(&pool)
    .await
    .unwrap();
    verify("late@company.kz", &codes[1])
        .await
        .refused(400, "VALIDATION_FAILED");
    login(&anybody, "late@company.kz", PASSWORD)
        .await
        .refused(403, "AUTH_FORBIDDEN");
    let renewed = || async { server.codes_for("late@company.kz").get(1).cloned() };
    let renewed = eventually("another code for who knows the password", renewed).await;
    verify("late@company.kz", &renewed).await.expect(200);
    verify("patient@company.kz", &wrong)
        .await
        .refused(400, "VALIDATION_FAILED");
    verify("patient@company.kz", &format!(" {} ", codes[2]))
        .await
        .expect(200);
    login(&anybody, "patient@company.kz", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn workspaces_are_made_shown_and_renamed() {
    let server = Server::start_with(&[]).await;
    let (person, pool) = (server.owner().await, server.pool().await);
    let first = person.items("/workspaces").await;
    assert_eq!(
        (first.len(), &first[0]["id"], &first[0]["type"], &first[0]["role"]),
        (1, &json!(person.workspace), &json!("corporate"), &json!("owner"))
    );
    let mut slugs = BTreeSet::from([text(&first[0]["slug"])]);
    for name in [
        "Алматы",
        "Алматы",
        "!!!",
        "Ұлы Дала  ",
        "a-b",
        "a b",
        "a_b",
        "DROP SCHEMA log CASCADE;--",
        &"Қ".repeat(200),
        "log",
        "platform",
    ] {
        let made = person.post("/workspaces", json!({"name": name})).await.expect(201);
        let (id, slug, key) = (text(&made["id"]), text(&made["slug"]), text(&made["tenantKey"]));
        assert_eq!(
            (&made["name"], &made["type"]),
            (&json!(name.trim()), &json!("corporate"))
        );
        assert!(
            !slug.is_empty()
                && slug
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{slug}"
        );
        let (prefix, hex) = key.rsplit_once('_').unwrap();
        assert!(
            prefix == slug
                && hex.len() == 8
                && hex
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)),
            "{key}"
        );
        assert!(slugs.insert(slug.clone()), "{slug} is somebody's already");
        let seen = person.get(&format!("/workspaces/{id}")).await.expect(200);
        assert_eq!(
            (&seen["slug"], &seen["tenantKey"], &seen["version"]),
            (&json!(slug), &json!(key), &made["version"])
        );
        let inside = person
            .send(
                Method::POST,
                "/customers",
                Some(json!({"name": name}).to_string()),
                &[("X-Tenant-Key", &key)],
            )
            .await;
        inside.expect(201);
        let schema = format!(
            "select count(*) from pg_namespace where nspname = 'tenant_{}' and nspowner = to_regrole(nspname)",
            slug.replace('-', "_")
        );
        let customers = person.get(&format!("/workspaces/{id}/customers")).await.expect(200);
        assert_eq!(customers["total"], json!(1));
        assert_eq!(count(&pool, &schema).await, 1, "a schema of its own for {slug}");
    }
    let all = person.get("/workspaces").await.expect(200);
    assert_eq!(
        (&all["total"], all["items"].as_array().unwrap().len()),
        (&json!(12), 12)
    );

    let one = format!("/workspaces/{}", person.workspace);
    let renamed = person.put(&one, json!({"name": "  Новое имя "})).await.expect(200);
    assert_eq!(
        (&renamed["name"], &renamed["slug"]),
        (&json!("Новое имя"), &first[0]["slug"]),
        "the slug stays"
    );
    assert!(renamed["version"].as_i64() > first[0]["version"].as_i64());
    let seen = person.get(&one).await.expect(200);
    assert_eq!(
        (&seen["name"], &seen["version"], &seen["tenantKey"]),
        (&renamed["name"], &renamed["version"], &first[0]["tenantKey"])
    );
    for body in [json!({}), json!({"name": " "})] {
        assert_eq!(
            person
                .post("/workspaces", body.clone())
                .await
                .refused(400, "REQUIRED_FIELD")["rules"]["name"],
            json!("required")
        );
        assert_eq!(
            person.put(&one, body).await.refused(400, "REQUIRED_FIELD")["rules"]["name"],
            json!("required")
        );
    }
    assert_eq!(person.items("/workspaces").await.len(), 12);
}
