//! Signing in, sessions and tokens; and that no secret is to be found where it does not belong.

use super::{PASSWORD, count, login, organization, text};
use prometric_tests::{Answer, Client, Server, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use std::collections::BTreeSet;

async fn refresh(client: &Client, token: &str) -> Answer {
    client.post("/auth/refresh", json!({"refreshToken": token})).await
}

#[tokio::test]
async fn signing_in_answers_both_documents_at_once() {
    let server = Server::start_with(&[]).await;
    let person = server.owner().await;
    let me = person.get("/auth/me").await.expect(200);
    let email = text(&me["email"]);
    for path in ["/auth/login", "/auth/login-email"] {
        let Answer { body, status, .. } = person
            .with_token(None)
            .post(path, json!({"email": email, "password": PASSWORD}))
            .await;
        assert_eq!((status, &body["success"]), (200, &json!(true)), "{body}");
        let user = &body["data"]["user"];
        for (flat, nested) in [
            ("accessToken", &body["data"]["accessToken"]),
            ("refreshToken", &body["data"]["refreshToken"]),
            ("userId", &user["id"]),
            ("workspaceId", &user["workspaceId"]),
            ("organizationId", &user["organizationId"]),
            ("organizationRole", &user["organizationRole"]),
        ] {
            assert!(body[flat].is_string() && body[flat] == *nested, "{flat} in {body}");
        }
        assert_eq!(
            (
                &user["email"],
                &user["firstName"],
                &user["lastName"],
                &user["organizationRole"]
            ),
            (&json!(email), &json!("Имя"), &json!("Фамилия"), &json!("owner"))
        );
        let fresh = person.with_token(body["accessToken"].as_str());
        assert_eq!(fresh.get("/auth/me").await.expect(200)["id"], user["id"]);
    }
    let wrong = login(&person, &email, "wrong").await;
    let nobody = login(&person, "nobody@company.kz", PASSWORD).await;
    let told = |answer: &Answer| {
        (
            answer.status,
            answer.body["error"]["code"].clone(),
            answer.body["error"]["message"].clone(),
            answer.body["error"]["details"].clone(),
        )
    };
    assert_eq!(told(&wrong), told(&nobody), "who is registered is not told");
    wrong.refused(401, "AUTH_INVALID_CREDENTIALS");
    for wrong in [
        "securepassword123",
        " SecurePassword123",
        "SecurePassword123 ",
        &format!("{PASSWORD}{}", "x".repeat(10_000)),
    ] {
        login(&person, &email, wrong)
            .await
            .refused(401, "AUTH_INVALID_CREDENTIALS");
    }
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_a_replay_ends_its_family() {
    let server = Server::start_with(&[]).await;
    let (person, stranger, pool) = (server.owner().await, server.owner().await, server.pool().await);
    let email = text(&person.get("/auth/me").await.expect(200)["email"]);
    let begin = async || text(&login(&person, &email, PASSWORD).await.expect(200)["refreshToken"]);
    let ended = async |token: &str| refresh(&person, token).await.refused(401, "AUTH_UNAUTHORIZED");

    let (first, other_device) = (begin().await, begin().await);
    let second = refresh(&person, &first).await;
    assert!(
        second.body["accessToken"] == second.body["data"]["accessToken"]
            && second.body["data"]["accessToken"].is_string()
    );
    let second = second.expect(200);
    person
        .with_token(second["accessToken"].as_str())
        .get("/auth/me")
        .await
        .expect(200);
    let second = text(&second["refreshToken"]);
    let third = text(&refresh(&person, &second).await.expect(200)["refreshToken"]);
    assert_eq!(
        BTreeSet::from([&first, &second, &third]).len(),
        3,
        "every refresh gives a new one"
    );
    ended(&first).await;
    ended(&third).await;
    ended(&second).await;
    let other_device = text(&refresh(&person, &other_device).await.expect(200)["refreshToken"]);

    let mine = begin().await;
    stranger
        .post("/auth/logout", json!({"refreshToken": mine}))
        .await
        .expect(200);
    let mine = text(&refresh(&person, &mine).await.expect(200)["refreshToken"]);
    person
        .post("/auth/logout", json!({"refreshToken": mine}))
        .await
        .expect(200);
    ended(&mine).await;
    let other_device = text(&refresh(&person, &other_device).await.expect(200)["refreshToken"]);
    person.post("/auth/logout", json!({})).await.expect(200);
    ended(&other_device).await;
    person
        .with_token(None)
        .post("/auth/logout", json!({"refreshToken": mine}))
        .await
        .refused(401, "AUTH_UNAUTHORIZED");

    let late = begin().await;
    sqlx::query("update platform.sessions set expires_at = now() - interval '1 second' where user_id = $1::uuid")
        .bind(&person.user)
        .execute(&pool)
        .await
        .unwrap();
    refresh(&person, &late).await.refused(401, "AUTH_TOKEN_EXPIRED");
    for garbage in ["a", "null", "'; delete from platform.sessions; --", &"a".repeat(10_000)] {
        ended(garbage).await;
    }
    refresh(&person, "").await.refused(400, "REQUIRED_FIELD");
}

#[tokio::test]
async fn no_secret_is_in_the_log_nor_in_what_the_server_says() {
    const SECRET: &str = "Тайна-9431-Secret";
    let server = Server::start_with(&[("RUST_LOG", "debug")]).await;
    let (mut person, pool) = (server.anonymous(), server.pool().await);
    let mut body = organization("secret@company.kz", "333000000000");
    body["password"] = json!(SECRET);
    person
        .send(
            Method::POST,
            "/auth/register",
            Some(body.to_string()),
            &[("Idempotency-Key", "1")],
        )
        .await
        .expect(201);
    let code = server.code_for("secret@company.kz").await;
    login(&person, "secret@company.kz", SECRET)
        .await
        .refused(403, "AUTH_FORBIDDEN");
    person
        .post("/auth/register", json!({"email": "a", "password": SECRET}))
        .await
        .refused(400, "VALIDATION_FAILED");
    person
        .send(
            Method::POST,
            "/auth/verify-email",
            Some(json!({"email": "secret@company.kz", "code": code}).to_string()),
            &[("Idempotency-Key", "2")],
        )
        .await
        .expect(200);
    person.post("/auth/register", body).await.refused(409, "ALREADY_EXISTS");
    login(&person, "secret@company.kz", &SECRET.to_lowercase())
        .await
        .refused(401, "AUTH_INVALID_CREDENTIALS");
    let keyed = async |path: &str, body: Value| {
        let key = [("Idempotency-Key", "3")];
        person.send(Method::POST, path, Some(body.to_string()), &key).await
    };
    let first = json!({"email": "secret@company.kz", "password": SECRET});
    let first = keyed("/auth/login", first).await.expect(200);
    let second = json!({"refreshToken": first["refreshToken"]});
    let second = keyed("/auth/refresh", second).await.expect(200);
    person.token = second["accessToken"].as_str().map(str::to_owned);
    person.post("/customers", json!({"name": "Клиент"})).await.expect(201);
    person
        .send(Method::GET, &format!("/customers?search={code}"), None, &[])
        .await
        .expect(200);
    person
        .post("/auth/logout", json!({"refreshToken": second["refreshToken"]}))
        .await
        .expect(200);

    let mut secrets = vec![SECRET.to_owned(), SECRET.to_lowercase()];
    for answer in [&first, &second] {
        secrets.extend(["accessToken", "refreshToken"].map(|token| text(&answer[token])));
    }
    let tables = "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&pool).await.unwrap();
    assert!(tables.iter().any(|table| table == "log.events"));
    for table in tables {
        let rows = format!("select t::text from {table} t");
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_all(&pool).await.unwrap();
        for row in rows {
            assert!(
                secrets.iter().all(|secret| !row.contains(secret)),
                "a secret in {table}: {row}"
            );
            assert!(!words(&row).any(|word| word == code), "the code in {table}: {row}");
        }
    }
    assert_eq!(
        count(
            &pool,
            "select count(*) from platform.credentials where password_hash not like '$argon2id$%'"
        )
        .await,
        0
    );
    let said = server.said();
    assert!(said.len() > 1_000, "at this level it says a lot");
    for line in said.lines().filter(|line| !line.contains("search=")) {
        assert!(
            secrets.iter().all(|secret| !line.contains(secret)),
            "a secret on stderr: {line}"
        );
        assert!(!words(line).any(|word| word == code), "the code on stderr: {line}");
    }
    assert!(!said.contains("search="), "a query string may hold personal data");
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
}

#[tokio::test]
async fn only_a_token_of_ours_that_is_fresh_opens_the_door() {
    let (server, elsewhere) = (
        Server::start_with(&[("JWT_EXPIRATION", "1s")]).await,
        Server::start_with(&[]).await,
    );
    let (owner, stranger) = (server.owner().await, elsewhere.owner().await);
    let (ours, theirs) = (owner.token.clone().unwrap(), stranger.token.clone().unwrap());
    let parts: Vec<&str> = ours.split('.').collect();
    let foreign: Vec<&str> = theirs.split('.').collect();
    let header = |json: &str| base64url(json.as_bytes());
    let far = base64url(
        format!(
            "{{\"sub\":\"{}\",\"wid\":\"{}\",\"iat\":0,\"exp\":99999999999,\"jti\":\"{}\"}}",
            owner.user, owner.workspace, owner.user
        )
        .as_bytes(),
    );
    let garbage = [
        None,
        Some(String::new()),
        Some("null".to_owned()),
        Some("a.b.c".to_owned()),
        Some("....".to_owned()),
        Some("é".to_owned()),
        Some("a".repeat(10_000)),
        Some(theirs.clone()),
        Some(format!("{}.{}.{}", parts[0], parts[1], foreign[2])),
        Some(format!("{}.{}.{}", parts[0], foreign[1], foreign[2])),
        Some(format!("{}.{far}.{}", parts[0], parts[2])),
        Some(format!("{}.{far}.", parts[0])),
        Some(format!("{}.{far}.", header("{\"alg\":\"none\"}"))),
        Some(format!(
            "{}.{far}.{}",
            header("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"),
            parts[2]
        )),
        Some(format!(
            "{}.{far}.{}",
            header("{\"alg\":\"EdDSA\",\"kid\":\"' or true --\"}"),
            parts[2]
        )),
    ];
    let before = sqlx::query_scalar::<_, i64>("select sum(position)::bigint from log.heads");
    let pool = server.pool().await;
    let before = before.fetch_one(&pool).await.unwrap();
    for token in garbage {
        let somebody = owner.with_token(token.as_deref());
        for answer in [
            somebody.get("/customers").await,
            somebody.post("/customers", json!({"name": "a"})).await,
            somebody.get("/auth/me").await,
        ] {
            answer.refused(401, "AUTH_UNAUTHORIZED");
        }
    }
    let headless = owner.with_token(None);
    for value in [
        "Bearer",
        "Bearer ",
        "Basic YTpi",
        &ours,
        &format!("Token {ours}"),
        &format!("Bearer {ours} {ours}"),
    ] {
        headless
            .send(Method::GET, "/auth/me", None, &[("Authorization", value)])
            .await
            .refused(401, "AUTH_UNAUTHORIZED");
    }
    let expired = async || Some(owner.get("/auth/me").await).filter(|answer| answer.status != 200);
    eventually("the token expires", expired)
        .await
        .refused(401, "AUTH_TOKEN_EXPIRED");
    owner
        .post("/customers", json!({"name": "a"}))
        .await
        .refused(401, "AUTH_TOKEN_EXPIRED");
    owner
        .get(&format!("/workspaces/{}/deals", owner.workspace))
        .await
        .refused(401, "AUTH_TOKEN_EXPIRED");
    let after: i64 = sqlx::query_scalar("select sum(position)::bigint from log.heads")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(after, before, "nothing was written");
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits = bytes.chunks(3).flat_map(|chunk| {
        let word = chunk
            .iter()
            .enumerate()
            .fold(0_u32, |word, (n, byte)| word | u32::from(*byte) << (16 - 8 * n));
        (0..=chunk.len()).map(move |n| char::from(DIGITS[(word >> (18 - 6 * n) & 63) as usize]))
    });
    digits.collect()
}
