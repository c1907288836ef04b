//! What is sent leaves the place where it lies, and takes its share of the value along; what comes back comes to a place.

use super::*;

/// An order of so many pieces of it, confirmed; its path.
async fn sold(owner: &Client, shop: &Shop, product: &str, quantity: i32) -> String {
    let order = json!({
        "customerId": shop.customer, "status": "confirmed",
        "items": [{"productId": product, "quantity": quantity, "unitPrice": 500, "tax": 12}],
    });
    format!("/orders/{}", id(&owner.post("/orders", order).await.expect(201)))
}

/// On hand, reserved, value.
async fn level(owner: &Client, product: &str) -> [Value; 3] {
    let found = owner.items(&format!("/stock?productId={product}")).await;
    ["onHand", "reserved", "value"].map(|field| found[0][field].clone())
}

/// How much lies at that place; nothing where it is not named.
async fn lies(owner: &Client, product: &str, warehouse: &str) -> Value {
    let places = owner
        .items(&format!("/stock/places?productId={product}&warehouseId={warehouse}"))
        .await;
    places.first().map_or(Value::Null, |place| place["quantity"].clone())
}

#[tokio::test]
async fn goods_leave_from_where_they_lie() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let warehouse = async |name: &str| id(&owner.post("/warehouses", json!({"name": name})).await.expect(201));
    let (main, outlet) = (warehouse("MAIN").await, warehouse("OUTLET").await);
    let body = json!({"code": "A", "name": "A", "type": "PRODUCT", "cost": 120});
    let product = id(&owner.post("/products", body).await.expect(201));
    for (quantity, cost, place) in [(6, 100, &main), (4, 200, &outlet)] {
        let receipt = json!({"productId": product, "quantity": quantity, "unitCost": cost, "warehouseId": place});
        owner.post("/stock/receipts", receipt).await.expect(201);
    }
    let order = sold(&owner, &shop, &product, 10).await;
    let ship = format!("{order}/ship");
    let from = |place: &str, quantity: i32| json!({"warehouseId": place, "items": [{"productId": product, "quantity": quantity}]});
    let nowhere = owner.post(&ship, from(&product, 1)).await.refused(404, "NOT_FOUND");
    assert!(nowhere["fields"]["warehouseId"].is_string(), "{nowhere}");
    let short = owner.post(&ship, from(&outlet, 5)).await;
    let short = short.refused(422, "STOCK_UNAVAILABLE");
    assert_eq!(short["reason"], json!("order.out_of_stock"));
    owner.post(&ship, from(&outlet, 3)).await.expect(200);
    assert_eq!(lies(&owner, &product, &main).await, json!(6));
    assert_eq!(lies(&owner, &product, &outlet).await, json!(1));
    assert_eq!(level(&owner, &product).await, [7, 7, 980].map(|n| json!(n)));

    // Where nobody says from where, it is taken from one place after the other.
    owner.post(&ship, json!({})).await.expect(200);
    assert_eq!(level(&owner, &product).await, [0, 0, 0].map(|n| json!(n)));
    let movements = format!("/stock/movements?productId={product}&type=OUT");
    let movements = owner.items(&movements).await;
    let sent = movements
        .iter()
        .map(|one| (&one["warehouseId"], &one["quantity"], &one["unitCost"]));
    let mut sent: Vec<String> = sent.map(|one| format!("{one:?}")).collect();
    let mut told = [(&outlet, 3), (&main, 6), (&outlet, 1)]
        .map(|(place, quantity)| format!("{:?}", (json!(place), json!(quantity), json!(140))));
    sent.sort();
    told.sort();
    assert_eq!(sent, told, "each at the average");

    // What comes back is worth what it was when it was sent.
    let back = json!({"warehouseId": outlet, "items": [{"productId": product, "quantity": 2}]});
    owner.post(&format!("{order}/returns"), back).await.expect(201);
    assert_eq!(lies(&owner, &product, &outlet).await, json!(2));
    assert_eq!(level(&owner, &product).await, [2, 0, 280].map(|n| json!(n)));
}
