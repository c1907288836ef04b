//! One node: a process of its own with a log, many writers and readers, so that `kill -9` and a freeze are what they
//! are in life. It tells everything on its standard output and takes orders on its standard input; when that closes,
//! whoever started it is gone, and so is the node.

use super::{
    history::{Answer, Kept, Line, Refusal, mark, now},
    keeper::Keeper,
    op::{Op, Tag, holds},
    product::Product,
    readers::{CONSUMERS, Tally, poll},
    workload::{Holding, Step, World, Writer, rng},
};
use crate::engine::{self, Engine};
use log::{AppendError, Log};
use rand::Rng;
use serde::{Deserialize, Serialize};
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{io::Write, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    sync::RwLock,
};

/// What a node is born with: one argument of its command line, as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Birth {
    pub seed: u64,
    pub node: usize,
    /// How often the node was started before.
    pub life: u64,
    pub url: String,
    /// Where the log is, if it is not that database.
    pub engine: Option<Engine>,
    /// Another database, to move workspaces to.
    pub elsewhere: String,
    /// For what is put away.
    pub folder: PathBuf,
    /// What its clock is wrong by, in seconds.
    pub shift: i64,
    /// How many nodes there are.
    pub nodes: usize,
    pub writers: usize,
    pub pollers: usize,
}

impl Birth {
    pub fn name(&self) -> String {
        format!("{}.{}", self.node, self.life)
    }
}

/// What a node is told on its standard input, one JSON object a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Order {
    /// Let every writer have its answer, and then wait.
    Pause,
    Resume,
    /// Somebody asks again for what another node never answered.
    Append {
        op: Op,
    },
}

