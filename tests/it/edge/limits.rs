//! Requests a minute, and turns.

use super::{ask, header, refusal};
use futures::future::join_all;
use prometric_tests::{Client, Server};
use reqwest::{Method, Response};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

const ON: (&str, &str) = ("PROMETRIC_RATE_LIMITS", "on");

fn number(response: &Response, name: &str) -> i64 {
    header(response, name)
        .parse()
        .unwrap_or_else(|_| panic!("{name}: {:?}", response.headers()))
}

async fn config(server: &Server, headers: &[(&str, &str)]) -> Response {
    let ask = ask(server, "GET", "/api/v1/config");
    headers
        .iter()
        .fold(ask, |ask, (name, value)| ask.header(*name, *value))
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn ten_a_minute_for_an_address_and_not_one_more() {
    let server = Server::start_with(&[ON]).await;
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs()
        .cast_signed();
    for left in (0..10).rev() {
        // What a client says of its address, or a token that is none, makes it nobody else.
        let spoofed = format!("10.0.0.{left}");
        let answer = config(
            &server,
            &[("X-Forwarded-For", &spoofed), ("Authorization", "Bearer a.b.c")],
        )
        .await;
        assert_eq!(
            (answer.status().as_u16(), number(&answer, "x-ratelimit-limit")),
            (200, 10)
        );
        assert_eq!(number(&answer, "x-ratelimit-remaining"), left);
        let reset = number(&answer, "x-ratelimit-reset");
        assert!((now..=now + 90).contains(&reset), "{reset} from {now}");
    }
    for _ in 0..3 {
        let answer = config(&server, &[]).await;
        assert!((1..=60).contains(&number(&answer, "retry-after")));
        assert_eq!(
            (
                number(&answer, "x-ratelimit-limit"),
                number(&answer, "x-ratelimit-remaining")
            ),
            (10, 0)
        );
        assert_eq!(refusal(answer).await, (429, "RATE_LIMITED".to_owned()));
    }
    // With a body, which is read, so that the refusal arrives and the connection goes on.
    let refused = server
        .anonymous()
        .post("/customers", json!({"name": "a".repeat(3 << 20)}))
        .await;
    refused.refused(429, "RATE_LIMITED");
    for free in ["/health", "/api/v1/health", "/openapi.json", "/docs/", "/metrics", "/"] {
        let answer = ask(&server, "GET", free).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "x-ratelimit-limit")),
            (200, ""),
            "{free}"
        );
    }
    assert_eq!(
        ask(&server, "OPTIONS", "/api/v1/deals").send().await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn a_trusted_proxy_tells_whom_it_speaks_for() {
    let server = Server::start_with(&[
        ON,
        ("TRUSTED_PROXIES", "127.0.0.0/8, 10.0.0.0/8"),
        ("RATE_LIMIT_ANONYMOUS", "2"),
    ])
    .await;
    let status = async |chain: &str| config(&server, &[("X-Forwarded-For", chain)]).await.status().as_u16();
    for (chain, expected) in [
        ("1.1.1.1", 200),
        ("9.9.9.9, 1.1.1.1, 10.1.1.1", 200),
        ("8.8.8.8, 1.1.1.1", 429),
        ("2.2.2.2", 200),
        ("2001:db8::1", 200),
        ("2001:db8::2", 200),
        ("2001:db8::3", 429),
    ] {
        assert_eq!(status(chain).await, expected, "{chain}");
    }
}

/// The statuses of so many requests at once.
async fn burst(client: &Client, count: usize) -> Vec<u16> {
    let mut statuses: Vec<u16> = join_all((0..count).map(|_| async { client.get("/customers").await.status })).await;
    statuses.sort_unstable();
    statuses
}

#[tokio::test(flavor = "multi_thread")]
async fn each_user_has_a_limit_and_premium_ones_a_higher_one() {
    let env = [
        ON,
        ("RATE_LIMIT_ANONYMOUS", "100"),
        ("RATE_LIMIT_USER", "20"),
        ("RATE_LIMIT_PREMIUM", "50"),
    ];
    let server = Server::start_with(&env).await;
    let (one, other, premium) = (server.owner().await, server.owner().await, server.owner().await);
    assert_eq!(
        burst(&one, 60).await.iter().filter(|status| **status == 200).count(),
        20,
        "exactly, however many at once"
    );
    let refused = one.get("/customers").await;
    assert!(refused.header("retry-after").parse::<u64>().unwrap() <= 60);
    refused.refused(429, "RATE_LIMITED");
    let served = other.get("/customers").await;
    assert_eq!(
        (
            served.header("x-ratelimit-limit"),
            served.header("x-ratelimit-remaining")
        ),
        ("20", "19")
    );
    let missing = other.get("/customers/00000000-0000-0000-0000-000000000000").await;
    assert_eq!(
        (missing.status, missing.header("x-ratelimit-remaining")),
        (404, "18"),
        "refusals are answers too"
    );

    let organization = premium.get("/auth/me").await.expect(200)["organizationId"].clone();
    let organization = organization.as_str().unwrap();
    let set = server.tool(&["organization", "premium", organization, "on", "--as", "a"]);
    assert!(set.status.success(), "{set:?}");
    let named = server.another().await;
    let served = premium.at(&named.url).get("/customers").await;
    assert_eq!(served.header("x-ratelimit-limit"), "50");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_tell_each_other_what_they_let_through() {
    let server = Server::start_with(&[ON, ("RATE_LIMIT_ANONYMOUS", "100"), ("RATE_LIMIT_USER", "80")]).await;
    let owner = server.owner().await;
    let here = burst(&owner, 90).await.iter().filter(|status| **status == 200).count();
    assert!(here <= 80, "{here}");
    // Also what was let through before there was anybody to tell.
    let second = server.another().await;
    let (elsewhere, mut passed) = (owner.at(&second.url), 0);
    let refused = loop {
        let answer = elsewhere.get("/customers").await;
        if answer.status == 429 {
            break answer;
        }
        passed += 1;
        assert!(passed < 60, "the other node never heard of it");
        burst(&owner, 10).await; // so that the minute here stays full, however slow the machine is
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
}

/// Nobody reads customers of that workspace as long as the connection lives.
async fn hold_customers(server: &Server, owner: &Client) -> PgConnection {
    owner.post("/customers", json!({"name": "a"})).await.expect(201);
    let schema = owner.schema().await;
    server.hold(&format!("{schema}.customers")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_asks_too_much_waits_for_itself_alone() {
    let env = [
        ("READS_PER_WORKSPACE", "2"),
        ("TURN_TIMEOUT", "1s"),
        ("READ_TIMEOUT", "8s"),
    ];
    let server = Server::start_with(&env).await;
    let (greedy, quiet) = (server.owner().await, server.owner().await);
    let held = hold_customers(&server, &greedy).await;
    let flood = (0..12).map(|_| {
        let greedy = greedy.clone();
        tokio::spawn(async move { greedy.get("/customers").await })
    });
    let flood: Vec<_> = flood.collect();
    for _ in 0..5 {
        quiet.get("/customers").await.expect(200); // in one queue with the others it would be told to come again
    }
    let mut busy = 0;
    let mut reasons = BTreeSet::new();
    for answer in flood {
        let answer = answer.await.unwrap();
        if answer.status == 429 {
            busy += 1;
            assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
            reasons.insert(answer.refused(429, "RATE_LIMITED")["reason"].to_string());
        } else {
            answer.refused(503, "SERVICE_UNAVAILABLE");
        }
    }
    assert_eq!(
        (busy, reasons),
        (10, BTreeSet::from(["\"workspace.busy\"".to_owned()])),
        "two were at work"
    );
    held.close().await.unwrap();
    greedy.get("/customers").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_that_do_not_end_hold_up_no_write() {
    let env = [
        ("READ_TIMEOUT", "6s"),
        ("READS_PER_WORKSPACE", "20"),
        ("DATABASE_POOL", "5"),
    ];
    let server = Server::start_with(&env).await;
    let (greedy, quiet) = (server.owner().await, server.owner().await);
    let held = hold_customers(&server, &greedy).await;
    let stuck = join_all((0..16).map(|_| async {
        let answer = greedy.get("/customers").await;
        (answer, Instant::now())
    }));
    let writes = async {
        for n in 0..10 {
            let body = json!({"name": format!("Клиент {n}")}).to_string();
            let hurried = [("Prefer", "respond-async")];
            let write = quiet.send(Method::POST, "/customers", Some(body), &hurried);
            write.await.expect(201);
        }
        Instant::now()
    };
    let (stuck, written) = tokio::join!(stuck, writes);
    for (answer, answered) in stuck {
        answer.refused(503, "SERVICE_UNAVAILABLE");
        assert!(written < answered, "no write waited for a query to end");
    }
    drop(held);
}
