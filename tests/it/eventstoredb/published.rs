//! The integration tests that the clients in Rust are published with, unchanged, against this server: all but those that ask for
//! what is not served (`tests/clients/src/published/not_served.rs`). The next version's new tests run without being asked to.

use super::{Company, clients::program};
use futures::{StreamExt, stream};
use prometric_tests::{Server, free_port};
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};
use tokio::{process::Command, time::timeout};

const CLIENTS: [&str; 2] = ["kurrentdb", "eventstore"];
/// Theirs give up after a minute.
const PATIENCE: Duration = Duration::from_secs(90);
/// Some of theirs wait for no longer than two seconds.
const AT_ONCE: usize = 2;

/// What a client is published with.
#[derive(Default)]
struct Published {
    applying: Vec<String>,
    not_served: Vec<String>,
    /// Not served by our list, and not there.
    gone: BTreeSet<String>,
}

impl Published {
    async fn of(client: &str) -> Self {
        let told = command(client).arg("list").output().await;
        let told = told.expect("the client: ./dev test builds it");
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let mut all = Self::default();
        for line in String::from_utf8(told.stdout).unwrap().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| line[name].as_str().map(str::to_owned);
            match (text("test"), text("not_served")) {
                (Some(test), None) => all.applying.push(test),
                (Some(test), Some(why)) => all.not_served.push(format!("{test}: {why}")),
                (None, _) => all.gone.extend(text("gone")),
            }
        }
        all
    }
}

fn command(client: &str) -> Command {
    let mut command = Command::new(program(&format!("prometric-published-{client}")));
    command.env("RUST_BACKTRACE", "0").kill_on_drop(true);
    command
}

/// What went wrong with one of their tests, in its own words.
async fn failure(client: &str, test: &str, url: &str) -> Option<String> {
    let run = command(client).args([url, test]).output();
    let said = match timeout(PATIENCE, run).await {
        Ok(ended) => {
            let ended = ended.unwrap();
            (!ended.status.success()).then(|| String::from_utf8_lossy(&ended.stderr).into_owned())?
        }
        Err(_) => format!("it stands still for {PATIENCE:?}"),
    };
    Some(format!("{client} {test}: {}", said.trim()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tests_that_clients_are_published_with_pass_where_they_apply() {
    let mut applying = Vec::new();
    let mut gone = Vec::new();
    for client in CLIENTS {
        let published = Published::of(client).await;
        if published.applying.is_empty() {
            eprintln!("SKIPPED: the published tests of {client}; its package is here without them");
            continue;
        }
        let (applies, not_served) = (published.applying.len(), published.not_served.join("\n  "));
        eprintln!("{client}: {applies} of the published tests apply; these do not:\n  {not_served}");
        applying.extend(published.applying.into_iter().map(|test| (client, test)));
        gone.push(published.gone);
    }
    if let [one, other] = gone.as_slice() {
        let stale: Vec<_> = one.intersection(other).collect();
        assert!(stale.is_empty(), "neither client has them any more: {stale:?}");
    }

    if applying.is_empty() {
        return;
    }

    let port = free_port();
    let server = Server::start_with(&[("GRPC_PORT", &port.to_string())]).await;
    let company = Company::open(&server).await;
    let rights = ["AUDIT_VIEW", "EXTERNAL_APPEND", "OPERATIONS_UPDATE"];
    let url = format!("{}?tls=false", company.address(port, &rights).await);
    let runs = applying.iter().map(|(client, test)| failure(client, test, &url));
    let ended: Vec<_> = stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
    let failed: Vec<_> = ended.into_iter().flatten().collect();
    let count = (failed.len(), applying.len());
    assert!(
        failed.is_empty(),
        "{} of {} failed:\n\n{}",
        count.0,
        count.1,
        failed.join("\n\n")
    );
}
