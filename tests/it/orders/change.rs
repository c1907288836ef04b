//! Changing a placed order: a plan that is shown first, then carried out whole.

use super::*;

async fn reserved(owner: &Client, product: &str) -> Value {
    let product = owner.get(&format!("/products/{product}")).await.expect(200);
    product["inventory"]["reserved"].clone()
}

async fn held(owner: &Client, product: &str, quantity: i64) {
    eventually("goods are held", || async {
        (reserved(owner, product).await == json!(quantity)).then_some(())
    })
    .await;
}

/// The order's only invoice that is to be paid, once it comes to that much.
async fn billed(owner: &Client, order: &Value, amount: i64) -> Value {
    let path = format!("/finance/invoices?orderId={}", order["id"].as_str().unwrap());
    eventually("an invoice", || async {
        let invoices = owner.items(&path).await;
        let mut open = invoices.into_iter().filter(|invoice| invoice["status"] != "cancelled");
        open.find(|invoice| invoice["amount"] == json!(amount))
    })
    .await
}

/// Document 2's order of ten: six of them, and two cabinets.
#[tokio::test]
async fn lines_change_with_all_that_follows() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    let path = placed(&owner, &shop).await;
    let change = format!("{path}/change");
    let order = owner.get(&path).await.expect(200);
    held(&owner, &shop.product, 10).await;
    billed(&owner, &order, 6_916_000).await;
    let before = owner.get(&path).await.expect(200);

    let stands = owner.get(&change).await.expect(200);
    assert_eq!(
        (&stands["possible"], &stands["lines"][0]["act"], &stands["bill"]),
        (&json!(true), &json!("keep"), &Value::Null)
    );
    let items = json!([
        {"line": 0, "quantity": 6},
        {"productId": shop.cabinet, "quantity": 2, "unitPrice": 300_000, "tax": 16},
    ]);
    let dry = json!({"items": items, "dryRun": true});
    let plan = owner.post(&change, dry.clone()).await.expect(200);
    let total = 4_149_600 + 696_000;
    assert_eq!(
        (&plan["totalBefore"], &plan["totalAmount"], &plan["possible"]),
        (&json!(6_916_000), &json!(total), &json!(true))
    );
    for (at, value) in [
        ("/lines/0/act", json!("renew")),
        ("/lines/0/quantityBefore", json!(10)),
        ("/lines/0/quantity", json!(6)),
        ("/lines/1/act", json!("add")),
        ("/releases/0/quantity", json!(10)),
        ("/reserves/0/quantity", json!(6)),
        ("/produces/0/quantity", json!(2)),
        ("/invoices/0/act", json!("cancel")),
        ("/bill/amount", json!(total)),
    ] {
        assert_eq!(plan.pointer(at), Some(&value), "{at}: {plan}");
    }
    assert_eq!(owner.get(&path).await.expect(200), before, "it was only asked");

    let stale = owner.post(&change, json!({"items": [{"line": 7}]})).await;
    assert_eq!(stale.status, 400, "{}", stale.body);
    let done = owner
        .post(&change, json!({"items": items, "reason": "Fewer licences"}))
        .await
        .expect(200);
    assert_eq!(done["message"], json!("Order changed successfully"));
    held(&owner, &shop.product, 6).await;
    let made = eventually("production is planned", || async {
        owner.items("/production/orders?status=scheduled").await.pop()
    })
    .await;
    assert_eq!(made["quantity"], json!(2));
    let changed = owner.get(&path).await.expect(200);
    let numbers: Vec<&Value> = changed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["line"])
        .collect();
    assert_eq!(
        (numbers, &changed["totalAmount"]),
        (vec![&json!(1), &json!(2)], &json!(total))
    );
    let invoice = billed(&owner, &order, total).await;
    let customer = owner.get(&format!("/customers/{}", shop.customer)).await.expect(200);
    assert_eq!(
        (
            &customer["metrics"]["totalRevenue"],
            &customer["metrics"]["totalOrders"]
        ),
        (&json!(total), &json!(1))
    );

    // What is being paid stands: more is billed beside it, and less there cannot be.
    let pay = json!({"invoiceId": invoice["id"], "amount": 1_000, "method": "cash"});
    owner.post("/finance/payments", pay).await.expect(201);
    let less = json!({"items": [{"line": 1}]});
    let refused = owner.post(&change, less).await.refused(409, "CONFLICT");
    assert_eq!(refused["reason"], json!("order.billed_above"));
    let more = json!({"items": [{"line": 1}, {"line": 2, "quantity": 3}]});
    owner.post(&change, more).await.expect(200);
    billed(&owner, &order, 348_000).await;
    eventually("production is planned anew", || async {
        let made = owner.items("/production/orders?status=scheduled").await;
        made.into_iter().find(|made| made["quantity"] == json!(3))
    })
    .await;
    assert_eq!(owner.items("/production/orders?status=cancelled").await.len(), 1);
    let order = owner.get(&path).await.expect(200);
    assert_eq!(
        (&order["billingStatus"], &order["productionStatus"]),
        (&json!("full"), &json!("waiting")),
        "one was cancelled, and another is there"
    );

    // What was sent stays.
    go(&owner, &path, &["confirmed"]).await;
    let part = json!({"items": [{"productId": shop.product, "quantity": 1}]});
    owner.post(&format!("{path}/ship"), part).await.expect(200);
    let plan = owner
        .post(&change, json!({"items": [{"line": 3}], "dryRun": true}))
        .await
        .expect(200);
    let reasons: Vec<&Value> = plan["obstacles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|why| &why["reason"])
        .collect();
    assert_eq!(reasons, [&json!("order.line_sent"), &json!("order.billed_above")]);
}
