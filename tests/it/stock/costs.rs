//! What goods cost: first in, first out, figure by figure, and what comes back costs what it did; what is written down late, what
//! lay there on a past day, and that closed months stay closed; what was paid beside the goods.

use super::{level, receive};
use chrono::{Datelike, Days, NaiveDate, Utc};
use domain::time::local_date;
use prometric_tests::{
    Client, Server,
    story::{Shop, id},
};
use reqwest::Method;
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
    assert_eq!(worth(&owner, &exact).await, [json!(3), json!(300.1)]);
    for (unit_cost, left) in [(100.03, json!(200.07)), (100.04, json!(100.03)), (100.03, json!(0))] {
        issue(&owner, &exact, 1).await;
        assert_eq!(newest(&owner, &exact).await[2], json!(unit_cost));
        assert_eq!(worth(&owner, &exact).await[1], left);
    }
}

/// Of lots what expires first goes, of those that were there on the day that is told of, for what the oldest goods came in for.
#[tokio::test]
async fn lots_have_no_cost_of_their_own() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let body = json!({"code": "A", "name": "A", "type": "PRODUCT", "tracking": "lot"});
    let product = id(&owner.post("/products", body).await.expect(201));
    fifo(&owner, &product).await;
    let today = local_date(Utc::now());
    let ago = |days: u64| today - Days::new(days);
    for (number, expires_on, unit_cost, day) in [
        ("LATE", "2101-06-30", 100, Some(ago(2))),
        ("SOON", "2101-01-31", 300, None),
    ] {
        let lots = json!([{"number": number, "quantity": 2, "expiresOn": expires_on}]);
        let receipt =
            json!({"productId": product, "quantity": 2, "unitCost": unit_cost, "lots": lots, "effectiveDate": day});
        owner.post("/stock/receipts", receipt).await.expect(201);
    }
    let lots = async || {
        let lots = owner.items(&format!("/products/{product}/lots?sort=number")).await;
        [0, 1].map(|lot: usize| lots[lot]["quantity"].clone())
    };
    issue(&owner, &product, 1).await;
    assert_eq!(newest(&owner, &product).await, [json!("OUT"), json!(1), json!(100)]);
    assert_eq!(
        (lots().await, worth(&owner, &product).await),
        ([json!(2), json!(1)], [json!(3), json!(700)])
    );
    let told_late = |lots: Value| json!({"productId": product, "quantity": 1, "reason": "Образцы", "lots": lots, "effectiveDate": ago(1)});
    let came_later = told_late(json!([{"number": "SOON", "quantity": 1}]));
    let refused = owner
        .post("/stock/issues", came_later)
        .await
        .refused(422, "STOCK_UNAVAILABLE");
    assert_eq!(refused["reason"], json!("stock.lot_short"));
    owner.post("/stock/issues", told_late(json!([]))).await.expect(201);
    assert_eq!(
        (lots().await, worth(&owner, &product).await),
        ([json!(1), json!(1)], [json!(2), json!(600)])
    );
}

/// What lay there of it at the end of that day, and what it was worth.
async fn on(owner: &Client, product: &str, day: NaiveDate) -> [Value; 2] {
    let path = format!("/stock/balance?productId={product}&date={day}");
    let balance = owner.get(&path).await.expect(200);
    assert_eq!((&balance["date"], &balance["after"]), (&json!(day), &Value::Null));
    match &balance["items"].as_array().unwrap()[..] {
        [] => [json!(0), json!(0)],
        [one] => ["quantity", "value"].map(|field| one[field].clone()),
        several => panic!("{several:?}"),
    }
}

