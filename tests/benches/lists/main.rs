//! `./dev bench lists`: what a page of a list costs, as a ratio against the query that somebody would write by hand for
//! the same rows, prepared once and asked over the same connections, interleaved in the same run; and how both change
//! from few rows to many. `BENCH_ROWS=10000,1000000` says how many, `BENCH_ROUNDS=40` how often each is asked.
//!
//! The product's page is measured as a request pays for it: the role is switched, the statement planned, the rows
//! written as JSON, the total told.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot go on stops")]

use projections::{Projections, Readers, list::Cursor, view::Reader};
use prometric_tests::{
    Database,
    crowd::{self, TABLES},
    documented::{Names, QUESTIONS, Told, Wanted, tell},
};
use sqlx::{AssertSqlSafe, PgPool, Row};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

const SCHEMA: &str = "tenant_bench";
/// Asked before anything is measured.
const WARM: usize = 5;

fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// One line of the report.
struct Line {
    table: &'static str,
    title: String,
    pairs: Vec<(String, String)>,
    by_hand: String,
}

/// Medians, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Cost {
    product: f64,
    by_hand: f64,
}

#[tokio::main]
async fn main() {
    let sizes: Vec<i64> = setting("BENCH_ROWS", "10000,1000000")
        .split(',')
        .map(|rows| rows.trim().parse().unwrap())
        .collect();
    let rounds: usize = setting("BENCH_ROUNDS", "40").parse().unwrap();
    let database = Database::create().await;
    let (log, pool) = (database.log().await, database.pool().await);
    Projections::open(log, pool.clone()).await.unwrap();
    let readers = Readers::new(pool.connect_options().as_ref().clone(), 4, Duration::from_secs(3));
    let mut costs: BTreeMap<(usize, String), Vec<Cost>> = BTreeMap::new();
    for rows in &sizes {
        let began = Instant::now();
        crowd::fill(&pool, SCHEMA, *rows).await;
        eprintln!(
            "{rows} rows in each of {} lists, in {:.0} s",
            TABLES.len(),
            began.elapsed().as_secs_f64()
        );
        for (place, line) in lines(&pool).await.into_iter().enumerate() {
            let title = format!("{}{}", line.table, line.title);
            // Among few rows there may be none; then there is nothing to be measured.
            let Some(cost) = measure((&pool, &readers), &line, rounds).await else {
                eprintln!("{rows:>9} {title:.70}: nothing found");
                continue;
            };
            eprintln!(
                "{rows:>9} {title:.70}: {:.2} ms, by hand {:.2} ms",
                cost.product, cost.by_hand
            );
            costs.entry((place, title)).or_default().push(cost);
        }
    }
    report(&sizes, &costs);
}

/// Every documented question, and the last page of every list by cursor.
async fn lines(pool: &PgPool) -> Vec<Line> {
    let names = Names::of(pool, SCHEMA).await;
    let mut lines: Vec<Line> = QUESTIONS
        .iter()
        .map(|question| Line {
            table: question.table,
            title: format!("?{}", question.query),
            pairs: names.pairs(question.query),
            by_hand: names.place(question.by_hand),
        })
        .collect();
    for table in TABLES {
        lines.push(last_page(pool, table).await);
    }
    lines
}

/// The page of the 20 oldest rows, asked for by the cursor of the row before them.
async fn last_page(pool: &PgPool, table: &'static str) -> Line {
    let whose = if table == "notifications" {
        "role = 'owner'"
    } else {
        "true"
    };
    let before = format!(
        "select reading.instant(created_at), id::text from {SCHEMA}.{table} where {whose} order by created_at, id offset 20 limit 1"
    );
    let row = sqlx::query(AssertSqlSafe(before)).fetch_one(pool).await.unwrap();
    let (at, id): (String, String) = (row.get(0), row.get(1));
    let by_hand = format!(
        "where {whose} and (created_at, id) < ('{at}'::timestamptz, '{id}'::uuid) order by created_at desc, id desc"
    );
    let cursor = Cursor {
        keys: vec![Some(at), Some(id)],
        page: 1,
        total: 0,
        is_estimate: false,
    };
    Line {
        table,
        title: ", the last page by cursor".to_owned(),
        pairs: vec![("cursor".to_owned(), cursor.encode().unwrap())],
        by_hand,
    }
}

async fn measure((pool, readers): (&PgPool, &Readers), line: &Line, rounds: usize) -> Option<Cost> {
    let reader = Reader::now(readers, SCHEMA, &|_| true);
    // Where there are archived ones no list shows them, and indexes are without them.
    let shown = match line.table {
        table @ ("customers" | "products") => format!("(select * from {SCHEMA}.{table} where not archived)"),
        table => format!("{SCHEMA}.{table}"),
    };
    let by_hand = format!("select * from {shown} t {} limit 20", line.by_hand);
    let (mut product, mut bare) = (Vec::new(), Vec::new());
    for round in 0..WARM + rounds {
        let began = Instant::now();
        let Told::Page(page) = tell(reader, line.table, &line.pairs, Wanted::Page).await.unwrap() else {
            panic!("a page was asked for");
        };
        let ours = began.elapsed();
        if page.items.get().len() <= 2 {
            return None;
        }
        let began = Instant::now();
        let rows = sqlx::query(AssertSqlSafe(by_hand.clone()))
            .fetch_all(pool)
            .await
            .unwrap();
        let theirs = began.elapsed();
        assert!(!rows.is_empty(), "{by_hand}");
        if round >= WARM {
            product.push(ours.as_secs_f64() * 1_000.0);
            bare.push(theirs.as_secs_f64() * 1_000.0);
        }
    }
    Some(Cost {
        product: median(product),
        by_hand: median(bare),
    })
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn report(sizes: &[i64], costs: &BTreeMap<(usize, String), Vec<Cost>>) {
    let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    println!(
        "p50 in ms: ours / by hand = ratio, for {} rows; then ours at the most rows / at the fewest",
        sizes.join(", ")
    );
    let (mut above, mut steep) = (0, 0);
    for ((_, title), costs) in costs {
        let cells: Vec<String> = costs
            .iter()
            .map(|cost| {
                format!(
                    "{:6.2} /{:6.2} ={:5.2}",
                    cost.product,
                    cost.by_hand,
                    cost.product / cost.by_hand
                )
            })
            .collect();
        let (few, many) = (costs[0], costs[costs.len() - 1]);
        let growth = many.product / few.product;
        above += usize::from(costs.iter().any(|cost| cost.product > 2.0 * cost.by_hand));
        steep += usize::from(growth > 1.5);
        println!("{}  x{growth:5.2}  {title:.100}", cells.join("   "));
    }
    println!(
        "{} questions: {above} above 2 x by hand, {steep} grow by more than 1.5",
        costs.len()
    );
}
