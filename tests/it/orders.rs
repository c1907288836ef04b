//! Orders by hand (document 2, "Orders API"): what is asked for as printed is accepted, and every field that is printed comes
//! back; what follows from an order by hand is what follows from a won deal.

mod cancel;
mod credit;
mod life;
mod places;
mod ship;

use prometric_tests::{
    Client, Server, eventually,
    story::{Shop, id},
};
use reqwest::Method;
use serde_json::{Value, json};

/// Document 2's request, but for the ids.
pub fn request(shop: &Shop) -> Value {
    json!({
        "type": "SALES",
        "customerId": shop.customer,
        "items": [{"productId": shop.product, "quantity": 10, "unitPrice": 650_000, "discount": 5, "tax": 12}],
        "shippingAddress": {
            "addressLine1": "пр. Достык 100", "city": "Нур-Султан", "postalCode": "010000", "country": "KZ",
        },
        "deliveryDate": "2026-12-15",
        "paymentTerms": "NET_30",
        "notes": "Urgent delivery required",
    })
}

/// Places document 2's order; its path.
pub async fn placed(owner: &Client, shop: &Shop) -> String {
    let order = owner.post("/orders", request(shop)).await.expect(201);
    format!("/orders/{}", id(&order))
}

/// To one status after the other.
pub async fn go(owner: &Client, order: &str, statuses: &[&str]) {
    for status in statuses {
        let answer = owner.post(&format!("{order}/status"), json!({"status": status})).await;
        assert_eq!(answer.expect(200)["status"], json!(status));
    }
}

#[tokio::test]
async fn document_2_s_order_is_placed_and_shown_with_all_its_fields() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    let deal = owner.post("/deals", shop.deal(1)).await.expect(201);
    let mut asked = request(&shop);
    asked["dealId"] = deal["id"].clone();
    let created = owner.post("/orders", asked).await.expect(201);
    assert!(
        created["orderNumber"].as_str().unwrap().starts_with("ORD-20"),
        "{created}"
    );
    assert_eq!(
        (&created["status"], &created["totalAmount"]),
        (&json!("pending"), &json!(6_916_000))
    );

    let order = owner.items("/orders?status=pending").await.remove(0);
    for (field, value) in [
        ("orderNumber", created["orderNumber"].clone()),
        ("type", json!("SALES")),
        ("customerId", json!(shop.customer)),
        ("customerName", json!("ТОО Tech Solutions")),
        ("dealId", deal["id"].clone()),
        ("dealNumber", deal["dealNumber"].clone()),
        ("status", json!("pending")),
        ("totalAmount", json!(6_916_000)),
        ("currency", json!("KZT")),
        ("deliveryDate", json!("2026-12-15")),
        ("paymentTerms", json!("NET_30")),
        ("notes", json!("Urgent delivery required")),
        ("paymentStatus", json!("unpaid")),
        ("paidAmount", json!(0)),
    ] {
        assert_eq!(order[field], value, "{field}: {order}");
    }
    assert_eq!(order["shippingAddress"]["addressLine1"], json!("пр. Достык 100"));
    let line = &order["items"][0];
    for (field, value) in [
        ("productId", json!(shop.product)),
        ("productName", json!("ERP License")),
        ("quantity", json!(10)),
        ("unitPrice", json!(650_000)),
        ("discount", json!(5)),
        ("tax", json!(12)),
        ("totalPrice", json!(6_916_000)),
    ] {
        assert_eq!(line[field], value, "{field}: {line}");
    }
    let path = format!("/orders/{}", id(&created));
    let details = owner.get(&path).await.expect(200);
    assert_eq!(details["fullDetails"], json!(true));
    for list in [
        "statusHistory",
        "productionOrders",
        "shipments",
        "invoices",
        "documents",
    ] {
        assert!(details[list].is_array(), "{list}: {details}");
    }
    assert_eq!(
        details["statusHistory"][0]["userId"],
        json!(owner.user),
        "who placed it"
    );
    let found = owner.items(&format!("/orders?dealId={}", id(&deal))).await;
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn what_is_left_out_comes_from_product_and_customer() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let customer = owner
        .post("/customers", json!({"name": "ТОО Бірлік", "paymentTerms": "NET_45"}))
        .await
        .expect(201);
    let asked = json!({"customerId": customer["id"], "items": [{"productId": shop.product, "quantity": 2, "tax": 12}]});
    let order = owner.post("/orders", asked).await.expect(201);
    assert_eq!(order["totalAmount"], json!(896_000), "2 × 400000 and 12 %");
    let order = owner.get(&format!("/orders/{}", id(&order))).await.expect(200);
    assert_eq!(order["paymentTerms"], json!("NET_45"));
}

