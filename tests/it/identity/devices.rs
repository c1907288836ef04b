//! Where somebody is signed in: seen, and ended one by one or everywhere, on every node at once.

use super::{PASSWORD, login, text};
use prometric_tests::{Answer, Client, Server, eventually};
use reqwest::Method;
use serde_json::{Value, json};

async fn sign_in(person: &Client, email: &str, device: &str) -> Value {
    let body = json!({"email": email, "password": PASSWORD}).to_string();
    let headers = [("User-Agent", device)];
    person
        .send(Method::POST, "/auth/login", Some(body), &headers)
        .await
        .expect(200)
}

async fn ends(client: &Client) {
    let ended = || async {
        let Answer { status, body, .. } = client.get("/auth/me").await;
        (status == 401 && body["error"]["details"]["reason"] == "session.ended").then_some(())
    };
    eventually("the session has ended", ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn own_sessions_are_seen_with_device_and_address_and_end_one_by_one() {
    let server = Server::start_with(&[]).await;
    let second = server.another().await;
    let (person, stranger) = (server.owner().await, server.owner().await);
    let email = text(&person.get("/auth/me").await.expect(200)["email"]);
    let phone = sign_in(&person, &email, "Phone/1.0").await;
    let phone = person.at(&second.url).with_token(phone["accessToken"].as_str());
    let elsewhere = person.from_address("127.0.0.2".parse().unwrap());
    let till = sign_in(&elsewhere, &email, &format!("Till/2.0 {}", "x".repeat(300))).await;

    let sessions = phone.items("/auth/sessions").await;
    assert_eq!(sessions.len(), 3);
    let of = |device: &str| {
        let named = sessions
            .iter()
            .find(|session| text(&session["device"]).starts_with(device));
        named.unwrap_or_else(|| panic!("{device}: {sessions:?}")).clone()
    };
    assert_eq!(
        (&of("Phone")["current"], &of("Phone")["address"]),
        (&json!(true), &json!("127.0.0.1"))
    );
    assert_eq!(
        (&of("Till")["current"], &of("Till")["address"]),
        (&json!(false), &json!("127.0.0.2"))
    );
    assert_eq!(text(&of("Till")["device"]).len(), 200);
    let hers = stranger.items("/auth/sessions").await;
    assert_eq!(hers.len(), 1, "one's own and no other's");

    let one = format!("/auth/sessions/{}", text(&of("Phone")["id"]));
    stranger
        .send(Method::DELETE, &one, None, &[])
        .await
        .refused(404, "NOT_FOUND");
    phone.get("/customers").await.expect(200);
    person.send(Method::DELETE, &one, None, &[]).await.expect(200);
    ends(&phone).await;
    person
        .send(Method::DELETE, &one, None, &[])
        .await
        .refused(404, "NOT_FOUND");
    assert_eq!(person.items("/auth/sessions").await.len(), 2);

    // A refresh goes on with the session, from where it is asked.
    let body = json!({"refreshToken": till["refreshToken"]}).to_string();
    let moved = [("User-Agent", "Till/3.0")];
    let next = person
        .send(Method::POST, "/auth/refresh", Some(body), &moved)
        .await
        .expect(200);
    let sessions = person.items("/auth/sessions").await;
    assert_eq!((sessions.len(), &sessions[0]["device"]), (2, &json!("Till/3.0")));

    let till = person.at(&second.url).with_token(next["accessToken"].as_str());
    till.get("/customers").await.expect(200);
    let everywhere = async |key: &str| {
        let key = [("Idempotency-Key", key)];
        person.send(Method::POST, "/auth/logout-all", None, &key).await
    };
    let told = everywhere("all").await.expect(200);
    assert_eq!(everywhere("all").await.expect(200), told, "a repeat is answered");
    everywhere("other").await.refused(401, "AUTH_UNAUTHORIZED");
    for signed_out in [&person, &person.at(&second.url), &till] {
        ends(signed_out).await;
    }
    login(&person, &email, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_refresh_token_ends_its_session_for_thief_and_owner_on_every_node() {
    let server = Server::start_with(&[]).await;
    let second = server.another().await;
    let (person, pool) = (server.owner().await, server.pool().await);
    let email = text(&person.get("/auth/me").await.expect(200)["email"]);
    let first = login(&person, &email, PASSWORD).await.expect(200);
    let refresh =
        async |client: &Client, token: &Value| client.post("/auth/refresh", json!({"refreshToken": token})).await;
    let thief = refresh(&person.at(&second.url), &first["refreshToken"])
        .await
        .expect(200);
    let (owner, thief) = (
        person.with_token(first["accessToken"].as_str()),
        person.at(&second.url).with_token(thief["accessToken"].as_str()),
    );
    owner.get("/customers").await.expect(200);
    thief.get("/customers").await.expect(200);
    refresh(&person, &first["refreshToken"])
        .await
        .refused(401, "AUTH_UNAUTHORIZED");
    ends(&owner).await;
    ends(&thief).await;
    person.get("/customers").await.expect(200);
    let why = "select convert_from(data::text::bytea, 'utf8') from log.events where type = 'user.sessions.ended'";
    let why: String = sqlx::query_scalar(why).fetch_one(&pool).await.unwrap();
    assert!(why.contains("reused"), "{why}");
}

#[tokio::test]
async fn others_verify_access_tokens_with_the_published_keys() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let published = || async {
        let answer = reqwest::get(format!("{}/.well-known/jwks.json", server.url))
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
        answer.json::<Value>().await.unwrap()["keys"]
            .as_array()
            .unwrap()
            .clone()
    };
    let keys = published().await;
    assert_eq!(keys.len(), 1);
    for (name, value) in [("kty", "OKP"), ("crv", "Ed25519"), ("alg", "EdDSA"), ("use", "sig")] {
        assert_eq!(keys[0][name], json!(value));
    }
    assert_eq!(text(&keys[0]["x"]).len(), 43, "32 bytes");
    assert!(keys[0]["d"].is_null(), "nothing secret");
    let token = owner.token.clone().unwrap();
    let header = decoded(token.split('.').next().unwrap());
    assert_eq!(header["kid"], keys[0]["kid"]);
    assert!(server.tool(&["keys", "rotate-tokens"]).status.success());
    // The node looks when it meets the other key.
    let second = server.another().await;
    let email = text(&owner.get("/auth/me").await.expect(200)["email"]);
    let other = login(&owner.at(&second.url), &email, PASSWORD).await.expect(200);
    owner
        .with_token(other["accessToken"].as_str())
        .get("/auth/me")
        .await
        .expect(200);
    let both = published().await;
    assert_eq!((both.len(), &both[1]["kid"]), (2, &keys[0]["kid"]), "the newest first");
}

fn decoded(part: &str) -> Value {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let bits = part.chars().map(|digit| DIGITS.find(digit).expect("base64url"));
    let (mut bytes, mut word, mut held) = (vec![], 0, 0);
    for six in bits {
        (word, held) = (word << 6 | six, held + 6);
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(word >> held & 255).unwrap());
        }
    }
    serde_json::from_slice(&bytes).unwrap()
}
