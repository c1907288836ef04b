//! What is paid is what the price says: with the tax inside or on top, for nothing, and when the customer's terms say.

use chrono::{Duration, NaiveDate};
use prometric_tests::{
    Client, Server, eventually,
    story::{Shop, id},
};
use serde_json::{Value, json};

/// A product with its price, the tax inside or not.
async fn product(owner: &Client, code: &str, price: &Value, vat_rate: i32, vat_included: bool) -> String {
    let body = json!({"code": code, "name": code, "type": "PRODUCT", "price": price, "vatRate": vat_rate, "vatIncluded": vat_included});
    id(&owner.post("/products", body).await.expect(201))
}

/// Wins a deal of these lines; the deal as it is shown, and its order.
async fn win(owner: &Client, customer: &str, lines: Value) -> (Value, Value) {
    let body = json!({"title": "Prices", "customerId": customer, "products": lines});
    let deal = id(&owner.post("/deals", body).await.expect(201));
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
    let order = eventually("an order", || async {
        owner.items(&format!("/orders?dealId={deal}")).await.into_iter().next()
    });
    let order = order.await;
    (owner.get(&format!("/deals/{deal}")).await.expect(200), order)
}

async fn invoice(owner: &Client, order: &Value) -> Value {
    let path = format!("/finance/invoices?orderId={}", id(order));
    eventually("an invoice", || async { owner.items(&path).await.into_iter().next() }).await
}

async fn customer(owner: &Client, body: Value) -> String {
    id(&owner.post("/customers", body).await.expect(201))
}

#[tokio::test]
async fn a_price_that_carries_its_tax_times_the_quantity_is_what_is_paid() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let buyer = customer(&owner, json!({"name": "ТОО Покупатель"})).await;
    // price, rate, quantity → total, tax of it
    let table = [
        (json!(100), 12, 3, json!(300), json!(32.14)),
        (json!(100), 12, 1_000, json!(100_000), json!(10_714.29)),
        (json!(650_000), 12, 10, json!(6_500_000), json!(696_428.57)),
        (json!(99.99), 16, 7, json!(699.93), json!(96.54)),
    ];
    for (n, (price, rate, quantity, total, tax)) in table.into_iter().enumerate() {
        let product = product(&owner, &format!("INSIDE-{n}"), &price, rate, true).await;
        let lines = json!([{"productId": product, "quantity": quantity}]);
        let (deal, order) = win(&owner, &buyer, lines).await;
        let invoice = invoice(&owner, &order).await;
        for (line, amount) in [
            (&deal["products"][0], "totalPrice"),
            (&order["items"][0], "totalPrice"),
            (&invoice["items"][0], "amount"),
        ] {
            let found = (
                &line[amount],
                &line["taxAmount"],
                &line["unitPrice"],
                &line["vatIncluded"],
            );
            assert_eq!(found, (&total, &tax, &price, &json!(true)), "{line}");
        }
        for sum in [
            &deal["value"],
            &deal["finalAmount"],
            &order["totalAmount"],
            &invoice["amount"],
        ] {
            assert_eq!(sum, &total);
        }
    }
}

#[tokio::test]
async fn a_price_that_a_line_names_is_meant_as_the_line_says() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let (inside, on_top) = (
        product(&owner, "INSIDE", &json!(650_000), 12, true).await,
        product(&owner, "ON-TOP", &json!(650_000), 12, false).await,
    );
    let line = |product: &str, more: Value| {
        let mut line = json!({"productId": product, "quantity": 10, "discount": 5});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"title": "Meaning", "products": [line]})
    };
    let table = [
        // Document 2's figure: price and tax are named, the tax comes on top, whatever the product.
        (line(&inside, json!({"unitPrice": 650_000, "tax": 12})), 6_916_000),
        (line(&on_top, json!({"unitPrice": 650_000, "tax": 12})), 6_916_000),
        (line(&on_top, json!({})), 6_916_000),
        (line(&inside, json!({})), 6_175_000),
        (line(&inside, json!({"tax": 16})), 6_175_000),
        (
            line(&inside, json!({"unitPrice": 650_000, "vatIncluded": true})),
            6_175_000,
        ),
        (
            line(&on_top, json!({"unitPrice": 650_000, "vatIncluded": true})),
            6_175_000,
        ),
        (line(&inside, json!({"vatIncluded": true})), 6_175_000),
    ];
    for (body, total) in table {
        let deal = id(&owner.post("/deals", body.clone()).await.expect(201));
        let deal = owner.get(&format!("/deals/{deal}")).await.expect(200);
        assert_eq!(deal["products"][0]["totalPrice"], json!(total), "{body}");
    }
    // It says how a named price is meant; here there is none.
    let details = owner
        .post("/deals", line(&inside, json!({"vatIncluded": false})))
        .await
        .refused(400, "VALIDATION_FAILED");
    assert!(details.to_string().contains("products[0].vatIncluded"), "{details}");
}

