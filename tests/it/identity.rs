//! Who gets in: registration by either document, the code in the mail, sign-in, sessions, workspaces; and that no secret
//! is to be found where it does not belong.

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
    client.post("/auth/login", json!({"email": email, "password": password})).await
}

async fn refresh(client: &Client, token: &str) -> Answer {
    client.post("/auth/refresh", json!({"refreshToken": token})).await
}

async fn count(pool: &PgPool, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(pool).await.unwrap()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text, not {value}")).to_owned()
}

#[tokio::test]
async fn either_documents_body_registers_an_owner() {
    let server = Server::start_with(&[]).await;
    let (anybody, pool) = (server.anonymous(), server.pool().await);
    let ways = [
        ("/users/register-owner", owner("one@company.kz", "123456789012"), "bin", "/users/verify-email"),
        ("/auth/register", organization("two@company.kz", "123456789013"), "organizationBin", "/auth/verify-email"),
    ];
    for (register, body, bin_field, verify) in ways {
        let (email, bin) = (text(&body["email"]), text(&body[bin_field]));
        let asked = anybody.post("/auth/check-email", json!({"email": email})).await.expect(200);
        assert_eq!((&asked["exists"], &asked["available"]), (&json!(false), &json!(true)));
        let asked = anybody.post("/auth/check-bin", json!({"bin": bin})).await.expect(200);
        assert_eq!((&asked["exists"], &asked["checkDigitHolds"]), (&json!(false), &json!(bin.ends_with('3'))));

        let registered = anybody.post(register, body.clone()).await.expect(201);
        assert_eq!((&registered["user"]["email"], &registered["user"]["status"]), (&json!(email), &json!("pending")), "{registered}");
        assert!(registered["user"]["id"].is_string() && registered["message"].is_string(), "{registered}");
        assert_eq!(anybody.post("/auth/check-email", json!({"email": email.to_uppercase()})).await.expect(200)["exists"], json!(true));
        assert_eq!(anybody.post("/auth/check-bin", json!({"bin": bin})).await.expect(200)["exists"], json!(true));

        login(&anybody, &email, PASSWORD).await.refused(403, "AUTH_FORBIDDEN");
        login(&anybody, &email, "SecurePassword124").await.refused(401, "AUTH_INVALID_CREDENTIALS");
        let code = server.code_for(&email).await;
        for _ in 0..2 {
            let verified = anybody.post(verify, json!({"email": email, "code": code})).await.expect(200);
            assert_eq!(verified["message"], json!("Email verified successfully"), "asking again is no mistake");
        }
        login(&anybody, &format!(" {} ", email.to_uppercase()), PASSWORD).await.expect(200);

        let again = anybody.post(register, { let mut other = body.clone(); other[bin_field] = json!("999999999999"); other["email"] = json!(format!(" {} ", email.to_uppercase())); other }).await;
        assert_eq!(again.refused(409, "ALREADY_EXISTS")["rules"], json!({"email": "not_unique"}));
        let again = anybody.post(register, { let mut other = body.clone(); other["email"] = json!("other@company.kz"); other }).await;
        assert_eq!(again.refused(409, "ALREADY_EXISTS")["rules"], json!({bin_field: "not_unique"}));
    }
    assert_eq!(count(&pool, "select count(*) from platform.users").await, 2);
    assert_eq!(count(&pool, "select count(*) from platform.credentials").await, 2, "a refused registration leaves no password behind");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_register_one_address_at_once_one_gets_it() {
    let server = Server::start_with(&[]).await;
    let pool = server.pool().await;
    let rivals = (0..6).map(|n| {
        let client = server.anonymous();
        async move { client.post("/auth/register", organization("same@company.kz", &format!("{:012}", 555_000_000_000_u64 + n))).await }
    });
    let mut statuses: Vec<u16> = join_all(rivals).await.into_iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409]);
    let repeats = (0..4).map(|_| {
        let client = server.anonymous();
        let body = organization("repeat@company.kz", "666000000000").to_string();
        async move { client.send(Method::POST, "/auth/register", Some(body), &[("Idempotency-Key", "1")]).await.expect(201)["user"]["id"].clone() }
    });
    let ids: BTreeSet<String> = join_all(repeats).await.iter().map(text).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let code = server.code_for("repeat@company.kz").await;
    server.anonymous().post("/auth/verify-email", json!({"email": "repeat@company.kz", "code": code})).await.expect(200);
    assert_eq!(login(&server.anonymous(), "repeat@company.kz", PASSWORD).await.expect(200)["user"]["id"], json!(ids.first()));
    let orphans = "select count(*) from platform.credentials where user_id not in (select id from platform.users)";
    assert_eq!(count(&pool, orphans).await, 0, "nobody's passwords are not kept");
}