#[tokio::test]
async fn of_an_earlier_day() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let product = product(&owner, "A").await;
    let today = local_date(Utc::now());
    let first = today.with_day(1).unwrap();
    let ago = |days: u64| first - Days::new(days);
    let receipt = |quantity: i32, unit_cost: i32, day: Option<NaiveDate>| json!({"productId": product, "quantity": quantity, "unitCost": unit_cost, "effectiveDate": day});
    let issue = |quantity: i32, day: NaiveDate| json!({"productId": product, "quantity": quantity, "reason": "Образцы", "effectiveDate": day});

    // Ten at 100, of which four went five days later; today ten at 130 come.
    owner
        .post("/stock/receipts", receipt(10, 100, Some(ago(20))))
        .await
        .expect(201);
    owner.post("/stock/issues", issue(4, ago(15))).await.expect(201);
    owner.post("/stock/receipts", receipt(10, 130, None)).await.expect(201);
    assert_eq!(worth(&owner, &product).await, [json!(16), json!(1_900)]);
    // Sixteen are there, and six were there then.
    let refused = owner
        .post("/stock/issues", issue(7, ago(15)))
        .await
        .refused(422, "STOCK_UNAVAILABLE");
    assert_eq!(refused["available"], json!("6"));
    // Three of the last month's last day cost what goods cost now.
    owner.post("/stock/issues", issue(3, ago(1))).await.expect(201);
    assert_eq!(newest(&owner, &product).await, [json!("OUT"), json!(3), json!(118.75)]);
    for (day, lay) in [
        (ago(21), [json!(0), json!(0)]),
        (ago(20), [json!(10), json!(1_000)]),
        (ago(15), [json!(6), json!(600)]),
        (ago(1), [json!(3), json!(243.75)]),
        (today, [json!(13), json!(1_543.75)]),
    ] {
        assert_eq!(on(&owner, &product, day).await, lay, "{day}");
    }
    assert_eq!(worth(&owner, &product).await, [json!(13), json!(1_543.75)]);
    let of_day = owner
        .items(&format!(
            "/stock/movements?productId={product}&effectiveDate={}",
            ago(15)
        ))
        .await;
    assert_eq!((of_day.len(), &of_day[0]["quantity"]), (1, &json!(4)));

    // The last month is closed: nothing tells of it any more, and it stays as it was.
    let close = |day: NaiveDate| json!({"closedThrough": day});
    owner.put("/stock/policy", close(ago(1))).await.expect(200);
    let refused = owner
        .post("/stock/receipts", receipt(1, 1, Some(ago(1))))
        .await
        .refused(409, "CONFLICT");
    assert_eq!(
        (&refused["reason"], &refused["first"]),
        (&json!("stock.closed"), &json!(first.to_string()))
    );
    owner
        .post("/stock/receipts", receipt(7, 100, Some(first)))
        .await
        .expect(201);
    assert_eq!(on(&owner, &product, ago(1)).await, [json!(3), json!(243.75)]);
    assert_eq!(on(&owner, &product, today).await, [json!(20), json!(2_243.75)]);
    let tomorrow = receipt(1, 1, today.succ_opt());
    let refused = owner
        .post("/stock/receipts", tomorrow)
        .await
        .refused(400, "VALIDATION_FAILED");
    assert!(refused["fields"]["effectiveDate"].is_string(), "{refused}");
    for open in [first, ago(32)] {
        owner
            .put("/stock/policy", close(open))
            .await
            .refused(400, "VALIDATION_FAILED");
    }
    let kept = owner.get("/stock/policy").await.expect(200);
    assert_eq!(kept, json!({"valuation": "AVERAGE", "closedThrough": ago(1)}));
}

/// Who chose nothing takes the workspace's way with the first goods, and keeps it.
#[tokio::test]
async fn a_workspace_s_own_way() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let (before, after, chosen) = (
        product(&owner, "A").await,
        product(&owner, "B").await,
        product(&owner, "C").await,
    );
    receive(&owner, &before, 1, 100).await;
    let average = json!({"productId": chosen, "valuation": "AVERAGE"});
    owner.post("/stock/valuations", average).await.expect(201);
    owner
        .put("/stock/policy", json!({"valuation": "FIFO"}))
        .await
        .expect(200);
    for (product, valuation) in [(&before, "AVERAGE"), (&after, "FIFO"), (&chosen, "AVERAGE")] {
        receive(&owner, product, 1, 200).await;
        let shown = owner.items(&format!("/stock/levels?productId={product}")).await;
        assert_eq!(shown[0]["valuation"], json!(valuation));
    }
    owner
        .put("/stock/policy", json!({"valuation": "AVERAGE"}))
        .await
        .expect(200);
    let shown = owner.items(&format!("/stock/levels?productId={after}")).await;
    assert_eq!(shown[0]["valuation"], json!("FIFO"), "what was taken stays");
}

/// The product's receipts, the oldest first, as what is spread over names them.
async fn receipts(owner: &Client, product: &str) -> Vec<Value> {
    let mut movements = owner
        .items(&format!("/stock/movements?productId={product}&type=IN"))
        .await;
    movements.reverse();
    let named = movements
        .iter()
        .map(|one| json!({"productId": product, "movementId": one["id"]}));
    named.collect()
}

/// Of each receipt what it bears, what of it raises the stock, and what is spent.
fn shares(landed: &Value) -> Vec<[Value; 3]> {
    let receipts = landed["receipts"].as_array().unwrap().iter();
    receipts
        .map(|one| ["amount", "raised", "spent"].map(|field| one[field].clone()))
        .collect()
}

