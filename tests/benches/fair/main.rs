//! `./dev bench fair`: what one flooding tenant costs another. A quiet tenant reads and writes as people do, alone and
//! beside a tenant that asks for expensive lists and writes over many connections at once, in turn; what counts is how
//! much longer its slowest requests take. Requests a minute are not limited meanwhile: a flood within the limits, of
//! many users or of many addresses, is the harder one.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

use prometric_tests::{
    Client, Server,
    story::{Shop, id},
};
use rand::Rng;
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// How long the quiet tenant is watched at a time, in seconds.
const SECONDS: u64 = 10;
const ROUNDS: usize = 3;
const FLOODERS: usize = 64;
/// Deals of the flooding tenant.
const DEALS: i32 = 50_000;
/// People at work in the quiet one, each with a pause between two requests.
const PEOPLE: usize = 3;
const PAUSE: Duration = Duration::from_millis(20);

#[tokio::main]
async fn main() {
    let server = Server::start_with(&[]).await;
    let (quiet, flooding) = (server.owner().await, server.owner().await);
    let quiet = (Shop::open(&quiet, 1_000, 1_000).await, quiet);
    let shop = Shop::open(&flooding, 1_000, 1_000).await;
    flooding.post("/deals", shop.deal(1)).await.expect(201);
    multiply(&server.pool().await, &flooding.schema().await).await;
    watch(&quiet).await; // warm

    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let (served, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    for round in 1..=ROUNDS {
        let calm = watch(&quiet).await;
        let flood = Flood::start(&flooding);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let stormy = watch(&quiet).await;
        let counts = flood.stop().await;
        served.fetch_add(counts.0, Relaxed);
        refused.fetch_add(counts.1, Relaxed);
        eprintln!(
            "round {round}: p99 {:.1} ms, beside the flood {:.1} ms",
            at(&calm, 0.99),
            at(&stormy, 0.99)
        );
        alone.extend(calm);
        beside.extend(stormy);
    }
    println!(
        "{:<24} {:>9} {:>9} {:>9} {:>9}",
        "the quiet tenant", "requests", "p50 ms", "p99 ms", "max ms"
    );
    for (name, taken) in [("alone", &alone), ("beside the flood", &beside)] {
        let (p50, p99, max) = (at(taken, 0.5), at(taken, 0.99), at(taken, 1.0));
        println!("{name:<24} {:>9} {p50:>9.1} {p99:>9.1} {max:>9.1}", taken.len());
    }
    println!(
        "the flood: {} requests served, {} refused",
        served.into_inner(),
        refused.into_inner()
    );
    println!(
        "p99 ratio {:.2} (goal: at most 2)",
        at(&beside, 0.99) / at(&alone, 0.99)
    );
}

/// The latency below which that part of the requests stays.
fn at(taken: &[f64], part: f64) -> f64 {
    let mut sorted = taken.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted
        .get(((sorted.len() as f64 * part) as usize).min(last))
        .copied()
        .unwrap_or(f64::NAN)
}

/// Makes many deals of the one there is, in the read model only: what is measured is reading them.
async fn multiply(pool: &PgPool, schema: &str) {
    let columns = "select string_agg(quote_ident(column_name), ', ') from information_schema.columns \
        where table_schema = $1 and table_name = 'deals' and is_generated = 'NEVER'";
    let columns: String = sqlx::query_scalar(columns).bind(schema).fetch_one(pool).await.unwrap();
    let multiply = format!(
        "insert into {schema}.deals ({columns}) select {columns} from (select (jsonb_populate_record(t, jsonb_build_object( \
           'id', gen_random_uuid(), 'value', n, 'deal_number', 'DL-0000-' || n, 'title', md5(n::text)))).* \
         from {schema}.deals t, generate_series(1, {DEALS}) n) many; analyze {schema}.deals"
    );
    sqlx::raw_sql(AssertSqlSafe(multiply)).execute(pool).await.unwrap();
}

/// The milliseconds of each request of the quiet tenant, for a while.
async fn watch(quiet: &(Shop, Client)) -> Vec<f64> {
    let people = (0..PEOPLE).map(|_| async {
        let (shop, client) = quiet;
        let (until, mut taken) = (Instant::now() + Duration::from_secs(SECONDS), Vec::new());
        let deal = id(&client.post("/deals", shop.deal(1)).await.expect(201));
        let mut n = 0;
        while Instant::now() < until {
            n += 1;
            let began = Instant::now();
            let answer = match n % 8 {
                0 => client.post("/customers", json!({"name": format!("Клиент {n}")})).await,
                1 => client.get("/customers?limit=20").await,
                2 => client.get(&format!("/customers/{}", shop.customer)).await,
                3 => {
                    client
                        .put(&format!("/deals/{deal}"), json!({"probability": n % 100}))
                        .await
                }
                4 => client.get(&format!("/deals/{deal}")).await,
                5 => client.get("/deals?stage=LEAD&sort=-value").await,
                6 => client.get(&format!("/products/{}", shop.product)).await,
                _ => client.get("/notifications").await,
            };
            taken.push(began.elapsed().as_secs_f64() * 1_000.0);
            assert!(
                answer.status < 300,
                "the quiet tenant got {}: {}",
                answer.status,
                answer.body
            );
            tokio::time::sleep(PAUSE).await;
        }
        taken
    });
    futures::future::join_all(people).await.concat()
}

/// Many connections of one tenant, none of which ever waits by itself.
struct Flood {
    over: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<(u64, u64)>>,
}

impl Flood {
    fn start(client: &Client) -> Self {
        let over = Arc::<AtomicBool>::default();
        let task = |_| {
            let (client, over) = (client.clone(), over.clone());
            tokio::spawn(async move {
                let (mut served, mut refused) = (0, 0);
                while !over.load(Relaxed) {
                    let n: u32 = rand::rng().random_range(0..100_000);
                    let answer = match n % 5 {
                        0 | 1 => {
                            client
                                .get(&format!("/deals?search={n:x}&sort=-value,title&limit=100"))
                                .await
                        }
                        2 => {
                            client
                                .get(&format!("/deals?page={}&limit=100&sort=title", n % 100 + 1))
                                .await
                        }
                        3 => {
                            client
                                .get(&format!("/deals?customer.type=COMPANY&value[gte]={}", n / 2))
                                .await
                        }
                        _ => client.post("/customers", json!({"name": format!("Поток {n}")})).await,
                    };
                    match answer.status {
                        200 | 201 => served += 1,
                        _ => refused += 1,
                    }
                }
                (served, refused)
            })
        };
        let tasks = (0..FLOODERS).map(task).collect();
        Self { over, tasks }
    }

    async fn stop(self) -> (u64, u64) {
        self.over.store(true, Relaxed);
        let mut sum = (0, 0);
        for task in self.tasks {
            let (served, refused) = task.await.unwrap();
            sum = (sum.0 + served, sum.1 + refused);
        }
        sum
    }
}
