//! The story that must hold: a won deal becomes one order, one invoice and one production order, and is paid.

use futures::StreamExt;
use prometric_tests::{
    Client, Server, eventually, nats_url,
    story::{Shop, id},
};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn a_won_deal_becomes_an_order_an_invoice_and_production() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let nats = async_nats::connect(nats_url()).await.unwrap();
    let mut heard = nats
        .subscribe(format!("prometric.{}.>", owner.workspace))
        .await
        .unwrap();
    nats.flush().await.unwrap();
    let shop = Shop::open(&owner, 100, 20).await;

    let bom = owner
        .get(&format!("/production/bom/{}", shop.cabinet))
        .await
        .expect(200);
    assert_eq!(
        (&bom["totalCost"], &bom["totalTime"], &bom["productName"]),
        (&json!(100_000), &json!(300), &json!("Server Cabinet"))
    );
    let steel = owner.get(&format!("/products/{}", shop.steel)).await.expect(200);
    assert_eq!(
        (&steel["inventory"]["inStock"], &steel["stockMovements"][0]["reference"]),
        (&json!(100), &json!("PO-001"))
    );

    let deal = owner.post("/deals", shop.deal(2)).await.expect(201);
    let deal_path = format!("/deals/{}", id(&deal));
    let number = deal["dealNumber"].as_str().unwrap();
    assert!(number.starts_with("DL-20") && number.ends_with("-0001"), "{number}");
    let seen = owner.get(&deal_path).await.expect(200);
    assert_eq!(seen["products"][0]["totalPrice"], json!(20_160_000));
    assert_eq!(seen["products"][1]["totalPrice"], json!(672_000));
    assert_eq!(seen["customer"]["name"], json!("ТОО Tech Solutions"));

    owner
        .post(&format!("{deal_path}/stage"), json!({"stage": "QUALIFIED"}))
        .await
        .expect(200);
    owner
        .put(&deal_path, json!({"stage": "PROPOSAL", "probability": 60}))
        .await
        .expect(200);
    for stage in ["NEGOTIATION", "CLOSING"] {
        owner
            .post(
                &format!("/workspaces/{}{deal_path}/stage", owner.workspace),
                json!({"stage": stage}),
            )
            .await
            .expect(200);
    }
    let won = owner
        .post(
            &format!("{deal_path}/win"),
            json!({"finalAmount": 22_500_000, "notes": "Closed"}),
        )
        .await
        .expect(200);
    assert_eq!(won["stage"], json!("WON"));
    let again = owner.post(&format!("{deal_path}/win"), json!({})).await.expect(200);
    assert_eq!(
        again["orderId"], won["orderId"],
        "winning twice answers the first order"
    );

    let (order, invoice, production) = chain(&owner, &id(&deal)).await;
    check_order(&order, &deal);
    check_invoice(&invoice, &order);
    check_production(&production, &order);
    let timeline = owner.get(&deal_path).await.expect(200)["timeline"].clone();
    let stages: Vec<&Value> = timeline.as_array().unwrap().iter().map(|stay| &stay["stage"]).collect();
    assert_eq!(
        stages,
        ["LEAD", "QUALIFIED", "PROPOSAL", "NEGOTIATION", "CLOSING", "WON"]
    );

    let notified = eventually("the owner is told", || async {
        let told = owner.items("/notifications?unread=true").await;
        told.into_iter().find(|notification| notification["type"] == "deal_won")
    });
    assert_eq!(notified.await["data"]["dealId"], deal["id"]);

    pay(&owner, &invoice).await;
    let order = owner.get(&format!("/orders/{}", id(&order))).await.expect(200);
    assert_eq!(
        (&order["paymentStatus"], &order["paidAmount"]),
        (&json!("paid"), &json!(22_500_000))
    );

    let head = head_of(&server, &owner).await;
    for position in 1..=head {
        let message = tokio::time::timeout(Duration::from_secs(30), heard.next())
            .await
            .expect("an event on NATS")
            .unwrap();
        let id = message
            .headers
            .as_ref()
            .and_then(|headers| headers.get("Nats-Msg-Id"))
            .unwrap()
            .as_str()
            .to_owned();
        assert_eq!(id, format!("{}:{position}", owner.workspace), "every event, in order");
    }
}