#[tokio::test]
async fn what_was_paid_beside_the_goods() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let (average, layers) = (product(&owner, "A").await, product(&owner, "B").await);
    let land = async |body: &Value| owner.post("/stock/landed-costs", body.clone()).await;
    fifo(&owner, &layers).await;
    receive(&owner, &average, 10, 100).await;
    issue(&owner, &average, 7).await;
    receive(&owner, &average, 5, 100).await;
    receive(&owner, &layers, 10, 100).await;
    receive(&owner, &layers, 5, 130).await;
    let (of_average, of_layers) = (receipts(&owner, &average).await, receipts(&owner, &layers).await);

    // Three of the ten are there: 30 of 100 raise what is there, the rest went with the seven.
    let freight = json!({"receipts": [of_average[0]], "amount": 100, "kind": "freight", "note": "CMR 7"});
    let (headers, body) = ([("Idempotency-Key", "freight-1")], freight.to_string());
    let again = async || {
        owner
            .send(Method::POST, "/stock/landed-costs", Some(body.clone()), &headers)
            .await
            .expect(201)
    };
    let landed = again().await;
    assert_eq!(shares(&landed), [[json!(100), json!(30), json!(70)]]);
    assert_eq!(again().await, landed, "asked twice it was paid once");
    assert_eq!(worth(&owner, &average).await, [json!(8), json!(830)]);
    let shown = owner
        .items(&format!("/stock/movements?productId={average}&type=IN"))
        .await;
    let borne = shown[1]["landedCosts"].as_array().unwrap();
    assert_eq!((borne.len(), &borne[0]["kind"]), (1, &json!("freight")));
    assert_eq!((&borne[0]["raised"], &borne[0]["spent"]), (&json!(30), &json!(70)));
    assert_eq!(shown[0]["landedCosts"], json!([]));

    // 1000 and 650 bear 100 by value; what goes next takes along what its own receipt bore.
    let customs = json!({"receipts": of_layers, "amount": 100, "kind": "customs", "by": "value", "currency": "KZT"});
    let landed = land(&customs).await.expect(201);
    let whole = |amount: f64| [json!(amount), json!(amount), json!(0)];
    assert_eq!(shares(&landed), [whole(60.6), whole(39.4)]);
    assert_eq!(worth(&owner, &layers).await, [json!(15), json!(1_750)]);
    issue(&owner, &layers, 12).await;
    assert_eq!(newest(&owner, &layers).await[2], json!(111.36));
    assert_eq!(worth(&owner, &layers).await, [json!(3), json!(413.64)]);

    // Several stocks bear it at once: ten and five by quantity, of which three are there of each.
    let insurance = json!({"receipts": [of_average[0], of_layers[1]], "amount": 100, "kind": "insurance"});
    let landed = land(&insurance).await.expect(201);
    let borne = [
        [json!(66.66), json!(20), json!(46.66)],
        [json!(33.34), json!(20), json!(13.34)],
    ];
    assert_eq!(shares(&landed), borne);
    assert_eq!(worth(&owner, &average).await, [json!(8), json!(850)]);
    assert_eq!(worth(&owner, &layers).await, [json!(3), json!(433.64)]);

    let nobody = json!({"productId": average, "movementId": "0190c2a5-0000-7000-8000-000000000000"});
    let unknown = json!({"receipts": [nobody], "amount": 1, "kind": "other"});
    land(&unknown).await.refused(404, "NOT_FOUND");
    let movements = owner
        .items(&format!("/stock/movements?productId={average}&type=OUT"))
        .await;
    let went = json!({"productId": average, "movementId": movements[0]["id"]});
    for (body, field) in [
        (
            json!({"receipts": [went], "amount": 1, "kind": "other"}),
            "receipts[0].movementId",
        ),
        (
            json!({"receipts": [of_average[0], of_average[0]], "amount": 1, "kind": "other"}),
            "receipts[1].movementId",
        ),
        (json!({"receipts": [], "amount": 1, "kind": "other"}), "receipts"),
        (json!({"receipts": of_average, "amount": 0, "kind": "other"}), "amount"),
        (
            json!({"receipts": of_average, "amount": 1, "kind": "other", "currency": "USD"}),
            "receipts[0].productId",
        ),
    ] {
        let code = if field == "receipts" {
            "REQUIRED_FIELD"
        } else {
            "VALIDATION_FAILED"
        };
        let refused = land(&body).await.refused(400, code);
        assert!(refused["fields"][field].is_string(), "{field}: {refused}");
    }
    assert_eq!(worth(&owner, &average).await, [json!(8), json!(850)]);
}
