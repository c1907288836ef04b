//! Goods are told apart by their lots: what expires first goes first, what has expired goes to nobody who does not ask for it,
//! and who got what of which lot is known afterwards.

use super::level;
use prometric_tests::{
    Client, Server,
    story::{Shop, id},
};
use serde_json::{Value, json};

/// A tracked product; nothing of it is there.
async fn tracked(owner: &Client, code: &str, tracking: &str) -> String {
    let body = json!({"code": code, "name": code, "type": "PRODUCT", "tracking": tracking});
    id(&owner.post("/products", body).await.expect(201))
}

async fn warehouse(owner: &Client, name: &str) -> String {
    id(&owner.post("/warehouses", json!({"name": name})).await.expect(201))
}

/// So much is left of each lot, by its number.
async fn lots(owner: &Client, product: &str) -> Vec<(String, Value)> {
    let found = owner.items(&format!("/products/{product}/lots?sort=number")).await;
    found
        .iter()
        .map(|lot| (lot["number"].as_str().unwrap().to_owned(), lot["quantity"].clone()))
        .collect()
}

fn told(lots: &[(&str, i32)]) -> Vec<(String, Value)> {
    lots.iter()
        .map(|(number, quantity)| ((*number).to_owned(), json!(quantity)))
        .collect()
}

/// An order of so many pieces of it, confirmed; its path.
async fn sold(owner: &Client, shop: &Shop, product: &str, quantity: i32) -> String {
    let order = json!({
        "customerId": shop.customer, "status": "confirmed",
        "items": [{"productId": product, "quantity": quantity, "unitPrice": 500, "tax": 12}],
    });
    format!("/orders/{}", id(&owner.post("/orders", order).await.expect(201)))
}

