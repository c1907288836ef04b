//! "No skip, no loss, no double": many writers and readers in several node processes, on a PostgreSQL cluster of their
//! own that crashes and fails over under them, and an oracle that in the end holds all that was acknowledged against
//! all that is there. One seed draws what is asked for and what goes wrong; the interleaving is the machine's, so a
//! seed that found something is likely, not sure, to find it again: the history file tells what happened.

mod cluster;
mod crew;
mod desk;
mod faults;
mod forwarder;
mod history;
mod keeper;
mod node;
mod op;
mod oracle;
mod product;
mod readers;
mod report;
mod road;
mod shim;
mod store;
mod workload;

pub use cluster::Cluster;
pub use node::{Birth, live};
pub use oracle::{Finding, Flaw};
pub use report::{Counts, Report};

use crate::engine::{self, Engine};
use crew::Crew;
use desk::{Desk, Witness};
use faults::{Fault, Saboteur, deck};
use log::Log;
use rand::Rng;
use readers::CONSUMERS;
use road::Road;
use sqlx::{
    PgConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use store::Store;
use uuid::Uuid;
use workload::{World, rng};

/// Faults from one judgement to the next.
const BETWEEN_JUDGEMENTS: usize = 6;
/// In seconds, of the last node; when it dies, the next one's is wrong the other way.
const CLOCK_WRONG_BY: i64 = -3 * 24 * 60 * 60;
/// How long readers may take to reach the end once nobody writes.
const READ_ON: Duration = Duration::from_secs(30);

/// One run: a fresh cluster, and the nodes on it.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub nodes: usize,
    /// In each node.
    pub writers: usize,
    /// In each node.
    pub pollers: usize,
    /// How long things go wrong; every kind of fault happens at least once, however long that takes.
    pub load: Duration,
    /// Where the log is, if it is not the cluster; the cluster is its replica then, and suffers all the same.
    pub engine: Option<Engine>,
    /// Runs a node when its arguments are `node` and a birth.
    pub program: PathBuf,
    /// Where the history goes, if it has to be kept.
    pub folder: PathBuf,
}

impl Plan {
    /// The smallest that has everything, in half a minute or so; where all logs of tests are.
    pub fn bounded(seed: u64, program: PathBuf, folder: PathBuf) -> Self {
        Self {
            seed,
            nodes: 3,
            writers: 5,
            pollers: 2,
            load: Duration::from_secs(20),
            engine: Engine::named(&format!("torture-{}", Uuid::now_v7().simple())),
            program,
            folder,
        }
    }
}

/// Makes the cluster, lets it suffer, and judges. Everything is stopped and removed when this returns or is dropped.
pub async fn run(plan: &Plan) -> Report {
    let witness = Witness::new(&plan.folder, plan.seed);
    let desk = &witness.desk;
    let mut cluster = Cluster::start().await;
    let archive = cluster.folder().join("archive");
    fs::create_dir(&archive).expect("a folder for what is put away");
    let mut dice = rng(plan.seed, &[3]);
    let road = match &plan.engine {
        Some(engine) => Road::to(engine).await,
        None => None,
    };
    let engine = plan.engine.clone().map(|engine| match &road {
        Some(road) => road.lead(engine),
        None => engine,
    });
    let births = (0..plan.nodes).map(|node| Birth {
        seed: plan.seed,
        node,
        life: 0,
        url: cluster.url(),
        engine: engine.clone(),
        elsewhere: cluster.url_of("elsewhere"),
        folder: archive.clone(),
        shift: if node + 1 == plan.nodes { CLOCK_WRONG_BY } else { 0 },
        nodes: plan.nodes,
        writers: plan.writers,
        pollers: plan.pollers,
    });
    let shim = cluster.shim().map(Path::to_owned);
    if shim.is_none() {
        println!("torture: no C compiler: no disk is full, no sync fails, and no clock is wrong");
    }
    let mut crew = Crew::start(plan.program.clone(), shim, desk.clone(), births).await;
    let world = World::new(plan.seed, plan.nodes);
    let (mut faults, mut slowest, began) = (BTreeMap::new(), None, Instant::now());
    let mut hand = vec![];
    let (store, findings) = loop {
        if hand.is_empty() {
            hand = deck(&mut dice, cluster.shim().is_some(), road.is_some());
        }
        for fault in hand.drain(..hand.len().min(BETWEEN_JUDGEMENTS)) {
            let mut saboteur = Saboteur {
                rng: &mut dice,
                cluster: &mut cluster,
                road: road.as_ref(),
                crew: &mut crew,
                desk,
            };
            let recovery = suffer(&mut saboteur, fault).await;
            *faults.entry(fault).or_default() += 1;
            slowest = slowest.max(Some((recovery, fault)));
        }
        crew.pause().await;
        let (store, mut findings) = judge(&cluster, &world, desk, engine.as_ref()).await;
        findings.extend(crew.deserters());
        if !findings.is_empty() || hand.is_empty() && began.elapsed() >= plan.load {
            break (store, findings);
        }
        crew.resume().await;
    };
    let ways = desk.record().history.all_ways();
    let kept = desk.record().history.kept.clone();
    let counts = Counts::of(&desk.record().history, &store);
    let history = witness.conclude(&findings);
    Report {
        seed: plan.seed,
        findings,
        counts,
        ways,
        kept,
        faults,
        slowest,
        history,
    }
}

