//! What goods cost: first in, first out, figure by figure, and what comes back costs what it did.

use super::{level, receive};
use prometric_tests::{
    Client, Server, eventually,
    story::{Shop, id},
};
use serde_json::{Value, json};

async fn product(owner: &Client, code: &str) -> String {
    let body = json!({"code": code, "name": code, "type": "PRODUCT"});
    id(&owner.post("/products", body).await.expect(201))
}

async fn fifo(owner: &Client, product: &str) {
    let body = json!({"productId": product, "valuation": "FIFO"});
    let valued = owner.post("/stock/valuations", body).await.expect(201);
    assert_eq!(valued["valuation"], json!("FIFO"));
}

async fn issue(owner: &Client, product: &str, quantity: i32) {
    let body = json!({"productId": product, "quantity": quantity, "reference": "ACT-1", "reason": "Образцы"});
    owner.post("/stock/issues", body).await.expect(201);
}

/// On hand, and what it is worth.
async fn worth(owner: &Client, product: &str) -> [Value; 2] {
    let [on_hand, .., value] = level(owner, product).await;
    [on_hand, value]
}

/// Of the newest movement: what kind, how much, and what one cost.
async fn newest(owner: &Client, product: &str) -> [Value; 3] {
    let movements = owner
        .items(&format!("/stock/movements?productId={product}&type=IN,OUT&limit=1"))
        .await;
    ["type", "quantity", "unitCost"].map(|field| movements[0][field].clone())
}

#[tokio::test]
async fn first_in_first_out() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let of_layers = product(&owner, "A").await;
    fifo(&owner, &of_layers).await;
    receive(&owner, &of_layers, 10, 100).await;
    receive(&owner, &of_layers, 5, 130).await;
    let shown = owner
        .items(&format!("/stock/levels?productId={of_layers}&valuation=FIFO"))
        .await;
    assert_eq!(shown.len(), 1);
    // Said once more nothing changes; another way has to wait until all is gone.
    fifo(&owner, &of_layers).await;
    let average = json!({"productId": of_layers, "valuation": "AVERAGE"});
    let refused = owner
        .post("/stock/valuations", average.clone())
        .await
        .refused(409, "CONFLICT");
    assert_eq!(refused["reason"], json!("stock.not_empty"));
    issue(&owner, &of_layers, 12).await;
    assert_eq!(newest(&owner, &of_layers).await, [json!("OUT"), json!(12), json!(105)]);
    assert_eq!(worth(&owner, &of_layers).await, [json!(3), json!(390)]);
    issue(&owner, &of_layers, 3).await;
    assert_eq!(worth(&owner, &of_layers).await, [json!(0), json!(0)]);
    owner.post("/stock/valuations", average).await.expect(201);

    // 300.10 for three: sent, come back, and gone by one, nothing is lost of it.
    let exact = product(&owner, "B").await;
    fifo(&owner, &exact).await;
    for (quantity, unit_cost) in [(1, json!(100)), (2, json!(100.05))] {
        let receipt = json!({"productId": exact, "quantity": quantity, "unitCost": unit_cost});
        owner.post("/stock/receipts", receipt).await.expect(201);
    }
    let items = json!([{"productId": exact, "quantity": 3, "unitPrice": 200}]);
    let order = json!({"customerId": shop.customer, "status": "confirmed", "items": items});
    let order = format!("/orders/{}", id(&owner.post("/orders", order).await.expect(201)));
    owner
        .post(&format!("{order}/ship"), json!({"carrier": "Kazpost"}))
        .await
        .expect(200);
    assert_eq!(newest(&owner, &exact).await, [json!("OUT"), json!(3), json!(100.03)]);
    assert_eq!(worth(&owner, &exact).await, [json!(0), json!(0)]);
    let back = json!({"items": [{"productId": exact, "quantity": 3, "condition": "good"}]});
    owner.post(&format!("{order}/returns"), back).await.expect(201);
    eventually("they are back", || async {
        (worth(&owner, &exact).await == [json!(3), json!(300.1)]).then_some(())
    })
    .await;
    for (unit_cost, left) in [(100.03, json!(200.07)), (100.04, json!(100.03)), (100.03, json!(0))] {
        issue(&owner, &exact, 1).await;
        assert_eq!(newest(&owner, &exact).await[2], json!(unit_cost));
        assert_eq!(worth(&owner, &exact).await[1], left);
    }
}
