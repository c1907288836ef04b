//! Many products in one request.

use super::{gone, laptop};
use prometric_tests::{Server, story::id};
use reqwest::Method;
use serde_json::{Value, json};

const PATH: &str = "/products/batch";

#[tokio::test]
async fn document_2_s_batch_is_taken_as_it_is_printed() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let body = json!({"products": [
        {"code": "PRD-003", "name": "Keyboard Mechanical", "type": "PRODUCT", "price": 35_000},
        {"code": "PRD-004", "name": "Monitor 27 inch", "type": "PRODUCT", "price": 150_000},
    ]});
    let done = owner.post(PATH, body).await.expect(201);
    assert_eq!((&done["created"], &done["failed"]), (&json!(2), &json!(0)), "{done}");
    for (made, (code, price)) in done["products"]
        .as_array()
        .unwrap()
        .iter()
        .zip([("PRD-003", 35_000), ("PRD-004", 150_000)])
    {
        let shown = owner.get(&format!("/products/{}", id(made))).await.expect(200);
        assert_eq!(
            (&made["code"], &shown["code"], &shown["price"]),
            (&json!(code), &json!(code), &json!(price))
        );
    }
}

#[tokio::test]
async fn each_succeeds_or_fails_for_itself_and_a_repeat_is_told_the_same() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    owner.post("/products", laptop()).await.expect(201);
    let body = json!({"products": [
        {"code": "A", "name": "a"},
        {"code": "PRD-001", "name": "the code is taken"},
        {"code": "A", "name": "by the first"},
        {"code": "B", "name": "b", "price": -1},
        {"code": "C", "name": "c", "colour": "red"},
        7,
        {"code": "D"},
        {"code": "E", "name": "e"},
    ]});
    let headers = [("idempotency-key", "batch-1"), ("accept-language", "en-US")];
    let send = async || {
        owner
            .send(Method::POST, PATH, Some(body.to_string()), &headers)
            .await
            .expect(201)
    };
    let done = send().await;
    let codes: Vec<&Value> = done["products"]
        .as_array()
        .unwrap()
        .iter()
        .map(|made| &made["code"])
        .collect();
    assert_eq!(
        (codes, &done["created"], &done["failed"]),
        (vec![&json!("A"), &json!("E")], &json!(2), &json!(6))
    );
    let errors = done["errors"].as_array().unwrap();
    let told: Vec<(u64, &str)> = errors
        .iter()
        .map(|error| {
            (
                error["index"].as_u64().unwrap(),
                error["error"]["code"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (1, "ALREADY_EXISTS"),
            (2, "ALREADY_EXISTS"),
            (3, "VALIDATION_FAILED"),
            (4, "VALIDATION_FAILED"),
            (5, "VALIDATION_FAILED"),
            (6, "REQUIRED_FIELD"),
        ]
    );
    assert_eq!(errors[2]["error"]["details"]["rules"]["price"], json!("negative"));
    assert_eq!(owner.items("/products").await.len(), 3);
    // What was in the way is gone: the answer is the first one all the same.
    let first = owner.items("/products?code=PRD-001").await;
    gone(&owner, &format!("/products/{}", id(&first[0]))).await.expect(200);
    assert_eq!(send().await, done);
    assert_eq!(owner.items("/products").await.len(), 2);
}

#[tokio::test]
async fn a_batch_has_an_end() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let many = |count: usize| {
        let product = |n| json!({"code": format!("P-{n}"), "name": "a"});
        json!({"products": (0..count).map(product).collect::<Vec<_>>()})
    };
    let refused = owner.post(PATH, many(501)).await;
    assert_eq!(refused.body["error"]["details"]["rules"]["products"], json!("too_many"));
    refused.refused(400, "VALIDATION_FAILED");
    let done = owner.post(PATH, many(500)).await.expect(201);
    assert_eq!((&done["created"], &done["failed"]), (&json!(500), &json!(0)));
    let listed = owner.get("/products?limit=1").await.expect(200);
    assert_eq!(listed["total"], json!(500));
}
