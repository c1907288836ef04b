//! "No skip, no loss, no double": many writers and readers in several node processes, on a PostgreSQL cluster of their
//! own that crashes and fails over under them, and an oracle that in the end holds all that was acknowledged against
//! all that is there. One seed draws what is asked for and what goes wrong; the interleaving is the machine's, so a
//! seed that found something is likely, not sure, to find it again: the history file tells what happened.

mod cluster;
mod crew;
mod faults;
mod forwarder;
mod history;
mod node;
mod oracle;
mod readers;
mod store;
mod workload;

pub use node::{Birth, live};
pub use oracle::{Finding, Flaw};

use cluster::Cluster;
use crew::{Crew, Desk};
use faults::{Fault, Saboteur, deck};
use history::{Answer, History};
use rand::{Rng, rngs::StdRng};
use std::{
    collections::BTreeMap,
    fmt,
    path::PathBuf,
    time::{Duration, Instant},
};
use store::Store;
use workload::{World, rng};

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
    /// Runs a node when its arguments are `node` and a birth.
    pub program: PathBuf,
    /// Where the history goes, if it has to be kept.
    pub folder: PathBuf,
}

impl Plan {
    /// The smallest that has everything: each fault once, in half a minute or so.
    pub fn bounded(seed: u64, program: PathBuf, folder: PathBuf) -> Self {
        Self {
            seed,
            nodes: 3,
            writers: 5,
            pollers: 2,
            load: Duration::ZERO,
            program,
            folder,
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    pub seed: u64,
    pub findings: Vec<Finding>,
    pub counts: Counts,
    pub faults: BTreeMap<Fault, usize>,
    /// The longest time from a fault until appends were acknowledged again, and the fault.
    pub slowest: Option<(Duration, Fault)>,
    /// Kept when there are findings.
    pub history: Option<PathBuf>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Appends asked for.
    pub asked: usize,
    pub written: usize,
    pub repeated: usize,
    pub refused: usize,
    pub unavailable: usize,
    /// Told "unknown", or never answered.
    pub unknown: usize,
    /// Of the unknown ones with events: how many are there after all.
    pub unknown_there: usize,
    pub events: usize,
    /// Polling readers, those that came and went included.
    pub readers: usize,
}

/// Makes the cluster, lets it suffer, and judges. Everything is stopped and removed when this returns or is dropped.
pub async fn run(plan: &Plan) -> Report {
    let witness = Witness::new(plan);
    let desk = &witness.desk;
    let mut cluster = Cluster::start().await;
    let mut dice = rng(plan.seed, &[3]);
    let births = (0..plan.nodes).map(|node| Birth {
        seed: plan.seed,
        node,
        life: 0,
        url: cluster.url(),
        writers: plan.writers,
        pollers: plan.pollers,
    });
    let mut crew = Crew::start(plan.program.clone(), desk.clone(), births).await;
    let world = World::new(plan.seed);
    let (mut faults, mut slowest, began) = (BTreeMap::new(), None, Instant::now());
    let (store, findings) = 'load: loop {
        let hand = deck(&mut dice);
        for half in hand.chunks(hand.len().div_ceil(2)) {
            for fault in half {
                let recovery = suffer(&mut dice, &mut cluster, &mut crew, desk, *fault).await;
                *faults.entry(*fault).or_default() += 1;
                slowest = slowest.max(Some((recovery, *fault)));
            }
            crew.pause().await;
            let (store, mut findings) = judge(&cluster, &world, desk).await;
            let deserters = crew.deserters().into_iter();
            findings.extend(deserters.map(|text| Finding {
                flaw: Flaw::Broken,
                text,
            }));
            let all = faults.len() == hand.iter().collect::<std::collections::BTreeSet<_>>().len();
            if !findings.is_empty() || all && began.elapsed() >= plan.load {
                break 'load (store, findings);
            }
            crew.resume().await;
        }
    };
    let counts = count(&desk.record().history, &store);
    let history = witness.conclude(&findings);
    Report {
        seed: plan.seed,
        findings,
        counts,
        faults,
        slowest,
        history,
    }
}

/// A moment of peace and a fault. Answers how long until appends were acknowledged again.
async fn suffer(dice: &mut StdRng, cluster: &mut Cluster, crew: &mut Crew, desk: &Desk, fault: Fault) -> Duration {
    node::sleep(dice.random_range(200..1_500)).await;
    let began = Instant::now();
    let mut saboteur = Saboteur {
        rng: dice,
        cluster,
        crew,
        desk,
    };
    saboteur.inflict(fault).await;
    began.elapsed()
}

/// With the writers at rest: lets the readers read on, and asks the oracle.
async fn judge(cluster: &Cluster, world: &World, desk: &Desk) -> (Store, Vec<Finding>) {
    let mut connection = cluster.connect().await;
    let heads = "select coalesce(sum(position), 0)::bigint from log.heads";
    let followed = "select coalesce(sum(position), 0)::bigint from torture.checkpoints";
    let consumers = i64::try_from(readers::CONSUMERS.len()).unwrap_or(0);
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let head: i64 = sqlx::query_scalar(heads)
            .fetch_one(&mut connection)
            .await
            .expect("the heads");
        let followed: i64 = sqlx::query_scalar(followed)
            .fetch_one(&mut connection)
            .await
            .expect("the checkpoints");
        let store = Store::read(&mut connection, &world.workspaces)
            .await
            .expect("the store");
        let findings = oracle::examine(&desk.record().history, &store);
        let behind = head * consumers != followed || findings.iter().any(|finding| finding.flaw == Flaw::Behind);
        if !behind || Instant::now() > deadline {
            return (store, findings);
        }
        node::sleep(50).await;
    }
}