#[tokio::test]
async fn what_is_given_away_is_delivered_and_nobody_is_asked_for_money() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let gift = json!([{"productId": shop.product, "quantity": 2, "discount": 100}]);
    let (deal, order) = win(&owner, &shop.customer, gift).await;
    assert_eq!((&deal["stage"], &deal["finalAmount"]), (&json!("WON"), &json!(0)));
    assert_eq!(
        (&order["totalAmount"], &order["paymentStatus"]),
        (&json!(0), &json!("paid"))
    );
    let reserved = async || {
        let product = owner.get(&format!("/products/{}", shop.product)).await.expect(200);
        (product["inventory"]["reserved"] == json!(2)).then_some(())
    };
    eventually("the pieces are reserved", reserved).await;
    let pool = server.pool().await;
    let both_done = async || {
        let done = "select count(*) from sagas.instances where workspace_id = $1::uuid and status = 'done'";
        let done = sqlx::query_scalar::<_, i64>(done).bind(&owner.workspace);
        (done.fetch_one(&pool).await.unwrap() == 2).then_some(())
    };
    eventually("both processes end", both_done).await;
    assert_eq!(owner.items("/finance/invoices").await, Vec::<Value>::new());
    let customer = owner.get(&format!("/customers/{}", shop.customer)).await.expect(200);
    assert_eq!((&customer["balance"], &customer["totalOrders"]), (&json!(0), &json!(1)));
    // The same when the amount is named, and for less than the lines; but something has to be sold.
    for (lines, status) in [
        (
            json!([{"productId": shop.product, "quantity": 1, "discount": 100}]),
            200,
        ),
        (json!([{"productId": shop.product, "quantity": 1}]), 200),
        (json!([]), 409),
    ] {
        let body = json!({"title": "Gift", "customerId": shop.customer, "products": lines});
        let deal = id(&owner.post("/deals", body).await.expect(201));
        let won = owner
            .post(&format!("/deals/{deal}/win"), json!({"finalAmount": 0}))
            .await;
        assert_eq!(won.status, status, "{}", won.body);
    }
}

#[tokio::test]
async fn the_due_date_follows_the_customers_terms_else_the_setting() {
    let server = Server::start_with(&[("PAYMENT_DAYS", "14")]).await;
    let owner = server.owner().await;
    let product = product(&owner, "GOODS", &json!(1_000), 12, false).await;
    let day = |date: &Value| date.as_str().unwrap().parse::<NaiveDate>().unwrap();
    let table = [
        (json!("NET_30"), 30),
        (json!("NET_0"), 0),
        (json!("net 45"), 45),
        (json!("по факту"), 14),
        (Value::Null, 14),
    ];
    for (terms, days) in table {
        let mut body = json!({"name": "ТОО Покупатель"});
        if !terms.is_null() {
            body["paymentTerms"] = terms.clone();
        }
        let buyer = customer(&owner, body).await;
        let (_, order) = win(&owner, &buyer, json!([{"productId": product, "quantity": 1}])).await;
        assert_eq!(order["paymentTerms"], terms);
        let invoice = invoice(&owner, &order).await;
        assert_eq!(
            day(&invoice["dueDate"]),
            day(&invoice["issueDate"]) + Duration::days(days)
        );
    }
    // The terms of the moment it is won.
    let buyer = customer(&owner, json!({"name": "ТОО Покупатель", "paymentTerms": "NET_10"})).await;
    let body = json!({"title": "Later", "customerId": buyer, "products": [{"productId": product, "quantity": 1}]});
    let deal = id(&owner.post("/deals", body).await.expect(201));
    owner
        .put(&format!("/customers/{buyer}"), json!({"paymentTerms": "NET_60"}))
        .await
        .expect(200);
    owner
        .put(&format!("/deals/{deal}"), json!({"stage": "WON"}))
        .await
        .expect(200);
    let order = eventually("an order", || async {
        owner.items(&format!("/orders?dealId={deal}")).await.into_iter().next()
    });
    let invoice = invoice(&owner, &order.await).await;
    assert_eq!(
        day(&invoice["dueDate"]),
        day(&invoice["issueDate"]) + Duration::days(60)
    );
    for misspelt in ["NET_5000", "NET_soon"] {
        let body = json!({"name": "ТОО Опечатка", "paymentTerms": misspelt});
        let details = owner.post("/customers", body).await.refused(400, "VALIDATION_FAILED");
        assert!(details.to_string().contains("paymentTerms"), "{details}");
    }
}
