//! Goods leave stock with their shipment, exactly once and never below zero.

use super::*;
use futures::future::join_all;

/// What the product has in stock, and how much of it is held.
async fn stock(owner: &Client, product: &str) -> (Value, Value) {
    let product = owner.get(&format!("/products/{product}")).await.expect(200);
    let inventory = &product["inventory"];
    (inventory["inStock"].clone(), inventory["reserved"].clone())
}

/// Document 2's request and answer.
#[tokio::test]
async fn what_is_sent_leaves_stock() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let path = placed(&owner, &shop).await;
    let ship = json!({"trackingNumber": "KZ987654321", "carrier": "DHL", "estimatedDelivery": "2026-12-05"});
    let early = owner.post(&format!("{path}/ship"), ship.clone()).await;
    assert_eq!(
        early.refused(409, "INVALID_TRANSITION")["reason"],
        json!("order.no_such_step")
    );
    go(&owner, &path, &["confirmed", "processing"]).await;
    let shipped = owner.post(&format!("{path}/ship"), ship.clone()).await.expect(200);
    assert_eq!(shipped["status"], json!("shipped"));
    assert_eq!(stock(&owner, &shop.product).await, (json!(99_990), json!(0)));
    let order = owner.get(&path).await.expect(200);
    assert_eq!(
        (&order["status"], &order["deliveryStatus"]),
        (&json!("shipped"), &json!("full"))
    );
    let shipment = &order["shipments"][0];
    for (field, value) in [
        ("id", shipped["shipmentId"].clone()),
        ("trackingNumber", json!("KZ987654321")),
        ("carrier", json!("DHL")),
        ("status", json!("in_transit")),
        ("estimatedDelivery", json!("2026-12-05")),
    ] {
        assert_eq!(shipment[field], value, "{field}: {shipment}");
    }
    let movements = owner.get(&format!("/products/{}", shop.product)).await.expect(200)["stockMovements"].clone();
    let out = movements
        .as_array()
        .unwrap()
        .iter()
        .find(|movement| movement["type"] == "OUT");
    assert_eq!(
        (&out.unwrap()["quantity"], &out.unwrap()["reference"]),
        (&json!(10), &order["orderNumber"])
    );
    owner
        .post(&format!("{path}/ship"), ship)
        .await
        .refused(409, "INVALID_TRANSITION");
    go(&owner, &path, &["delivered"]).await;
    let order = owner.get(&path).await.expect(200);
    assert_eq!(order["shipments"][0]["status"], json!("delivered"));
    assert_eq!(order["status"], json!("delivered"), "nobody has paid yet");
}

#[tokio::test]
async fn an_order_goes_out_in_parts() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let path = placed(&owner, &shop).await;
    let (ship, part) = (
        format!("{path}/ship"),
        |quantity: i32| json!({"items": [{"productId": shop.product, "quantity": quantity}]}),
    );
    go(&owner, &path, &["confirmed"]).await;
    let first = owner.post(&ship, part(4)).await.expect(200);
    assert_eq!(first["status"], json!("processing"));
    let order = owner.get(&path).await.expect(200);
    assert_eq!(
        (&order["status"], &order["deliveryStatus"]),
        (&json!("processing"), &json!("partial"))
    );
    let answer = owner.post(&ship, part(7)).await;
    assert!(answer.body.to_string().contains("items[0].quantity"), "{}", answer.body);
    answer.refused(400, "VALIDATION_FAILED");
    owner.post(&ship, part(6)).await.expect(200);
    let order = owner.get(&path).await.expect(200);
    assert_eq!(
        (
            &order["status"],
            &order["deliveryStatus"],
            order["shipments"].as_array().map(Vec::len)
        ),
        (&json!("shipped"), &json!("full"), Some(2))
    );
    assert_eq!(stock(&owner, &shop.product).await, (json!(99_990), json!(0)));
}

