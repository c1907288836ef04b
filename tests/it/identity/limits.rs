//! Guessing is slow, for whoever guesses and for nobody else.

use super::{PASSWORD, login, text};
use futures::future::join_all;
use prometric_tests::{Client, Server, eventually};
use reqwest::Method;
use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Limits of log-ins, and none of requests as such.
pub const LIMITED: [(&str, &str); 3] = [
    ("PROMETRIC_RATE_LIMITS", "on"),
    ("RATE_LIMIT_ANONYMOUS", "100000"),
    ("RATE_LIMIT_USER", "100000"),
];

async fn email_of(person: &Client) -> String {
    text(&person.get("/auth/me").await.expect(200)["email"])
}

/// How many passwords of strangers are worked on or wait at once, at most.
fn places() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get) + 32
}

/// What a guess was answered: its status, and whether there was no place for it.
type Told = (u16, bool);

/// Four times as many guesses at once as there are places, each from an address of its own, a quarter of them at one account and the
/// others at accounts that do not exist; and what they are answered, as it comes.
fn flood(anybody: &Client, victim: &str, round: usize) -> UnboundedReceiver<Told> {
    let (tell, told) = unbounded_channel();
    for n in 0..4 * places() {
        let nobody = format!("nobody-{round}-{n}@company.kz");
        let email = if n % 4 == 0 { victim.to_owned() } else { nobody };
        let body = json!({"email": email, "password": "a wrong password"}).to_string();
        let address = format!("10.{round}.{}.{}", n / 250, n % 250 + 1);
        let (anybody, tell) = (anybody.clone(), tell.clone());
        tokio::spawn(async move {
            let from = [("X-Forwarded-For", address.as_str())];
            let answer = anybody.send(Method::POST, "/auth/login", Some(body), &from).await;
            let busy = answer.body["error"]["details"]["reason"] == "password.busy";
            tell.send((answer.status, busy)).ok();
        });
    }
    told
}

/// Nobody's watch is asked: whoever was here before is let in while guesses that came earlier still wait for their turn.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_guesses_holds_up_nobody_else() {
    let proxied = [&LIMITED[..], &[("TRUSTED_PROXIES", "127.0.0.1")]].concat();
    let server = Server::start_with(&proxied).await;
    let (victim, other) = (server.owner().await, server.owner().await);
    let (victim_email, other_email) = (email_of(&victim).await, email_of(&other).await);
    let anybody = server.anonymous();
    let mut passed = 0;
    for round in 0..5 {
        let mut told = flood(&anybody, &victim_email, round);
        let mut answers: Vec<Told> = vec![];
        while !answers.iter().any(|(_, busy)| *busy) {
            let Some(answer) = told.recv().await else { break };
            answers.push(answer);
        }
        login(&other, &other_email, PASSWORD).await.expect(200);
        while let Ok(answer) = told.try_recv() {
            answers.push(answer);
        }
        // Behind them all, it would have been answered when none waited any more.
        let (waiting, full) = (4 * places() - answers.len(), answers.iter().any(|(_, busy)| *busy));
        passed += usize::from(full && waiting > places() / 2);
        while let Some(answer) = told.recv().await {
            answers.push(answer);
        }
        assert_eq!(answers.len(), 4 * places());
        assert!(
            answers.iter().all(|(status, _)| [401, 429, 503].contains(status)),
            "{answers:?}"
        );
    }
    assert!(passed > 0, "another had to wait until the guesses were through");
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
