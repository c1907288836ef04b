//! Signing keys rotate while servers run, and nothing else notices.

use super::{PASSWORD, login, text};
use prometric_tests::{Client, Server, eventually};
use reqwest::Method;
use serde_json::json;
use std::{path::PathBuf, process::Command};

fn rotate(server: &Server, more: &[&str]) {
    let binary = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/debug/prometric");
    let rotated = Command::new(binary)
        .args(["keys", "rotate-tokens"])
        .args(more)
        .env("DATABASE_URL", &server.database_url)
        .env("RUST_LOG", "error")
        .status();
    assert!(rotated.expect("target/debug/prometric").success());
}

/// The header of a JWT tells its key.
fn key_of(token: &str) -> &str {
    token.split('.').next().unwrap()
}

async fn customer(person: &Client) -> prometric_tests::Answer {
    let body = json!({"name": "Клиент"}).to_string();
    person
        .send(Method::POST, "/customers", Some(body), &[("Idempotency-Key", "kept")])
        .await
}

#[tokio::test]
async fn a_new_signing_key_is_taken_up_without_a_restart_and_changes_no_hash() {
    let server = Server::start_with(&[]).await;
    let person = server.owner().await;
    let email = text(&person.get("/auth/me").await.expect(200)["email"]);
    let first = customer(&person).await.expect(201);
    rotate(&server, &[]);
    let mut second = server.another().await;
    let fresh = login(&person.at(&second.url), &email, PASSWORD).await.expect(200);
    let fresh = text(&fresh["accessToken"]);
    let old = person.token.clone().unwrap();
    assert_ne!(key_of(&fresh), key_of(&old), "signed with the new key");
    for (node, token) in [(&server, &fresh), (&second, &old), (&server, &old)] {
        let person = person.at(&node.url).with_token(Some(token));
        person.get("/auth/me").await.expect(200);
        assert_eq!(customer(&person).await.expect(201), first, "a repeat is still one");
    }
    let signed = login(&person, &email, PASSWORD).await.expect(200);
    assert_eq!(
        key_of(&text(&signed["accessToken"])),
        key_of(&fresh),
        "who has seen it signs with it"
    );

    rotate(&server, &["--drop-others"]);
    second.kill();
    second.spawn().await;
    let dropped = person.at(&second.url).with_token(Some(&fresh));
    dropped.get("/auth/me").await.refused(401, "AUTH_UNAUTHORIZED");
    let running = person.with_token(Some(&fresh));
    let refused = || async { Some(running.get("/auth/me").await).filter(|answer| answer.status == 401) };
    eventually("a running node drops it as well", refused).await;
    let again = login(&person, &email, PASSWORD).await.expect(200);
    let again = person.with_token(again["accessToken"].as_str());
    assert_eq!(customer(&again).await.expect(201), first);
}
