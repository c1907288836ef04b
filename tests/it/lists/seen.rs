//! What is seen of a thing: by whom, how much of it, and the same everywhere.

use super::set;
use domain::Role;
use prometric_tests::{
    Server, eventually,
    story::{Shop, id},
};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_a_field_is_not_there() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    let won = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
    owner.post(&format!("/deals/{won}/win"), json!({})).await.expect(200);
    let order = id(&eventually("an order", || async { owner.items("/orders").await.into_iter().next() }).await);
    eventually("an invoice", || async {
        owner.items("/finance/invoices").await.into_iter().next()
    })
    .await;
    owner
        .put(&format!("/products/{}", shop.product), json!({"cost": 7}))
        .await
        .expect(200);
    let (cashier, accountant, stockkeeper) = (
        server.member(&owner, Role::Cashier).await,
        server.member(&owner, Role::Accountant).await,
        server.member(&owner, Role::Stockkeeper).await,
    );
    // In the owner's workspace, not in the reader's own.
    let within = |path: &str| format!("/workspaces/{}{path}", owner.workspace);
    let customer = within(&format!("/customers/{}", shop.customer));
    let (theirs, all) = (
        cashier.get(&customer).await.expect(200),
        accountant.get(&customer).await.expect(200),
    );
    for field in ["invoices", "balance", "creditLimit", "deals"] {
        assert!(all.get(field).is_some(), "{field}: {all}");
        assert!(theirs.get(field).is_none(), "{field}: {theirs}");
    }
    assert!(theirs["orders"].is_array(), "{theirs}");
    let item = &cashier.items(&within("/customers")).await[0];
    for field in ["balance", "creditLimit"] {
        assert!(item.get(field).is_none(), "{item}");
        for query in [format!("{field}[gte]=0"), format!("{field}=0")] {
            accountant
                .get(&within(&format!("/customers?{query}")))
                .await
                .expect(200);
            let told = cashier
                .get(&within(&format!("/customers?{query}")))
                .await
                .refused(400, "VALIDATION_FAILED");
            let known = told["known"].as_object().unwrap().values().next().unwrap().to_string();
            assert!(!known.contains(field) && known.contains("segment"), "{told}");
        }
        accountant
            .get(&within(&format!("/customers?sort={field}")))
            .await
            .expect(200);
        let told = cashier
            .get(&within(&format!("/customers?sort={field}")))
            .await
            .refused(400, "VALIDATION_FAILED");
        assert_eq!(told["rules"], json!({"sort": "unknown"}));
    }
    let order = within(&format!("/orders/{order}"));
    let (theirs, all) = (
        cashier.get(&order).await.expect(200),
        owner.get(&order).await.expect(200),
    );
    for field in ["invoices", "productionOrders"] {
        assert!(
            all[field].is_array() && theirs.get(field).is_none(),
            "{field}: {theirs}"
        );
    }
    let product = within(&format!("/products/{}", shop.product));
    for (reader, may) in [
        (&cashier, false),
        (&accountant, true),
        (&stockkeeper, true),
        (&owner, true),
    ] {
        let shown = reader.get(&product).await.expect(200);
        assert_eq!(shown.get("cost").is_some(), may, "{shown}");
        assert_eq!(shown["priceHistory"][1].get("cost").is_some(), may, "{shown}");
        assert_eq!(shown["priceHistory"][1]["price"], json!(400_000));
        assert_eq!(shown["stockMovements"][0].get("unitCost").is_some(), may, "{shown}");
        assert!(shown["stockMovements"][0]["quantity"].is_number(), "{shown}");
        assert_eq!(
            reader.get(&within("/products?sort=cost")).await.status,
            if may { 200 } else { 400 }
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_nested_ends_at_the_newest_and_says_where_the_rest_is() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let customer = id(&owner.post("/customers", json!({"name": "a"})).await.expect(201));
    let path = format!("/customers/{customer}");
    for n in 1..=20 {
        let deal = json!({"title": format!("{n}"), "customerId": customer});
        owner.post("/deals", deal).await.expect(201);
    }
    let shown = owner.get(&path).await.expect(200);
    assert_eq!(
        (shown["deals"].as_array().unwrap().len(), &shown["more"]),
        (20, &json!({}))
    );
    owner
        .post("/deals", json!({"title": "21", "customerId": customer}))
        .await
        .expect(201);
    let shown = owner.get(&path).await.expect(200);
    let titles: Vec<&str> = shown["deals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|deal| deal["title"].as_str().unwrap())
        .collect();
    let newest: Vec<String> = (2..=21).rev().map(|n: i32| n.to_string()).collect();
    assert_eq!(titles, newest);
    let rest = shown["more"]["deals"].as_str().unwrap();
    assert_eq!(owner.get(rest).await.expect(200)["total"], json!(21), "{rest}");
    assert_eq!(shown["more"], json!({"deals": rest}), "of nothing else is there more");

    let steel = json!({"code": "a", "name": "a", "type": "MATERIAL"});
    let steel = id(&owner.post("/products", steel).await.expect(201));
    for n in 1..=21 {
        let receipt = json!({"productId": steel, "quantity": n});
        owner.post("/stock/receipts", receipt).await.expect(201);
    }
    let shown = owner.get(&format!("/products/{steel}")).await.expect(200);
    let moved = shown["stockMovements"].as_array().unwrap();
    assert_eq!(
        (moved.len(), &moved[0]["quantity"], &moved[19]["quantity"]),
        (20, &json!(21), &json!(2))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_past_due_is_overdue_wherever_it_is_seen() {
    let server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let shop = Shop::open(&owner, 100, 20).await;
    let deal = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
    let invoice = eventually("an invoice", || async {
        owner.items("/finance/invoices").await.into_iter().next()
    })
    .await;
    let (invoice, order) = (id(&invoice), invoice["orderId"].as_str().unwrap().to_owned());
    let nested = |shown: Value| shown["invoices"][0]["status"].clone();
    let everywhere = async |state: &str| {
        let seen = [
            owner.items("/finance/invoices").await[0]["status"].clone(),
            owner.get(&format!("/finance/invoices/{invoice}")).await.expect(200)["status"].clone(),
            nested(owner.get(&format!("/customers/{}", shop.customer)).await.expect(200)),
            nested(owner.get(&format!("/orders/{order}")).await.expect(200)),
        ];
        assert_eq!(seen, [state, state, state, state].map(Value::from));
        for status in ["draft", "sent", "partial", "paid", "overdue", "cancelled"] {
            let total = owner
                .get(&format!("/finance/invoices?status={status}"))
                .await
                .expect(200)["total"]
                .clone();
            assert_eq!(total, json!(i32::from(status == state)), "{status} while it is {state}");
        }
    };
    everywhere("sent").await;
    let due = async |day: &str| {
        let change = format!("update {{s}}.invoices set due_date = (now() at time zone 'Asia/Almaty')::date {day}");
        set(&pool, &owner, &change).await;
    };
    due("").await;
    everywhere("sent").await;
    due("- 1").await;
    everywhere("overdue").await;
    due("+ 1").await;
    owner
        .post("/finance/payments", json!({"invoiceId": invoice, "amount": 5}))
        .await
        .expect(201);
    everywhere("partial").await;
    due("- 1").await;
    everywhere("overdue").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instants_end_in_z_and_days_are_days_wherever_they_are_nested() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    let deal = id(&owner.post("/deals", shop.deal(1)).await.expect(201));
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
    let invoice = eventually("an invoice", || async {
        owner.items("/finance/invoices").await.into_iter().next()
    })
    .await;
    let payment = json!({"invoiceId": id(&invoice), "amount": invoice["amount"]});
    owner.post("/finance/payments", payment).await.expect(201);
    let order = invoice["orderId"].as_str().unwrap();
    let read = async |path: String| owner.get(&path).await.expect(200);
    let (customer, deal, product, order) = (
        read(format!("/customers/{}", shop.customer)).await,
        read(format!("/deals/{deal}")).await,
        read(format!("/products/{}", shop.product)).await,
        read(format!("/orders/{order}")).await,
    );
    let days = [
        &customer["deals"][0]["closedAt"],
        &customer["invoices"][0]["paidAt"],
        &deal["timeline"][0]["enteredAt"],
        &deal["timeline"][0]["exitedAt"],
        &deal["timeline"][1]["enteredAt"],
        &product["priceHistory"][0]["date"],
        &product["stockMovements"][0]["date"],
    ];
    for day in days {
        assert_eq!(day.as_str().map(str::len), Some("2025-01-15".len()), "{day}");
    }
    assert_eq!(
        deal["products"][0]["product"],
        json!({"name": "ERP License", "code": "ERP-001"})
    );
    for shown in [&customer, &deal, &product, &order, &invoice] {
        instants(shown);
    }
    for path in [
        "/customers",
        "/deals",
        "/products",
        "/orders",
        "/finance/invoices",
        "/production/orders",
        "/notifications",
    ] {
        instants(&owner.get(path).await.expect(200)["items"]);
    }
}

/// Whatever looks like an instant looks like all others.
fn instants(shown: &Value) {
    match shown {
        Value::Object(fields) => fields.values().for_each(instants),
        Value::Array(items) => items.iter().for_each(instants),
        Value::String(text) if text.len() > 18 && text.as_bytes()[10] == b'T' && text.as_bytes()[4] == b'-' => {
            assert!(text.ends_with('Z'), "{text}");
        }
        _ => {}
    }
}
