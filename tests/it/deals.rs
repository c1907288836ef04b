//! Deals beyond their stages: what was done about them, what they refer to, and what they come to.

mod activities;
mod bulk;
mod mailed;
mod metrics;
mod pipelines;
mod quotes;

use prometric_tests::{Answer, Client, story::id};
use reqwest::Method;
use serde_json::{Value, json};

/// A new deal.
async fn deal(owner: &Client, body: Value) -> String {
    id(&owner.post("/deals", body).await.expect(201))
}

async fn delete(client: &Client, path: &str) -> Answer {
    client.send(Method::DELETE, path, None, &[]).await
}

async fn shown(owner: &Client, deal: &str) -> Value {
    owner.get(&format!("/deals/{deal}")).await.expect(200)
}

/// Document 2's printed request.
fn call() -> Value {
    json!({
        "type": "call", "subject": "Follow-up call", "date": "2025-01-15T14:00:00Z", "duration": 30,
        "notes": "Discussed pricing options", "outcome": "positive",
    })
}
