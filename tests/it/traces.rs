//! A request's trace goes on through all that it leads to: it stands in the events, and a collector sees one tree.

use axum::{Json, Router, extract::State, routing::post};
use prometric_tests::{
    Client, Server, eventually, free_port,
    story::{Shop, id},
};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{PgPool, Row};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;
use uuid::Uuid;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Wins a deal as part of that trace, and waits for what follows.
async fn win(owner: &Client, traceparent: &str) -> String {
    let shop = Shop::open(owner, 1_000, 1_000).await;
    let deal = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
    let headers = [("traceparent", traceparent)];
    let path = format!("/deals/{deal}/win");
    owner
        .send(Method::POST, &path, Some("{}".to_owned()), &headers)
        .await
        .expect(200);
    eventually("its production is planned", || async {
        owner.items("/production/orders?status=scheduled").await.pop()
    })
    .await;
    deal
}

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

/// The spans that a collector has been sent.
type Sent = Arc<Mutex<Vec<Value>>>;

async fn collect(State(sent): State<Sent>, Json(request): Json<Value>) -> Json<Value> {
    let all = |of: &Value, name: &str| of[name].as_array().cloned().unwrap_or_default();
    let scopes = all(&request, "resourceSpans")
        .into_iter()
        .flat_map(move |of| all(&of, "scopeSpans"));
    sent.lock()
        .unwrap()
        .extend(scopes.flat_map(move |of| all(&of, "spans")));
    Json(json!({}))
}

/// By hand, with a server that was built for it: `./dev otlp`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a build with the feature `otlp`: ./dev otlp"]
async fn a_collector_sees_one_tree_from_the_request_to_the_last_step() {
    let (sent, port) = (Sent::default(), free_port());
    let collector = Router::new()
        .route("/v1/traces", post(collect))
        .with_state(sent.clone());
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::spawn(axum::serve(listener, collector).into_future());
    let endpoint = format!("http://127.0.0.1:{port}");
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
    ];
    let server = Server::start_with(&env).await;
    let owner = server.owner().await;
    win(&owner, PARENT).await;
    let wanted = BTreeSet::from(["append", "command", "fold", "request", "step"]);
    let spans = eventually("all kinds of spans have arrived", || async {
        let spans = sent.lock().unwrap().clone();
        let ours: Vec<Value> = spans.into_iter().filter(|span| span["traceId"] == TRACE).collect();
        let kinds: BTreeSet<&str> = ours.iter().filter_map(|span| span["name"].as_str()).collect();
        let steps = ours.iter().filter(|span| span["name"] == "step").count();
        (kinds == wanted && steps >= 5).then_some(ours)
    })
    .await;
    let parents: BTreeMap<&str, &str> = spans
        .iter()
        .map(|span| (span["spanId"].as_str().unwrap(), span["parentSpanId"].as_str().unwrap()))
        .collect();
    let caller = PARENT.split('-').nth(2).unwrap();
    for span in &spans {
        let mut at = span["spanId"].as_str().unwrap();
        while at != caller {
            at = parents.get(at).unwrap_or_else(|| panic!("{span} hangs on nothing"));
        }
    }
    let events = events(&server.pool().await, &owner).await;
    let of_trace = events.iter().filter(|(.., metadata)| {
        metadata["traceparent"]
            .as_str()
            .is_some_and(|name| name.contains(TRACE))
    });
    assert!(of_trace.count() > 5);
}
