//! Goods lie somewhere, and are sent from one place to another.

use super::{level, stocked};
use prometric_tests::{Client, Server, story::id};
use serde_json::{Value, json};
use std::collections::BTreeMap;

async fn warehouse(owner: &Client, name: &str) -> String {
    id(&owner
        .post("/warehouses", json!({"name": name, "code": name}))
        .await
        .expect(201))
}

/// How much lies where, by the warehouse's name.
async fn places(owner: &Client, product: &str) -> BTreeMap<String, Value> {
    let places = owner.items(&format!("/stock/places?productId={product}")).await;
    let name = |place: &Value| place["warehouseName"].as_str().unwrap_or("anywhere").to_owned();
    places
        .iter()
        .map(|place| (name(place), place["quantity"].clone()))
        .collect()
}

fn lies(places: &[(&str, i32)]) -> BTreeMap<String, Value> {
    places
        .iter()
        .map(|(place, quantity)| ((*place).to_owned(), json!(quantity)))
        .collect()
}

#[tokio::test]
async fn goods_come_to_a_place_go_from_it_and_are_counted_there() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let (main, shop) = (warehouse(&owner, "MAIN").await, warehouse(&owner, "SHOP").await);
    let product = stocked(&owner, "A", 10, 100).await;
    let receipt = json!({"productId": product, "quantity": 20, "unitCost": 100, "warehouseId": main});
    owner.post("/stock/receipts", receipt).await.expect(201);
    assert_eq!(places(&owner, &product).await, lies(&[("MAIN", 20), ("anywhere", 10)]));
    let issue = |quantity: i32, place: &str| json!({"productId": product, "quantity": quantity, "warehouseId": place});
    owner.post("/stock/issues", issue(5, &main)).await.expect(201);
    for (path, body) in [
        ("issues", issue(16, &main)),
        ("issues", issue(1, &shop)),
        ("issues", json!({"productId": product, "quantity": 11})),
        (
            "transfers",
            json!({"productId": product, "quantity": 16, "fromWarehouseId": main, "toWarehouseId": shop}),
        ),
    ] {
        owner
            .post(&format!("/stock/{path}"), body)
            .await
            .refused(422, "STOCK_UNAVAILABLE");
    }
    let count = json!({"productId": product, "quantity": 14, "warehouseId": main});
    let counted = owner.post("/stock/counts", count).await.expect(201);
    assert_eq!((&counted["expected"], &counted["difference"]), (&json!(15), &json!(-1)));
    assert_eq!(places(&owner, &product).await, lies(&[("MAIN", 14), ("anywhere", 10)]));
    assert_eq!(level(&owner, &product).await[0], json!(24));
    assert_eq!(
        owner.items(&format!("/stock/movements?warehouseId={main}")).await.len(),
        3
    );
    let nowhere = json!({"productId": product, "quantity": 1, "warehouseId": product});
    owner.post("/stock/receipts", nowhere).await.refused(404, "NOT_FOUND");
}

#[tokio::test]
async fn what_is_on_its_way_is_there_and_lies_nowhere() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let (main, shop) = (warehouse(&owner, "MAIN").await, warehouse(&owner, "SHOP").await);
    let product = stocked(&owner, "A", 10, 100).await;
    let at_once = json!({"productId": product, "quantity": 6, "toWarehouseId": main});
    let sent = owner.post("/stock/transfers", at_once).await.expect(201);
    assert_eq!(sent["status"], json!("arrived"));
    assert_eq!(places(&owner, &product).await, lies(&[("MAIN", 6), ("anywhere", 4)]));
    let slowly = json!({"productId": product, "quantity": 4, "fromWarehouseId": main, "toWarehouseId": shop,
        "inTransit": true, "reference": "TTN-1"});
    let sent = owner.post("/stock/transfers", slowly).await.expect(201);
    assert_eq!(sent["status"], json!("in_transit"));
    assert_eq!(places(&owner, &product).await, lies(&[("MAIN", 2), ("anywhere", 4)]));
    assert_eq!(level(&owner, &product).await[..3], [json!(10), json!(0), json!(10)]);
    let moving = owner.items("/stock/transfers?status=in_transit").await;
    assert_eq!(
        (&moving[0]["id"], &moving[0]["quantity"]),
        (&sent["transferId"], &json!(4))
    );
    let arrival = json!({"productId": product, "transferId": sent["transferId"]});
    owner
        .post("/stock/transfers/arrivals", arrival.clone())
        .await
        .expect(201);
    owner
        .post("/stock/transfers/arrivals", arrival)
        .await
        .refused(404, "NOT_FOUND");
    assert_eq!(
        places(&owner, &product).await,
        lies(&[("MAIN", 2), ("SHOP", 4), ("anywhere", 4)])
    );
    assert_eq!(owner.items("/stock/transfers?status=arrived").await.len(), 2);
    let nowhere = json!({"productId": product, "quantity": 1, "fromWarehouseId": main, "toWarehouseId": main});
    owner
        .post("/stock/transfers", nowhere)
        .await
        .refused(400, "VALIDATION_FAILED");
    let taken = json!({"name": "b", "code": "MAIN"});
    owner.post("/warehouses", taken).await.refused(409, "ALREADY_EXISTS");
}