/// A moment of peace and a fault. Answers how long until appends were acknowledged again.
async fn suffer(saboteur: &mut Saboteur<'_>, fault: Fault) -> Duration {
    node::sleep(saboteur.rng.random_range(200..1_500)).await;
    let began = Instant::now();
    saboteur.inflict(fault).await;
    began.elapsed()
}

/// With the writers at rest: lets the readers read on, and asks the oracle.
async fn judge(cluster: &Cluster, world: &World, desk: &Desk, engine: Option<&Engine>) -> (Store, Vec<Finding>) {
    let mut connection = cluster.connect().await;
    if engine.is_some() {
        let recovered = open(cluster, engine).await.recover().await;
        recovered.expect("what the engine has");
    }
    let deadline = Instant::now() + READ_ON;
    while behind(&mut connection, desk).await.expect("the heads") && Instant::now() < deadline {
        node::sleep(20).await;
    }
    bring_back(cluster, world, engine).await;
    let store = Store::read(&mut connection, world).await;
    let store = store.expect("the store");
    let findings = oracle::examine(&desk.record().history, &store);
    (store, findings)
}

/// A node of the judge's own, which writes nothing.
async fn open(cluster: &Cluster, engine: Option<&Engine>) -> Log {
    let options: PgConnectOptions = cluster.url().parse().expect("a database's URL");
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .connect_lazy_with(options.clone());
    engine::open(options, pool, engine).await.expect("the log")
}

/// What was put away comes back, for the oracle looks at all of it.
async fn bring_back(cluster: &Cluster, world: &World, engine: Option<&Engine>) {
    let log = open(cluster, engine).await;
    for workspace in &world.workspaces {
        let restored = log.restore(*workspace, 1, &cluster.folder().join("archive")).await;
        restored.expect("what was put away");
    }
}

/// Has a reader something left to read? If that does not end, the oracle tells which.
async fn behind(connection: &mut PgConnection, desk: &Desk) -> Result<bool, sqlx::Error> {
    let heads = sqlx::query_as("select workspace_id, position from log.heads");
    let heads: HashMap<Uuid, i64> = heads.fetch_all(&mut *connection).await?.into_iter().collect();
    let followed = sqlx::query_scalar("select coalesce(sum(position), 0)::bigint from torture.checkpoints");
    let followed: i64 = followed.fetch_one(connection).await?;
    let record = desk.record();
    let mut live = record.history.readings.values().filter(|reading| reading.live);
    let polled = live.all(|reading| {
        heads
            .get(&reading.workspace)
            .is_none_or(|head| reading.reached() >= *head)
    });
    Ok(!polled || followed < heads.values().sum::<i64>() * CONSUMERS.len() as i64)
}
