//! What goes wrong, and when: drawn from the seed, one thing after another, each followed by proof that the nodes
//! write again. The interleaving with the load is the machine's and differs from run to run.

use super::{cluster::Cluster, crew::Crew, desk::Desk, node::sleep, op::Op, road::Road};
use crate::eventually;
use rand::{Rng, rngs::StdRng, seq::SliceRandom};
use serde::Serialize;
use sqlx::PgConnection;

/// Appends that have to be acknowledged after a fault before the next one.
const SIGN_OF_LIFE: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Fault {
    /// `pg_terminate_backend` of some connections, the standby's among them.
    Terminate,
    /// `kill -9` of a node.
    Kill,
    /// All connections of all nodes break.
    Cut,
    /// Committers' connections break just before an answer gets through.
    LoseAnswers,
    /// A node stands still for a while.
    Freeze,
    /// PostgreSQL stops at once, and starts again.
    Crash,
    /// The standby is cut off for a while: nothing can be acknowledged.
    Isolate,
    /// Nothing on the primary's disk can grow for a while.
    Full,
    /// A sync of the primary's disk fails.
    FailSync,
    /// The primary is killed, and the standby becomes the primary, cut off a moment before.
    FailOver,
    /// All connections of all nodes to the log's engine break.
    EngineCut,
    /// The log's engine is away for a while.
    EngineAway,
}

/// Each kind once, and the cheap ones more often.
const DECK: [Fault; 13] = [
    Fault::Terminate,
    Fault::Terminate,
    Fault::Kill,
    Fault::Kill,
    Fault::Cut,
    Fault::LoseAnswers,
    Fault::LoseAnswers,
    Fault::Freeze,
    Fault::Crash,
    Fault::Isolate,
    Fault::FailOver,
    Fault::Full,
    Fault::FailSync,
];

/// Those of an engine, where the log has one that can be cut off.
const OF_ENGINE: [Fault; 4] = [Fault::EngineCut, Fault::EngineCut, Fault::EngineCut, Fault::EngineAway];

/// In some order; without the disk's own faults where there is no shim.
pub fn deck(rng: &mut StdRng, has_shim: bool, has_road: bool) -> Vec<Fault> {
    let mut deck = DECK.to_vec();
    deck.retain(|fault| has_shim || !matches!(fault, Fault::Full | Fault::FailSync));
    deck.extend(OF_ENGINE.into_iter().filter(|_| has_road));
    deck.shuffle(rng);
    deck
}

/// Who does it, to whom, and where it is written down.
pub struct Saboteur<'a> {
    pub rng: &'a mut StdRng,
    pub cluster: &'a mut Cluster,
    pub road: Option<&'a Road>,
    pub crew: &'a mut Crew,
    pub desk: &'a Desk,
}

impl Saboteur<'_> {
    /// Does it, and waits until the nodes write again.
    pub async fn inflict(&mut self, fault: Fault) {
        self.desk.note("fault", &format!("{fault:?}"));
        match fault {
            Fault::Terminate => self.terminate().await,
            Fault::Kill => self.kill().await,
            Fault::Cut => self.cluster.forwarder.cut(),
            Fault::LoseAnswers => self.lose_answers().await,
            Fault::Freeze => self.freeze().await,
            Fault::Crash => self.cluster.crash_and_restart().await,
            Fault::Isolate => self.cluster.isolate_standby(self.rng.random_range(100..2_000)).await,
            Fault::Full => self.fill().await,
            Fault::FailSync => self.cluster.fail_sync().await,
            Fault::FailOver => self.cluster.fail_over(self.rng.random_range(0..1_000)).await,
            Fault::EngineCut => self.road.into_iter().for_each(Road::cut),
            Fault::EngineAway => self.close_road().await,
        }
        let before = self.desk.written();
        let what = format!("appends are acknowledged after {fault:?}");
        let alive = async || (self.desk.written() >= before + SIGN_OF_LIFE).then_some(());
        eventually(&what, alive).await;
        self.desk.note("recovered", &format!("{fault:?}"));
    }

    async fn terminate(&mut self) {
        let mut connection = self.cluster.connect().await;
        let victims = "select pid from pg_stat_activity where pid <> pg_backend_pid() \
            and (backend_type = 'walsender' or datname = current_database()) order by pid";
        let victims = sqlx::query_scalar(victims).fetch_all(&mut connection).await;
        let mut victims: Vec<i32> = victims.expect("the connections");
        victims.shuffle(self.rng);
        victims.truncate(self.rng.random_range(1..=8));
        terminate(&mut connection, &victims).await;
    }

    async fn kill(&mut self) {
        let index = self.rng.random_range(0..self.crew.len());
        let unanswered = self.crew.kill(index).await;
        self.ask_elsewhere(index, unanswered).await;
    }

    /// Several in succession, for only some of the answers are those of a commit.
    async fn lose_answers(&mut self) {
        for _ in 0..6 {
            self.cluster.forwarder.lose_answer(self.rng.random_range(0..40));
            let lost = async || self.cluster.forwarder.lost_answer().then_some(());
            eventually("an answer is lost", lost).await;
        }
    }

    /// Until many were refused, and a while longer.
    async fn fill(&mut self) {
        let before = self.desk.refused();
        self.cluster.fill_disk();
        let refused = async || (self.desk.refused() >= before + SIGN_OF_LIFE).then_some(());
        eventually("appends are refused", refused).await;
        sleep(self.rng.random_range(100..2_000)).await;
        self.cluster.clear_disk().await;
    }

    async fn close_road(&mut self) {
        if let Some(road) = self.road {
            road.close();
            sleep(self.rng.random_range(100..3_000)).await;
            road.open();
        }
    }

    async fn freeze(&mut self) {
        let index = self.rng.random_range(0..self.crew.len());
        let pending = self.crew.freeze(index);
        self.ask_elsewhere(index, pending).await;
        sleep(self.rng.random_range(500..4_000)).await;
        self.crew.thaw(index);
    }

    /// Callers who got no answer from one node ask another, most of them.
    async fn ask_elsewhere(&mut self, index: usize, operations: Vec<Op>) {
        let others = self.crew.len() - 1;
        for op in operations {
            if self.rng.random_bool(0.8) {
                let other = (index + 1 + self.rng.random_range(0..others)) % self.crew.len();
                let again = op.again(self.rng);
                self.crew.ask(other, again).await;
            }
        }
    }
}

async fn terminate(connection: &mut PgConnection, victims: &[i32]) {
    let terminate = sqlx::query("select pg_terminate_backend(pid) from unnest($1::int[]) pid").bind(victims);
    terminate.execute(connection).await.expect("to be obeyed");
}
