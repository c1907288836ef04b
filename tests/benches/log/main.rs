//! `./dev bench log`: what the log costs, as ratios against limits measured in the same run, interleaved with them:
//! (a) pgbench inserting the same row one by one, (b) the same rows in bare batches of 500, by UNNEST and by COPY, with
//! no check, no chain and no order. Machines differ and are noisy; ratios travel, figures do not.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot go on stops")]

mod cell;
mod growth;
mod limit;
mod node;
mod replay;

use cell::Cell;
use node::{Load, Mix, Nodes};
use std::collections::BTreeMap;
use uuid::Uuid;

/// How long one measurement lasts.
const SECONDS: u64 = 4;

/// How often each is taken.
fn rounds() -> usize {
    std::env::var("BENCH_ROUNDS").map_or(3, |rounds| rounds.parse().unwrap())
}

/// Random, as pgbench's are.
fn any_id() -> Uuid {
    Uuid::from_u128(rand::random())
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["node", load] => node::run(serde_json::from_str(load).unwrap()).await,
        [] => {
            appends().await;
            replay::run().await;
            growth::run(&[100_000, 1_000_000]).await;
        }
        ["short"] => {
            appends().await;
            replay::run().await;
        }
        ["append"] => appends().await,
        ["replay"] => replay::run().await,
        ["growth"] => growth::run(&[100_000, 1_000_000, 10_000_000]).await,
        other => panic!("short, append, replay, growth or nothing, not {other:?}"),
    }
}

/// A column of the report: a kind of load on our log, and the limits beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Pgbench(usize),
    Unnest500,
    Copy500,
    Ours(Load),
}

fn kinds() -> Vec<Kind> {
    let one = Load {
        writers: 1,
        events: 1,
        workspaces: 1,
        nodes: 1,
        apart: false,
        mix: Mix::Product,
    };
    let many = Load { writers: 256, ..one };
    let spread = Load { workspaces: 16, ..many };
    let ours = [
        one,
        Load { writers: 32, ..one },
        Load {
            writers: 32,
            workspaces: 16,
            ..one
        },
        many,
        Load { nodes: 2, ..many },
        spread,
        Load { nodes: 2, ..spread },
        Load {
            nodes: 2,
            apart: true,
            ..spread
        },
        Load {
            workspaces: 1_000,
            ..many
        },
        Load { events: 5, ..spread },
        Load {
            mix: Mix::Unclean,
            ..spread
        },
        Load {
            mix: Mix::Plain,
            ..spread
        },
    ];
    let limits = [1, 32, 256]
        .map(Kind::Pgbench)
        .into_iter()
        .chain([Kind::Unnest500, Kind::Copy500]);
    limits.chain(ours.map(Kind::Ours)).collect()
}

async fn appends() {
    let mut cells: BTreeMap<Kind, Vec<Cell>> = BTreeMap::new();
    for round in 1..=rounds() {
        for kind in kinds() {
            let cell = measure(kind).await;
            eprintln!(
                "round {round} {kind:?}: {:.0} events/s, p50 {:.3} ms",
                cell.rate, cell.p50
            );
            cells.entry(kind).or_default().push(cell);
        }
    }
    report(&cells);
}

async fn measure(kind: Kind) -> Cell {
    let database = limit::database().await;
    match kind {
        Kind::Pgbench(clients) => limit::pgbench(&database, clients),
        Kind::Unnest500 => limit::unnest(&database).await,
        Kind::Copy500 => limit::copy(&database).await,
        Kind::Ours(load) => Nodes::start(&database.url, load).measure(),
    }
}

/// Ratios are medians of the rounds' own ratios: what disturbs a round disturbs both of its sides.
fn report(cells: &BTreeMap<Kind, Vec<Cell>>) {
    println!(
        "{:<68} {:>9} {:>8} {:>8} {:>9} {:>9} {:>9}",
        "append", "events/s", "p50 ms", "p99 ms", "x pgbench", "p50 x", "x unnest"
    );
    for (kind, ours) in cells {
        let clients = match kind {
            Kind::Pgbench(clients) => *clients,
            Kind::Ours(load) => load.writers,
            Kind::Unnest500 | Kind::Copy500 => 256,
        };
        let single = &cells[&Kind::Pgbench(clients)];
        let of = |limit: &[Cell], figure: fn(&Cell) -> f64| {
            cell::median(ours.iter().zip(limit).map(|(a, b)| figure(a) / figure(b)))
        };
        println!(
            "{:<68} {:>9.0} {:>8.3} {:>8.3} {:>9.2} {:>9.2} {:>9.2}",
            kind.name(),
            cell::median(ours.iter().map(|cell| cell.rate)),
            cell::median(ours.iter().map(|cell| cell.p50)),
            cell::median(ours.iter().map(|cell| cell.p99)),
            of(single, |cell| cell.rate),
            of(single, |cell| cell.p50),
            of(&cells[&Kind::Unnest500], |cell| cell.rate),
        );
    }
}

impl Kind {
    fn name(self) -> String {
        match self {
            Self::Pgbench(clients) => format!("(a) pgbench, one row a time, {clients} clients"),
            Self::Unnest500 => "(b) bare UNNEST of 500, one connection".to_owned(),
            Self::Copy500 => "(b) bare COPY of 500, one connection".to_owned(),
            Self::Ours(Load {
                writers,
                events,
                workspaces,
                nodes,
                apart,
                mix,
            }) => {
                let each = if apart { ", each its own" } else { "" };
                let mix = match mix {
                    Mix::Product => "",
                    Mix::Plain => ", new and unnumbered",
                    Mix::Unclean => ", 5 % stale, 1 % repeats",
                };
                format!("log: {writers} writers, {events} an append, {workspaces} spaces, {nodes} nodes{each}{mix}")
            }
        }
    }
}
