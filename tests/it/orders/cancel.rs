//! Cancelling is a plan that is shown first, and then carried out whole.

use super::*;

/// A won deal with two cabinets; its order and its invoice.
async fn won(owner: &Client, shop: &Shop) -> (String, Value) {
    let deal = owner.post("/deals", shop.deal(2)).await.expect(201);
    let win = json!({"finalAmount": 22_500_000});
    owner.post(&format!("/deals/{}/win", id(&deal)), win).await.expect(200);
    eventually("production is planned", || async {
        owner.items("/production/orders?status=scheduled").await.pop()
    })
    .await;
    let invoice = eventually("an invoice", || async { owner.items("/finance/invoices").await.pop() }).await;
    eventually("the goods are held", || async {
        (reserved(owner, &shop.product).await == json!(50)).then_some(())
    })
    .await;
    (format!("/orders/{}", invoice["orderId"].as_str().unwrap()), invoice)
}

async fn reserved(owner: &Client, product: &str) -> Value {
    let product = owner.get(&format!("/products/{product}")).await.expect(200);
    product["inventory"]["reserved"].clone()
}

/// Waits until nothing is held for it and its production order has ended.
async fn undone(owner: &Client, shop: &Shop) {
    eventually("everything is undone", || async {
        for product in [&shop.product, &shop.steel, &shop.lock] {
            if reserved(owner, product).await != json!(0) {
                return None;
            }
        }
        owner.items("/production/orders?status=cancelled").await.pop()
    })
    .await;
}

#[tokio::test]
async fn an_order_nobody_paid_leaves_nothing_behind() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    let (path, invoice) = won(&owner, &shop).await;
    let plan = owner.get(&format!("{path}/cancellation")).await.expect(200);
    assert_eq!(
        (&plan["possible"], &plan["refundable"], &plan["status"]),
        (&json!(true), &json!(0), &json!("pending"))
    );
    assert_eq!(plan["production"][0]["act"], json!("cancel"));
    assert_eq!(
        (&plan["invoices"][0]["invoiceId"], &plan["invoices"][0]["act"]),
        (&invoice["id"], &json!("cancel"))
    );
    assert_eq!(
        owner.get(&path).await.expect(200)["status"],
        json!("pending"),
        "it was only asked"
    );
    let cancel = format!("{path}/cancel");
    let details = owner
        .post(&cancel, json!({"refundAmount": 1}))
        .await
        .refused(422, "INSUFFICIENT_BALANCE");
    assert_eq!(details["reason"], json!("order.refund_above_paid"));
    let cancelled = owner
        .post(&cancel, json!({"reason": "Customer requested cancellation"}))
        .await
        .expect(200);
    assert_eq!(
        (&cancelled["status"], &cancelled["message"]),
        (&json!("cancelled"), &json!("Order cancelled successfully"))
    );
    undone(&owner, &shop).await;
    let path_of_invoice = format!("/finance/invoices/{}", id(&invoice));
    let invoice = eventually("the invoice is cancelled", || async {
        let invoice = owner.get(&path_of_invoice).await.expect(200);
        (invoice["status"] == "cancelled").then_some(invoice)
    })
    .await;
    assert_eq!(invoice["openAmount"], json!(0));
    let pay = json!({"invoiceId": invoice["id"], "amount": 1, "method": "cash"});
    owner
        .post("/finance/payments", pay)
        .await
        .refused(409, "INVALID_TRANSITION");
    let customer = owner.get(&format!("/customers/{}", shop.customer)).await.expect(200);
    assert_eq!(customer["balance"], json!(0));
    // It was not sold after all; the deal stays won, and says so.
    let metrics = &customer["metrics"];
    for (name, value) in [
        ("totalOrders", json!(0)),
        ("totalRevenue", json!(0)),
        ("lifetimeValue", json!(0)),
        ("averageOrderValue", Value::Null),
        ("lastOrderDate", Value::Null),
    ] {
        assert_eq!(metrics[name], value, "{name}");
    }
    let deal = owner.items("/deals").await.remove(0);
    assert_eq!(deal["stage"], json!("WON"));
    assert!(deal["orderCancelledAt"].is_string(), "{deal}");
    let order = owner.get(&path).await.expect(200);
    assert_eq!(
        (&order["billingStatus"], &order["productionStatus"]),
        (&json!("none"), &json!("none"))
    );
    let last = order["statusHistory"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["status"], &last["note"]),
        (&json!("cancelled"), &json!("Customer requested cancellation"))
    );
    owner.post(&cancel, json!({})).await.expect(200);
    owner
        .post(&format!("{path}/status"), json!({"status": "confirmed"}))
        .await
        .refused(409, "INVALID_TRANSITION");
    // New goods stay free: nobody waits for them.
    let receipt = json!({"productId": shop.steel, "quantity": 10, "unitCost": 15_000, "reference": "PO-002"});
    let received = owner.post("/stock/receipts", receipt).await.expect(201);
    assert_eq!(received["reserved"], json!(0));
}