#[tokio::test]
async fn a_code_is_good_for_its_address_a_few_tries_and_a_day() {
    let server = Server::start_with(&[]).await;
    let (anybody, pool) = (server.anonymous(), server.pool().await);
    let mut codes = Vec::new();
    for (n, email) in ["guesser@company.kz", "late@company.kz", "patient@company.kz"].into_iter().enumerate() {
        let mut body = organization(email, &format!("{:012}", 444_000_000_000_usize + n));
        body["firstName"] = json!("Агент 654321");
        anybody.post("/auth/register", body).await.expect(201);
        let code = server.code_for(email).await;
        let mail = fs::read_dir(&server.mail_dir).unwrap().filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok()).find(|mail| mail.contains(email)).unwrap();
        let sixes: Vec<&str> = mail.split(|c: char| !c.is_alphanumeric()).filter(|run| run.len() == 6 && run.bytes().all(|byte| byte.is_ascii_digit())).collect();
        assert_eq!(sixes, [code.as_str()], "the code is the only free-standing number of six digits");
        codes.push(code);
    }
    let wrong = (0..).map(|n| format!("{n:06}")).find(|code| !codes.contains(code)).unwrap();
    let verify = async |email: &str, code: &str| anybody.post("/auth/verify-email", json!({"email": email, "code": code})).await;
    for (email, code) in [("guesser@company.kz", wrong.as_str()), ("guesser@company.kz", &codes[1]), ("nobody@company.kz", &codes[0]), ("guesser@company.kz", "1"), ("guesser@company.kz", "'--")] {
        let told = verify(email, code).await.refused(400, "VALIDATION_FAILED");
        assert_eq!((&told["rules"], &told["reason"]), (&json!({"code": "not_allowed"}), &json!("user.code_wrong")), "an unknown address is not told from a wrong code");
    }
    for _ in 0..5 {
        verify("guesser@company.kz", &wrong).await.refused(400, "VALIDATION_FAILED");
    }
    verify("guesser@company.kz", &codes[0]).await.refused(400, "VALIDATION_FAILED");
    sqlx::query("update platform.email_codes set expires_at = now() - interval '1 second' where user_id = (select id from platform.users where email = 'late@company.kz')")
        .execute(&pool)
        .await
        .unwrap();
    verify("late@company.kz", &codes[1]).await.refused(400, "VALIDATION_FAILED");
    login(&anybody, "late@company.kz", PASSWORD).await.refused(403, "AUTH_FORBIDDEN");
    verify("patient@company.kz", &wrong).await.refused(400, "VALIDATION_FAILED");
    verify("patient@company.kz", &format!(" {} ", codes[2])).await.expect(200);
    login(&anybody, "patient@company.kz", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn signing_in_answers_both_documents_at_once() {
    let server = Server::start_with(&[]).await;
    let person = server.owner().await;
    let me = person.get("/auth/me").await.expect(200);
    let email = text(&me["email"]);
    for path in ["/auth/login", "/auth/login-email"] {
        let Answer { body, status, .. } = person.with_token(None).post(path, json!({"email": email, "password": PASSWORD})).await;
        assert_eq!((status, &body["success"]), (200, &json!(true)), "{body}");
        let user = &body["data"]["user"];
        for (flat, nested) in [("accessToken", &body["data"]["accessToken"]), ("refreshToken", &body["data"]["refreshToken"]), ("userId", &user["id"]), ("workspaceId", &user["workspaceId"]), ("organizationId", &user["organizationId"]), ("organizationRole", &user["organizationRole"])] {
            assert!(body[flat].is_string() && body[flat] == *nested, "{flat} in {body}");
        }
        assert_eq!((&user["email"], &user["firstName"], &user["lastName"], &user["organizationRole"]), (&json!(email), &json!("Имя"), &json!("Фамилия"), &json!("owner")));
        let fresh = person.with_token(body["accessToken"].as_str());
        assert_eq!(fresh.get("/auth/me").await.expect(200)["id"], user["id"]);
    }
    let wrong = login(&person, &email, "wrong").await;
    let nobody = login(&person, "nobody@company.kz", PASSWORD).await;
    let told = |answer: &Answer| (answer.status, answer.body["error"]["code"].clone(), answer.body["error"]["message"].clone(), answer.body["error"]["details"].clone());
    assert_eq!(told(&wrong), told(&nobody), "who is registered is not told");
    wrong.refused(401, "AUTH_INVALID_CREDENTIALS");
    for wrong in ["securepassword123", " SecurePassword123", "SecurePassword123 ", &format!("{PASSWORD}{}", "x".repeat(100_000))] {
        login(&person, &email, wrong).await.refused(401, "AUTH_INVALID_CREDENTIALS");
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
    assert!(second.body["accessToken"] == second.body["data"]["accessToken"] && second.body["data"]["accessToken"].is_string());
    let second = second.expect(200);
    person.with_token(second["accessToken"].as_str()).get("/auth/me").await.expect(200);
    let second = text(&second["refreshToken"]);
    let third = text(&refresh(&person, &second).await.expect(200)["refreshToken"]);
    assert_eq!(BTreeSet::from([&first, &second, &third]).len(), 3, "every refresh gives a new one");
    ended(&first).await;
    ended(&third).await;
    ended(&second).await;
    let other_device = text(&refresh(&person, &other_device).await.expect(200)["refreshToken"]);

    let mine = begin().await;
    stranger.post("/auth/logout", json!({"refreshToken": mine})).await.expect(200);
    let mine = text(&refresh(&person, &mine).await.expect(200)["refreshToken"]);
    person.post("/auth/logout", json!({"refreshToken": mine})).await.expect(200);
    ended(&mine).await;
    let other_device = text(&refresh(&person, &other_device).await.expect(200)["refreshToken"]);
    person.post("/auth/logout", json!({})).await.expect(200);
    ended(&other_device).await;
    person.with_token(None).post("/auth/logout", json!({"refreshToken": mine})).await.refused(401, "AUTH_UNAUTHORIZED");

    let late = begin().await;
    sqlx::query("update platform.sessions set expires_at = now() - interval '1 second' where user_id = $1::uuid").bind(&person.user).execute(&pool).await.unwrap();
    refresh(&person, &late).await.refused(401, "AUTH_TOKEN_EXPIRED");
    for garbage in ["a", "null", "'; delete from platform.sessions; --", &"a".repeat(100_000)] {
        ended(garbage).await;
    }
    refresh(&person, "").await.refused(400, "REQUIRED_FIELD");
}

#[tokio::test]
async fn workspaces_are_made_shown_and_renamed() {
    let server = Server::start_with(&[]).await;
    let (person, pool) = (server.owner().await, server.pool().await);
    let first = person.items("/workspaces").await;
    assert_eq!((first.len(), &first[0]["id"], &first[0]["type"], &first[0]["role"]), (1, &json!(person.workspace), &json!("corporate"), &json!("owner")));
    let mut slugs = BTreeSet::from([text(&first[0]["slug"])]);
    for name in ["Алматы", "Алматы", "!!!", "Ұлы Дала  ", "a-b", "a b", "a_b", "DROP SCHEMA log CASCADE;--", &"Қ".repeat(200), "log", "platform"] {
        let made = person.post("/workspaces", json!({"name": name})).await.expect(201);
        let (id, slug, key) = (text(&made["id"]), text(&made["slug"]), text(&made["tenantKey"]));
        assert_eq!((&made["name"], &made["type"]), (&json!(name.trim()), &json!("corporate")));
        assert!(!slug.is_empty() && slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'), "{slug}");
        let (prefix, hex) = key.rsplit_once('_').unwrap();
        assert!(prefix == slug && hex.len() == 8 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)), "{key}");
        assert!(slugs.insert(slug.clone()), "{slug} is somebody's already");
        let schema = format!("select count(*) from pg_namespace where nspname = 'tenant_{}' and nspowner = to_regrole(nspname)", slug.replace('-', "_"));
        assert_eq!(count(&pool, &schema).await, 1, "a schema of its own for {slug}");
        let seen = person.get(&format!("/workspaces/{id}")).await.expect(200);
        assert_eq!((&seen["slug"], &seen["tenantKey"], &seen["version"]), (&json!(slug), &json!(key), &made["version"]));
        let inside = person.send(Method::POST, "/customers", Some(json!({"name": name}).to_string()), &[("X-Tenant-Key", &key)]).await;
        inside.expect(201);
        assert_eq!(person.get(&format!("/workspaces/{id}/customers")).await.expect(200)["total"], json!(1));
    }
    let all = person.get("/workspaces").await.expect(200);
    assert_eq!((&all["total"], all["items"].as_array().unwrap().len()), (&json!(12), 12));

    let one = format!("/workspaces/{}", person.workspace);
    let renamed = person.put(&one, json!({"name": "  Новое имя "})).await.expect(200);
    assert_eq!((&renamed["name"], &renamed["slug"]), (&json!("Новое имя"), &first[0]["slug"]), "the slug stays");
    assert!(renamed["version"].as_i64() > first[0]["version"].as_i64());
    let seen = person.get(&one).await.expect(200);
    assert_eq!((&seen["name"], &seen["version"], &seen["tenantKey"]), (&renamed["name"], &renamed["version"], &first[0]["tenantKey"]));
    for body in [json!({}), json!({"name": " "})] {
        assert_eq!(person.post("/workspaces", body.clone()).await.refused(400, "REQUIRED_FIELD")["rules"]["name"], json!("required"));
        assert_eq!(person.put(&one, body).await.refused(400, "REQUIRED_FIELD")["rules"]["name"], json!("required"));
    }
    assert_eq!(person.items("/workspaces").await.len(), 12);
}

#[tokio::test]
async fn no_secret_is_in_the_log_nor_in_what_the_server_says() {
    const SECRET: &str = "Тайна-9431-Secret";
    let server = Server::start_with(&[("RUST_LOG", "debug")]).await;
    let (mut person, pool) = (server.anonymous(), server.pool().await);
    let mut body = organization("secret@company.kz", "333000000000");
    body["password"] = json!(SECRET);
    person.send(Method::POST, "/auth/register", Some(body.to_string()), &[("Idempotency-Key", "1")]).await.expect(201);
    let code = server.code_for("secret@company.kz").await;
    login(&person, "secret@company.kz", SECRET).await.refused(403, "AUTH_FORBIDDEN");
    person.post("/auth/register", body).await.refused(409, "ALREADY_EXISTS");
    person.post("/auth/register", json!({"email": "a", "password": SECRET})).await.refused(400, "VALIDATION_FAILED");
    person.send(Method::POST, "/auth/verify-email", Some(json!({"email": "secret@company.kz", "code": code}).to_string()), &[("Idempotency-Key", "2")]).await.expect(200);
    login(&person, "secret@company.kz", &SECRET.to_lowercase()).await.refused(401, "AUTH_INVALID_CREDENTIALS");
    let first = login(&person, "secret@company.kz", SECRET).await.expect(200);
    let second = refresh(&person, first["refreshToken"].as_str().unwrap()).await.expect(200);
    person.token = second["accessToken"].as_str().map(str::to_owned);
    person.post("/customers", json!({"name": "Клиент"})).await.expect(201);
    person.send(Method::GET, &format!("/customers?search={code}"), None, &[]).await.expect(200);
    person.post("/auth/logout", json!({"refreshToken": second["refreshToken"]})).await.expect(200);

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
            assert!(secrets.iter().all(|secret| !row.contains(secret)), "a secret in {table}: {row}");
            assert!(!words(&row).any(|word| word == code), "the code in {table}: {row}");
        }
    }
    assert_eq!(count(&pool, "select count(*) from platform.credentials where password_hash not like '$argon2id$%'").await, 0);
    let said = server.said();
    assert!(said.len() > 1_000, "at this level it says a lot");
    for line in said.lines().filter(|line| !line.contains("search=")) {
        assert!(secrets.iter().all(|secret| !line.contains(secret)), "a secret on stderr: {line}");
        assert!(!words(line).any(|word| word == code), "the code on stderr: {line}");
    }
    assert!(!said.contains("search="), "a query string may hold personal data");
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
}

