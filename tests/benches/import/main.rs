//! `./dev bench import`: what ten thousand products in a file take, from sending it to when they are shown, beside the same products sent in
//! batches of 500, which is as fast as a client of its own could be; and what it takes to have them all back as a file.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot go on stops")]

use prometric_tests::{Client, Server, rounds, story::id};
use serde_json::{Value, json};
use std::{
    ops::Range,
    time::{Duration, Instant},
};

const ROWS: usize = 10_000;
const BATCH: usize = 500;
const ROUNDS: usize = 3;
/// How often is asked whether it is done.
const LOOK: Duration = Duration::from_millis(50);
/// What it may take, in seconds.
const GOAL: f64 = 20.0;

#[tokio::main]
async fn main() {
    let rounds = rounds(ROUNDS);
    let server = Server::start_with(&[]).await;
    println!("{:<28} {:>9} {:>9}", "10,000 products", "seconds", "rows/s");
    let mut best = [f64::MAX; 3];
    for round in 0..rounds {
        let owner = server.owner().await;
        let (of_batches, of_file) = (0..ROWS, ROWS..2 * ROWS);
        let taken = [
            batches(&owner, of_batches).await,
            file(&owner, of_file).await,
            export(&owner).await,
        ];
        for (n, (name, seconds)) in ["in batches", "as a file", "back as a file, 20,000"]
            .into_iter()
            .zip(taken)
            .enumerate()
        {
            println!(
                "{:<28} {seconds:>9.2} {:>9.0}",
                format!("{round}: {name}"),
                ROWS as f64 / seconds
            );
            best[n] = best[n].min(seconds);
        }
    }
    println!(
        "as a file: {:.2} s (goal: at most {GOAL}); {:.2} of batches",
        best[1],
        best[1] / best[0]
    );
}

fn code(n: usize) -> String {
    format!("B-{n:06}")
}

async fn batches(owner: &Client, numbers: Range<usize>) -> f64 {
    let began = Instant::now();
    for begin in numbers.step_by(BATCH) {
        let products =
            (begin..begin + BATCH).map(|n| json!({"code": code(n), "name": format!("Товар {n}"), "price": n}));
        let products: Vec<Value> = products.collect();
        let done = owner
            .post("/products/batch", json!({ "products": products }))
            .await
            .expect(201);
        assert_eq!(done["failed"], 0, "{done}");
    }
    began.elapsed().as_secs_f64()
}

async fn file(owner: &Client, numbers: Range<usize>) -> f64 {
    let rows = numbers.map(|n| format!("{},Товар {n},{n}\n", code(n)));
    let file: String = std::iter::once("code,name,price\n".to_owned()).chain(rows).collect();
    let began = Instant::now();
    let sent = owner
        .upload(file.as_bytes(), &[("resource", "products")], &[])
        .await
        .expect(201);
    let path = format!("/imports/{}", id(&sent));
    loop {
        let shown = owner.get(&path).await.expect(200);
        match shown["state"].as_str().unwrap() {
            "done" => {
                assert_eq!(shown["created"], json!(ROWS), "{shown}");
                return began.elapsed().as_secs_f64();
            }
            "checking" | "running" => tokio::time::sleep(LOOK).await,
            other => panic!("{other}: {shown}"),
        }
    }
}

async fn export(owner: &Client) -> f64 {
    let began = Instant::now();
    let file = owner.get("/products/export?format=csv&sort=code").await;
    assert_eq!(file.body.as_str().unwrap().lines().count(), 2 * ROWS + 1);
    began.elapsed().as_secs_f64()
}
