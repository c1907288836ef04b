//! Our side: processes that each hold the log open and append in closed loops, as the server's handlers do.

use crate::{SECONDS, any_id, cell::Cell, limit};
use log::{Append, AppendError, Claim, ClaimAct, CommandId, Log, Metadata, NewEvent, Number, Stream, StreamAppend};
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
    pub mix: Mix,
}

/// What is appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mix {
    /// Always a new stream under a random id, without a number.
    Plain,
    /// As the product does: ids that grow, every event with a number; two of three go to a new stream, the third to one that the
    /// writer wrote before.
    Product,
    /// The same, and one in twenty expects a version that is past, one in a hundred is a repeat.
    Unclean,
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
    // What was appended last, and to which version it brought its stream.
    let mut last: Option<(Append, i64)> = None;
    while began.elapsed().as_secs() < SECONDS {
        let round = nth + latencies.len();
        let workspace = workspaces[round % workspaces.len()];
        let turn = Turn::of(load.mix, latencies.len());
        let append = turn.append(append(workspace, load, round), last.as_ref());
        let at = Instant::now();
        let answer = log.append(append.clone()).await;
        latencies.push(at.elapsed().as_secs_f64() * 1000.0);
        match (answer, append.streams[0].events.len()) {
            (Ok(appended), events) if appended.repeated.is_none() => {
                let version = append.streams[0].expected.unwrap_or(0) + events as i64;
                last = Some((append, version));
            }
            (Ok(_), _) if turn == Turn::Repeat => {}
            (Err(AppendError::Version { .. }), _) if turn == Turn::Stale => {}
            (answer, _) => panic!("{turn:?}: {answer:?}"),
        }
    }
    latencies
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    New,
    Again,
    Stale,
    Repeat,
}

impl Turn {
    fn of(mix: Mix, nth: usize) -> Self {
        match mix {
            Mix::Unclean if nth % 100 == 99 => Self::Repeat,
            Mix::Unclean if nth % 20 == 7 => Self::Stale,
            Mix::Product | Mix::Unclean if nth % 3 == 2 => Self::Again,
            Mix::Plain | Mix::Product | Mix::Unclean => Self::New,
        }
    }

    fn append(self, new: Append, last: Option<&(Append, i64)>) -> Append {
        let Some((last, version)) = last else { return new };
        let expected = match self {
            Self::New => return new,
            Self::Repeat => return last.clone(),
            Self::Again => *version,
            Self::Stale => version - 1,
        };
        let (mut append, to) = (new, &last.streams[0]);
        append.workspace = last.workspace;
        append.claims.clear();
        append.streams[0].stream = to.stream;
        append.streams[0].expected = Some(expected);
        append
    }
}

/// To a new stream, expected to be new; with a command id, and every so often with a claim.
pub fn append(workspace: Uuid, load: Load, round: usize) -> Append {
    let is_plain = load.mix == Mix::Plain;
    let id = || if is_plain { any_id() } else { Uuid::now_v7() };
    let stream_id = id();
    let number = (!is_plain).then_some(Number {
        field: "dealNumber",
        series: "DL",
    });
    let event = || NewEvent {
        id: id(),
        event_type: "deal.created".to_owned(),
        schema: 1,
        data: match is_plain {
            true => limit::DATA.trim().to_owned(),
            false => limit::DATA.trim().replacen("DL-2026-0001", "", 1),
        },
        number,
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
            id: id(),
            request_hash: [7; 32],
        }),
        answer: r#"{"id":"00000000-0000-0000-0000-000000000000","version":1}"#.to_owned(),
        number_year: 2026,
        metadata: serde_json::from_str::<Metadata>(limit::METADATA).unwrap(),
    }
}