/// One line, whole and at once. A node that nobody listens to any more has no reason to be.
pub fn say(line: &Line) {
    let mut text = serde_json::to_vec(line).expect("a line is JSON");
    text.push(b'\n');
    let mut out = std::io::stdout().lock();
    if out.write_all(&text).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// The pace of the load, not a wait for anything.
pub async fn sleep(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// Held for reading by whoever appends, and for writing by a pause.
type Gate = Arc<RwLock<()>>;

/// Lives until its standard input closes.
pub async fn live(birth: Birth) {
    let (log, pool) = open(&birth.url, birth.engine.as_ref()).await;
    let keeper_elsewhere = open(&birth.elsewhere, None).await;
    say(&Line::Ready);
    let (world, gate) = (Arc::new(World::new(birth.seed, birth.nodes)), Gate::default());
    let draw = |role: u64, nth: usize| rng(birth.seed, &[2, birth.node as u64, birth.life, role, nth as u64]);
    for nth in 0..birth.writers {
        // The first node keeps to itself; of the others some do, some meet.
        let apart = birth.node == 0 || nth % 2 == 0;
        let product = apart.then(|| Product::new(world.clone(), birth.node));
        let writer = Writer::new(draw(0, nth), world.clone(), product);
        tokio::spawn(write(log.clone(), writer, gate.clone()));
    }
    for nth in 0..birth.pollers {
        let name = format!("{}.{nth}", birth.name());
        tokio::spawn(poll(log.clone(), world.clone(), draw(1, nth), name));
    }
    let keeper = Keeper {
        log: log.clone(),
        pool: pool.clone(),
        elsewhere: keeper_elsewhere,
        world: world.clone(),
        node: birth.node,
        folder: birth.folder.clone(),
        rng: draw(3, 0),
    };
    tokio::spawn(keep(keeper, gate.clone()));
    let mut followers = Vec::new();
    for name in CONSUMERS {
        let tally = Tally {
            pool: pool.clone(),
            name,
            steps: draw(2, 0).random_range(0..20).into(),
        };
        followers.push(log.follow(Arc::new(tally), 2));
    }
    obey(&log, &gate).await;
    drop(followers);
}

/// The log in that database, and connections of one's own.
async fn open(url: &str, engine: Option<&Engine>) -> (Log, PgPool) {
    let options: PgConnectOptions = url.parse().expect("a database's URL");
    let pool = PgPoolOptions::new()
        .max_connections(8)
        .acquire_timeout(Duration::from_secs(5))
        .connect_lazy_with(options.clone());
    loop {
        match engine::open(options.clone(), pool.clone(), engine).await {
            Ok(log) => return (log, pool),
            Err(_) => sleep(50).await, // the database may be away right now
        }
    }
}

async fn keep(mut keeper: Keeper, gate: Gate) {
    loop {
        let _open = gate.read().await;
        keeper.work().await;
        let ways = keeper.log.ways();
        say(&Line::Ways {
            batches: [ways.assumed, ways.looked, ways.locked],
        });
    }
}

async fn obey(log: &Log, gate: &Gate) {
    let mut closed = None;
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(order)) = orders.next_line().await {
        match serde_json::from_str(&order).expect("an order") {
            Order::Pause => {
                closed = Some(gate.clone().write_owned().await);
                say(&Line::Paused);
            }
            Order::Resume => closed = None,
            Order::Append { op } => {
                let (log, gate) = (log.clone(), gate.clone());
                tokio::spawn(async move {
                    let _open = gate.read().await;
                    perform(&log, &op, None).await;
                });
            }
        }
    }
    drop(closed);
}

async fn write(log: Log, mut writer: Writer, gate: Gate) {
    loop {
        let open = gate.read().await;
        let answers = step(&log, &mut writer).await;
        drop(open);
        let away = answers
            .iter()
            .any(|(_, answer)| matches!(answer, Answer::Unavailable(_)));
        for (op, answer) in &answers {
            writer.learn(op, answer);
        }
        sleep(if away { 50 } else { writer.rng.random_range(0..20) }).await;
    }
}

async fn step(log: &Log, writer: &mut Writer) -> Vec<(Op, Answer)> {
    match writer.next() {
        Step::Append(op) => vec![(op.clone(), perform(log, &op, None).await)],
        Step::Twins(one, two) => {
            let (first, second) = tokio::join!(perform(log, &one, None), perform(log, &two, None));
            vec![(one, first), (two, second)]
        }
        Step::Abandon(op, patience) => vec![(op.clone(), perform(log, &op, Some(patience)).await)],
        Step::Look { workspace, stream } => {
            let asked = now();
            // The last few would do, but how many there are is what is asked.
            if let Ok(events) = log.read_stream(workspace, stream, 0).await {
                let (version, mark) = events.last().map_or((0, 0), |event| (event.version, mark(&event.hash)));
                say(&Line::Looked {
                    asked,
                    answered: now(),
                    workspace,
                    stream,
                    version,
                    mark,
                });
                writer.stands(stream, version);
            }
            vec![]
        }
        Step::Evict(holding) => match evict(log, writer, holding).await {
            Some(op) => vec![(op.clone(), perform(log, &op, None).await)],
            None => vec![],
        },
    }
}

/// Decides on the holder's own events, as an aggregate would, and at their version.
async fn evict(log: &Log, writer: &mut Writer, mut holding: Holding) -> Option<Op> {
    let events = log.read_stream(holding.workspace, holding.stream, 0).await.ok()?;
    let tags: Vec<Tag> = events
        .iter()
        .filter_map(|event| serde_json::from_str(&event.data).ok())
        .collect();
    holding.version = events.last()?.version;
    holds(&tags, &holding.key).then(|| writer.take_over(&holding))
}

/// Tells what is asked, asks it, and tells what was answered.
async fn perform(log: &Log, op: &Op, patience: Option<Duration>) -> Answer {
    say(&Line::Invoked {
        at: now(),
        op: op.clone(),
    });
    let append = log.append(op.append());
    let answer = match patience {
        None => answer(append.await),
        Some(patience) => match tokio::time::timeout(patience, append).await {
            Ok(appended) => answer(appended),
            Err(_) => Answer::Unknown("the caller went away".to_owned()),
        },
    };
    say(&Line::Answered {
        at: now(),
        op: op.id,
        answer: answer.clone(),
    });
    answer
}

fn answer(appended: Result<log::Appended, AppendError>) -> Answer {
    match appended {
        Ok(appended) => {
            let (position, events) = (
                appended.position,
                appended.events.iter().map(|event| Kept::from(&***event)).collect(),
            );
            match appended.repeated {
                None => Answer::Written { position, events },
                Some(told) => Answer::Repeated { position, events, told },
            }
        }
        Err(error) => refusal(error),
    }
}

fn refusal(error: AppendError) -> Answer {
    Answer::Refused(match error {
        AppendError::Version {
            stream_id: stream,
            expected,
            actual,
        } => Refusal::Version {
            stream,
            expected,
            actual,
        },
        AppendError::Guard {
            stream_id: stream,
            expected,
            actual,
        } => Refusal::Guard {
            stream,
            expected,
            actual,
        },
        AppendError::Claimed { key, owner, .. } => Refusal::Claimed { key, owner },
        AppendError::CommandReused => Refusal::CommandReused,
        AppendError::Overloaded => return Answer::Unavailable(AppendError::Overloaded.to_string()),
        AppendError::Unavailable(error) => return Answer::Unavailable(error.to_string()),
        AppendError::Unknown => return Answer::Unknown(AppendError::Unknown.to_string()),
        other => Refusal::Other(other.to_string()),
    })
}
