//! Guessing is slow, for whoever guesses and for nobody else.

use super::{PASSWORD, login, text};
use futures::future::join_all;
use prometric_tests::{Client, Server, eventually};
use serde_json::json;
use std::time::{Duration, Instant};

/// Limits of log-ins, and none of requests as such.
pub const LIMITED: [(&str, &str); 3] = [
    ("PROMETRIC_RATE_LIMITS", "on"),
    ("RATE_LIMIT_ANONYMOUS", "100000"),
    ("RATE_LIMIT_USER", "100000"),
];

async fn email_of(person: &Client) -> String {
    text(&person.get("/auth/me").await.expect(200)["email"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_guesses_holds_up_nobody_else() {
    let server = Server::start_with(&LIMITED).await;
    let (victim, other) = (server.owner().await, server.owner().await);
    let (victim_email, other_email) = (email_of(&victim).await, email_of(&other).await);
    let anybody = server.anonymous();
    let guesses = (0..200).map(|n| {
        let (anybody, email) = (anybody.clone(), victim_email.clone());
        // Half of them at one account, half at accounts that do not exist.
        let email = if n % 2 == 0 {
            email
        } else {
            format!("nobody-{n}@company.kz")
        };
        tokio::spawn(async move { login(&anybody, &email, "a wrong password").await.status })
    });
    let guesses: Vec<_> = guesses.collect();
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        let began = Instant::now();
        login(&other, &other_email, PASSWORD).await.expect(200);
        slowest = slowest.max(began.elapsed());
    }
    for status in join_all(guesses).await {
        let status = status.unwrap();
        assert!([401, 429, 503].contains(&status), "{status}");
    }
    assert!(slowest < Duration::from_secs(2), "another waited {slowest:?}");
}

#[tokio::test]
async fn pauses_grow_after_wrong_passwords_and_end() {
    let server = Server::start_with(&LIMITED).await;
    let person = server.owner().await;
    let (email, here) = (email_of(&person).await, server.anonymous());
    for _ in 0..5 {
        login(&here, &email, "a wrong password")
            .await
            .refused(401, "AUTH_INVALID_CREDENTIALS");
    }
    let mut pauses = vec![];
    while pauses.len() < 3 {
        let slowed = login(&here, &email, PASSWORD).await;
        pauses.push(slowed.header("retry-after").parse::<u64>().unwrap());
        assert_eq!(slowed.refused(429, "RATE_LIMITED")["reason"], json!("sign_in.slowed"));
        let elsewhere = here.from_address("127.0.0.2".parse().unwrap());
        login(&elsewhere, &email, PASSWORD).await.expect(200);
        let wrong = || async {
            let answer = login(&here, &email, "a wrong password").await;
            (answer.status == 401).then_some(())
        };
        eventually("the pause ends", wrong).await;
    }
    assert_eq!(pauses, [1, 2, 4]);
    let right = || async { Some(login(&here, &email, PASSWORD).await).filter(|answer| answer.status == 200) };
    eventually("a right password after the pause", right).await;
    login(&here, &email, "a wrong password")
        .await
        .refused(401, "AUTH_INVALID_CREDENTIALS");
    login(&here, &email, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_client_that_tries_many_accounts_is_slowed_down() {
    let server = Server::start_with(&LIMITED).await;
    let (person, here) = (server.owner().await, server.anonymous());
    let email = email_of(&person).await;
    let mut refused = 0;
    for n in 0..60 {
        refused += usize::from(login(&here, &format!("nobody-{n}@company.kz"), PASSWORD).await.status == 429);
    }
    assert!((5..=10).contains(&refused), "{refused}");
    login(&here, &email, PASSWORD).await.expect(200);
}

#[tokio::test]
async fn limits_can_be_lifted() {
    let server = Server::start_with(&[("PROMETRIC_RATE_LIMITS", "off")]).await;
    let here = server.anonymous();
    let guesses = join_all((0..100).map(|_| login(&here, "nobody@company.kz", PASSWORD))).await;
    assert!(guesses.iter().all(|answer| answer.status == 401));
}
