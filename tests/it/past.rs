//! Reading a moment that is past: whatever was done since, all that is shown is what was shown then.

use chrono::{DateTime, Utc};
use prometric_tests::{
    Answer, Client, Server, eventually,
    story::{Shop, id},
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, PgPool};
use std::collections::BTreeMap;

const LISTS: [&str; 9] = [
    "/customers",
    "/deals",
    "/orders",
    "/products",
    "/production/orders",
    "/finance/invoices",
    "/finance/payments",
    "/finance/exchange-rates",
    "/notifications",
];

/// What was shown at a position of the log.
struct Noted {
    position: i64,
    recorded_at: DateTime<Utc>,
    shown: BTreeMap<String, Value>,
}

struct Business {
    owner: Client,
    pool: PgPool,
    schema: String,
    shop: Shop,
    random: StdRng,
}

impl Business {
    async fn position(&self) -> i64 {
        let position = format!("select position from {}.checkpoint", self.schema);
        sqlx::query_scalar(AssertSqlSafe(position))
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// All that there is, when nothing moved meanwhile.
    async fn note(&self) -> Noted {
        let (position, shown) = eventually("it stands still", || async {
            let before = self.position().await;
            let shown = self.all().await;
            (self.position().await == before).then_some((before, shown))
        })
        .await;
        let recorded = "select recorded_at from log.events where workspace_id = $1::uuid and position = $2";
        let recorded = sqlx::query_scalar(recorded).bind(&self.owner.workspace).bind(position);
        Noted {
            position,
            recorded_at: recorded.fetch_one(&self.pool).await.unwrap(),
            shown,
        }
    }

    async fn all(&self) -> BTreeMap<String, Value> {
        let mut shown = BTreeMap::new();
        for list in LISTS {
            let path = format!("{list}?limit=100");
            let page = self.owner.get(&path).await.expect(200);
            for item in page["items"].as_array().unwrap() {
                if !["/notifications", "/finance/exchange-rates"].contains(&list) {
                    let path = format!("{list}/{}?", id(item));
                    let one = self.owner.get(&path).await.expect(200);
                    shown.insert(path, one);
                }
            }
            shown.insert(path, page);
        }
        let bill = format!("/production/bom/{}?", self.shop.cabinet);
        let one = self.owner.get(&bill).await.expect(200);
        shown.insert(bill, one);
        shown
    }

    /// One of the things that people do.
    async fn act(&mut self, nth: u32) {
        let any = |random: &mut StdRng, items: &[Value]| items.choose(random).map(id);
        let owner = self.owner.clone();
        let deals = owner.items("/deals?stage=LEAD&limit=100").await;
        let customers = owner.items("/customers?limit=100").await;
        let (deal, customer) = (any(&mut self.random, &deals), any(&mut self.random, &customers));
        let answer = match (self.random.random_range(0..9), deal, customer) {
            (0, _, Some(customer)) => {
                let change = json!({"name": format!("ТОО Другое имя {nth}"), "segment": "SMB"});
                owner.put(&format!("/customers/{customer}"), change).await
            }
            (1, Some(deal), _) => owner.post(&format!("/deals/{deal}/win"), json!({})).await,
            (2, Some(deal), _) => {
                owner
                    .put(
                        &format!("/deals/{deal}"),
                        json!({"probability": nth % 100, "nextStep": null}),
                    )
                    .await
            }
            (3, Some(deal), _) => {
                let lost = json!({"lostReason": "Дорого", "competitorWon": "1C"});
                owner.post(&format!("/deals/{deal}/lose"), lost).await
            }
            (4, ..) => {
                let receipt = json!({"productId": self.shop.steel, "quantity": 3, "unitCost": 1500 + nth});
                owner.post("/stock/receipts", receipt).await
            }
            (5, ..) => {
                let body = json!({"code": format!("P-{nth}"), "name": format!("Товар {nth}"), "type": "PRODUCT", "price": nth});
                owner.post("/products", body).await
            }
            (6, ..) => owner.post("/customers", json!({"name": format!("ТОО {nth}")})).await,
            (7, ..) => {
                let invoices = owner.items("/finance/invoices?limit=100").await;
                let Some(invoice) = any(&mut self.random, &invoices) else {
                    return;
                };
                let payment = json!({"invoiceId": invoice, "amount": 1000 + nth});
                owner.post("/finance/payments", payment).await
            }
            (_, _, customer) => {
                let mut deal = self.shop.deal(1);
                deal["customerId"] = json!(customer.unwrap_or_else(|| self.shop.customer.clone()));
                owner.post("/deals", deal).await
            }
        };
        let refused = [409, 422].contains(&answer.status); // an invoice that is paid, a deal that is closed
        assert!(answer.status < 300 || refused, "{}: {}", answer.status, answer.body);
    }
}

/// As often as it is being made.
async fn prepared(owner: &Client, path: &str) -> Answer {
    eventually("the moment is made", || async {
        let answer = owner.get(path).await;
        if answer.status == 202 {
            assert_eq!(answer.header("retry-after"), "1");
            assert_eq!(answer.body["error"]["code"], "PREPARING", "{}", answer.body);
            return None;
        }
        Some(answer)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_shown_at_a_moment_is_shown_as_of_that_moment() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 20, 20).await;
    let seed = rand::random();
    let mut business = Business {
        schema: owner.schema().await,
        pool: server.pool().await,
        owner,
        shop,
        random: StdRng::seed_from_u64(seed),
    };
    let rate = json!({"currency": "USD", "date": "2026-01-01", "rate": 500});
    business.owner.put("/finance/exchange-rates", rate).await.expect(200);
    let mut noted = vec![];
    for nth in 1..=60 {
        business.act(nth).await;
        if business.random.random_range(0..10) == 0 || nth == 60 {
            noted.push(business.note().await);
        }
    }
    for Noted {
        position,
        recorded_at,
        shown,
    } in &noted
    {
        let time = recorded_at.to_rfc3339().replace('+', "%2B");
        for (path, then) in shown {
            for moment in [position.to_string(), time.clone()] {
                let path = format!("{path}&asOf={moment}");
                let now = prepared(&business.owner, &path).await.expect(200);
                assert_eq!(now, *then, "{path}, seed {seed}");
            }
        }
    }
    let before = prepared(&business.owner, "/products?asOf=0").await.expect(200);
    assert_eq!(before["total"], 0, "before the first event");
    let deal = business.owner.items("/deals?limit=1").await.pop().unwrap();
    let missing = prepared(&business.owner, &format!("/deals/{}?asOf=1", id(&deal))).await;
    missing.refused(404, "NOT_FOUND");
    let schemas = "select count(*) from pg_namespace where nspname like 'past%'";
    let kept: i64 = sqlx::query_scalar(schemas).fetch_one(&business.pool).await.unwrap();
    assert!(kept <= 4, "{kept} moments are kept");
}

#[tokio::test]
async fn a_moment_that_is_none_is_refused_by_name() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 0, 0).await;
    let stranger = server.owner().await;
    for (path, rule) in [
        (format!("/customers/{}?asOf=1000000", shop.customer), "not_yet"),
        (
            format!("/products/{}?asOf=2199-01-01T00:00:00Z", shop.product),
            "not_yet",
        ),
        (format!("/production/bom/{}?asOf", shop.cabinet), "wrong_type"),
        ("/deals?asOf=yesterday&limit=1".to_owned(), "wrong_type"),
        ("/deals?asOf=1&asOf=2".to_owned(), "wrong_type"),
        (format!("/customers/{}?asof=1", shop.customer), "unknown"),
    ] {
        let told = owner.get(&path).await.refused(400, "VALIDATION_FAILED");
        let name = if rule == "unknown" { "asof" } else { "asOf" };
        assert_eq!(told["rules"], json!({name: rule}), "{path}");
    }
    let path = format!("/customers/{}?asOf=0", shop.customer);
    prepared(&stranger, &path).await.refused(404, "NOT_FOUND");
}
