//! Files whose rows become things: what each row would come to is shown first, then carried out, once whatever happens; who may not is refused,
//! and what is no table.

mod carried;
mod refused;

use prometric_tests::{Answer, Client, eventually};
use serde_json::Value;

/// Sends a file of products.
async fn send(owner: &Client, file: &str, dry_run: bool) -> Answer {
    let beside = [
        ("resource", "products"),
        ("dryRun", if dry_run { "true" } else { "false" }),
    ];
    owner.upload(file.as_bytes(), &beside, &[]).await
}

/// The import when it is in that state.
pub async fn reached(owner: &Client, import: &Value, state: &str) -> Value {
    let path = format!("/imports/{}", import["id"].as_str().expect("an id"));
    eventually(state, || async {
        let shown = owner.get(&path).await.expect(200);
        (shown["state"] == state).then_some(shown)
    })
    .await
}

/// How many of its rows came to what.
fn counts(import: &Value) -> [i64; 4] {
    ["created", "updated", "unchanged", "failed"].map(|name| import[name].as_i64().expect("a number"))
}
