//! What is refused or accepted at the edges: whatever got into the log must not stop those who follow it.

use prometric_tests::{
    Client, Server, Yard, eventually,
    story::{Shop, id},
};
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

/// What is written is still read: nothing that was accepted has stopped those who follow the log.
async fn read_models_follow(server: &Server, owner: &Client) {
    let async_too = [("Prefer", "respond-async")];
    let created = owner
        .send(
            Method::POST,
            "/customers",
            Some(json!({"name": "После"}).to_string()),
            &async_too,
        )
        .await
        .expect(201);
    let shown = async {
        while owner.get(&format!("/customers/{}", id(&created))).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let shown = tokio::time::timeout(Duration::from_secs(30), shown).await;
    shown.unwrap_or_else(|_| {
        panic!(
            "the workspace's read models have stopped: {:?}",
            server.said().lines().last()
        )
    });
}

/// A date that the read models cannot hold would stop the whole workspace: it must not get that far.
#[tokio::test]
async fn dates_of_no_calendar_are_refused() {
    let server = Server::start_with(&[]).await;
    let yard = Yard::open(&server).await;
    let odd = [
        "2025-13-45",
        "2025-02-30",
        "2025-00-10",
        "tomorrow",
        "",
        "20250101",
        "01.02.2025",
        "99999-01-01",
        "+99999-01-01",
        "-0001-01-01",
        "0000-01-01",
        "+262142-12-31",
        "-262143-01-01",
        "2025-01-01\\u0000",
    ];
    let odd = odd
        .map(|date| format!("\"{date}\""))
        .into_iter()
        .chain(["20250101", "true", "[]", "{}", "[2025,1,1]", "1e400"].map(str::to_owned));
    let odd: Vec<String> = odd.collect();
    let mut complaints = Vec::new();
    for (name, at) in [
        ("POST /deals", "expectedCloseDate"),
        ("PUT /deals/{id}", "expectedCloseDate"),
        ("POST /deals/{id}/win", "actualCloseDate"),
        ("POST /deals/{id}/activities", "date"),
        ("POST /deals/{id}/activities", "nextStepDate"),
        ("POST /orders", "deliveryDate"),
        ("POST /orders/{id}/ship", "estimatedDelivery"),
        ("POST /finance/payments", "date"),
        ("POST /customers/{id}/interactions", "date"),
        ("POST /price-lists", "validFrom"),
        ("POST /stock/receipts", "effectiveDate"),
        ("PUT /stock/policy", "closedThrough"),
    ] {
        let shape = yard
            .shapes
            .iter()
            .find(|shape| format!("{} {}", shape.method, shape.route) == name)
            .unwrap();
        for json in &odd {
            let before = yard.written().await;
            // Not waiting for the read models, which one that is accepted may have stopped.
            let answer = yard
                .owner
                .send(
                    shape.method.clone(),
                    &shape.path,
                    Some(shape.with(at, Some(json))),
                    &[("Prefer", "respond-async")],
                )
                .await;
            let named = answer.body["error"]["details"]["fields"][at].is_string();
            if (answer.status, answer.body["error"]["code"].as_str(), named) != (400, Some("VALIDATION_FAILED"), true)
                || yard.written().await != before
            {
                complaints.push(format!("{name} {at} = {json}: {} {}", answer.status, answer.body));
            }
        }
    }
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
    read_models_follow(&server, &yard.owner).await;
}

#[tokio::test]
async fn the_strangest_that_is_accepted_is_shown_as_it_is() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let (most, dearest, long) = (
        999_999_999.999,
        9_999_999_999_999.99,
        "Ә\u{1F4A9}\u{FFFF}\u{202E}\"'\\ ".repeat(20),
    );
    let nested = (0..15).fold(json!(-1e-300), |inner, _| json!([inner]));
    let specifications = json!({"": 1e308, "a'\"\\$1{s}{0}": nested, "\u{2028}": "%s", "null": null});
    let product = json!({"code": "'; --", "name": "a", "price": dearest, "cost": dearest, "minStock": most, "maxStock": most, "specifications": specifications});
    let product = id(&owner.post("/products", product).await.expect(201));
    let contact = json!({"firstName": long.chars().take(100).collect::<String>(), "position": "x".repeat(100)});
    let customer = json!({"name": long, "tags": vec!["a"; 500], "creditLimit": dearest, "contacts": [contact]});
    let customer = id(&owner.post("/customers", customer).await.expect(201));
    read_models_follow(&server, &owner).await;
    let seen = owner.get(&format!("/products/{product}")).await.expect(200);
    assert_eq!(
        (seen["price"].as_f64(), seen["maxStock"].as_f64()),
        (Some(dearest), Some(most))
    );
    assert_eq!(seen["specifications"]["a'\"\\$1{s}{0}"], nested);
    assert_eq!(
        (seen["specifications"][""].as_f64(), &seen["specifications"]["\u{2028}"]),
        (Some(1e308), &json!("%s"))
    );
    let seen = owner.get(&format!("/customers/{customer}")).await.expect(200);
    assert_eq!(seen["name"], json!(long));
    for field in ["firstName", "position"] {
        assert_eq!(seen["contacts"][0][field], contact[field]);
    }

    owner
        .post(
            "/stock/receipts",
            json!({"productId": product, "quantity": most, "unitCost": dearest}),
        )
        .await
        .expect(201);
    let told = owner
        .post("/stock/receipts", json!({"productId": product, "quantity": 0.001}))
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(told["reason"], json!("stock.too_much"));
    read_models_follow(&server, &owner).await;
    assert_eq!(
        owner.get(&format!("/products/{product}")).await.expect(200)["inventory"]["available"].as_f64(),
        Some(most)
    );
}

