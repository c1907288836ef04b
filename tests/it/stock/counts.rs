//! A count is a fact of its moment: what came and went after it stands, whenever it is written down.

use super::{level, receive, stocked};
use chrono::{DateTime, Utc};
use prometric_tests::{Client, Server};
use serde_json::{Value, json};

/// By the server's clock: when the product's stock last moved.
async fn moved(owner: &Client, product: &str) -> DateTime<Utc> {
    let movements = owner.items(&format!("/stock/movements?productId={product}")).await;
    movements[0]["createdAt"].as_str().unwrap().parse().unwrap()
}

async fn count(owner: &Client, product: &str, quantity: i32, at: Option<DateTime<Utc>>) -> [Value; 3] {
    let body = json!({"productId": product, "quantity": quantity, "countedAt": at, "reference": "INV-1"});
    let counted = owner.post("/stock/counts", body).await.expect(201);
    ["counted", "expected", "difference"].map(|field| counted[field].clone())
}

#[tokio::test]
async fn what_came_and_went_after_a_count_stands() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let product = stocked(&owner, "A", 10, 100).await;
    let counted_at = moved(&owner, &product).await;
    receive(&owner, &product, 5, 100).await;
    let issue = json!({"productId": product, "quantity": 2});
    owner.post("/stock/issues", issue).await.expect(201);
    // Nine were found where ten should have been; five came and two went since.
    let told = count(&owner, &product, 9, Some(counted_at)).await;
    assert_eq!(told, [json!(9), json!(10), json!(-1)]);
    assert_eq!(level(&owner, &product).await[0], json!(12));
    // Said again, it is known already.
    let told = count(&owner, &product, 9, Some(counted_at)).await;
    assert_eq!(told, [json!(9), json!(9), json!(0)]);
    // Now.
    let told = count(&owner, &product, 14, None).await;
    assert_eq!(told, [json!(14), json!(12), json!(2)]);
    assert_eq!(level(&owner, &product).await, [14, 0, 14, 100, 1_400].map(|n| json!(n)));
    let counts = owner.items("/stock/movements?type=COUNT").await;
    let found: Vec<[&Value; 2]> = counts
        .iter()
        .map(|one| ["counted", "quantity"].map(|field| &one[field]))
        .collect();
    assert_eq!(
        found,
        [[&json!(14), &json!(2)], [&json!(9), &json!(0)], [&json!(9), &json!(-1)]]
    );
}

#[tokio::test]
async fn a_count_looks_back_as_far_as_it_must() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let product = stocked(&owner, "A", 10, 100).await;
    let counted_at = moved(&owner, &product).await;
    for _ in 0..300 {
        let more = json!({"productId": product, "quantity": 1, "reason": "a"});
        owner.post("/stock/adjustments", more).await.expect(201);
    }
    let told = count(&owner, &product, 8, Some(counted_at)).await;
    assert_eq!(told, [json!(8), json!(10), json!(-2)]);
    assert_eq!(level(&owner, &product).await[0], json!(308));
}
