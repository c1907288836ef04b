//! Bundles: sold as one at one price, held, sent and taken back as their parts.

use super::*;

/// In stock, and held.
async fn stock(owner: &Client, product: &str) -> (Value, Value) {
    let product = owner.get(&format!("/products/{product}")).await.expect(200);
    let inventory = &product["inventory"];
    (inventory["inStock"].clone(), inventory["reserved"].clone())
}

#[tokio::test]
async fn a_bundle_leaves_as_its_parts() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    let service = json!({"code": "INSTALL", "name": "Установка", "type": "SERVICE", "price": 100_000});
    let service = id(&owner.post("/products", service).await.expect(201));
    let parts = json!([
        {"productId": shop.steel, "quantity": 3}, {"productId": shop.lock, "quantity": 1}, {"productId": service, "quantity": 1},
    ]);
    let bundle = json!({"code": "SET", "name": "Набор", "type": "BUNDLE", "price": 90_000, "parts": parts});
    let bundle = id(&owner.post("/products", bundle).await.expect(201));
    assert_eq!(
        owner.get(&format!("/products/{bundle}")).await.expect(200)["parts"],
        parts
    );
    let with = |code: &str, kind: &str, part: &str| json!({"code": code, "name": code, "type": kind, "price": 1, "parts": [{"productId": part, "quantity": 1}]});
    for (wrong, field) in [
        (with("A", "PRODUCT", &shop.steel), "parts"),
        (with("B", "BUNDLE", &bundle), "parts[0].productId"),
    ] {
        let answer = owner.post("/products", wrong).await;
        assert!(
            answer.status == 400 && answer.body.to_string().contains(field),
            "{}",
            answer.body
        );
    }

    let items = json!([{"productId": bundle, "quantity": 2, "tax": 12}]);
    let asked = json!({"customerId": shop.customer, "status": "confirmed", "items": items});
    let order = owner.post("/orders", asked).await.expect(201);
    assert_eq!(order["totalAmount"], json!(201_600), "2 × 90000 and 12 %");
    let path = format!("/orders/{}", id(&order));
    eventually("the parts are held", || async {
        let (steel, lock) = (stock(&owner, &shop.steel).await, stock(&owner, &shop.lock).await);
        ((steel.1, lock.1) == (json!(6), json!(2))).then_some(())
    })
    .await;
    let plan = owner.get(&format!("{path}/cancellation")).await.expect(200);
    assert_eq!(plan["goods"].as_array().map(Vec::len), Some(2), "{plan}");
    let one = json!({"items": [{"productId": bundle, "quantity": 1}]});
    owner.post(&format!("{path}/ship"), one.clone()).await.expect(200);
    assert_eq!(stock(&owner, &shop.steel).await, (json!(97), json!(3)));
    owner.post(&format!("{path}/ship"), json!({})).await.expect(200);
    assert_eq!(stock(&owner, &shop.steel).await, (json!(94), json!(0)));
    assert_eq!(stock(&owner, &shop.lock).await, (json!(18), json!(0)));
    assert_eq!(owner.get(&path).await.expect(200)["deliveryStatus"], json!("full"));
    owner.post(&format!("{path}/returns"), one).await.expect(201);
    assert_eq!(stock(&owner, &shop.steel).await.0, json!(97));
}