/// Waits for what a won deal becomes.
async fn chain(owner: &Client, deal: &str) -> (Value, Value, Value) {
    let order = eventually("an order", || async {
        owner.items(&format!("/orders?dealId={deal}")).await.into_iter().next()
    })
    .await;
    let order_id = id(&order);
    let invoice = eventually("an invoice", || async {
        owner
            .items(&format!("/finance/invoices?orderId={order_id}"))
            .await
            .into_iter()
            .next()
    });
    let production = eventually("production, planned", || async {
        let orders = owner.items(&format!("/production/orders?orderId={order_id}")).await;
        orders.into_iter().find(|order| order["status"] == "scheduled")
    });
    let (invoice, production) = (invoice.await, production.await);
    assert_eq!(owner.get("/orders").await.expect(200)["total"], json!(1));
    assert_eq!(owner.get("/finance/invoices").await.expect(200)["total"], json!(1));
    assert_eq!(owner.get("/production/orders").await.expect(200)["total"], json!(1));
    (
        owner.get(&format!("/orders/{order_id}")).await.expect(200),
        invoice,
        production,
    )
}

fn check_order(order: &Value, deal: &Value) {
    assert!(order["orderNumber"].as_str().unwrap().starts_with("ORD-20"), "{order}");
    assert_eq!(order["dealNumber"], deal["dealNumber"]);
    assert_eq!(order["totalAmount"], json!(22_500_000));
    let items = order["items"].as_array().unwrap();
    let totals: Vec<i64> = items.iter().map(|item| item["totalPrice"].as_i64().unwrap()).collect();
    assert_eq!(totals, [20_160_000, 672_000, 1_668_000], "the lines and the adjustment");
    assert_eq!(items[2]["type"], json!("ADJUSTMENT"));
}

fn check_invoice(invoice: &Value, order: &Value) {
    assert!(
        invoice["invoiceNumber"].as_str().unwrap().starts_with("INV-20"),
        "{invoice}"
    );
    assert_eq!(
        (&invoice["amount"], &invoice["orderNumber"], &invoice["kind"]),
        (&json!(22_500_000), &order["orderNumber"], &json!("proforma"))
    );
    let sum: i64 = invoice["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["amount"].as_i64().unwrap())
        .sum();
    assert_eq!(sum, 22_500_000);
}

fn check_production(production: &Value, order: &Value) {
    assert!(
        production["productionNumber"].as_str().unwrap().starts_with("PRD-20"),
        "{production}"
    );
    assert_eq!(
        (&production["orderNumber"], &production["materialState"]),
        (&order["orderNumber"], &json!("reserved"))
    );
    let operations: Vec<&Value> = production["workOrders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|work| &work["operation"])
        .collect();
    assert_eq!(operations, ["Cutting", "Welding"]);
    let reserved: Vec<&Value> = production["materials"]
        .as_array()
        .unwrap()
        .iter()
        .map(|material| &material["reserved"])
        .collect();
    assert_eq!(reserved, [&json!(10), &json!(2)]);
}

async fn pay(owner: &Client, invoice: &Value) {
    let path = format!("/finance/invoices/{}", id(invoice));
    let part = |amount: i64| json!({"invoiceId": invoice["id"], "amount": amount, "method": "bank_transfer", "reference": "TRX123456"});
    let first = owner.post("/finance/payments", part(10_000_000)).await.expect(201);
    assert!(first["paymentNumber"].as_str().unwrap().ends_with("-0001"));
    assert_eq!(owner.get(&path).await.expect(200)["status"], json!("partial"));
    let details = owner
        .post("/finance/payments", part(12_500_001))
        .await
        .refused(422, "INSUFFICIENT_BALANCE");
    assert_eq!(details["reason"], json!("invoice.above_open"));
    owner.post("/finance/payments", part(12_500_000)).await.expect(201);
    let paid = owner.get(&path).await.expect(200);
    assert_eq!(
        (&paid["status"], &paid["paidAmount"]),
        (&json!("paid"), &json!(22_500_000))
    );
    assert_eq!(paid["payments"].as_array().unwrap().len(), 2);
}

async fn head_of(server: &Server, owner: &Client) -> i64 {
    let head =
        sqlx::query_scalar("select position from log.heads where workspace_id = $1::uuid").bind(&owner.workspace);
    head.fetch_one(&server.pool().await).await.unwrap()
}
