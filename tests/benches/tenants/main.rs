//! `./dev bench tenants`: what it costs that there are many workspaces. A write in one of them beside a few and beside all; making
//! the last ones beside the first; an empty one on the disk; a start with all of them; and registrations in a loop, the last beside
//! the first. Each ratio is of the same run: 1.00 means that their number costs nothing.
//! Arguments: `short`, or how many workspaces and how many registrations (1,000 and 10,000 when none is named).
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

use prometric_tests::{Client, Server};
use serde_json::json;
use sqlx::PgPool;
use std::time::Instant;
use uuid::Uuid;

/// So many workspaces are few.
const FEW: usize = 10;
/// Writes behind one median.
const WRITES: usize = 300;

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let named: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let (workspaces, registrations) = match (&named[..], words.iter().any(|word| word == "short")) {
        ([workspaces, registrations, ..], _) => (*workspaces, *registrations),
        ([workspaces], _) => (*workspaces, 10_000),
        ([], true) => (200, 400),
        ([], false) => (1_000, 10_000),
    };
    let mut server = Server::start_with(&[]).await;
    let (owner, pool) = (server.owner().await, server.pool().await);
    make(&owner, FEW).await;
    let few = writes(&owner).await;
    let before = Size::of(&pool).await;
    let made = make(&owner, workspaces.saturating_sub(FEW)).await;
    let after = Size::of(&pool).await;
    let many = writes(&owner).await;
    println!(
        "a write: {:.2} ms beside {FEW} workspaces, {:.2} ms beside {workspaces}: {:.2}",
        few * 1e3,
        many * 1e3,
        many / few
    );
    told("making a workspace", &made);
    before.told_per_workspace(&after, made.len());
    start(&mut server).await;
    told("a registration", &register(&server, registrations).await);
}

/// Seconds that each took.
async fn make(owner: &Client, count: usize) -> Vec<f64> {
    let mut took = Vec::with_capacity(count);
    for n in 0..count {
        let began = Instant::now();
        let body = json!({"name": format!("Филиал {n} {}", Uuid::now_v7().simple())});
        owner.post("/workspaces", body).await.expect(201);
        took.push(began.elapsed().as_secs_f64());
    }
    took
}

/// The median of one client's writes, one after another.
async fn writes(owner: &Client) -> f64 {
    let mut took = Vec::with_capacity(WRITES);
    for n in 0..WRITES {
        let began = Instant::now();
        owner
            .post("/customers", json!({"name": format!("Клиент {n}")}))
            .await
            .expect(201);
        took.push(began.elapsed().as_secs_f64());
    }
    median(&took)
}

/// Somebody who types in an address, one after another; nobody reads the mail.
async fn register(server: &Server, count: usize) -> Vec<f64> {
    let mut took = Vec::with_capacity(count);
    for _ in 0..count {
        let unique = Uuid::now_v7().simple().to_string();
        let body = json!({"email": format!("{unique}@company.kz"), "password": "SecurePassword123", "firstName": "a", "lastName": "a"});
        let began = Instant::now();
        server.anonymous().post("/auth/register", body).await.expect(201);
        took.push(began.elapsed().as_secs_f64());
    }
    took
}

/// From the beginning of the process until it answers.
async fn start(server: &mut Server) {
    server.kill();
    let began = Instant::now();
    server.spawn().await;
    println!("a start with all of them: {:.2} s", began.elapsed().as_secs_f64());
}

/// The last tenth beside the first.
fn told(what: &str, took: &[f64]) {
    let tenth = (took.len() / 10).max(1).min(took.len());
    let (first, last) = (median(&took[..tenth]), median(&took[took.len() - tenth..]));
    println!(
        "{what}: {:.1} ms, the first of {}; {:.1} ms, the last: {:.2}",
        first * 1e3,
        took.len(),
        last * 1e3,
        last / first
    );
}

fn median(took: &[f64]) -> f64 {
    let mut sorted = took.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

struct Size {
    bytes: i64,
    relations: i64,
}

impl Size {
    async fn of(pool: &PgPool) -> Self {
        let size = "select pg_database_size(current_database()), (select count(*) from pg_class)";
        let (bytes, relations) = sqlx::query_as(size).fetch_one(pool).await.unwrap();
        Self { bytes, relations }
    }

    fn told_per_workspace(&self, after: &Self, count: usize) {
        let each = |before: i64, after: i64| (after - before) as f64 / count as f64;
        println!(
            "an empty workspace: {:.0} kB on the disk, {:.0} relations",
            each(self.bytes, after.bytes) / 1e3,
            each(self.relations, after.relations)
        );
    }
}