#[tokio::test]
async fn an_endless_production_stops_nobody() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 100, 20).await;
    let endless = json!([{"name": "a", "duration": 4_294_967_295_u32}, {"name": "b", "duration": 4_294_967_295_u32}]);
    let bill = json!({"components": [{"materialId": shop.lock, "quantity": 1, "cost": 0}], "operations": endless});
    owner
        .put(&format!("/production/bom/{}", shop.cabinet), bill)
        .await
        .expect(200);
    let sell = async |quantity: f64| {
        let lines = json!([{"productId": shop.cabinet, "quantity": quantity, "unitPrice": 0.01, "tax": 0}]);
        let deal = owner.post("/deals", json!({"title": "a", "customerId": shop.customer, "expectedCloseDate": "9999-12-31", "products": lines})).await;
        let won = format!("/deals/{}/win", id(&deal.expect(201)));
        owner
            .send(
                Method::POST,
                &won,
                Some(json!({"actualCloseDate": "9999-12-31"}).to_string()),
                &[("Prefer", "respond-async")],
            )
            .await
            .expect(200);
    };
    for quantity in [1.0, 19.0] {
        sell(quantity).await;
    }
    let reserved =
        async || (owner.get("/production/orders?materialState=reserved").await.expect(200)["total"] == 2).then_some(());
    let reserved = tokio::time::timeout(
        Duration::from_secs(30),
        eventually("both production orders have their materials", reserved),
    )
    .await;
    reserved.unwrap_or_else(|_| panic!("the chain has stopped: {:?}", server.said().lines().last()));
    sell(999_999_999.999).await;
    read_models_follow(&server, &owner).await;
    eventually("an order each", || async {
        (owner.get("/orders").await.expect(200)["total"] == 3).then_some(())
    })
    .await;
    eventually("an invoice each", || async {
        (owner.get("/finance/invoices").await.expect(200)["total"] == 3).then_some(())
    })
    .await;
    read_models_follow(&server, &owner).await;
}

#[tokio::test]
async fn a_customer_may_buy_more_than_one_amount_can_tell() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let customer = id(&owner.post("/customers", json!({"name": "a"})).await.expect(201));
    let dearest = 9_999_999_999_999.99;
    for _ in 0..3 {
        let deal = id(&owner
            .post(
                "/deals",
                json!({"title": "a", "customerId": customer, "value": dearest}),
            )
            .await
            .expect(201));
        owner
            .send(
                Method::POST,
                &format!("/deals/{deal}/win"),
                Some("{}".to_owned()),
                &[("Prefer", "respond-async")],
            )
            .await
            .expect(200);
    }
    read_models_follow(&server, &owner).await;
    let all = async || (owner.get("/finance/invoices").await.expect(200)["total"] == 3).then_some(());
    let all = tokio::time::timeout(Duration::from_secs(30), eventually("all three invoices", all)).await;
    all.unwrap_or_else(|_| panic!("the chain has stopped: {:?}", server.said().lines().last()));
    read_models_follow(&server, &owner).await;
    let seen = owner.get(&format!("/customers/{customer}")).await.expect(200);
    for sum in ["totalRevenue", "balance"] {
        assert_eq!(
            seen[sum].as_f64(),
            Some(29_999_999_999_999.97),
            "{sum} is the sum of all three"
        );
    }
}
