//! `./dev bench replay`: read models made again from the log, of the product's mix: customers, deals that are changed and won,
//! and what follows from that. A history is led over HTTP once and then laid down many times over, each time under other ids.
//! The limit, in the same run: the same events read and decoded, and the same rows written by COPY, with nothing in between.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

mod history;
mod limit;

use history::History;
use log::Log;
use projections::{Projections, Tables};
use sqlx::PgPool;
use std::time::Instant;

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
    let history = History::lead().await;
    for size in sizes {
        let (events, log, pool) = history.lay_down(size).await;
        for _ in 0..rounds.unwrap_or(ROUNDS) {
            measure(&history, events, &log, &pool).await;
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
    let peak = peak();
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

/// The most memory that this process has had since `forget_peak`, in MB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes / 1024)
}

fn forget_peak() {
    std::fs::write("/proc/self/clear_refs", "5").ok();
}
