//! What lies on the shelves: it comes, goes, is corrected and counted, and is never less than nothing nor than what was
//! promised; what it cost on average; who is told when little is left.

mod costs;
mod counts;
mod lots;
mod warehouses;

use prometric_tests::{
    Client, Server, eventually,
    story::{Shop, id},
};
use reqwest::Method;
use serde_json::{Value, json};

/// A product with so many pieces at so much each.
async fn stocked(owner: &Client, code: &str, quantity: i32, unit_cost: i32) -> String {
    let body = json!({"code": code, "name": code, "type": "PRODUCT", "minStock": 5, "maxStock": 50,
        "units": [{"unit": "кор", "factor": 12}]});
    let product = id(&owner.post("/products", body).await.expect(201));
    receive(owner, &product, quantity, unit_cost).await;
    product
}

async fn receive(owner: &Client, product: &str, quantity: i32, unit_cost: i32) {
    let receipt = json!({"productId": product, "quantity": quantity, "unitCost": unit_cost, "reference": "PO-001"});
    owner.post("/stock/receipts", receipt).await.expect(201);
}

/// On hand, reserved, available, average cost, value.
async fn level(owner: &Client, product: &str) -> [Value; 5] {
    let found = owner.items(&format!("/stock?productId={product}")).await;
    let [level] = &found[..] else { panic!("{found:?}") };
    ["onHand", "reserved", "available", "averageCost", "value"].map(|field| level[field].clone())
}

#[tokio::test]
async fn what_comes_and_goes_at_a_moving_average() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let product = stocked(&owner, "A", 10, 100).await;
    receive(&owner, &product, 10, 200).await;
    assert_eq!(level(&owner, &product).await, [20, 0, 20, 150, 3_000].map(|n| json!(n)));
    let issue = json!({"productId": product, "quantity": 4, "reference": "ACT-1", "reason": "Образцы"});
    let issued = owner.post("/stock/issues", issue).await.expect(201);
    assert_eq!(issued["quantity"], json!(4));
    assert_eq!(level(&owner, &product).await, [16, 0, 16, 150, 2_400].map(|n| json!(n)));
    let broken = json!({"productId": product, "quantity": -1, "reason": "Бой"});
    let adjusted = owner.post("/stock/adjustments", broken).await.expect(201);
    assert_eq!(adjusted["difference"], json!(-1));
    let box_of_12 = json!({"productId": product, "quantity": 1, "unit": "кор", "unitCost": 150});
    owner.post("/stock/receipts", box_of_12).await.expect(201);
    assert_eq!(level(&owner, &product).await, [27, 0, 27, 150, 4_050].map(|n| json!(n)));
    let levels = owner.items("/stock/levels?belowMin=false&product.status=ACTIVE").await;
    assert_eq!(levels.len(), 1);

    let movements = owner.items(&format!("/stock/movements?productId={product}")).await;
    let told: Vec<[&Value; 5]> = movements
        .iter()
        .map(|one| ["type", "quantity", "unitCost", "reference", "reason"].map(|field| &one[field]))
        .collect();
    let none = Value::Null;
    assert_eq!(
        told,
        [
            [&json!("IN"), &json!(12), &json!(150), &none, &none],
            [&json!("ADJUSTMENT"), &json!(-1), &json!(150), &none, &json!("Бой")],
            [
                &json!("OUT"),
                &json!(4),
                &json!(150),
                &json!("ACT-1"),
                &json!("Образцы")
            ],
            [&json!("IN"), &json!(10), &json!(200), &json!("PO-001"), &none],
            [&json!("IN"), &json!(10), &json!(100), &json!("PO-001"), &none],
        ]
    );
    for one in &movements {
        assert_eq!(
            (&one["createdBy"], &one["productCode"]),
            (&json!(owner.user), &json!("A"))
        );
    }
    assert_eq!(owner.items("/stock/movements?type=OUT,ADJUSTMENT").await.len(), 2);
    assert_eq!(owner.items("/stock/movements?reference=ACT-1").await.len(), 1);
    let details = owner.get(&format!("/products/{product}")).await.expect(200);
    assert_eq!(details["inventory"]["inStock"], json!(27));
    let costs = details["costHistory"].as_array().unwrap().iter();
    let costs: Vec<[&Value; 2]> = costs
        .map(|point| ["quantity", "unitCost"].map(|field| &point[field]))
        .collect();
    assert_eq!(
        costs,
        [
            [&json!(10), &json!(100)],
            [&json!(10), &json!(200)],
            [&json!(12), &json!(150)]
        ]
    );
}

