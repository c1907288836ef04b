//! Durable time: what is due is carried out once, when the database's clock says so, whoever dies meanwhile. The tests move
//! that clock and never wait for it.

use chrono::TimeDelta;
use prometric_tests::{
    Client, Server, eventually,
    story::{Shop, id},
};
use rand::random_range;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::{collections::BTreeSet, time::Duration};

async fn win(owner: &Client, body: Value) -> String {
    let deal = id(&owner.post("/deals", body).await.expect(201));
    owner.post(&format!("/deals/{deal}/win"), json!({})).await.expect(200);
    deal
}

/// The notifications of that kind.
async fn told(owner: &Client, topic: &str) -> Vec<Value> {
    owner.items(&format!("/notifications?type={topic}&limit=100")).await
}

async fn told_once(owner: &Client, topic: &str) -> Value {
    let told = async || told(owner, topic).await.pop();
    eventually(topic, told).await
}

/// Until so many orders wait and owe nothing at once.
async fn waiting(pool: &PgPool, orders: i64) {
    let wait = "select count(*) from sagas.instances \
        where saga = 'order_fulfillment_orchestrator' and status = 'waiting' and not owes and due_at is not null";
    eventually("the orders wait", || async {
        let waiting: i64 = sqlx::query_scalar(wait).fetch_one(pool).await.unwrap();
        (waiting == orders).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wait_has_a_deadline_at_which_somebody_is_told_once_and_it_goes_on_waiting() {
    let server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let shop = Shop::open(&owner, 0, 0).await;
    let rack = json!({"code": "RACK", "name": "RACK", "type": "MANUFACTURED", "price": 1});
    let rack = id(&owner.post("/products", rack).await.expect(201));
    win(&owner, shop.deal(1)).await;
    let lines = json!([{"productId": rack, "quantity": 1, "unitPrice": 1_000}]);
    let unbilled = json!({"title": "Later", "customerId": shop.customer, "products": lines});
    let paid_for = win(&owner, unbilled).await;
    waiting(&pool, 2).await;
    let invoices = eventually("both invoices", || async {
        Some(owner.items("/finance/invoices").await).filter(|invoices| invoices.len() == 2)
    });
    let (paid, open): (Vec<Value>, Vec<Value>) = invoices
        .await
        .into_iter()
        .partition(|invoice| invoice["dealId"] == paid_for.as_str());
    let payment = json!({"invoiceId": id(&paid[0]), "amount": paid[0]["amount"]});
    owner.post("/finance/payments", payment).await.expect(201);

    // What is due later is not told with what is due now.
    server.set_clock(TimeDelta::days(3)).await;
    let bill = told_once(&owner, "bill_still_missing").await;
    assert_eq!(bill["data"]["productName"], json!("RACK"));
    assert_eq!(told(&owner, "shortage_lasts").await, Vec::<Value>::new());
    // Back and forth.
    server.set_clock(TimeDelta::days(-400)).await;
    server.set_clock(TimeDelta::days(8)).await;
    let short = told_once(&owner, "shortage_lasts").await;
    let sentence = short["message"].as_str().unwrap();
    assert!(
        sentence.contains("ORD-") && sentence.contains("Steel Sheet"),
        "{sentence}"
    );
    assert_eq!(told(&owner, "invoice_overdue").await, Vec::<Value>::new());
    server.set_clock(TimeDelta::days(40)).await;
    let overdue = told_once(&owner, "invoice_overdue").await;
    assert_eq!(overdue["about"], open[0]["id"]);
    for (topic, times) in [
        ("bill_still_missing", 1),
        ("shortage_lasts", 1),
        ("invoice_overdue", 1),
        ("process_late", 0),
        ("process_parked", 0),
    ] {
        assert_eq!(told(&owner, topic).await.len(), times, "{topic}");
    }

    // Nothing was undone: what comes after all is taken.
    server.set_clock(TimeDelta::zero()).await;
    for material in [&shop.steel, &shop.lock] {
        let receipt = json!({"productId": material, "quantity": 10, "unitCost": 1, "reference": "PO-002"});
        owner.post("/stock/receipts", receipt).await.expect(201);
    }
    let components = json!([{"materialId": shop.steel, "quantity": 1, "unit": "м²", "cost": 1}]);
    let made = json!({"components": components, "operations": [{"name": "Cutting", "duration": 1}]});
    owner.put(&format!("/production/bom/{rack}"), made).await.expect(200);
    eventually("both are planned", || async {
        let planned = owner.items("/production/orders?status=scheduled").await;
        (planned.len() == 2).then_some(())
    })
    .await;
}

/// Deals whose orders come due at the same time.
const DEALS: usize = 10;
const ROUNDS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_nodes_one_is_killed_while_much_is_due_and_each_is_told_once() {
    let first = Server::start_with(&[]).await;
    let second = first.another().await;
    let mut nodes = [first, second];
    let (owner, pool) = (nodes[0].owner().await, nodes[0].pool().await);
    let shop = Shop::open(&owner, 0, 0).await;
    for round in 1..=ROUNDS {
        for _ in 0..DEALS {
            win(&owner, shop.deal(1)).await;
        }
        waiting(&pool, i64::try_from(DEALS).unwrap()).await;
        nodes[0].set_clock(TimeDelta::days(8)).await;
        // From before the clock is looked at until all is told.
        tokio::time::sleep(Duration::from_millis(random_range(0..1_200))).await;
        let victim = round % 2;
        nodes[victim].kill();
        let survivor = owner.at(&nodes[1 - victim].url);
        eventually("all are told", || async {
            (told(&survivor, "shortage_lasts").await.len() == round * DEALS).then_some(())
        })
        .await;
        waiting(&pool, 0).await;
        nodes[1 - victim].set_clock(TimeDelta::zero()).await;
        nodes[victim].spawn().await;
    }
    let all = told(&owner, "shortage_lasts").await;
    let orders: BTreeSet<&str> = all.iter().map(|told| told["about"].as_str().unwrap()).collect();
    assert_eq!(
        (all.len(), orders.len()),
        (ROUNDS * DEALS, ROUNDS * DEALS),
        "each order once"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_the_build_before_learns_what_is_due() {
    let mut server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let shop = Shop::open(&owner, 0, 0).await;
    win(&owner, shop.deal(1)).await;
    waiting(&pool, 1).await;
    eventually("an invoice", || async { owner.items("/finance/invoices").await.pop() }).await;
    server.kill();
    let before = "alter table sagas.instances drop column due_at; delete from sagas.migrations where name = '0002_due'; \
        drop function log.clock; delete from log.migrations where name = '0010_clock'; \
        delete from sagas.instances where saga = 'invoice_collection'; \
        update sagas.instances set state = (state::jsonb #- '{Running,assigned_to}')::json where status <> 'done'";
    sqlx::raw_sql(before).execute(&pool).await.unwrap();
    server.spawn().await;
    waiting(&pool, 1).await;
    server.set_clock(TimeDelta::days(40)).await;
    for topic in ["shortage_lasts", "invoice_overdue"] {
        told_once(&owner, topic).await;
    }
    assert_eq!(owner.items("/orders").await.len(), 1, "and nothing was done twice");
    for topic in ["deal_won", "production_shortage", "shortage_lasts", "invoice_overdue"] {
        assert_eq!(told(&owner, topic).await.len(), 1, "{topic}");
    }
}

/// As a build with other deadlines leaves it.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_says_too_early_is_put_right_and_nobody_is_told() {
    let server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    let shop = Shop::open(&owner, 0, 0).await;
    win(&owner, shop.deal(1)).await;
    waiting(&pool, 1).await;
    let early = "update sagas.instances set due_at = now() - interval '1 hour' where status = 'waiting' returning 1";
    let early: Vec<i32> = sqlx::query_scalar(early).fetch_all(&pool).await.unwrap();
    let right = "select count(*) from sagas.instances where due_at > now() + interval '6 days'";
    eventually("the rows are right", || async {
        let right: i64 = sqlx::query_scalar(right).fetch_one(&pool).await.unwrap();
        (right == i64::try_from(early.len()).unwrap()).then_some(())
    })
    .await;
    assert_eq!(told(&owner, "shortage_lasts").await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_nobody_comes_back_to_lapses_by_itself() {
    let server = Server::start_with(&[]).await;
    let (anybody, pool) = (server.anonymous(), server.pool().await);
    let register = async |email: &str, bin: &str| {
        let body = json!({"email": email, "password": "SecurePassword123", "firstName": "a", "lastName": "a", "companyName": "a", "bin": bin});
        anybody.post("/users/register-owner", body).await.expect(201);
        server.code_for(email).await
    };
    let waiting = async || {
        let waiting = sqlx::query_scalar("select email from platform.registrations order by email");
        let waiting: Vec<String> = waiting.fetch_all(&pool).await.unwrap();
        waiting
    };
    let code = register("first@company.kz", "111000000001").await;
    server.set_clock(TimeDelta::days(5)).await;
    register("second@company.kz", "111000000002").await;
    let late = json!({"email": "first@company.kz", "code": code});
    anybody
        .post("/users/verify-email", late)
        .await
        .refused(400, "VALIDATION_FAILED");
    assert_eq!(
        waiting().await,
        ["first@company.kz", "second@company.kz"],
        "signing in may ask for another code"
    );
    // A quarter of an hour for the code, a week after that.
    server.set_clock(TimeDelta::days(8) + TimeDelta::hours(1)).await;
    eventually("the first has lapsed", || async {
        (waiting().await == ["second@company.kz"]).then_some(())
    })
    .await;
}
