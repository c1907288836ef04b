//! Goods lie somewhere, and are sent from one place to another.

use super::{level, stocked};
use prometric_tests::{
    Client, Server,
    story::{Shop, id},
};
use reqwest::Method;
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

/// Goods are put on a shelf, are listed there, and leave with what is sent from its warehouse: what lies beside goes first, then
/// shelf by shelf.
#[tokio::test]
async fn a_location_is_inside_of_a_warehouse() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let product = stocked(&owner, "A", 1, 100).await;
    let main = warehouse(&owner, "MAIN").await;
    let inside = async |name: &str, parent: &str| {
        let body = json!({"name": name, "code": name, "parentId": parent});
        owner.post("/warehouses", body).await
    };
    let second = id(&inside("A-02", &main).await.expect(201));
    let first = id(&inside("A-01", &main).await.expect(201));
    let deeper = inside("A-01-1", &first).await.refused(400, "VALIDATION_FAILED");
    assert!(deeper["fields"]["parentId"].is_string(), "{deeper}");
    inside("B-01", &product).await.refused(404, "NOT_FOUND");
    let out = owner
        .put(&format!("/warehouses/{first}"), json!({"parentId": null}))
        .await;
    assert!(out.refused(400, "VALIDATION_FAILED")["fields"]["parentId"].is_string());

    let receipt = |place: &str| json!({"productId": product, "quantity": 10, "unitCost": 100, "warehouseId": place});
    owner.post("/stock/receipts", receipt(&main)).await.expect(201);
    for (shelf, quantity) in [(&second, 4), (&first, 3)] {
        let put = json!({"productId": product, "quantity": quantity, "fromWarehouseId": main, "toWarehouseId": shelf});
        owner.post("/stock/transfers", put).await.expect(201);
    }
    let all = lies(&[("A-01", 3), ("A-02", 4), ("MAIN", 3), ("anywhere", 1)]);
    assert_eq!(places(&owner, &product).await, all);
    assert_eq!(owner.items(&format!("/stock/places?parentId={main}")).await.len(), 2);
    assert_eq!(owner.items(&format!("/warehouses?parentId={main}")).await.len(), 2);
    let shown = owner.get(&format!("/warehouses/{main}")).await.expect(200);
    let locations = shown["locations"].as_array().unwrap().iter();
    let locations: Vec<_> = locations
        .map(|one| (&one["id"], &one["code"], &one["productCount"]))
        .collect();
    assert_eq!(
        locations,
        [
            (&json!(first), &json!("A-01"), &json!(1)),
            (&json!(second), &json!("A-02"), &json!(1))
        ]
    );

    let order = json!({
        "customerId": shop.customer, "status": "confirmed",
        "items": [{"productId": product, "quantity": 8, "unitPrice": 500, "tax": 12}],
    });
    let order = id(&owner.post("/orders", order).await.expect(201));
    let from_main = json!({"warehouseId": main});
    owner
        .post(&format!("/orders/{order}/ship"), from_main)
        .await
        .expect(200);
    assert_eq!(places(&owner, &product).await, lies(&[("A-02", 2), ("anywhere", 1)]));
    let picked = owner.items(&format!("/stock/movements?orderId={order}&type=OUT")).await;
    assert_eq!(picked.len(), 3, "{picked:?}");

    // Nothing comes to a shelf of a warehouse that is no more, and what lies there can be taken away.
    let path = format!("/warehouses/{main}");
    owner.send(Method::DELETE, &path, None, &[]).await.expect(200);
    owner
        .post("/stock/receipts", receipt(&first))
        .await
        .refused(404, "NOT_FOUND");
    let rest = json!({"productId": product, "quantity": 2, "warehouseId": second});
    owner.post("/stock/issues", rest).await.expect(201);
}
