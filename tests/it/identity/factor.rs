//! A second factor: offered, confirmed, asked for, good once, lost and given up; and what an organization may ask of its roles.

use super::{PASSWORD, count, text};
use chrono::{DateTime, TimeDelta, Utc};
use domain::Role;
use prometric_tests::{Answer, Client, Server, eventually, story::id};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::{Duration, Instant};
use totp_rs::{Builder, Secret, Totp};

/// An app that shows codes.
pub(crate) struct App(Totp);

impl App {
    fn new(offer: &Value) -> Self {
        let secret = Secret::try_from_base32(text(&offer["secret"])).unwrap();
        Self(Builder::new().with_secret(secret).build().unwrap())
    }

    /// The code of so many steps from now; the server takes those of one step before and after, each once.
    pub(crate) fn code(&self, steps: i64) -> String {
        let now = Utc::now().timestamp() + steps * 30;
        self.0.generate(u64::try_from(now).unwrap()).to_string()
    }
}

async fn sign_in(client: &Client, email: &str, code: Option<&str>) -> Answer {
    let body = json!({"email": email, "password": PASSWORD, "code": code});
    client.with_token(None).post("/auth/login", body).await
}

async fn email_of(person: &Client) -> String {
    text(&person.get("/auth/me").await.expect(200)["email"])
}

/// As if nobody had ever used a code or been wrong.
async fn forget(pool: &PgPool) {
    sqlx::query("update platform.second_factors set used_step = 0, failures = 0, next_at = now()")
        .execute(pool)
        .await
        .unwrap();
}

/// As if somebody had been wrong so often, and had to wait so long from now on; answers when that is.
async fn pause(pool: &PgPool, failures: i32, wait: &str) -> DateTime<Utc> {
    let pause =
        "update platform.second_factors set failures = $1, next_at = now() + $2::text::interval returning now()";
    let pause = sqlx::query_scalar(pause).bind(failures).bind(wait);
    pause.fetch_one(pool).await.unwrap()
}

