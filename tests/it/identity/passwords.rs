//! Another password: by a code in a mail, or for who knows the one before; and that neither tells who is registered, nor leaves
//! anybody signed in who was before.

use super::{PASSWORD, count, login, text};
use prometric_tests::{Answer, Client, Server, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const NEW: &str = "NewSecurePassword123!";

async fn forgot(client: &Client, email: &str) -> Answer {
    client.post("/auth/forgot-password", json!({"email": email})).await
}

async fn reset(client: &Client, email: &str, code: &str, password: &str) -> Answer {
    let body = json!({"email": email, "code": code, "newPassword": password});
    client.post("/auth/reset-password", body).await
}

async fn email_of(person: &Client) -> String {
    text(&person.get("/auth/me").await.expect(200)["email"])
}

/// The code of the nth mail to that address.
async fn code(server: &Server, email: &str, nth: usize) -> String {
    eventually("the mail", || async { server.codes_for(email).get(nth).cloned() }).await
}

/// That does nothing for whoever holds it any more.
async fn is_out(client: &Client) {
    let out = || async {
        let answer = client.get("/auth/me").await;
        (answer.status == 401 && answer.body["error"]["details"]["reason"] == "session.ended").then_some(())
    };
    eventually("the session has ended", out).await;
    client.get("/customers").await.refused(401, "AUTH_UNAUTHORIZED");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_forgot_a_password_sets_another_and_nobody_stays_signed_in_anywhere() {
    let server = Server::start_with(&[]).await;
    let second = server.another().await;
    let (person, anybody, pool) = (server.owner().await, server.anonymous(), server.pool().await);
    let email = email_of(&person).await;
    let elsewhere = person.at(&second.url);
    elsewhere.get("/customers").await.expect(200);
    let session = login(&anybody, &email, PASSWORD).await.expect(200);
    let other = elsewhere.with_token(session["accessToken"].as_str());
    other.get("/customers").await.expect(200);

    let told = forgot(&anybody, &format!(" {} ", email.to_uppercase()))
        .await
        .expect(200);
    assert_eq!(told["message"], json!("Reset code sent to email"));
    let first = code(&server, &email, 1).await;
    forgot(&anybody, &email).await.expect(200);
    let newest = code(&server, &email, 2).await;
    if first != newest {
        reset(&anybody, &email, &first, NEW)
            .await
            .refused(400, "VALIDATION_FAILED");
    }
    let weak = reset(&anybody, &email, &newest, "short").await;
    assert_eq!(
        weak.refused(400, "VALIDATION_FAILED")["rules"],
        json!({"newPassword": "weak_password"})
    );
    let done = reset(&anybody, &email, &format!(" {newest} "), NEW).await.expect(200);
    assert_eq!(done["message"], json!("Password reset successfully"));

    for signed_in in [&person, &elsewhere, &other, &other.at(&server.url)] {
        is_out(signed_in).await;
    }
    let refreshed = json!({"refreshToken": session["refreshToken"]});
    anybody
        .post("/auth/refresh", refreshed)
        .await
        .refused(401, "AUTH_UNAUTHORIZED");
    login(&anybody, &email, PASSWORD)
        .await
        .refused(401, "AUTH_INVALID_CREDENTIALS");
    login(&anybody.at(&second.url), &email, NEW).await.expect(200);
    let again = reset(&anybody, &email, &newest, "AndAnotherPassword1").await;
    assert_eq!(
        again.refused(400, "VALIDATION_FAILED")["reason"],
        json!("user.code_wrong"),
        "a code is good once"
    );
    let told = "select count(*) from log.events where type in ('user.password.changed', 'user.sessions.ended')";
    assert_eq!(count(&pool, told).await, 2);
}

#[tokio::test]
async fn a_repeat_of_a_reset_is_answered_and_another_password_under_its_key_is_not() {
    let server = Server::start_with(&[]).await;
    let (person, anybody) = (server.owner().await, server.anonymous());
    let email = email_of(&person).await;
    forgot(&anybody, &email).await.expect(200);
    let code = code(&server, &email, 1).await;
    let keyed = async |password: &str| {
        let body = json!({"email": email, "code": code, "newPassword": password}).to_string();
        let key = [("Idempotency-Key", "reset")];
        anybody
            .send(Method::POST, "/auth/reset-password", Some(body), &key)
            .await
    };
    for _ in 0..2 {
        keyed(NEW).await.expect(200);
    }
    keyed(PASSWORD).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    login(&anybody, &email, NEW).await.expect(200);
}

#[tokio::test]
async fn whether_an_address_is_registered_is_not_told_by_answer_or_time() {
    let server = Server::start_with(&[]).await;
    let (person, anybody, pool) = (server.owner().await, server.anonymous(), server.pool().await);
    let (known, nobody) = (email_of(&person).await, "nobody@company.kz");
    // The quickest of each: what a busy machine adds is not the address'. What an address adds, it adds to every one.
    let mut quickest = [Duration::MAX; 2];
    let alike = |[known, nobody]: [Duration; 2]| known < 2 * nobody && nobody < 2 * known;
    let mut rounds = 0;
    while rounds < 15 || rounds < 100 && !alike(quickest) {
        let mut told: [Value; 2] = Default::default();
        for (n, email) in [known.as_str(), nobody].into_iter().enumerate() {
            let began = Instant::now();
            let answer = forgot(&anybody, email).await;
            quickest[n] = quickest[n].min(began.elapsed());
            told[n] = json!([answer.status, answer.body["data"]]);
        }
        assert_eq!(told[0], told[1]);
        rounds += 1;
    }
    assert!(alike(quickest), "{quickest:?} after {rounds}");
    let refusal = async |email: &str| {
        let refused = reset(&anybody, email, "no code", NEW).await;
        refused.refused(400, "VALIDATION_FAILED")
    };
    assert_eq!(refusal(&known).await, refusal(nobody).await);
    code(&server, &known, 1).await;
    assert_eq!(server.mails_to(nobody).len(), 0);
    let stranger = "select count(*) from platform.password_resets where email like 'nobody%'";
    assert_eq!(
        count(&pool, stranger).await,
        0,
        "an address that nobody has is not kept"
    );
}

#[tokio::test]
async fn a_code_survives_a_few_guesses_and_a_quarter_of_an_hour() {
    let server = Server::start_with(&[]).await;
    let (person, anybody, pool) = (server.owner().await, server.anonymous(), server.pool().await);
    let email = email_of(&person).await;
    let mut sent = 0;
    let mut ask = async || {
        forgot(&anybody, &email).await.expect(200);
        sent += 1;
        code(&server, &email, sent).await
    };
    let wrong = |right: &str| if right == "000000" { "000001" } else { "000000" };
    let right = ask().await;
    let guesses = (0..20).map(|_| reset(&anybody, &email, wrong(&right), NEW));
    for guess in futures::future::join_all(guesses).await {
        guess.refused(400, "VALIDATION_FAILED");
    }
    reset(&anybody, &email, &right, NEW)
        .await
        .refused(400, "VALIDATION_FAILED");
    let late = ask().await;
    let out = "select count(*) from platform.password_resets where mail_seed is not null";
    eventually("the mail is out", || async {
        (count(&pool, out).await == 0).then_some(())
    })
    .await;
    let left = "select extract(epoch from expires_at - now())::bigint from platform.password_resets";
    assert!((800..=900).contains(&count(&pool, left).await));
    sqlx::query("update platform.password_resets set expires_at = now()")
        .execute(&pool)
        .await
        .unwrap();
    reset(&anybody, &email, &late, NEW)
        .await
        .refused(400, "VALIDATION_FAILED");
    login(&anybody, &email, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn codes_for_another_password_come_ever_more_slowly_whoever_has_the_address() {
    let server = Server::start_with(&super::limits::LIMITED).await;
    let anybody = server.anonymous();
    let mut pauses = vec![];
    for email in ["nobody@company.kz", &email_of(&server.owner().await).await] {
        let mut slowed = None;
        for _ in 0..6 {
            let answer = forgot(&anybody, email).await;
            if answer.status == 429 {
                slowed = Some(answer.header("retry-after").parse::<u64>().unwrap());
                answer.refused(429, "RATE_LIMITED");
            }
        }
        pauses.push(slowed.expect("a pause"));
    }
    assert!(pauses.iter().all(|pause| (30..=60).contains(pause)), "{pauses:?}");
}

#[tokio::test]
async fn mails_are_in_the_language_that_is_asked_for_as_text_and_html() {
    let server = Server::start_with(&[]).await;
    let anybody = server.anonymous();
    for (n, (language, word)) in [
        ("kk-KZ", "kk-KZ"),
        ("ru-RU", "ru-RU"),
        ("en-US", "The code is good for 15 minutes"),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("reader-{n}@company.kz");
        let body = super::organization(&email, &format!("{:012}", 121_000_000_000_u64 + n as u64));
        let headers = [("Accept-Language", language)];
        anybody
            .send(Method::POST, "/auth/register", Some(body.to_string()), &headers)
            .await
            .expect(201);
        let code = server.code_for(&email).await;
        let mail = &server.mails_to(&email)[0];
        assert!(mail.contains("text/plain") && mail.contains("text/html"), "{mail}");
        assert!(mail.contains(word), "{language}: {mail}");
        assert!(mail.lines().filter(|line| line.trim() == code).count() == 2, "{mail}");
    }
}

#[tokio::test]
async fn who_waits_for_a_code_is_sent_another_and_who_does_not_is_told_the_same() {
    let server = Server::start_with(&[]).await;
    let anybody = server.anonymous();
    let email = "waiting@company.kz";
    anybody
        .post("/auth/register", super::organization(email, "131000000000"))
        .await
        .expect(201);
    let first = code(&server, email, 0).await;
    let resend = async |email: &str| {
        anybody
            .post("/auth/resend-code", json!({"email": email}))
            .await
            .expect(200)
    };
    assert_eq!(resend(email).await, resend("nobody@company.kz").await);
    let second = code(&server, email, 1).await;
    let verify = async |code: &str| {
        let body = json!({"email": email, "code": code});
        anybody.post("/auth/verify-email", body).await
    };
    if first != second {
        verify(&first).await.refused(400, "VALIDATION_FAILED");
    }
    verify(&second).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_knows_a_password_changes_it_and_only_this_session_stays() {
    let server = Server::start_with(&[]).await;
    let second = server.another().await;
    let person = server.owner().await;
    let email = email_of(&person).await;
    let session = login(&person, &email, PASSWORD).await.expect(200);
    let other = person.at(&second.url).with_token(session["accessToken"].as_str());
    other.get("/customers").await.expect(200);
    let change = async |client: &Client, current: &str, new: &str| {
        let body = json!({"currentPassword": current, "newPassword": new});
        client.post("/auth/change-password", body).await
    };
    let wrong = change(&person, "WrongPassword123", NEW)
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(
        (&wrong["reason"], &wrong["rules"]),
        (
            &json!("user.password_wrong"),
            &json!({"currentPassword": "not_allowed"})
        )
    );
    let missing = change(&person, "", "").await.refused(400, "REQUIRED_FIELD");
    assert_eq!(
        missing["rules"],
        json!({"currentPassword": "required", "newPassword": "required"})
    );
    change(&person, PASSWORD, NEW).await.expect(200);
    person.get("/customers").await.expect(200);
    is_out(&other).await;
    login(&person.at(&second.url), &email, PASSWORD)
        .await
        .refused(401, "AUTH_INVALID_CREDENTIALS");
    login(&person.at(&second.url), &email, NEW).await.expect(200);
}

#[tokio::test]
async fn guesses_at_a_password_of_who_is_signed_in_are_slowed_down() {
    let server = Server::start_with(&super::limits::LIMITED).await;
    let person = server.owner().await;
    let guess = json!({"currentPassword": "WrongPassword123", "newPassword": NEW});
    let mut statuses = vec![];
    for _ in 0..7 {
        statuses.push(person.post("/auth/change-password", guess.clone()).await.status);
    }
    assert_eq!(statuses, [400, 400, 400, 400, 400, 429, 429]);
}

#[tokio::test]
async fn an_address_is_one_however_its_domain_is_written() {
    let server = Server::start_with(&[]).await;
    let anybody = server.anonymous();
    let (unicode, ascii) = ("owner@компания.қаз", "owner@xn--80aqeigdi5k.xn--80ao21a");
    anybody
        .post("/auth/register", super::organization(ascii, "141000000000"))
        .await
        .expect(201);
    let code = server.code_for("owner@xn--").await;
    let body = json!({"email": unicode, "code": code});
    anybody.post("/auth/verify-email", body).await.expect(200);
    let signed_in = login(&anybody, unicode, PASSWORD).await.expect(200);
    assert_eq!(
        login(&anybody, ascii, PASSWORD).await.expect(200)["user"]["email"],
        signed_in["user"]["email"]
    );
    anybody
        .post("/auth/register", super::organization(unicode, "141000000001"))
        .await
        .refused(409, "ALREADY_EXISTS");
}
