//! A repeat under one `Idempotency-Key` is told what the first was told, tokens included, on whichever node.

use super::{PASSWORD, count, login, organization, text};
use futures::future::join_all;
use prometric_tests::{Answer, Client, Server};
use reqwest::Method;
use serde_json::{Value, json};

async fn keyed(client: &Client, path: &str, body: &Value, key: &str) -> Answer {
    client
        .send(Method::POST, path, Some(body.to_string()), &[("Idempotency-Key", key)])
        .await
}

async fn begin(person: &Client) -> String {
    let email = text(&person.get("/auth/me").await.expect(200)["email"]);
    text(&login(person, &email, PASSWORD).await.expect(200)["refreshToken"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_is_asked_again_answers_the_same_tokens() {
    let server = Server::start_with(&[]).await;
    let second = server.another().await;
    let person = server.owner().await;
    let refresh = |token: &str| json!({"refreshToken": token});

    let first = begin(&person).await;
    let told = keyed(&person, "/auth/refresh", &refresh(&first), "r1")
        .await
        .expect(200);
    for client in [person.clone(), person.at(&second.url)] {
        let again = keyed(&client, "/auth/refresh", &refresh(&first), "r1").await;
        assert_eq!(again.header("cache-control"), "no-store");
        assert_eq!(again.body["refreshToken"], told["refreshToken"]);
        assert_eq!(again.expect(200), told);
    }
    let next = text(&told["refreshToken"]);
    keyed(&person, "/auth/refresh", &refresh(&next), "r1")
        .await
        .refused(422, "IDEMPOTENCY_KEY_REUSED");
    let third = text(&keyed(&person, "/auth/refresh", &refresh(&next), "r2").await.expect(200)["refreshToken"]);
    assert_eq!(
        keyed(&person, "/auth/refresh", &refresh(&first), "r1")
            .await
            .expect(200),
        told
    );

    // Many at once are one.
    let nodes = [&server, &second, &server, &second].map(|node| person.at(&node.url));
    let at_once = join_all(nodes.iter().map(|client| {
        let third = third.clone();
        async move {
            keyed(client, "/auth/refresh", &json!({"refreshToken": third}), "r3")
                .await
                .expect(200)
        }
    }));
    let at_once = at_once.await;
    assert!(at_once.iter().all(|answer| answer == &at_once[0]));

    // With another key, or none, it is somebody who has a copy.
    let last = text(&at_once[0]["refreshToken"]);
    for thief in [Some("r4"), None] {
        let token = begin(&person).await;
        let next = text(&person.post("/auth/refresh", refresh(&token)).await.expect(200)["refreshToken"]);
        let stolen = match thief {
            Some(key) => keyed(&person, "/auth/refresh", &refresh(&token), key).await,
            None => person.post("/auth/refresh", refresh(&token)).await,
        };
        stolen.refused(401, "AUTH_UNAUTHORIZED");
        person
            .post("/auth/refresh", refresh(&next))
            .await
            .refused(401, "AUTH_UNAUTHORIZED");
    }
    person.post("/auth/logout", refresh(&last)).await.expect(200);
    keyed(&person, "/auth/refresh", &refresh(&third), "r3")
        .await
        .refused(401, "AUTH_UNAUTHORIZED");
}

#[tokio::test]
async fn signing_in_and_out_and_registering_keep_to_their_keys() {
    let server = Server::start_with(&[]).await;
    let (anybody, pool) = (server.anonymous(), server.pool().await);
    let body = organization("keys@company.kz", "123456789012");
    let with = |field: &str, value: &str| {
        let mut other = body.clone();
        other[field] = json!(value);
        other
    };
    let registered = keyed(&anybody, "/auth/register", &body, "1").await.expect(201);
    assert_eq!(
        keyed(&anybody, "/auth/register", &body, "1").await.expect(201),
        registered
    );
    for other in [with("firstName", "Другое"), with("password", "Other-Password-1")] {
        keyed(&anybody, "/auth/register", &other, "1")
            .await
            .refused(422, "IDEMPOTENCY_KEY_REUSED");
    }
    let code = server.code_for("keys@company.kz").await;
    assert_eq!(server.codes_for("keys@company.kz").len(), 1, "one mail");
    let right = json!({"email": "keys@company.kz", "code": code});
    let verified = keyed(&anybody, "/auth/verify-email", &right, "2").await;
    let again = keyed(&anybody, "/auth/verify-email", &right, "2").await;
    assert_eq!(again.header("x-event-position"), verified.header("x-event-position"));
    assert_eq!(again.expect(200), verified.expect(200));
    let wrong = json!({"email": "keys@company.kz", "code": "0"});
    keyed(&anybody, "/auth/verify-email", &wrong, "2")
        .await
        .refused(422, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(
        keyed(&anybody, "/auth/register", &body, "1").await.expect(201),
        registered,
        "also afterwards"
    );

    let credentials = json!({"email": "keys@company.kz", "password": PASSWORD});
    let signed_in = keyed(&anybody, "/auth/login", &credentials, "3").await;
    assert_eq!(signed_in.header("cache-control"), "no-store");
    let signed_in = signed_in.expect(200);
    assert_eq!(
        keyed(&anybody, "/auth/login", &credentials, "3").await.expect(200),
        signed_in
    );
    assert_eq!(count(&pool, "select count(*) from platform.sessions").await, 1);
    let guess = json!({"email": "keys@company.kz", "password": "Wrong-Password-1"});
    keyed(&anybody, "/auth/login", &guess, "3")
        .await
        .refused(401, "AUTH_INVALID_CREDENTIALS");

    let person = anybody.with_token(signed_in["accessToken"].as_str());
    let out = json!({"refreshToken": signed_in["refreshToken"]});
    let ended = keyed(&person, "/auth/logout", &out, "4").await;
    let again = keyed(&person, "/auth/logout", &out, "4").await;
    assert_eq!(again.body, ended.body);
    keyed(&person, "/auth/logout", &json!({}), "4")
        .await
        .refused(422, "IDEMPOTENCY_KEY_REUSED");
}

#[tokio::test]
async fn a_session_ends_however_much_it_is_used() {
    let server = Server::start_with(&[]).await;
    let (person, pool) = (server.owner().await, server.pool().await);
    let refresh = async |token: &str| person.post("/auth/refresh", json!({"refreshToken": token})).await;
    let token = begin(&person).await;
    let age = async |days: i32| {
        let age = "update platform.sessions set began_at = now() - $1 * interval '1 day'";
        sqlx::query(age).bind(days).execute(&pool).await.unwrap();
    };
    age(89).await;
    let token = text(&refresh(&token).await.expect(200)["refreshToken"]);
    let left = "select count(*) from platform.sessions where began_at < now() - interval '88 days' and expires_at <= began_at + interval '90 days' and replaced_by is null and expires_at < now() + interval '2 days'";
    assert_eq!(count(&pool, left).await, 1, "the next one does not outlive it");
    age(91).await;
    refresh(&token).await.refused(401, "AUTH_TOKEN_EXPIRED");
}
