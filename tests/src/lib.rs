//! What the black-box tests stand on: a real server process on a database of its own, a client that speaks to it, and
//! waiting for conditions. Test code: a failure here is a failed test, hence the panics.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod client;
pub mod crowd;
mod database;
pub mod decoding;
pub mod document;
pub mod documented;
pub mod engine;
pub mod fault;
pub mod process;
mod routes;
mod server;
pub mod shape;
pub mod sink;
pub mod story;
pub mod torture;
pub mod wire;
mod yard;

pub use client::{Answer, Client};
pub use database::{Database, database_url};
pub use routes::{Route, routes, routes_below};
pub use server::{Server, free_port, nats_url};
pub use yard::Yard;

use log::{Append, Metadata};
use std::{future::Future, time::Duration};
use uuid::Uuid;

/// How long anything may take on a slow machine before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// An append of nothing, to be made more of.
pub fn append_to(workspace: Uuid) -> Append {
    Append {
        workspace,
        streams: vec![],
        claims: vec![],
        guards: vec![],
        command: None,
        answer: String::new(),
        number_year: 2026,
        metadata: Metadata {
            actor: "system".to_owned(),
            ..Metadata::default()
        },
    }
}

/// How often a benchmark measures: so often, or once where it is asked to be short.
pub fn rounds(whole: usize) -> usize {
    match std::env::args().any(|word| word == "short") {
        true => 1,
        false => whole,
    }
}

/// Asks again until there is an answer.
#[track_caller]
pub fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> impl Future<Output = T> {
    let (what, caller) = (what.to_owned(), std::panic::Location::caller());
    async move {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "still not after {PATIENCE:?}: {what} ({caller})"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