pub(crate) async fn switch_on(person: &Client) -> (App, Vec<String>) {
    let offer = person
        .post("/auth/second-factor", json!({"password": PASSWORD}))
        .await
        .expect(200);
    let app = App::new(&offer);
    let body = json!({"code": app.code(0)});
    let confirmed = person.post("/auth/second-factor/confirm", body).await.expect(200);
    let codes = confirmed["recoveryCodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(text)
        .collect();
    (app, codes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_is_asked_for_once_it_is_confirmed_and_no_code_is_good_twice() {
    let server = Server::start_with(&[]).await;
    let second = server.another().await;
    let (person, pool) = (server.owner().await, server.pool().await);
    let email = email_of(&person).await;
    person
        .post("/auth/second-factor", json!({"password": "WrongPassword123"}))
        .await
        .refused(400, "VALIDATION_FAILED");
    let offer = person
        .post("/auth/second-factor", json!({"password": PASSWORD}))
        .await
        .expect(200);
    let uri = text(&offer["uri"]);
    assert!(
        uri.starts_with("otpauth://totp/Prometric:") && uri.contains(&text(&offer["secret"])),
        "{uri}"
    );
    sign_in(&person, &email, None).await.expect(200);
    let app = App::new(&offer);
    let body = json!({"code": "000000"});
    let wrong = person.post("/auth/second-factor/confirm", body).await;
    assert_eq!(
        wrong.refused(400, "VALIDATION_FAILED")["reason"],
        json!("second_factor.wrong")
    );
    let first = app.code(-1);
    let confirmed = person
        .post("/auth/second-factor/confirm", json!({"code": first}))
        .await
        .expect(200);
    assert_eq!(confirmed["recoveryCodes"].as_array().unwrap().len(), 10);
    let stands = person.get("/auth/second-factor").await.expect(200);
    assert_eq!(
        stands,
        json!({"enabled": true, "recoveryCodesLeft": 10, "proved": true})
    );
    for node in [&server, &second] {
        let told = sign_in(&person.at(&node.url), &email, None)
            .await
            .refused(401, "AUTH_UNAUTHORIZED");
        assert_eq!(told["reason"], json!("second_factor.required"));
    }
    let again = sign_in(&person, &email, Some(&first)).await;
    assert_eq!(
        again.refused(401, "AUTH_INVALID_CREDENTIALS")["reason"],
        json!("second_factor.wrong")
    );
    let (next, elsewhere) = (app.code(0), person.at(&second.url));
    let both = futures::join!(
        sign_in(&person, &email, Some(&next)),
        sign_in(&elsewhere, &email, Some(&next))
    );
    let mut statuses = [both.0.status, both.1.status];
    statuses.sort_unstable();
    assert_eq!(
        statuses,
        [200, 401],
        "of two who type it at once, on two nodes, one gets in"
    );
    person
        .post("/auth/second-factor", json!({"password": PASSWORD}))
        .await
        .refused(409, "CONFLICT");
    let clear = text(&offer["secret"]);
    let kept = format!("select count(*) from platform.second_factors t where t::text like '%{clear}%'");
    assert_eq!(count(&pool, &kept).await, 0);

    let off = async |password: &str, code: &str| {
        let body = json!({"password": password, "code": code});
        person.post("/auth/second-factor/disable", body).await
    };
    forget(&pool).await;
    off("WrongPassword123", &app.code(0))
        .await
        .refused(400, "VALIDATION_FAILED");
    off(PASSWORD, "000000").await.refused(400, "VALIDATION_FAILED");
    off(PASSWORD, &app.code(0)).await.expect(200);
    sign_in(&person, &email, None).await.expect(200);
    let told = "select count(*) from log.events where type = 'user.second.factor.set'";
    assert_eq!(count(&pool, told).await, 2);
}

#[tokio::test]
async fn who_has_lost_the_app_comes_in_with_a_recovery_code_once() {
    let server = Server::start_with(&[]).await;
    let (person, pool) = (server.owner().await, server.pool().await);
    let email = email_of(&person).await;
    let (app, codes) = switch_on(&person).await;
    let typed = codes[0].to_lowercase().replace('-', " ");
    sign_in(&person, &email, Some(&typed)).await.expect(200);
    sign_in(&person, &email, Some(&codes[0]))
        .await
        .refused(401, "AUTH_INVALID_CREDENTIALS");
    let stands = person.get("/auth/second-factor").await.expect(200);
    assert_eq!(stands["recoveryCodesLeft"], json!(9));
    forget(&pool).await;
    let others = person
        .post("/auth/second-factor/recovery-codes", json!({"code": app.code(0)}))
        .await
        .expect(200);
    sign_in(&person, &email, Some(&codes[1]))
        .await
        .refused(401, "AUTH_INVALID_CREDENTIALS");
    let other = text(&others["recoveryCodes"][0]);
    sign_in(&person, &email, Some(&other)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_a_code_are_slowed_down_on_all_nodes_together() {
    let server = Server::start_with(&[]).await;
    let second = server.another().await;
    let (person, pool) = (server.owner().await, server.pool().await);
    let email = email_of(&person).await;
    let (app, _) = switch_on(&person).await;
    forget(&pool).await;
    let nodes = [person.clone(), person.at(&second.url)];
    let began = Instant::now();
    let guesses = (0..20).map(|n| sign_in(&nodes[n % 2], &email, Some("000000")));
    let guesses = futures::future::join_all(guesses).await;
    let took = began.elapsed();
    let statuses: Vec<u16> = guesses.iter().map(|answer| answer.status).collect();
    let tried = statuses.iter().filter(|status| **status == 401).count();
    assert_eq!(
        tried + statuses.iter().filter(|status| **status == 429).count(),
        20,
        "{statuses:?}"
    );
    // Five come at once. On a busy machine a pause may end meanwhile, of one second, of two, of four: then it was waited for.
    assert!(tried >= 5, "{statuses:?}");
    let pauses = Duration::from_secs((1_u64 << (tried - 5)) - 1);
    assert!(took >= pauses, "{statuses:?} within {took:?}");
    let counted = "select failures::bigint from platform.second_factors";
    assert_eq!(count(&pool, counted).await, i64::try_from(tried).unwrap());

    pause(&pool, 5, "1 hour").await;
    let right = sign_in(&person, &email, Some(&app.code(1))).await;
    let wait: u64 = right.header("retry-after").parse().unwrap();
    right.refused(429, "RATE_LIMITED");
    assert!(wait >= 1);
    for nth in 0..12 {
        let before = pause(&pool, 5 + nth, "0").await;
        sign_in(&person, &email, Some("000000"))
            .await
            .refused(401, "AUTH_INVALID_CREDENTIALS");
        let row = "select next_at, now() from platform.second_factors";
        let (next, after): (DateTime<Utc>, DateTime<Utc>) = sqlx::query_as(row).fetch_one(&pool).await.unwrap();
        // It began some time between the two.
        let whole = TimeDelta::seconds((2_i64 << nth).min(3_600));
        assert!(
            next - after <= whole && whole <= next - before,
            "{nth}: {before} {after} {next}"
        );
    }
    forget(&pool).await;
    sign_in(&person, &email, Some(&app.code(1))).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_may_ask_its_roles_for_a_second_factor() {
    let server = Server::start_with(&[]).await;
    let second = server.another().await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let accountant = server.member(&owner, Role::Accountant).await;
    let mine = owner.items("/organizations").await;
    let one = format!("/organizations/{}", id(&mine[0]));
    let inside = format!("/workspaces/{}/customers", owner.workspace);
    let elsewhere = accountant.at(&second.url);
    elsewhere.get(&inside).await.expect(200);
    owner
        .put(&one, json!({"secondFactorRoles": ["accountant"]}))
        .await
        .expect(200);
    for client in [&accountant, &elsewhere] {
        let demanded = || async { Some(client.get(&inside).await).filter(|answer| answer.status == 403) };
        let told = eventually("it is demanded", demanded).await;
        assert_eq!(
            told.refused(403, "AUTH_FORBIDDEN")["reason"],
            json!("second_factor.demanded")
        );
    }
    owner.get(&inside).await.expect(200);
    accountant.get("/customers").await.expect(200);
    let (app, _) = switch_on(&accountant).await;
    let passed = || async { (elsewhere.get(&inside).await.status == 200).then_some(()) };
    eventually("the session has passed", passed).await;
    forget(&pool).await;
    let email = email_of(&accountant).await;
    let signed_in = sign_in(&accountant, &email, Some(&app.code(0))).await.expect(200);
    let signed_in = accountant.with_token(signed_in["accessToken"].as_str());
    signed_in.get(&inside).await.expect(200);

    // Whoever asks it of themselves has to have it before they may take that back.
    owner
        .put(&one, json!({"secondFactorRoles": ["owner", "owner"]}))
        .await
        .expect(200);
    let refused = owner.put(&one, json!({"secondFactorRoles": []})).await;
    assert_eq!(
        refused.refused(403, "AUTH_FORBIDDEN")["reason"],
        json!("second_factor.demanded")
    );
    owner.get("/customers").await.refused(403, "AUTH_FORBIDDEN");
    switch_on(&owner).await;
    owner.get("/customers").await.expect(200);
    owner.put(&one, json!({"secondFactorRoles": []})).await.expect(200);
}
