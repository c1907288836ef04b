//! `kill -9` at random moments: whatever happens, a won deal ends with one order, one invoice and one production order,
//! every number once and without a gap, every total kept, and a replay from zero gives the same rows.

use log::Verifier;
use projections::{Projections, Tables};
use prometric_tests::{
    Client, Server, eventually,
    story::{Shop, id},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{PgPool, Row};
use std::time::Duration;
use uuid::Uuid;

const KILLS: usize = 20;
/// Deals won at the same time while the server dies.
const RIVALS: usize = 4;

#[tokio::test(flavor = "multi_thread")]
async fn the_story_holds_however_often_the_server_is_killed() {
    let seed: u64 = std::env::var("SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(rand::random);
    println!("SEED={seed}");
    let mut chance = StdRng::seed_from_u64(seed);
    let mut server = Server::start().await;
    let owner = server.owner().await;
    let shop = Shop::open(&owner, 10_000, 10_000).await;

    let mut deals = 0;
    for kill in 0..KILLS {
        let rivals: Vec<_> = (0..RIVALS)
            .map(|rival| tokio::spawn(win_one(owner.clone(), shop.clone(), format!("{seed}-{kill}-{rival}"))))
            .collect();
        // From before the first command is decided to after the last saga step: a won deal takes some 10 to 200 ms.
        tokio::time::sleep(Duration::from_micros(chance.random_range(0..250_000))).await;
        server.kill();
        server.spawn().await;
        for rival in rivals {
            rival.await.unwrap();
            deals += 1;
        }
    }
    all_planned(&owner, deals).await;
    check_books(&server, &owner, deals).await;
}

/// Until so many won deals have come to all that follows from them.
pub async fn all_planned(owner: &Client, deals: usize) {
    let listed = async |path: &str| Some(owner.get(path).await.expect(200)["total"].as_u64()? == deals as u64);
    eventually("everything is planned", || async {
        let planned = listed("/production/orders?status=scheduled&limit=1").await?;
        (planned && listed("/finance/invoices?limit=1").await?).then_some(())
    })
    .await;
}

/// A stubborn client's deal, created and won: asks with the same key until it has an answer.
pub async fn win_one(owner: Client, shop: Shop, key: String) {
    let deal = stubborn(&owner, "/deals", &shop.deal(1), &format!("{key}-create"), 201).await;
    stubborn(
        &owner,
        &format!("/deals/{}/win", id(&deal)),
        &json!({}),
        &format!("{key}-win"),
        200,
    )
    .await;
}

async fn stubborn(owner: &Client, path: &str, body: &Value, key: &str, status: u16) -> Value {
    eventually(path, || async {
        let answer = owner
            .try_send(Method::POST, path, Some(body.to_string()), &[("Idempotency-Key", key)])
            .await
            .ok()?;
        (answer.status != 503).then(|| answer.expect(status))
    })
    .await
}

/// The books of a workspace after so many won deals, by SQL and by replay.
pub async fn check_books(server: &Server, owner: &Client, deals: usize) {
    let workspace = owner.workspace.parse().unwrap();
    check_books_of(server, workspace, &owner.schema().await, deals).await;
}

/// The same where nobody can sign in.
pub async fn check_books_of(server: &Server, workspace: Uuid, schema: &str, deals: usize) {
    let pool = server.pool().await;
    for (series, table, column) in [
        ("DL", "deals", "deal_number"),
        ("ORD", "orders", "order_number"),
        ("INV", "invoices", "invoice_number"),
        ("PRD", "production_orders", "production_number"),
    ] {
        let numbers = numbers(&pool, schema, table, column).await;
        let dense: Vec<String> = (1..=deals)
            .map(|n| format!("{series}-{}-{n:04}", numbers[0].split('-').nth(1).unwrap()))
            .collect();
        assert_eq!(numbers, dense, "{table}: each number once, no gap");
    }
    let twice = format!(
        "select count(*) from {schema}.deals d where (select count(*) from {schema}.orders o where o.deal_id = d.id) <> 1 \
        or (select count(*) from {schema}.invoices i where i.deal_id = d.id) <> 1 \
        or (select count(*) from {schema}.production_orders p join {schema}.orders o on o.id = p.order_id where o.deal_id = d.id) <> 1"
    );
    assert_eq!(
        count(&pool, twice).await,
        0,
        "one order, one invoice, one production order per deal"
    );
    let unreserved = format!("select count(*) from {schema}.production_orders where material_state <> 'reserved'");
    assert_eq!(count(&pool, unreserved).await, 0);
    let held = format!(
        "select count(*) from {schema}.products where reserved <> case code when 'STEEL' then 5 when 'LOCK' then 1 when 'ERP-001' then 50 else 0 end * {deals}"
    );
    assert_eq!(count(&pool, held).await, 0, "everything is reserved exactly once");
    let told = format!("select count(*) from {schema}.notifications where type = 'deal_won'");
    assert_eq!(count(&pool, told).await, i64::try_from(deals).unwrap());

    let log = server.log().await;
    let mut verifier = Verifier::default();
    loop {
        let events = log.read(workspace, verifier.head().0, 1_000).await.unwrap();
        if events.is_empty() {
            break;
        }
        events.iter().for_each(|event| verifier.next(event).unwrap());
    }
    let (position, hash) = verifier.head();
    let head = sqlx::query("select position, hash from log.heads where workspace_id = $1")
        .bind(workspace)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(
        (head.get::<i64, _>(0), head.get::<Vec<u8>, _>(1)),
        (position, hash.to_vec()),
        "positions dense, the chain whole"
    );

    let replayed = Projections::open(log.clone(), pool)
        .await
        .unwrap()
        .verify(workspace.into(), Tables::all(), &|_| {})
        .await
        .unwrap();
    assert_eq!(
        (replayed.position, replayed.differing()),
        (position, vec![]),
        "a replay from zero gives the same rows"
    );
}

async fn numbers(pool: &PgPool, schema: &str, table: &str, column: &str) -> Vec<String> {
    let all = format!("select {column} from {schema}.{table} order by 1");
    sqlx::query_scalar(sqlx::AssertSqlSafe(all))
        .fetch_all(pool)
        .await
        .unwrap()
}

async fn count(pool: &PgPool, sql: String) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_one(pool)
        .await
        .unwrap()
}
