//! Bills of materials as people write them: in a circle, very deep, and after the product was sold.

use prometric_tests::{
    Client, Server, eventually,
    story::{Shop, id},
};
use serde_json::{Value, json};

async fn product(owner: &Client, code: &str) -> String {
    let body = json!({"code": code, "name": code, "type": "MANUFACTURED", "price": 1_000});
    id(&owner.post("/products", body).await.expect(201))
}

fn made_of(parts: &[&String]) -> Value {
    let parts: Vec<Value> = parts
        .iter()
        .map(|part| json!({"materialId": part, "quantity": 1}))
        .collect();
    json!({"components": parts, "operations": [{"name": "Assembling", "duration": 1}]})
}

#[tokio::test]
async fn a_circle_is_found_at_any_depth_and_what_is_saved_can_be_produced() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let mut products = Vec::new();
    for n in 0..30 {
        products.push(product(&owner, &format!("P{n}")).await);
    }
    let define = async |product: &String, parts: &[&String]| {
        owner.put(&format!("/production/bom/{product}"), made_of(parts)).await
    };
    for pair in products.windows(2) {
        define(&pair[0], &[&pair[1]]).await.expect(200);
    }
    let last = products.last().unwrap();
    for n in [0, 5, 28] {
        let details = define(last, &[&shop.lock, &products[n]]).await.refused(409, "CONFLICT");
        assert_eq!(details["reason"], json!("bom.cyclic"), "of {n}");
    }
    define(last, &[&shop.steel]).await.expect(200);

    let body = json!({"title": "Deep", "customerId": shop.customer, "products": [{"productId": products[0], "quantity": 2, "unitPrice": 1}]});
    let deal = id(&owner.post("/deals", body).await.expect(201));
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
    let production = eventually("a production order", || async {
        owner.items("/production/orders").await.into_iter().next()
    });
    let production = production.await;
    assert_eq!(production["materials"].as_array().unwrap().len(), 1);
    assert_eq!(
        (
            &production["materials"][0]["materialId"],
            &production["materials"][0]["quantity"]
        ),
        (&json!(shop.steel), &json!(2))
    );
    assert_eq!(
        production["workOrders"].as_array().unwrap().len(),
        30,
        "one for each level"
    );
}

#[tokio::test]
async fn a_product_sold_before_anybody_said_how_it_is_made_is_made_once_they_did() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 10, 10).await;
    let rack = product(&owner, "RACK").await;
    let body = json!({"title": "Late", "customerId": shop.customer, "products": [
        {"productId": rack, "quantity": 2, "unitPrice": 1_000}, {"productId": shop.product, "quantity": 3, "unitPrice": 1_000}]});
    let deal = id(&owner.post("/deals", body).await.expect(201));
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);

    // All that can be done is done at once, and somebody is told what cannot.
    let told = eventually("somebody is told", || async {
        let told = owner.items("/notifications").await;
        told.into_iter().find(|told| told["type"] == "bill_missing")
    });
    let told = told.await;
    assert_eq!(told["data"]["productName"], json!("RACK"));
    assert!(told["message"].as_str().unwrap().contains("RACK"), "{told}");
    let rest = async || {
        let goods = owner.get(&format!("/products/{}", shop.product)).await.expect(200);
        let done = goods["inventory"]["reserved"] == json!(3)
            && owner.items("/orders").await.len() == 1
            && owner.items("/finance/invoices").await.len() == 1;
        done.then_some(())
    };
    eventually("order, invoice and the other line's goods", rest).await;
    let pool = server.pool().await;
    let waiting = async || {
        let reason = "select reason from sagas.instances where workspace_id = $1::uuid and saga = 'order_fulfillment_orchestrator' and status = 'waiting' and not owes";
        let reason = sqlx::query_scalar::<_, String>(reason).bind(&owner.workspace);
        reason.fetch_optional(&pool).await.unwrap()
    };
    let reason = eventually("the order waits, and says for what", waiting).await;
    assert!(reason.contains("line 0: no bill of materials"), "{reason}");
    assert_eq!(owner.items("/production/orders").await, Vec::<Value>::new());

    let bill = format!("/production/bom/{rack}");
    owner.put(&bill, made_of(&[&shop.steel])).await.expect(200);
    owner.put(&bill, made_of(&[&shop.steel, &shop.lock])).await.expect(200);
    let planned = async || {
        let orders = owner.items("/production/orders").await;
        orders
            .iter()
            .any(|order| order["status"] == "scheduled")
            .then_some(orders)
    };
    let orders = eventually("production is planned", planned).await;
    assert_eq!(orders.len(), 1);
    assert_eq!(
        (&orders[0]["productId"], &orders[0]["quantity"]),
        (&json!(rack), &json!(2))
    );
    let order = owner.items("/orders").await.remove(0);
    assert_eq!(orders[0]["orderId"], order["id"]);
    let done = async || {
        let done = "select count(*) from sagas.instances where workspace_id = $1::uuid and status = 'done'";
        let done = sqlx::query_scalar::<_, i64>(done).bind(&owner.workspace);
        (done.fetch_one(&pool).await.unwrap() == 2).then_some(())
    };
    eventually("both processes end", done).await;
    assert_eq!(owner.items("/production/orders").await.len(), 1, "and there it stays");
}
