//! Our side: processes that each hold the log open and append in closed loops, as the server's handlers do.

use crate::{SECONDS, any_id, cell::Cell, limit};
use log::{Append, Claim, ClaimAct, CommandId, Log, Metadata, NewEvent, Stream, StreamAppend};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgPoolOptions;
use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
    time::Instant,
};
use uuid::Uuid;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Load {
    pub nodes: usize,
    pub workspaces: usize,
    pub events: usize,
    pub writers: usize,
    /// Every node writes to workspaces of its own, as behind a balancer that goes by workspace; else all write to all.
    pub apart: bool,
}

/// What a process is told.
#[derive(Debug, Serialize, Deserialize)]
pub struct Orders {
    url: String,
    load: Load,
    nth: usize,
}

/// One append in so many takes a key: as products and users do, and deals do not.
const CLAIMS: usize = 10;

pub struct Nodes(Vec<Child>);

impl Nodes {
    pub fn start(url: &str, load: Load) -> Self {
        let start = |nth| {
            let orders = Orders {
                url: url.to_owned(),
                load: Load {
                    writers: load.writers / load.nodes,
                    ..load
                },
                nth,
            };
            let orders = serde_json::to_string(&orders).unwrap();
            let mut command = Command::new(std::env::current_exe().unwrap());
            let command = command
                .args(["node", &orders])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped());
            command.spawn().unwrap()
        };
        Self((0..load.nodes).map(start).collect())
    }

    /// Lets all of them go at once, and sums up.
    pub fn measure(mut self) -> Cell {
        let mut said: Vec<_> = self
            .0
            .iter_mut()
            .map(|child| BufReader::new(child.stdout.take().unwrap()).lines())
            .collect();
        for lines in &mut said {
            lines.next().unwrap().unwrap();
        }
        for child in &mut self.0 {
            writeln!(child.stdin.take().unwrap(), "go").unwrap();
        }
        let cells: Vec<Cell> = said
            .iter_mut()
            .map(|lines| serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap())
            .collect();
        for child in &mut self.0 {
            child.wait().unwrap();
        }
        let worst = |figure: fn(&Cell) -> f64| cells.iter().map(figure).fold(0.0, f64::max);
        Cell {
            rate: cells.iter().map(|cell| cell.rate).sum(),
            p50: worst(|cell| cell.p50),
            p99: worst(|cell| cell.p99),
        }
    }
}

/// A process of `Nodes`: says that it is ready, waits for the word, appends, prints its `Cell`.
pub async fn run(Orders { url, load, nth }: Orders) {
    let options = url.parse().unwrap();
    let pool = PgPoolOptions::new().max_connections(4).connect(&url).await.unwrap();
    let log = Log::open(options, pool).await.unwrap();
    let (first, step) = if load.apart { (nth, load.nodes) } else { (0, 1) };
    let workspaces = (first..load.workspaces).step_by(step);
    let workspaces: Vec<Uuid> = workspaces.map(|nth| Uuid::from_u128(nth as u128 + 1)).collect();
    for workspace in &workspaces {
        log.append(append(*workspace, load, 1)).await.unwrap();
    }
    println!("ready");
    std::io::stdin().lines().next();
    let began = Instant::now();
    let writers = (0..load.writers).map(|nth| tokio::spawn(write(log.clone(), workspaces.clone(), load, nth, began)));
    let mut latencies = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        latencies.extend(writer.await.unwrap());
    }
    let rate = (latencies.len() * load.events) as f64 / began.elapsed().as_secs_f64();
    println!("{}", serde_json::to_string(&Cell::of(rate, latencies)).unwrap());
}

async fn write(log: Log, workspaces: Vec<Uuid>, load: Load, nth: usize, began: Instant) -> Vec<f64> {
    let mut latencies = Vec::new();
    while began.elapsed().as_secs() < SECONDS {
        let round = nth + latencies.len();
        let at = Instant::now();
        log.append(append(workspaces[round % workspaces.len()], load, round))
            .await
            .unwrap();
        latencies.push(at.elapsed().as_secs_f64() * 1000.0);
    }
    latencies
}

/// To a new stream, expected to be new; with a command id, and every so often with a claim.
pub fn append(workspace: Uuid, load: Load, round: usize) -> Append {
    let stream_id = any_id();
    let event = || NewEvent {
        id: any_id(),
        event_type: "deal.created".to_owned(),
        schema: 1,
        data: limit::DATA.trim().to_owned(),
        number: None,
    };
    let claim = || Claim {
        kind: "bench",
        key: stream_id.to_string(),
        stream_id,
        act: ClaimAct::Take,
    };
    Append {
        workspace,
        streams: vec![StreamAppend {
            stream: Stream {
                category: "deal",
                id: stream_id,
            },
            expected: Some(0),
            events: (0..load.events).map(|_| event()).collect(),
        }],
        claims: if round.is_multiple_of(CLAIMS) {
            vec![claim()]
        } else {
            vec![]
        },
        guards: vec![],
        command: Some(CommandId {
            id: any_id(),
            request_hash: [7; 32],
        }),
        answer: r#"{"id":"00000000-0000-0000-0000-000000000000","version":1}"#.to_owned(),
        number_year: 2026,
        metadata: serde_json::from_str::<Metadata>(limit::METADATA).unwrap(),
    }
}
