//! A document bears the customer's name of the moment it is written, and keeps it; what is not a document yet follows.

use prometric_tests::{
    Server, eventually,
    story::{Shop, id},
};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn documents_bear_the_name_of_their_day_and_open_deals_follow() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let rename = async |name: &str| {
        let path = format!("/customers/{}", shop.customer);
        owner.put(&path, json!({"name": name})).await.expect(200);
    };
    let deal = async |title: &str| {
        let body = json!({"title": title, "customerId": shop.customer, "products": [{"productId": shop.product, "quantity": 1, "unitPrice": 100}]});
        id(&owner.post("/deals", body).await.expect(201))
    };
    let found = async |name: &str| {
        let deals = owner.items(&format!("/deals?search={name}&sort=title")).await;
        deals
            .iter()
            .map(|deal| deal["title"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    // By each of the ways to win, and one that stays open.
    let ways = [
        (Method::POST, "/win", json!({})),
        (Method::POST, "/stage", json!({"stage": "WON"})),
        (Method::PUT, "", json!({"stage": "WON"})),
    ];
    let mut deals = Vec::new();
    for n in 0..ways.len() {
        deals.push(deal(&format!("won {n}")).await);
    }
    deal("zz open").await;
    assert_eq!(found("Solutions").await.len(), 4);
    let version = owner.get(&format!("/deals/{}", deals[0])).await.expect(200)["version"].clone();
    rename("Aldar").await;
    assert_eq!((found("Aldar").await.len(), found("Solutions").await.len()), (4, 0));
    let renamed = owner.get(&format!("/deals/{}", deals[0])).await.expect(200);
    assert_eq!(
        (&renamed["customerName"], &renamed["version"]),
        (&json!("Aldar"), &version),
        "the deal itself did not change"
    );
    for (deal, (method, path, body)) in deals.iter().zip(&ways) {
        let path = format!("/deals/{deal}{path}");
        owner
            .send(method.clone(), &path, Some(body.to_string()), &[])
            .await
            .expect(200);
    }
    let named = async |path: &str| -> Option<Vec<Value>> {
        let documents = owner.items(path).await;
        (documents.len() == ways.len()).then(|| documents.iter().map(|one| one["customerName"].clone()).collect())
    };
    for path in ["/orders", "/finance/invoices"] {
        let names = eventually("the documents", || named(path)).await;
        assert!(names.iter().all(|name| name == "Aldar"), "{path}: {names:?}");
    }
    // Documents keep it, and so do won deals; the open one follows again.
    rename("Berik").await;
    assert_eq!(found("Berik").await, ["zz open"]);
    assert_eq!(found("Aldar").await, ["won 0", "won 1", "won 2"]);
    for path in ["/orders", "/finance/invoices"] {
        let names = named(path).await.unwrap();
        assert!(names.iter().all(|name| name == "Aldar"), "{path}: {names:?}");
    }
    // A won deal moves to another customer in the same request: the documents are that one's.
    let other = json!({"name": "Chingiz", "paymentTerms": "NET_7"});
    let other = id(&owner.post("/customers", other).await.expect(201));
    let moved = deal("moved").await;
    let body = json!({"customerId": other, "stage": "WON"});
    owner.put(&format!("/deals/{moved}"), body).await.expect(200);
    let order = eventually("an order", || async {
        owner.items(&format!("/orders?dealId={moved}")).await.into_iter().next()
    });
    let order = order.await;
    assert_eq!(
        (&order["customerName"], &order["customerId"], &order["paymentTerms"]),
        (&json!("Chingiz"), &json!(other), &json!("NET_7"))
    );
}