/// Ten pieces, sixteen orders of one: ten are sent.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_what_is_not_there() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 10, 0).await;
    let asked = json!({
        "customerId": shop.customer, "status": "confirmed",
        "items": [{"productId": shop.steel, "quantity": 1, "unitPrice": 15_000, "tax": 12}],
    });
    let orders = join_all((0..16).map(|_| owner.post("/orders", asked.clone()))).await;
    let orders: Vec<String> = orders.into_iter().map(|order| id(&order.expect(201))).collect();
    let sent = join_all(orders.iter().map(async |order| {
        let answer = owner
            .post(&format!("/orders/{order}/ship"), json!({"carrier": "Kazpost"}))
            .await;
        if answer.status != 200 {
            assert_eq!(
                answer.refused(422, "STOCK_UNAVAILABLE")["reason"],
                json!("order.out_of_stock")
            );
            return 0;
        }
        1
    }));
    assert_eq!(sent.await.into_iter().sum::<i32>(), 10);
    let (in_stock, reserved) = stock(&owner, &shop.steel).await;
    assert_eq!((in_stock, reserved), (json!(0), json!(0)));
}

/// Orders of the same two products, every other the other way round: none waits crosswise, and none is told to ask again.
#[tokio::test(flavor = "multi_thread")]
async fn who_sends_the_same_goods_at_once_takes_turns() {
    const ORDERS: i32 = 48;
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, ORDERS, 0).await;
    let orders = join_all((0..ORDERS).map(async |n| {
        let mut items =
            [&shop.product, &shop.steel].map(|product| json!({"productId": product, "quantity": 1, "unitPrice": 100}));
        items.rotate_left(usize::from(n % 2 == 1));
        let asked = json!({"customerId": shop.customer, "status": "confirmed", "items": items});
        id(&owner.post("/orders", asked).await.expect(201))
    }));
    let orders = orders.await;
    join_all(orders.iter().map(async |order| {
        let sent = owner.post(&format!("/orders/{order}/ship"), json!({})).await;
        assert_eq!(sent.expect(200)["status"], json!("shipped"));
    }))
    .await;
    assert_eq!(stock(&owner, &shop.product).await, (json!(100_000 - ORDERS), json!(0)));
    assert_eq!(stock(&owner, &shop.steel).await, (json!(0), json!(0)));
}

/// The same key is the same shipment.
#[tokio::test]
async fn asked_twice_it_is_sent_once() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let path = placed(&owner, &shop).await;
    go(&owner, &path, &["confirmed"]).await;
    let headers = [("Idempotency-Key", "ship-1")];
    let body = json!({"items": [{"productId": shop.product, "quantity": 4}]}).to_string();
    let mut answers = Vec::new();
    for _ in 0..3 {
        let answer = owner
            .send(Method::POST, &format!("{path}/ship"), Some(body.clone()), &headers)
            .await;
        answers.push(answer.expect(200));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(stock(&owner, &shop.product).await.0, json!(99_996));
}

/// A won deal's order, delivered and paid, is completed by itself.
#[tokio::test]
async fn delivered_and_paid_is_completed() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let deal = json!({
        "title": "ERP", "customerId": shop.customer,
        "products": [{"productId": shop.product, "quantity": 10, "unitPrice": 650_000, "discount": 5, "tax": 12}],
    });
    let deal = owner.post("/deals", deal).await.expect(201);
    owner
        .post(&format!("/deals/{}/win", id(&deal)), json!({}))
        .await
        .expect(200);
    let invoice = eventually("an invoice", || async { owner.items("/finance/invoices").await.pop() }).await;
    let path = format!("/orders/{}", invoice["orderId"].as_str().unwrap());
    assert_eq!(owner.get(&path).await.expect(200)["billingStatus"], json!("full"));
    go(&owner, &path, &["confirmed", "processing", "shipped", "delivered"]).await;
    let pay = json!({"invoiceId": invoice["id"], "amount": 6_916_000, "method": "bank_transfer"});
    owner.post("/finance/payments", pay).await.expect(201);
    let order = eventually("the order is completed", || async {
        let order = owner.get(&path).await.expect(200);
        (order["status"] == "completed").then_some(order)
    })
    .await;
    let history = order["statusHistory"].as_array().unwrap();
    assert_eq!(
        (&history.last().unwrap()["status"], &history.last().unwrap()["userId"]),
        (&json!("completed"), &Value::Null),
        "nobody did it"
    );
}