fn count(history: &History, store: &Store) -> Counts {
    let mut counts = Counts {
        events: store.events,
        readers: history.readings.len(),
        ..Counts::default()
    };
    let there: std::collections::HashSet<uuid::Uuid> = store
        .books
        .values()
        .flat_map(|book| &book.events)
        .map(|event| event.event_id)
        .collect();
    for operation in history.operations.values() {
        counts.asked += 1;
        match operation.answer.as_ref().map(|(_, answer)| answer) {
            Some(Answer::Written { .. }) => counts.written += 1,
            Some(Answer::Repeated { .. }) => counts.repeated += 1,
            Some(Answer::Refused(_)) => counts.refused += 1,
            Some(Answer::Unavailable(_)) => counts.unavailable += 1,
            Some(Answer::Unknown(_)) | None => {
                counts.unknown += 1;
                counts.unknown_there += usize::from(there.contains(&operation.op.event_id(0)));
            }
        }
    }
    counts
}

/// Keeps the history if anything is found, and also when the harness itself gives up.
struct Witness {
    seed: u64,
    desk: Desk,
}

impl Witness {
    fn new(plan: &Plan) -> Self {
        let desk = Desk::new(&plan.folder, plan.seed);
        desk.note("plan", &format!("{plan:?}"));
        Self { seed: plan.seed, desk }
    }

    fn conclude(&self, findings: &[Finding]) -> Option<PathBuf> {
        for finding in findings {
            self.desk.note("finding", &finding.to_string());
        }
        let mut record = self.desk.record();
        if findings.is_empty() {
            record.journal.discard();
            return None;
        }
        Some(record.journal.keep())
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = self.desk.record().journal.keep();
            eprintln!("torture: seed {}, history in {}", self.seed, kept.display());
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Counts {
            asked,
            written,
            repeated,
            refused,
            unavailable,
            unknown,
            unknown_there,
            events,
            readers,
        } = self.counts;
        writeln!(
            f,
            "seed {}: {asked} appends asked for; {written} written, {repeated} repeated, {refused} refused, {unavailable} not possible, \
             {unknown} unknown of which {unknown_there} are there; {events} events, {readers} readers",
            self.seed
        )?;
        write!(f, "faults: {:?}", self.faults)?;
        if let Some((longest, fault)) = self.slowest {
            write!(
                f,
                "; the longest until appends went on: {} ms, {fault:?}",
                longest.as_millis()
            )?;
        }
        for finding in self.findings.iter().take(20) {
            let text: String = finding.to_string().chars().take(1_000).collect();
            write!(f, "\n  {text}")?;
        }
        if let Some(path) = &self.history {
            let findings = self.findings.len();
            write!(
                f,
                "\n{findings} findings; seed {}, history in {}",
                self.seed,
                path.display()
            )?;
        }
        Ok(())
    }
}
