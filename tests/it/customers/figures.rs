//! What a customer has brought in and how they pay, with the documents' figures.

use prometric_tests::{
    Client, Server, eventually,
    story::{Shop, id},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};

/// Wins a deal of one line; answers its invoice.
async fn sold(owner: &Client, shop: &Shop, line: Value) -> Value {
    let body = json!({"title": "ERP", "customerId": shop.customer, "products": [line]});
    let deal = id(&owner.post("/deals", body).await.expect(201));
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
    eventually("an invoice", || async {
        let invoices = owner.items("/finance/invoices").await;
        invoices.into_iter().find(|invoice| invoice["dealId"] == json!(deal))
    })
    .await
}

/// Has the invoice be due so many days before the day it is paid, or before today.
async fn due(pool: &PgPool, schema: &str, invoice: &Value, days_before: i32) {
    let sql = format!(
        "update {schema}.invoices set due_date = reading.day(coalesce(paid_at, now())) - {days_before} where id = '{}'",
        id(invoice)
    );
    sqlx::query(AssertSqlSafe(sql)).execute(pool).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_the_sums_of_the_documents() {
    let server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let (shop, schema) = (Shop::open(&owner, 0, 0).await, owner.schema().await);
    let path = format!("/customers/{}", shop.customer);
    let metrics = async || owner.get(&path).await.expect(200)["metrics"].clone();
    let before = metrics().await;
    assert_eq!(
        (&before["averageDaysLate"], &before["invoicesPaid"], &before["revenues"]),
        (&Value::Null, &json!(0), &json!({}))
    );

    let line = |quantity: i32, price: i32, discount: i32| json!({"productId": shop.product, "quantity": quantity, "unitPrice": price, "discount": discount, "tax": 12});
    let first = sold(&owner, &shop, line(50, 400_000, 10)).await;
    let second = sold(&owner, &shop, line(10, 650_000, 5)).await;
    assert_eq!(
        (&first["amount"], &second["amount"]),
        (&json!(20_160_000), &json!(6_916_000))
    );
    let now = metrics().await;
    for (name, value) in [
        ("totalOrders", json!(2)),
        ("totalRevenue", json!(27_076_000)),
        ("averageOrderValue", json!(13_538_000)),
        ("lifetimeValue", json!(27_076_000)),
        ("revenues", json!({"KZT": 27_076_000})),
        ("paymentBehavior", Value::Null),
        ("invoicesPaid", json!(0)),
        ("invoicesOverdue", json!(0)),
        ("lastActivityDate", Value::Null),
    ] {
        assert_eq!(now[name], value, "{name}");
    }
    assert!(now["lastOrderDate"].is_string());
    assert_eq!(owner.get(&path).await.expect(200)["balance"], json!(27_076_000));

    let pay = async |invoice: &Value| {
        let payment = json!({"invoiceId": id(invoice), "amount": invoice["amount"]});
        owner.post("/finance/payments", payment).await.expect(201);
        metrics().await; // its row is written
    };
    let behaviour = async || {
        let now = metrics().await;
        let of = |name: &str| now[name].clone();
        (
            of("paymentBehavior"),
            of("averageDaysLate"),
            of("invoicesPaid"),
            of("invoicesOverdue"),
        )
    };
    pay(&first).await;
    assert_eq!(behaviour().await, (json!("on-time"), json!(0), json!(1), json!(0)));
    assert_eq!(owner.get(&path).await.expect(200)["balance"], json!(6_916_000));
    due(&pool, &schema, &first, 5).await;
    due(&pool, &schema, &second, 1).await;
    assert_eq!(behaviour().await, (json!("late"), json!(5), json!(1), json!(1)));
    pay(&second).await;
    due(&pool, &schema, &second, -3).await;
    assert_eq!(
        behaviour().await,
        (json!("late"), json!(2.5), json!(2), json!(0)),
        "who pays before the day is not early for another invoice"
    );
    assert_eq!(owner.get(&path).await.expect(200)["balance"], json!(0));

    let call = json!({"type": "call", "subject": "Звонок", "date": "2025-01-15T14:00:00Z"});
    owner.post(&format!("{path}/interactions"), call).await.expect(201);
    assert_eq!(metrics().await["lastActivityDate"], json!("2025-01-15"));
    let listed = owner.items("/customers").await.remove(0)["metrics"].clone();
    assert_eq!(listed.as_object().unwrap().len(), 5, "a list shows document 2's");
}
