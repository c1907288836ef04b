//! Appends to a log whose engine is another server of ours, through `prometric-cluster`, beside the same to a log that is PostgreSQL's:
//! by one caller after another, and by many at once. The two logs and the other server's have a database each in one PostgreSQL, so
//! what goes through the engine is written and synced twice on the same disk; that is part of the figure.

use log::{Append, Log, NewEvent, Stream, StreamAppend};
use prometric_tests::{Database, append_to, engine::Store, rounds};
use std::time::{Duration, Instant};
use uuid::Uuid;

const ROUNDS: usize = 3;
const CALLERS: [usize; 2] = [1, 64];
/// Which the callers share.
const WORKSPACES: usize = 8;
const MEASURED: Duration = Duration::from_secs(4);

/// What one round of one log came to.
struct Measured {
    per_second: f64,
    /// In milliseconds.
    p50: f64,
    p99: f64,
}

pub async fn measure(store: &Store) {
    let (plain, replica) = (Database::create().await, Database::create().await);
    let postgresql = plain.log().await;
    let options = replica.url.parse().unwrap();
    let engine = store.engine("bench").open(options, replica.pool().await).await.unwrap();
    println!(
        "{:>8} {:>12} {:>16} {:>8} {:>20} {:>20}",
        "callers", "engine app/s", "postgresql app/s", "of it", "engine p50/p99 ms", "postgresql ms"
    );
    for callers in CALLERS {
        for _ in 0..rounds(ROUNDS) {
            let (without, with) = (run(&postgresql, callers).await, run(&engine, callers).await);
            println!(
                "{callers:>8} {:>12.0} {:>16.0} {:>8.2} {:>20} {:>20}",
                with.per_second,
                without.per_second,
                with.per_second / without.per_second,
                format!("{:.2} / {:.2}", with.p50, with.p99),
                format!("{:.2} / {:.2}", without.p50, without.p99)
            );
        }
    }
}

async fn run(log: &Log, callers: usize) -> Measured {
    let began = Instant::now();
    let callers: Vec<_> = (0..callers)
        .map(|nth| tokio::spawn(call(log.clone(), nth, began)))
        .collect();
    let mut took = Vec::new();
    for caller in callers {
        took.extend(caller.await.unwrap());
    }
    let seconds = began.elapsed().as_secs_f64();
    took.sort_by(f64::total_cmp);
    let at = |part: usize| took[(took.len() - 1) * part / 100] * 1e3;
    Measured {
        per_second: took.len() as f64 / seconds,
        p50: at(50),
        p99: at(99),
    }
}

/// One after another; seconds that each took.
async fn call(log: Log, nth: usize, began: Instant) -> Vec<f64> {
    let workspace = Uuid::from_u128((nth % WORKSPACES) as u128 + 1);
    let mut took = Vec::new();
    while began.elapsed() < MEASURED || took.is_empty() {
        let asked = Instant::now();
        log.append(append(workspace)).await.unwrap();
        took.push(asked.elapsed().as_secs_f64());
    }
    took
}

/// One event of a new stream.
fn append(workspace: Uuid) -> Append {
    let event = NewEvent {
        id: Uuid::now_v7(),
        event_type: "deal.created".to_owned(),
        schema: 1,
        data: crate::data().to_string(),
        number: None,
    };
    let mut append = append_to(workspace);
    append.streams.push(StreamAppend {
        stream: Stream {
            category: "deal",
            id: Uuid::now_v7(),
        },
        expected: Some(0),
        events: vec![event],
    });
    append
}