/// The same of one by hand, which names its terms.
#[tokio::test]
async fn an_order_by_hand_is_completed_by_itself() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let path = placed(&owner, &shop).await;
    let invoice = eventually("an invoice", || async { owner.items("/finance/invoices").await.pop() }).await;
    assert_eq!(invoice["orderId"], owner.get(&path).await.expect(200)["id"]);
    go(&owner, &path, &["confirmed", "shipped", "delivered"]).await;
    let pay = json!({"invoiceId": invoice["id"], "amount": 6_916_000, "method": "bank_transfer"});
    owner.post("/finance/payments", pay).await.expect(201);
    eventually("the order is completed", || async {
        let order = owner.get(&path).await.expect(200);
        (order["status"] == "completed").then_some(())
    })
    .await;
}

/// What comes back good is in stock again, what is damaged is not, and no more comes back than was sent.
#[tokio::test]
async fn what_comes_back_is_inspected() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let path = placed(&owner, &shop).await;
    let returns = format!("{path}/returns");
    let back = |quantity: i32, condition: &str| json!({"reason": "Не подошло", "items": [{"productId": shop.product, "quantity": quantity, "condition": condition}]});
    let early = owner.post(&returns, back(1, "good")).await.refused(409, "CONFLICT");
    assert_eq!(early["reason"], json!("order.nothing_to_return"));
    go(&owner, &path, &["confirmed", "shipped", "delivered"]).await;
    assert_eq!(stock(&owner, &shop.product).await.0, json!(99_990));
    // Goods have become dearer since; what comes back costs what it did.
    let receipt = json!({"productId": shop.product, "quantity": 99_990, "unitCost": 500_000, "reference": "PO-002"});
    owner.post("/stock/receipts", receipt).await.expect(201);
    let issue = json!({"productId": shop.product, "quantity": 99_990, "reference": "A-1", "reason": "sold"});
    owner.post("/stock/issues", issue).await.expect(201);
    let (headers, body) = ([("Idempotency-Key", "return-1")], back(3, "good").to_string());
    let twice = async || {
        owner
            .send(Method::POST, &returns, Some(body.clone()), &headers)
            .await
            .expect(201)
    };
    assert_eq!(twice().await, twice().await, "asked twice it has come back once");
    assert_eq!(stock(&owner, &shop.product).await.0, json!(99_993));
    let movements = owner.get(&format!("/products/{}", shop.product)).await.expect(200)["stockMovements"].clone();
    assert_eq!(
        (&movements[0]["quantity"], &movements[0]["unitCost"]),
        (&json!(3), &json!(300_000))
    );
    owner.post(&returns, back(2, "damaged")).await.expect(201);
    assert_eq!(stock(&owner, &shop.product).await.0, json!(99_993));
    let answer = owner.post(&returns, back(6, "good")).await;
    assert!(answer.body.to_string().contains("items[0].quantity"), "{}", answer.body);
    answer.refused(400, "VALIDATION_FAILED");
    let order = owner.get(&path).await.expect(200);
    let kept: Vec<(&Value, &Value)> = order["returns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|back| (&back["items"][0]["quantity"], &back["items"][0]["condition"]))
        .collect();
    assert_eq!(kept, [(&json!(3), &json!("good")), (&json!(2), &json!("damaged"))]);
}

/// Of what was sent no more comes back, however many say so at once; and none of them is told to ask again.
#[tokio::test(flavor = "multi_thread")]
async fn who_returns_goods_at_once_takes_turns() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let path = placed(&owner, &shop).await;
    go(&owner, &path, &["confirmed", "shipped", "delivered"]).await;
    let returns = format!("{path}/returns");
    let one =
        json!({"reason": "Не подошло", "items": [{"productId": shop.product, "quantity": 1, "condition": "good"}]});
    let answers = join_all((0..20).map(|_| owner.post(&returns, one.clone()))).await;
    let (taken, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!(taken.len(), 10);
    assert!(refused.iter().all(|answer| matches!(answer.status, 400 | 409)));
    assert_eq!(stock(&owner, &shop.product).await, (json!(100_000), json!(0)));
}
