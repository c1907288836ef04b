//! An amount never loses its currency: it is not relabelled on a document, and amounts of two currencies are added up
//! in the base currency only, at the rate that the document states.

use prometric_tests::{
    Client, Server, eventually,
    story::{Shop, id},
};
use serde_json::{Value, json};

async fn won(owner: &Client, shop: &Shop, currency: &str) -> Value {
    let body = json!({"title": currency, "customerId": shop.customer, "currency": currency,
        "products": [{"productId": shop.product, "quantity": 1, "unitPrice": 1_000, "tax": 0}]});
    let deal = id(&owner.post("/deals", body).await.expect(201));
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
    let invoice = eventually("an invoice", || async {
        let invoices = owner.items("/finance/invoices").await;
        invoices.into_iter().find(|invoice| invoice["dealId"] == json!(deal))
    });
    invoice.await
}

#[tokio::test]
async fn a_price_of_the_catalog_is_not_relabelled() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let deal = |currency: &str, line: Value| json!({"title": "USD", "currency": currency, "products": [line]});
    let (bare, priced) = (
        json!({"productId": shop.product, "quantity": 1}),
        json!({"productId": shop.product, "quantity": 1, "unitPrice": 900}),
    );
    let refused = |details: &Value, field: &str| {
        let told = &details["fields"];
        let told = told
            .as_array()
            .or(details["violations"].as_array())
            .cloned()
            .unwrap_or_default();
        assert!(
            details.to_string().contains(field) && details.to_string().contains("other_currency"),
            "{details} {told:?}"
        );
    };
    let details = owner.post("/deals", deal("USD", bare.clone())).await;
    refused(&details.refused(400, "VALIDATION_FAILED"), "products[0].unitPrice");
    let in_dollars = id(&owner.post("/deals", deal("USD", priced.clone())).await.expect(201));
    let path = format!("/deals/{in_dollars}");
    let details = owner.put(&path, json!({"products": [bare.clone()]})).await;
    refused(&details.refused(400, "VALIDATION_FAILED"), "products[0].unitPrice");

    // A deal's currency does not change under its lines, nor under its value.
    let details = owner.put(&path, json!({"currency": "KZT"})).await;
    refused(&details.refused(400, "VALIDATION_FAILED"), "currency");
    owner
        .put(&path, json!({"currency": "KZT", "products": [bare]}))
        .await
        .expect(200);
    let changed = owner.get(&path).await.expect(200);
    assert_eq!(
        (&changed["currency"], &changed["products"][0]["unitPrice"]),
        (&json!("KZT"), &json!(400_000))
    );
    let valued = json!({"title": "Estimate", "currency": "USD", "value": 1_000});
    let path = format!("/deals/{}", id(&owner.post("/deals", valued).await.expect(201)));
    let details = owner.put(&path, json!({"currency": "KZT"})).await;
    refused(&details.refused(400, "VALIDATION_FAILED"), "currency");
    owner
        .put(&path, json!({"currency": "KZT", "value": 523_450}))
        .await
        .expect(200);
}

#[tokio::test]
async fn sums_are_kept_by_currency_and_in_the_base_currency_at_the_rate_each_document_states() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let path = format!("/customers/{}", shop.customer);
    let sums = async || {
        let customer = owner.get(&path).await.expect(200);
        ["balance", "balances", "totalRevenue", "revenues"].map(|name| customer[name].clone())
    };

    // There is no rate yet: dollars count as dollars and as nothing else.
    let unrated = won(&owner, &shop, "USD").await;
    assert_eq!(unrated["exchangeRate"], Value::Null);
    won(&owner, &shop, "KZT").await;
    let both = json!({"KZT": 1_000, "USD": 1_000});
    assert_eq!(sums().await, [json!(1_000), both.clone(), json!(1_000), both]);

    // A rate counts from its day on, for documents written after it.
    let set = async |currency: &str, date: &str, rate: Value| {
        let body = json!({"currency": currency, "date": date, "rate": rate});
        owner.put("/finance/exchange-rates", body).await
    };
    set("USD", "2020-01-01", json!(400)).await.expect(200);
    set("USD", "2020-02-01", json!(523.457777)).await.expect(200);
    set("USD", "2999-01-01", json!(9_999)).await.expect(200);
    set("EUR", "2020-01-01", json!(600)).await.expect(200);
    let rated = won(&owner, &shop, "USD").await;
    assert_eq!(rated["exchangeRate"], json!(523.457777));
    let mixed = json!({"KZT": 1_000, "USD": 2_000});
    let base = json!(524_457.78);
    assert_eq!(sums().await, [base.clone(), mixed.clone(), base.clone(), mixed.clone()]);
    let metrics = owner.get(&path).await.expect(200)["metrics"].clone();
    assert_eq!(
        metrics["averageOrderValue"],
        json!(262_228.89),
        "of the orders that have a value"
    );

    // A rate that is corrected changes no document; what is paid in parts leaves nothing.
    set("USD", "2020-02-01", json!(1)).await.expect(200);
    for amount in [json!(333.33), json!(333.33), json!(333.34)] {
        let payment = json!({"invoiceId": rated["id"], "amount": amount});
        owner.post("/finance/payments", payment).await.expect(201);
    }
    let owed = json!({"KZT": 1_000, "USD": 1_000});
    assert_eq!(sums().await, [json!(1_000), owed, base, mixed]);

    let rates = owner.items("/finance/exchange-rates?currency=USD&sort=date").await;
    let rates: Vec<(&Value, &Value)> = rates.iter().map(|rate| (&rate["date"], &rate["rate"])).collect();
    assert_eq!(
        rates,
        [
            (&json!("2020-01-01"), &json!(400)),
            (&json!("2020-02-01"), &json!(1)),
            (&json!("2999-01-01"), &json!(9_999)),
        ]
    );
    for (currency, date, rate, field) in [
        ("usd", "2020-01-01", json!(1), "currency"),
        ("KZT", "2020-01-01", json!(1), "currency"),
        ("USD", "2020-01-01", json!(0), "rate"),
        ("USD", "2020-01-01", json!(0.0000001), "rate"),
        ("USD", "0020-01-01", json!(1), "date"),
    ] {
        let details = set(currency, date, rate).await.refused(400, "VALIDATION_FAILED");
        assert!(details.to_string().contains(field), "{details}");
    }
}
