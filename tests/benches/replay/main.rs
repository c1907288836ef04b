//! `./dev bench replay`: read models made again from the log, of the product's mix: customers, deals that are changed and won,
//! and what follows from that. A history is led over HTTP once and then laid down many times over, each time under other ids.
//! The limit, in the same run: the same events read and decoded, and the same rows written by COPY, with nothing in between. Then
//! the same log verified, beside bare reading; and a moment of it made, which is what a list or a thing of then waits for. With `live`,
//! once more beside 50 clients at work.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

mod history;
mod limit;
mod live;

use futures::StreamExt;
use history::History;
use log::{Log, keeping::Walk};
use projections::{AsOf, Projections, Tables};
use prometric_tests::process;
use sqlx::PgPool;
use std::{
    pin::pin,
    time::{Duration, Instant},
};

const ROUNDS: usize = 3;

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let is_short = words.iter().any(|word| word == "short");
    let named: Vec<i64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let sizes = match (named.is_empty(), is_short) {
        (false, _) => named,
        (true, true) => vec![100_000],
        (true, false) => vec![100_000, 1_000_000],
    };
    let rounds = std::env::var("BENCH_ROUNDS").ok().and_then(|text| text.parse().ok());
    println!(
        "{:<12} {:>10} {:>12} {:>12} {:>10} {:>10} {:>10}",
        "events", "rows", "replay ev/s", "bare ev/s", "of bare", "of indexed", "peak MB"
    );
    let mut history = History::lead().await;
    for size in sizes {
        let (events, log, pool) = history.lay_down(size).await;
        for _ in 0..rounds.unwrap_or(ROUNDS) {
            measure(&history, events, &log, &pool).await;
            verify(&history, events, &log).await;
            visit(&history, events, &log, &pool).await;
        }
        if words.iter().any(|word| word == "live") {
            live::measure(&mut history, events).await;
        }
    }
}

async fn measure(history: &History, events: i64, log: &Log, pool: &PgPool) {
    let projections = Projections::new(log.clone(), pool.clone());
    forget_peak();
    let began = Instant::now();
    let reached = projections
        .remake(history.workspace.into(), Tables::all(), &|_| {})
        .await
        .unwrap();
    let replay = began.elapsed().as_secs_f64();
    assert_eq!(reached, events);
    let peak = peak(std::process::id());
    let bare = limit::measure(history, log, pool).await;
    let count = events as f64;
    println!(
        "{events:<12} {:>10} {:>12.0} {:>12.0} {:>10.2} {:>10.2} {peak:>10}",
        bare.rows,
        count / replay,
        count / bare.written,
        bare.written / replay,
        bare.indexed / replay,
    );
}

async fn verify(history: &History, events: i64, log: &Log) {
    let began = Instant::now();
    let mut read = 0_i64;
    let mut all = pin!(log.replay(history.workspace, 0));
    while let Some(event) = all.next().await {
        read += event.map(|_| 1).unwrap();
    }
    let reading = began.elapsed().as_secs_f64();
    let began = Instant::now();
    // Keys and numbers are those of the history that was repeated: they are not held against it.
    let report = log.verify(history.workspace, &Walk::default()).await.unwrap();
    let verifying = began.elapsed().as_secs_f64();
    assert_eq!((read, report.events), (events, events));
    let count = events as f64;
    println!(
        "  verify: {:.0} events/s, {:.2} of reading ({:.0} events/s)",
        count / verifying,
        reading / verifying,
        count / reading
    );
}

/// Half-way through the log, which nobody asked for before; and then once more.
async fn visit(history: &History, events: i64, log: &Log, pool: &PgPool) {
    let projections = Projections::new(log.clone(), pool.clone());
    let workspace = history.workspace.into();
    let patience = Duration::from_secs(600);
    let mut took = [0.0; 2];
    for seconds in &mut took {
        let began = Instant::now();
        let moment = projections.moment(workspace, AsOf::Position(events / 2)).await.unwrap();
        projections.past(workspace, moment.unwrap(), patience).await.unwrap();
        *seconds = began.elapsed().as_secs_f64();
    }
    let [first, again] = took;
    println!(
        "  a moment after {} events: made in {first:.2} s, then found in {:.2} ms",
        events / 2,
        again * 1000.0
    );
}

/// The most memory that a process has had, this one since `forget_peak`, in MB.
fn peak(process: u32) -> u64 {
    process::peak(process).unwrap_or(0) / 1024
}

fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").ok();
}
