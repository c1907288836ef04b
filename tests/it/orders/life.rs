//! The life of an order: drafts, steps, their history, and what may be changed until when.

use super::*;

#[tokio::test]
async fn nothing_follows_from_a_draft_until_it_is_placed() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    let draft = json!({"customerId": shop.customer, "status": "draft"});
    let created = owner.post("/orders", draft).await.expect(201);
    assert_eq!(
        (&created["status"], &created["totalAmount"]),
        (&json!("draft"), &json!(0))
    );
    let path = format!("/orders/{}", id(&created));
    let details = owner
        .post(&format!("{path}/status"), json!({"status": "pending"}))
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(details["reason"], json!("order.empty"));
    let items = json!([{"productId": shop.cabinet, "quantity": 1, "unitPrice": 300_000, "tax": 12}]);
    owner
        .put(&path, json!({"items": items, "notes": "Шкаф"}))
        .await
        .expect(200);
    assert_eq!(owner.items("/production/orders").await.len(), 0);
    let customer = format!("/customers/{}", shop.customer);
    assert_eq!(owner.get(&customer).await.expect(200)["totalOrders"], json!(0));
    go(&owner, &path, &["pending"]).await;
    assert_eq!(owner.get(&customer).await.expect(200)["totalOrders"], json!(1));
    eventually("production is planned", || async {
        owner.items("/production/orders?status=scheduled").await.pop()
    })
    .await;
    let order = owner.get(&path).await.expect(200);
    assert_eq!(
        (&order["orderNumber"], &order["totalAmount"]),
        (&created["orderNumber"], &json!(336_000))
    );
}

/// What was looked up for a draft is of the day on which it is placed; what was named was offered.
#[tokio::test]
async fn a_draft_takes_the_catalog_s_price_of_the_day_when_it_is_placed() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let items = json!([
        {"productId": shop.product, "quantity": 2, "tax": 12},
        {"productId": shop.product, "quantity": 1, "unitPrice": 390_000, "tax": 12},
    ]);
    let mut paths = Vec::new();
    for _ in 0..2 {
        let draft = json!({"customerId": shop.customer, "status": "draft", "items": items});
        let draft = owner.post("/orders", draft).await.expect(201);
        assert_eq!(
            draft["totalAmount"],
            json!(1_332_800),
            "2 × 400000 and 390000, and 12 %"
        );
        paths.push(format!("/orders/{}", id(&draft)));
    }
    let price = json!({"price": 500_000});
    owner
        .put(&format!("/products/{}", shop.product), price)
        .await
        .expect(200);
    go(&owner, &paths[0], &["pending"]).await;
    owner.put(&paths[1], json!({"status": "confirmed"})).await.expect(200);
    for path in &paths {
        let order = owner.get(path).await.expect(200);
        assert_eq!(
            order["totalAmount"],
            json!(1_556_800),
            "2 × 500000 and 390000, and 12 %"
        );
        assert_eq!(order["items"][1]["unitPrice"], json!(390_000));
    }
}

#[tokio::test]
async fn document_2_s_update_confirms_and_changes_in_one() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let path = placed(&owner, &shop).await;
    let update = json!({
        "status": "confirmed", "deliveryDate": "2026-12-10", "notes": "Delivery date changed per customer request",
    });
    let updated = owner.put(&path, update).await.expect(200);
    assert_eq!(updated["message"], json!("Order updated successfully"));
    let order = owner.get(&path).await.expect(200);
    assert_eq!(
        (&order["status"], &order["deliveryDate"]),
        (&json!("confirmed"), &json!("2026-12-10"))
    );
    let items = json!([{"productId": shop.product, "quantity": 1}]);
    owner
        .put(&path, json!({"items": items}))
        .await
        .refused(400, "VALIDATION_FAILED");
    go(&owner, &path, &["processing"]).await;
    let details = owner
        .put(&path, json!({"notes": "too late"}))
        .await
        .refused(409, "CONFLICT");
    assert_eq!(details["reason"], json!("order.being_worked_on"));
}

#[tokio::test]
async fn each_step_is_told_with_who_and_when_and_no_other_step_is_taken() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let path = placed(&owner, &shop).await;
    let status = format!("{path}/status");
    for wrong in ["processing", "shipped", "delivered", "completed", "draft"] {
        let answer = owner.post(&status, json!({"status": wrong})).await;
        assert_eq!(answer.status, 409, "{wrong}: {}", answer.body);
    }
    owner
        .post(&status, json!({"status": "confirmed", "note": "По телефону"}))
        .await
        .expect(200);
    go(&owner, &path, &["confirmed", "processing"]).await;
    let history = owner.get(&path).await.expect(200)["statusHistory"].clone();
    let told: Vec<_> = history.as_array().unwrap().iter().map(|step| &step["status"]).collect();
    assert_eq!(told, ["pending", "confirmed", "processing"], "twice is once");
    for step in history.as_array().unwrap() {
        assert!(
            step["date"].is_string() && step["userId"] == json!(owner.user),
            "{step}"
        );
    }
    assert_eq!(history[1]["note"], json!("По телефону"));
    let trail = owner.get(&format!("{path}/history")).await.expect(200);
    assert_eq!(trail["items"].as_array().map(Vec::len), Some(3));
}

/// Document 1: pending → processing → completed.
#[tokio::test]
async fn where_nothing_is_sent_a_person_says_what_was_done() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let service = json!({"code": "INSTALL", "name": "Установка", "type": "SERVICE", "price": 100_000});
    let service = owner.post("/products", service).await.expect(201);
    let asked = json!({
        "type": "SERVICE", "customerId": shop.customer,
        "items": [{"productId": service["id"], "quantity": 1, "tax": 12}],
    });
    let order = owner.post("/orders", asked).await.expect(201);
    let path = format!("/workspaces/{}/orders/{}", owner.workspace, id(&order));
    go(&owner, &path, &["processing", "completed"]).await;
    let order = owner.get(&path).await.expect(200);
    assert_eq!(
        (&order["status"], &order["type"]),
        (&json!("completed"), &json!("SERVICE"))
    );
}