#[tokio::test]
async fn what_is_wrong_is_refused_by_name() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let nobody = "0190c2a5-0000-7000-8000-000000000000";
    let with = |field: &str, value: Value| {
        let mut asked = request(&shop);
        asked[field] = value;
        asked
    };
    for (asked, field) in [
        (with("customerId", json!(nobody)), "customerId"),
        (with("dealId", json!(nobody)), "dealId"),
        (with("assignedTo", json!(nobody)), "assignedTo"),
        (with("status", json!("shipped")), "status"),
        (with("paymentTerms", json!("NET_thirty")), "paymentTerms"),
        (
            with("items", json!([{"productId": nobody, "quantity": 1}])),
            "items[0].productId",
        ),
        (
            with("items", json!([{"productId": shop.product, "quantity": 0}])),
            "items[0].quantity",
        ),
        (with("type", json!("SERVICE")), "items[0].productId"),
        (with("colour", json!("red")), "colour"),
    ] {
        let answer = owner.post("/orders", asked).await;
        assert!(
            [400, 404].contains(&answer.status) && answer.body.to_string().contains(field),
            "{field}: {}",
            answer.body
        );
    }
    let details = owner
        .post("/orders", with("items", json!([])))
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(details["reason"], json!("order.empty"));
    assert_eq!(owner.get("/orders").await.expect(200)["total"], json!(0));
    owner.get(&format!("/orders/{nobody}")).await.refused(404, "NOT_FOUND");
    owner
        .post(&format!("/orders/{nobody}/status"), json!({"status": "confirmed"}))
        .await
        .refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn an_order_by_hand_is_made_and_its_goods_are_held() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    let asked = json!({
        "customerId": shop.customer,
        "items": [
            {"productId": shop.product, "quantity": 50, "unitPrice": 400_000, "discount": 10, "tax": 12},
            {"productId": shop.cabinet, "quantity": 2, "unitPrice": 300_000, "tax": 12},
        ],
    });
    let order = owner.post("/orders", asked).await.expect(201);
    assert_eq!(order["totalAmount"], json!(20_832_000));
    let production = eventually("production is planned", || async {
        let orders = owner.items(&format!("/production/orders?orderId={}", id(&order))).await;
        orders.into_iter().find(|made| made["status"] == "scheduled")
    })
    .await;
    assert_eq!(production["orderNumber"], order["orderNumber"]);
    eventually("the goods are held", || async {
        let product = owner.get(&format!("/products/{}", shop.product)).await.expect(200);
        (product["inventory"]["reserved"] == json!(50)).then_some(())
    })
    .await;
    // And it is to be paid, like a won deal's.
    let invoice = eventually("an invoice", || async {
        owner
            .items(&format!("/finance/invoices?orderId={}", id(&order)))
            .await
            .pop()
    })
    .await;
    for (field, value) in [
        ("amount", json!(20_832_000)),
        ("openAmount", json!(20_832_000)),
        ("kind", json!("proforma")),
        ("status", json!("sent")),
        ("orderNumber", order["orderNumber"].clone()),
        ("customerName", json!("ТОО Tech Solutions")),
    ] {
        assert_eq!(invoice[field], value, "{field}: {invoice}");
    }
}
