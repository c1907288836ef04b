//! `./dev bench grpc`: the log in the protocol of EventStoreDB. Reading all of it, beside bare reading of the same log in the same
//! run; how soon who follows live sees an event, from when it is sent on; what a thousand idle subscriptions cost (`idle`); and appends
//! to a log whose engine that server is, beside appends to PostgreSQL's (`engine`). The client of the first ones is h2 and a loop that
//! looks for the ends of messages, so that it is the server that is measured. Arguments: `short`, or how many events.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

mod engine;
mod idle;

use futures::StreamExt;
use log::Log;
use prometric_tests::{
    engine::Store,
    wire::{Messages, Wire, field, frame, number},
};
use serde_json::{Value, json};
use std::{pin::pin, time::Instant};
use uuid::Uuid;

const READ: &str = "streams.Streams/Read";
const APPEND: &str = "streams.Streams/Append";
/// Of one append, before anything is measured.
const TOGETHER: usize = 1_000;
const ROUNDS: usize = 3;
/// Events whose way to a subscriber is measured.
const LIVE: usize = 500;

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let named: Option<usize> = words.iter().find_map(|word| word.parse().ok());
    let is_short = words.iter().any(|word| word == "short");
    let events = named.unwrap_or(if is_short { 20_000 } else { 200_000 });
    let store = Store::start().await;
    let wire = Wire::open(store.port, &store.key).await;
    for _ in 0..events.div_ceil(TOGETHER) {
        append(&wire, "external-bench", TOGETHER).await;
    }
    let options = store.server.database_url.parse().unwrap();
    let log = Log::open(options, store.server.pool().await).await.unwrap();
    catch_up(&wire, &log, store.owner.workspace.parse().unwrap()).await;
    live(&wire).await;
    idle::measure(&store).await;
    engine::measure(&store).await;
}

async fn catch_up(wire: &Wire, log: &Log, workspace: Uuid) {
    let rounds = std::env::var("BENCH_ROUNDS").ok().and_then(|text| text.parse().ok());
    println!(
        "{:>10} {:>12} {:>12} {:>8}",
        "events", "read ev/s", "bare ev/s", "of bare"
    );
    let mut ratios = Vec::new();
    for _ in 0..rounds.unwrap_or(ROUNDS) {
        let began = Instant::now();
        let mut all = pin!(log.replay(workspace, 0));
        let mut bare = 0_u32;
        while let Some(event) = all.next().await {
            event.unwrap();
            bare += 1;
        }
        let bare_seconds = began.elapsed().as_secs_f64();
        let began = Instant::now();
        let (mut read, mut messages) = (0_u32, wire.ask(READ, reading()).await);
        while messages.next().await.is_some() {
            read += 1;
        }
        let seconds = began.elapsed().as_secs_f64();
        assert_eq!(read, bare, "everything was read");
        let count = f64::from(bare);
        println!(
            "{bare:>10} {:>12.0} {:>12.0} {:>8.2}",
            count / seconds,
            count / bare_seconds,
            bare_seconds / seconds
        );
        ratios.push(bare_seconds / seconds);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "reading: {:.2} of bare reading, the median (0.4 at least, 0.6 is the goal)",
        ratios[ratios.len() / 2]
    );
}

async fn live(wire: &Wire) {
    let mut following = wire.ask(READ, following()).await;
    until_live(&mut following).await;
    let (mut answered, mut seen) = (vec![], vec![]);
    for _ in 0..LIVE {
        let sent = Instant::now();
        let answer = async {
            append(wire, "external-live", 1).await;
            sent.elapsed().as_secs_f64()
        };
        let event = async {
            following.next().await.unwrap();
            sent.elapsed().as_secs_f64()
        };
        let (answer, event) = tokio::join!(answer, event);
        answered.push(answer);
        seen.push(event);
    }
    for (what, mut took) in [("an append is answered", answered), ("who follows has seen it", seen)] {
        took.sort_by(f64::total_cmp);
        let at = |part: usize| took[(took.len() - 1) * part / 100] * 1e3;
        println!("{what}: p50 {:.2} ms, p99 {:.2} ms", at(50), at(99));
    }
}

/// The confirmation, and that there is nothing more.
async fn until_live(following: &mut Messages) {
    for _ in 0..2 {
        following.next().await.unwrap();
    }
}

async fn append(wire: &Wire, stream: &str, events: usize) {
    let head = [field(1, &field(3, stream.as_bytes())), field(4, &[])].concat();
    let mut bytes = frame(&field(1, &head));
    for _ in 0..events {
        bytes.extend(frame(&field(2, &event())));
    }
    let (code, why) = wire.call(APPEND, bytes).await;
    assert_eq!(code, 0, "{why}");
}

fn event() -> Vec<u8> {
    let id = field(1, &field(2, Uuid::now_v7().to_string().as_bytes()));
    let said = |name: &str, value: &str| field(2, &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat());
    let kind = [said("type", "WeightMeasured"), said("content-type", "application/json")].concat();
    [id, kind, field(4, data().to_string().as_bytes())].concat()
}

fn data() -> Value {
    json!({"scales": 7, "kg": 12.5, "product": Uuid::now_v7(), "note": "Қабылдау · приёмка на складе № 3"})
}

/// All of `$all`, forwards.
fn reading() -> Vec<u8> {
    let all = field(2, &field(2, &[]));
    frame(&field(1, &[all, number(5, u64::MAX), field(8, &[])].concat()))
}

/// What comes in `$all` from now on.
fn following() -> Vec<u8> {
    let end = field(2, &field(3, &[]));
    frame(&field(1, &[end, field(6, &[]), field(8, &[])].concat()))
}