#[tokio::test]
async fn only_a_token_of_ours_that_is_fresh_opens_the_door() {
    let (server, elsewhere) = (Server::start_with(&[("JWT_EXPIRATION", "1s")]).await, Server::start_with(&[]).await);
    let (owner, stranger) = (server.owner().await, elsewhere.owner().await);
    let (ours, theirs) = (owner.token.clone().unwrap(), stranger.token.clone().unwrap());
    let parts: Vec<&str> = ours.split('.').collect();
    let foreign: Vec<&str> = theirs.split('.').collect();
    let header = |json: &str| base64url(json.as_bytes());
    let far = base64url(format!("{{\"sub\":\"{}\",\"wid\":\"{}\",\"iat\":0,\"exp\":99999999999,\"jti\":\"{}\"}}", owner.user, owner.workspace, owner.user).as_bytes());
    let garbage = [
        None,
        Some(String::new()),
        Some("null".to_owned()),
        Some("a.b.c".to_owned()),
        Some("....".to_owned()),
        Some("é".to_owned()),
        Some("a".repeat(20_000)),
        Some(theirs.clone()),
        Some(format!("{}.{}.{}", parts[0], parts[1], foreign[2])),
        Some(format!("{}.{}.{}", parts[0], foreign[1], foreign[2])),
        Some(format!("{}.{far}.{}", parts[0], parts[2])),
        Some(format!("{}.{far}.", parts[0])),
        Some(format!("{}.{far}.", header("{\"alg\":\"none\"}"))),
        Some(format!("{}.{far}.{}", header("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), parts[2])),
        Some(format!("{}.{far}.{}", header("{\"alg\":\"EdDSA\",\"kid\":\"' or true --\"}"), parts[2])),
    ];
    let before = sqlx::query_scalar::<_, i64>("select sum(position)::bigint from log.heads");
    let pool = server.pool().await;
    let before = before.fetch_one(&pool).await.unwrap();
    for token in garbage {
        let somebody = owner.with_token(token.as_deref());
        for answer in [somebody.get("/customers").await, somebody.post("/customers", json!({"name": "a"})).await, somebody.get("/auth/me").await] {
            answer.refused(401, "AUTH_UNAUTHORIZED");
        }
    }
    let headless = owner.with_token(None);
    for value in ["Bearer", "Bearer ", "Basic YTpi", &ours, &format!("Token {ours}"), &format!("Bearer {ours} {ours}")] {
        headless.send(Method::GET, "/auth/me", None, &[("Authorization", value)]).await.refused(401, "AUTH_UNAUTHORIZED");
    }
    let expired = async || Some(owner.get("/auth/me").await).filter(|answer| answer.status != 200);
    eventually("the token expires", expired).await.refused(401, "AUTH_TOKEN_EXPIRED");
    owner.post("/customers", json!({"name": "a"})).await.refused(401, "AUTH_TOKEN_EXPIRED");
    owner.get(&format!("/workspaces/{}/deals", owner.workspace)).await.refused(401, "AUTH_TOKEN_EXPIRED");
    let after: i64 = sqlx::query_scalar("select sum(position)::bigint from log.heads").fetch_one(&pool).await.unwrap();
    assert_eq!(after, before, "nothing was written");
}

fn base64url(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits = bytes.chunks(3).flat_map(|chunk| {
        let word = chunk.iter().enumerate().fold(0_u32, |word, (n, byte)| word | u32::from(*byte) << (16 - 8 * n));
        (0..=chunk.len()).map(move |n| char::from(DIGITS[(word >> (18 - 6 * n) & 63) as usize]))
    });
    digits.collect()
}