/// Document 2's request: of 22500000, 10000000 were paid and go back.
#[tokio::test]
async fn what_was_paid_goes_back() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    cancelled(&owner, &shop, 10_000_000, 0).await;
}

#[tokio::test]
async fn what_does_not_go_back_is_the_customer_s_credit() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    cancelled(&owner, &shop, 4_000_000, -6_000_000).await;
}

async fn cancelled(owner: &Client, shop: &Shop, refund: i64, balance: i64) {
    let (path, invoice) = won(owner, shop).await;
    let pay = json!({"invoiceId": invoice["id"], "amount": 10_000_000, "method": "bank_transfer"});
    owner.post("/finance/payments", pay).await.expect(201);
    let plan = owner.get(&format!("{path}/cancellation")).await.expect(200);
    assert_eq!(
        (&plan["refundable"], &plan["invoices"][0]["act"]),
        (&json!(10_000_000), &json!("credit"))
    );
    let asked = json!({"reason": "Customer requested cancellation", "refundAmount": refund});
    owner.post(&format!("{path}/cancel"), asked).await.expect(200);
    undone(owner, shop).await;
    let note = eventually("a credit note", || async {
        owner.items("/finance/invoices?kind=credit").await.pop()
    })
    .await;
    assert_eq!(
        (&note["amount"], &note["openAmount"], &note["orderId"]),
        (&json!(22_500_000), &json!(0), &invoice["orderId"])
    );
    let customer = owner.get(&format!("/customers/{}", shop.customer)).await.expect(200);
    assert_eq!(customer["balance"], json!(balance), "what was kept is the customer's");
    let order = owner.get(&path).await.expect(200);
    assert_eq!(
        (
            &order["paymentStatus"],
            &order["refundedAmount"],
            &order["billingStatus"]
        ),
        (&json!("refunded"), &json!(refund), &json!("none"))
    );
    assert_eq!(owner.items("/finance/invoices?kind=credit").await.len(), 1);
}

#[tokio::test]
async fn what_is_on_its_way_is_not_cancelled() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let path = placed(&owner, &shop).await;
    go(&owner, &path, &["confirmed"]).await;
    let part = json!({"items": [{"productId": shop.product, "quantity": 4}]});
    owner.post(&format!("{path}/ship"), part).await.expect(200);
    let plan = owner.get(&format!("{path}/cancellation")).await.expect(200);
    assert_eq!(plan["possible"], json!(false));
    let details = owner
        .post(&format!("{path}/cancel"), json!({}))
        .await
        .refused(409, "CONFLICT");
    assert_eq!(details["reason"], json!("order.partly_shipped"));
    go(&owner, &path, &["shipped", "delivered"]).await;
    owner
        .put(&path, json!({"status": "cancelled"}))
        .await
        .refused(409, "INVALID_TRANSITION");
}

/// By a status it is the same.
#[tokio::test]
async fn an_order_by_hand_is_cancelled_by_its_status() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let path = placed(&owner, &shop).await;
    eventually("the goods are held", || async {
        (reserved(&owner, &shop.product).await == json!(10)).then_some(())
    })
    .await;
    go(&owner, &path, &["cancelled"]).await;
    eventually("the goods are free", || async {
        (reserved(&owner, &shop.product).await == json!(0)).then_some(())
    })
    .await;
}
