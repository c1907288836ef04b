//! What happened to a thing and in a workspace: who, what, when, from where, as part of what, with before and after, in three
//! languages, for those who may know it.

mod export;
mod told;

use prometric_tests::{
    Client, Server, eventually,
    story::{Shop, id},
};
use reqwest::Method;
use serde_json::{Value, json};

/// A deal that was opened, changed and won, with all that follows from it.
struct Business {
    server: Server,
    owner: Client,
    shop: Shop,
    deal: String,
}

impl Business {
    async fn open() -> Self {
        let server = Server::start_with(&[]).await;
        let owner = server.owner().await;
        let shop = Shop::open(&owner, 1_000, 1_000).await;
        let deal = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
        let change = json!({"title": "ERP", "value": 1_234_567.89});
        let correlation = [("X-Correlation-Id", CORRELATION)];
        let path = format!("/deals/{deal}");
        let changed = owner
            .send(Method::PUT, &path, Some(change.to_string()), &correlation)
            .await;
        changed.expect(200);
        owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
        eventually("its production is planned", || async {
            owner.items("/production/orders?status=scheduled").await.pop()
        })
        .await;
        Self {
            server,
            owner,
            shop,
            deal,
        }
    }

    /// The entries of all pages of so many.
    async fn pages(&self, path: &str, limit: usize) -> Vec<Value> {
        let (mut entries, mut cursor) = (Vec::new(), String::new());
        let mark = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = self
                .owner
                .get(&format!("{path}{mark}limit={limit}{cursor}"))
                .await
                .expect(200);
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit, "{path}: {}", items.len());
            entries.extend(items.iter().cloned());
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return entries,
            }
        }
    }
}

const CORRELATION: &str = "0190c2a5-0000-7000-8000-00000000c0de";

/// A field of every entry.
fn each<'a>(entries: &'a [Value], field: &str) -> Vec<&'a Value> {
    entries.iter().map(|entry| &entry[field]).collect()
}

/// What became of a field.
fn change<'a>(entry: &'a Value, field: &str) -> &'a Value {
    let changes = entry["changes"].as_array().unwrap();
    let found = changes.iter().find(|change| change["field"] == field);
    found.unwrap_or_else(|| panic!("{field} did not change: {entry}"))
}