#[tokio::test]
async fn what_is_refused() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let product = stocked(&owner, "A", 10, 100).await;
    let service = json!({"code": "S", "name": "s", "type": "SERVICE"});
    let service = id(&owner.post("/products", service).await.expect(201));
    let nobody = "0190c2a5-0000-7000-8000-000000000000";
    for (path, body, status, code) in [
        (
            "issues",
            json!({"productId": product, "quantity": 11}),
            422,
            "STOCK_UNAVAILABLE",
        ),
        (
            "issues",
            json!({"productId": product, "quantity": 0}),
            400,
            "VALIDATION_FAILED",
        ),
        (
            "issues",
            json!({"productId": product, "quantity": 1, "unit": "м"}),
            400,
            "VALIDATION_FAILED",
        ),
        ("issues", json!({"productId": nobody, "quantity": 1}), 404, "NOT_FOUND"),
        (
            "adjustments",
            json!({"productId": product, "quantity": -11, "reason": "a"}),
            422,
            "STOCK_UNAVAILABLE",
        ),
        (
            "adjustments",
            json!({"productId": product, "quantity": 0, "reason": "a"}),
            400,
            "VALIDATION_FAILED",
        ),
        (
            "adjustments",
            json!({"productId": product, "quantity": 1}),
            400,
            "REQUIRED_FIELD",
        ),
        (
            "adjustments",
            json!({"productId": product, "quantity": 1, "reason": " "}),
            400,
            "REQUIRED_FIELD",
        ),
        (
            "counts",
            json!({"productId": product, "quantity": -1}),
            400,
            "VALIDATION_FAILED",
        ),
        (
            "counts",
            json!({"productId": service, "quantity": 1}),
            400,
            "VALIDATION_FAILED",
        ),
        (
            "counts",
            json!({"productId": product, "quantity": 1, "countedAt": "2099-01-01T00:00:00Z"}),
            400,
            "VALIDATION_FAILED",
        ),
    ] {
        owner.post(&format!("/stock/{path}"), body).await.refused(status, code);
    }
    assert_eq!(level(&owner, &product).await[0], json!(10));
}

#[tokio::test]
async fn what_is_promised_is_not_given_to_others() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 20, 10).await;
    let deal = id(&owner.post("/deals", shop.deal(3)).await.expect(201));
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
    eventually("the steel is reserved", || async {
        let level = level(&owner, &shop.steel).await;
        (level[1] == json!(15)).then_some(())
    })
    .await;
    for (path, body) in [
        ("issues", json!({"productId": shop.steel, "quantity": 6})),
        (
            "adjustments",
            json!({"productId": shop.steel, "quantity": -6, "reason": "a"}),
        ),
        ("counts", json!({"productId": shop.steel, "quantity": 14})),
    ] {
        let refused = owner.post(&format!("/stock/{path}"), body).await;
        assert_eq!(refused.body["error"]["details"]["available"], json!("5"), "{path}");
        refused.refused(422, "STOCK_UNAVAILABLE");
    }
    let issue = json!({"productId": shop.steel, "quantity": 5});
    owner.post("/stock/issues", issue).await.expect(201);
    assert_eq!(level(&owner, &shop.steel).await[..3], [json!(15), json!(15), json!(0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_who_want_the_last_10_pieces_10_get_one() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let product = stocked(&owner, "A", 10, 100).await;
    let wanted = (0..64).map(|n| {
        let (owner, body) = (
            &owner,
            json!({"productId": product, "quantity": 1, "reference": n.to_string()}),
        );
        async move { owner.post("/stock/issues", body).await.status }
    });
    let told = futures::future::join_all(wanted).await;
    let count = |status| told.iter().filter(|told| **told == status).count();
    assert_eq!((count(201), count(422)), (10, 54), "{told:?}");
    assert_eq!(
        level(&owner, &product).await,
        [json!(0), json!(0), json!(0), Value::Null, json!(0)]
    );
}

#[tokio::test]
async fn who_orders_goods_hears_once_that_little_is_left() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let product = stocked(&owner, "A", 10, 100).await;
    let issue = async |quantity: i32| {
        let issue = json!({"productId": product, "quantity": quantity});
        owner.post("/stock/issues", issue).await.expect(201);
    };
    let told = || async { owner.items("/notifications?type=stock_low").await };
    issue(6).await;
    let first = eventually("the owner is told", || async { told().await.into_iter().next() }).await;
    assert_eq!(
        (
            &first["data"]["productId"],
            &first["data"]["available"],
            &first["data"]["minStock"]
        ),
        (&json!(product), &json!(4), &json!(5)),
        "{first}"
    );
    issue(1).await;
    let low = owner.items("/stock?belowMin=true").await;
    assert_eq!(
        (&low[0]["productId"], &low[0]["toOrder"]),
        (&json!(product), &json!(47))
    );
    receive(&owner, &product, 10, 100).await;
    issue(9).await;
    eventually("the owner is told again", || async {
        (told().await.len() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_repeat_moves_nothing_twice() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let product = stocked(&owner, "A", 10, 100).await;
    for (path, body) in [
        ("issues", json!({"productId": product, "quantity": 1})),
        (
            "adjustments",
            json!({"productId": product, "quantity": 2, "reason": "a"}),
        ),
        ("counts", json!({"productId": product, "quantity": 7})),
    ] {
        let headers = [("idempotency-key", path)];
        let send = async || {
            let path = format!("/stock/{path}");
            owner
                .send(Method::POST, &path, Some(body.to_string()), &headers)
                .await
                .expect(201)
        };
        assert_eq!(send().await, send().await, "{path}");
    }
    assert_eq!(level(&owner, &product).await[0], json!(7));
}
