//! Credit limits: what a customer has to pay for confirmed orders stays within theirs, unless somebody who may approve orders
//! confirms one.

use super::*;
use crate::people::employ;

#[tokio::test(flavor = "multi_thread")]
async fn within_the_limit_or_with_somebody_s_word() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let customer = format!("/customers/{}", shop.customer);
    let limit = json!({"creditLimit": 10_000_000});
    owner.put(&customer, limit).await.expect(200);
    let (seller, employee) = employ(&server, &owner, "seller@company.kz", json!({})).await;
    let role =
        json!({"name": "Продавец", "permissions": ["CUSTOMERS_VIEW", "ORDERS_VIEW", "ORDERS_CREATE", "ORDERS_UPDATE"]});
    let role = id(&owner.post("/roles", role).await.expect(201));
    owner
        .put(&format!("/employees/{employee}"), json!({"roleId": role}))
        .await
        .expect(200);
    let credit = async || owner.get(&customer).await.expect(200)["credit"].clone();

    // Documents 2's order comes to 6916000: one is within the limit, whichever of two at once; the other is not.
    let (first, second) = (placed(&seller, &shop).await, placed(&seller, &shop).await);
    assert_eq!(credit().await["exposure"], json!(0), "nobody has confirmed one");
    let confirm = async |order: &str| {
        let body = json!({"status": "confirmed"});
        seller.post(&format!("{order}/status"), body).await
    };
    let (one, other) = tokio::join!(confirm(&first), confirm(&second));
    let (confirmed, refused, left) = match one.status {
        200 => (first, other, second),
        _ => (second, one, first),
    };
    let refused = refused.refused(422, "CREDIT_LIMIT_EXCEEDED");
    for (fact, value) in [
        ("reason", "order.credit_exceeded"),
        ("limit", "10000000"),
        ("exposure", "6916000"),
        ("amount", "6916000"),
    ] {
        assert_eq!(refused[fact], json!(value), "{fact}");
    }
    assert_eq!(
        credit().await,
        json!({"limit": 10_000_000, "exposure": 6_916_000, "available": 3_084_000})
    );
    let mut at_once = request(&shop);
    at_once["status"] = json!("confirmed");
    seller
        .post("/orders", at_once)
        .await
        .refused(422, "CREDIT_LIMIT_EXCEEDED");
    seller
        .put(&left, json!({"status": "confirmed"}))
        .await
        .refused(422, "CREDIT_LIMIT_EXCEEDED");

    // What is paid is free again.
    let order = owner.get(&confirmed).await.expect(200)["id"].clone();
    let invoice = eventually("its invoice", || async {
        let path = format!("/finance/invoices?orderId={}", order.as_str().unwrap());
        owner.items(&path).await.pop()
    })
    .await;
    let pay = json!({"invoiceId": invoice["id"], "amount": 3_832_000, "method": "cash"});
    owner.post("/finance/payments", pay).await.expect(201);
    confirm(&left).await.expect(200);
    assert_eq!(credit().await["exposure"], json!(10_000_000));

    // The owner may approve.
    let more = placed(&seller, &shop).await;
    confirm(&more).await.refused(422, "CREDIT_LIMIT_EXCEEDED");
    go(&owner, &more, &["confirmed"]).await;
    assert_eq!(
        credit().await,
        json!({"limit": 10_000_000, "exposure": 16_916_000, "available": 0})
    );
    go(&owner, &more, &["cancelled"]).await;
    assert_eq!(credit().await["exposure"], json!(10_000_000));

    // What was confirmed becomes more: the limit is asked for once more.
    let change = format!("{left}/change");
    let grown = json!({"items": [{"line": 0, "quantity": 11}]});
    seller
        .post(&change, grown.clone())
        .await
        .refused(422, "CREDIT_LIMIT_EXCEEDED");
    let shrunk = json!({"items": [{"line": 0, "quantity": 9}]});
    seller.post(&change, shrunk).await.expect(200);
    assert_eq!(credit().await["exposure"], json!(9_308_400));
    let again = json!({"items": [{"line": 1, "quantity": 10}]});
    seller.post(&change, again).await.expect(200);
    assert_eq!(credit().await["exposure"], json!(10_000_000));

    // A won deal's order is there all the same, and both say why it waits.
    let deal = id(&owner.post("/deals", shop.deal(2)).await.expect(201));
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
    let order = eventually("its order", || async {
        owner.items(&format!("/orders?dealId={deal}")).await.pop()
    })
    .await;
    let (deal, order) = (format!("/deals/{deal}"), format!("/orders/{}", id(&order)));
    let why = async || {
        let (deal, order) = (owner.get(&deal).await.expect(200), owner.get(&order).await.expect(200));
        [order["pendingReason"].clone(), deal["orderPendingReason"].clone()]
    };
    assert_eq!(why().await, [json!("credit_limit"), json!("credit_limit")]);
    go(&owner, &order, &["confirmed"]).await;
    assert_eq!(why().await, [Value::Null, Value::Null]);
}