#[tokio::test]
async fn what_expires_first_goes_first_and_is_found_again() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let main = warehouse(&owner, "MAIN").await;
    let milk = tracked(&owner, "MILK", "lot").await;
    let receipt = |place: Option<&str>, lots: Value, quantity: i32| json!({"productId": milk, "quantity": quantity, "unitCost": 100, "lots": lots, "warehouseId": place});
    let unnamed = owner.post("/stock/receipts", receipt(None, json!([]), 5)).await;
    let unnamed = unnamed.refused(400, "REQUIRED_FIELD");
    assert!(unnamed["fields"]["lots"].is_string(), "{unnamed}");
    let late = json!([{"number": "LATE", "quantity": 3, "expiresOn": "2101-06-30", "manufacturedOn": "2026-11-01"}]);
    owner.post("/stock/receipts", receipt(None, late, 3)).await.expect(201);
    let three = json!([
        {"number": "OVER", "quantity": 2, "expiresOn": "2020-01-01"},
        {"number": "SOON", "quantity": 4, "expiresOn": "2101-01-31"},
        {"number": "EVER", "quantity": 5},
    ]);
    owner
        .post("/stock/receipts", receipt(Some(&main), three, 11))
        .await
        .expect(201);
    let before = told(&[("EVER", 5), ("LATE", 3), ("OVER", 2), ("SOON", 4)]);
    assert_eq!(lots(&owner, &milk).await, before);
    let change = json!({"tracking": "serial"});
    let there = owner.put(&format!("/products/{milk}"), change).await;
    assert_eq!(there.refused(409, "CONFLICT")["reason"], json!("product.in_stock"));

    // First expired, first out, from wherever it lies; what has expired stays.
    let order = sold(&owner, &shop, &milk, 8).await;
    let items = json!({"items": [{"productId": milk, "quantity": 5}]});
    owner.post(&format!("{order}/ship"), items).await.expect(200);
    assert_eq!(
        lots(&owner, &milk).await,
        told(&[("EVER", 5), ("LATE", 2), ("OVER", 2), ("SOON", 0)])
    );
    let over = |confirm: bool| {
        json!({"confirmExpired": confirm, "items": [
            {"productId": milk, "quantity": 1, "lots": [{"number": "OVER", "quantity": 1}]}]})
    };
    let expired = owner.post(&format!("{order}/ship"), over(false)).await;
    let expired = expired.refused(422, "STOCK_UNAVAILABLE");
    assert_eq!(expired["reason"], json!("order.lot_expired"));
    owner.post(&format!("{order}/ship"), over(true)).await.expect(200);
    let shown = owner.get(&order).await.expect(200);
    let sent = |shipment: usize, lot: usize| &shown["shipments"][shipment]["items"][0]["lots"][lot];
    let mut first: Vec<_> = [sent(0, 0), sent(0, 1)]
        .map(|lot| (lot["number"].to_string(), lot["quantity"].to_string()))
        .into();
    first.sort();
    assert_eq!(
        first,
        [("\"LATE\"".into(), "1".into()), ("\"SOON\"".into(), "4".into())]
    );
    assert_eq!(sent(1, 0)["number"], json!("OVER"));

    // What comes back is of the lot that went.
    let back = json!({"items": [{"productId": milk, "quantity": 1, "lots": [{"number": "LATE", "quantity": 1}]}]});
    owner.post(&format!("{order}/returns"), back.clone()).await.expect(201);
    let again = owner.post(&format!("{order}/returns"), back).await;
    let again = again.refused(400, "VALIDATION_FAILED");
    assert!(again["fields"]["items[0].lots"].is_string(), "{again}");
    assert_eq!(
        lots(&owner, &milk).await,
        told(&[("EVER", 5), ("LATE", 3), ("OVER", 1), ("SOON", 0)])
    );

    // Where a lot went: its movements, and who got it.
    let soon = owner.items(&format!("/stock/lots?productId={milk}&number=SOON")).await;
    let soon = owner.get(&format!("/stock/lots/{}", id(&soon[0]))).await.expect(200);
    let order_id = order.strip_prefix("/orders/").unwrap();
    assert_eq!(soon["orders"][0]["orderId"], json!(order_id));
    assert_eq!(soon["orders"][0]["quantity"], json!(4));
    let moved: Vec<_> = soon["movements"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["type"], &one["quantity"]))
        .collect();
    assert_eq!(moved, [(&json!("OUT"), &json!(4)), (&json!("IN"), &json!(4))]);
    let movements = format!("/stock/movements?productId={milk}&lotNumbers=SOON");
    assert_eq!(owner.items(&movements).await.len(), 2);
    let expiring = format!("/products/{milk}/lots?expiringBefore=2101-02-01&quantity[gt]=0");
    let expiring = owner.items(&expiring).await;
    assert_eq!(expiring.len(), 1, "{expiring:?}");
    assert_eq!(
        (&expiring[0]["number"], &expiring[0]["places"]),
        (&json!("OVER"), &json!([{"warehouseId": main, "quantity": 1}]))
    );

    // Nobody takes what has expired by accident; whoever writes it off names it.
    let write_off =
        |lots: Value| json!({"productId": milk, "quantity": 1, "warehouseId": main, "reason": "Срок", "lots": lots});
    owner.post("/stock/issues", write_off(json!([]))).await.expect(201);
    owner
        .post("/stock/issues", write_off(json!([{"number": "OVER", "quantity": 1}])))
        .await
        .expect(201);
    let found =
        json!({"productId": milk, "quantity": 3, "warehouseId": main, "lots": [{"number": "EVER", "quantity": 3}]});
    let counted = owner.post("/stock/counts", found).await.expect(201);
    assert_eq!((&counted["expected"], &counted["difference"]), (&json!(4), &json!(-1)));
    let send = json!({"productId": milk, "quantity": 2, "fromWarehouseId": main, "inTransit": true});
    let transfer = owner.post("/stock/transfers", send).await.expect(201);
    let under_way = owner.items(&format!("/stock/lots?productId={milk}&number=EVER")).await;
    assert_eq!(
        (&under_way[0]["quantity"], &under_way[0]["inTransit"]),
        (&json!(3), &json!(2))
    );
    let arrival = json!({"productId": milk, "transferId": transfer["transferId"]});
    owner.post("/stock/transfers/arrivals", arrival).await.expect(201);
    assert_eq!(
        lots(&owner, &milk).await,
        told(&[("EVER", 3), ("LATE", 3), ("OVER", 0), ("SOON", 0)])
    );
    // By lots it is what it is altogether; two of it are still promised.
    assert_eq!(level(&owner, &milk).await, [6, 2, 4, 100, 600].map(|n| json!(n)));
}

#[tokio::test]
async fn a_serial_number_is_in_one_place_only() {
    let server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let phone = tracked(&owner, "PHONE", "serial").await;
    let receive = |numbers: &[&str]| {
        let lots: Vec<Value> = numbers
            .iter()
            .map(|number| json!({"number": number, "quantity": 1}))
            .collect();
        json!({"productId": phone, "quantity": numbers.len(), "lots": lots})
    };
    owner
        .post("/stock/receipts", receive(&["S-1", "S-2"]))
        .await
        .expect(201);
    let twice = owner.post("/stock/receipts", receive(&["S-2"])).await;
    assert_eq!(twice.refused(409, "CONFLICT")["reason"], json!("stock.serial_in_stock"));
    let order = sold(&owner, &shop, &phone, 1).await;
    let second = json!({"items": [{"productId": phone, "quantity": 1, "lots": [{"number": "S-2", "quantity": 1}]}]});
    owner.post(&format!("{order}/ship"), second).await.expect(200);
    assert_eq!(lots(&owner, &phone).await, told(&[("S-1", 1), ("S-2", 0)]));
    let back = json!({"items": [{"productId": phone, "quantity": 1}]});
    owner.post(&format!("{order}/returns"), back).await.expect(201);
    assert_eq!(lots(&owner, &phone).await, told(&[("S-1", 1), ("S-2", 1)]));
    let service = json!({"code": "S", "name": "s", "type": "SERVICE", "tracking": "lot"});
    let service = owner.post("/products", service).await;
    assert!(service.refused(400, "VALIDATION_FAILED")["fields"]["tracking"].is_string());
}
