//! A request's trace goes on through all that it leads to: it stands in the events. What a collector sees: tests/otlp.

use prometric_tests::{Client, Server, story::win};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{PgPool, Row};
use std::collections::BTreeSet;
use uuid::Uuid;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Of each event: its id, type, and metadata.
async fn events(pool: &PgPool, owner: &Client) -> Vec<(Uuid, String, Value)> {
    let events = "select event_id, type, metadata::text from log.events where workspace_id = $1 order by position";
    let workspace: Uuid = owner.workspace.parse().unwrap();
    let events = sqlx::query(events).bind(workspace).fetch_all(pool).await.unwrap();
    let event = |row: &sqlx::postgres::PgRow| {
        let metadata: String = row.get(2);
        (row.get(0), row.get(1), serde_json::from_str(&metadata).unwrap())
    };
    events.iter().map(event).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_keep_the_trace_and_what_they_follow_from() {
    let server = Server::start().await;
    let owner = server.owner().await;
    win(&owner, PARENT).await;
    let events = events(&server.pool().await, &owner).await;
    let won = events
        .iter()
        .position(|(_, event_type, _)| event_type == "deal.won")
        .unwrap();
    let (before, after) = events.split_at(won);
    assert!(
        before
            .iter()
            .all(|(.., metadata)| metadata.get("traceparent").is_none())
    );
    let types: BTreeSet<&str> = after.iter().map(|(_, event_type, _)| event_type.as_str()).collect();
    assert!(types.len() > 5, "{types:?}");
    let mut known = BTreeSet::new();
    for (event, event_type, metadata) in after {
        assert_eq!(metadata["traceparent"], PARENT, "{event_type}");
        if event_type != "deal.won" {
            let cause: Uuid = serde_json::from_value(metadata["causationId"].clone()).unwrap();
            assert!(known.contains(&cause), "{event_type} follows from something before it");
        }
        known.insert(*event);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_traceparent_is_none() {
    let server = Server::start().await;
    let owner = server.owner().await;
    for (name, given) in [
        ("upper case", PARENT.to_uppercase()),
        ("zeros", format!("00-{}-{}-01", "0".repeat(32), "0".repeat(16))),
    ] {
        let body = json!({"name": name}).to_string();
        let headers = [("traceparent", given.as_str())];
        owner
            .send(Method::POST, "/customers", Some(body), &headers)
            .await
            .expect(201);
    }
    let events = events(&server.pool().await, &owner).await;
    assert!(
        events
            .iter()
            .all(|(.., metadata)| metadata.get("traceparent").is_none()),
        "{events:?}"
    );
}
