//! Price lists: the price that a deal's line takes is that of the list that is nearest to who buys, for so many, that day.

use super::gone;
use prometric_tests::{Client, Server, story::id};
use serde_json::{Value, json};

async fn list(owner: &Client, body: Value) -> String {
    id(&owner.post("/price-lists", body).await.expect(201))
}

async fn set(owner: &Client, list: &str, product: &str, tiers: Value) {
    let body = json!({"priceListId": list, "productId": product, "tiers": tiers});
    owner.post("/prices", body).await.expect(201);
}

/// What a line of a deal takes: the price, and from which list.
async fn taken(owner: &Client, customer: &str, product: &str, quantity: i32) -> (Value, Value) {
    let lines = json!([{"productId": product, "quantity": quantity}]);
    let deal = json!({"title": "a", "customerId": customer, "products": lines});
    let deal = id(&owner.post("/deals", deal).await.expect(201));
    let shown = owner.get(&format!("/deals/{deal}")).await.expect(200);
    let line = &shown["products"][0];
    (line["unitPrice"].clone(), line["priceList"]["name"].clone())
}

#[tokio::test]
async fn the_nearest_list_names_the_price() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let customer = async |segment: Option<&str>| {
        let body = json!({"name": "ТОО", "segment": segment});
        id(&owner.post("/customers", body).await.expect(201))
    };
    let (anybody, vip, own) = (
        customer(None).await,
        customer(Some("VIP")).await,
        customer(Some("VIP")).await,
    );
    let product = json!({"code": "A", "name": "a", "price": 100, "vatRate": 12});
    let product = id(&owner.post("/products", product).await.expect(201));
    assert_eq!(taken(&owner, &anybody, &product, 1).await, (json!(100), Value::Null));

    let wholesale = list(&owner, json!({"name": "Опт"})).await;
    set(
        &owner,
        &wholesale,
        &product,
        json!([{"minQuantity": 10, "price": 90}, {"minQuantity": 100, "price": 80}]),
    )
    .await;
    let of_vip = list(&owner, json!({"name": "VIP", "segment": "VIP"})).await;
    set(&owner, &of_vip, &product, json!([{"price": 95}])).await;
    let of_own = list(&owner, json!({"name": "Договор", "customerId": own})).await;
    set(&owner, &of_own, &product, json!([{"price": 99}])).await;
    let past = list(
        &owner,
        json!({"name": "Акция", "validUntil": "2020-01-01", "priority": 9}),
    )
    .await;
    set(&owner, &past, &product, json!([{"price": 1}])).await;
    let dollars = list(&owner, json!({"name": "USD", "currency": "USD", "priority": 9})).await;
    set(&owner, &dollars, &product, json!([{"price": 1}])).await;
    for (who, quantity, price, from) in [
        (&anybody, 9, 100, Value::Null),
        (&anybody, 10, 90, json!("Опт")),
        (&anybody, 100, 80, json!("Опт")),
        (&vip, 10, 95, json!("VIP")),
        (&own, 10, 99, json!("Договор")),
    ] {
        assert_eq!(
            taken(&owner, who, &product, quantity).await,
            (json!(price), from),
            "{quantity}"
        );
    }
    // Of two as near, the one of the higher priority; what is archived names no price.
    let season = list(&owner, json!({"name": "Сезон", "priority": 1})).await;
    set(&owner, &season, &product, json!([{"price": 97}])).await;
    assert_eq!(
        taken(&owner, &anybody, &product, 100).await,
        (json!(97), json!("Сезон"))
    );
    gone(&owner, &format!("/price-lists/{season}")).await.expect(200);
    assert_eq!(taken(&owner, &anybody, &product, 100).await, (json!(80), json!("Опт")));
    let details = owner.get(&format!("/products/{product}")).await.expect(200);
    let lists: Vec<&Value> = details["listPrices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["priceListId"])
        .collect();
    assert!(lists.contains(&&json!(wholesale)), "{details}");
    let prices = owner.items(&format!("/prices?priceListId={wholesale}")).await;
    assert_eq!(
        prices[0]["tiers"],
        json!([{"minQuantity": 10, "price": 90}, {"minQuantity": 100, "price": 80}])
    );
    set(&owner, &wholesale, &product, json!([])).await;
    assert_eq!(
        owner.items(&format!("/prices?priceListId={wholesale}")).await,
        Vec::<Value>::new()
    );
    assert_eq!(taken(&owner, &anybody, &product, 100).await, (json!(100), Value::Null));
}

#[tokio::test]
async fn a_price_that_a_line_names_stays() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let product = json!({"code": "A", "name": "a", "price": 100, "vatRate": 12});
    let product = id(&owner.post("/products", product).await.expect(201));
    let cheap = list(&owner, json!({"name": "Опт"})).await;
    set(&owner, &cheap, &product, json!([{"price": 90}])).await;
    let lines = json!([{"productId": product, "quantity": 1, "unitPrice": 120}, {"productId": product, "quantity": 1}]);
    let deal = json!({"title": "a", "products": lines});
    let deal = id(&owner.post("/deals", deal).await.expect(201));
    let customer = id(&owner.post("/customers", json!({"name": "a"})).await.expect(201));
    let order = json!({"customerId": customer, "status": "draft", "items": lines});
    let order = id(&owner.post("/orders", order).await.expect(201));
    for (path, of) in [
        (format!("/deals/{deal}"), "products"),
        (format!("/orders/{order}"), "items"),
    ] {
        let shown = owner.get(&path).await.expect(200);
        let lines = shown[of].as_array().unwrap().iter();
        let prices: Vec<&Value> = lines.map(|line| &line["unitPrice"]).collect();
        assert_eq!(prices, [&json!(120), &json!(90)], "{path}");
    }
    let nobody = "0190c2a5-0000-7000-8000-000000000000";
    for (list, product) in [(nobody, product.as_str()), (cheap.as_str(), nobody)] {
        let body = json!({"priceListId": list, "productId": product, "tiers": []});
        owner.post("/prices", body).await.refused(404, "NOT_FOUND");
    }
    let stranger = json!({"name": "a", "customerId": nobody});
    owner.post("/price-lists", stranger).await.refused(404, "NOT_FOUND");
}
