//! What a collector sees of a server that was built to send spans (`./dev otlp`): one tree, from a request to the last step of what
//! it led to. A binary of its own, for the server that the other tests meet sends none.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use axum::{Json, Router, extract::State, routing::post};
use prometric_tests::{Server, eventually, free_port, story::win};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

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

#[tokio::test(flavor = "multi_thread")]
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
}
