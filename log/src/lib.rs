//! **keeps.** The append-only store on PostgreSQL: append at an expected position, read from a position, follow.
//! Knows bytes and envelopes, not deals. Every workspace owns one log with positions 1, 2, 3, … and a hash chain. Where commits are to
//! become durable elsewhere, that is an engine (engine.rs), and PostgreSQL its replica.

mod append;
mod backoff;
mod batch;
mod chain;
mod committer;
mod engine;
mod envelope;
mod follow;
pub mod keeping;
mod lease;
mod limits;
pub mod migrate;
mod outage;
mod personal;
mod promise;
mod queue;
mod read;
mod snapshot;
mod sweep;
mod tail;
mod wakeup;
#[doc(hidden)]
pub mod wrong;

pub use append::{Append, AppendError, Appended, Claim, ClaimAct, CommandId, Guard, NewEvent, Number, StreamAppend};
pub use backoff::pause;
pub use batch::Ways;
pub use chain::{ChainError, HASH_ZERO, Verifier, link};
pub use engine::{
    COMMIT_BYTES_MAX, Commit, CommitError, Engine, EngineError, Entry, KeyMove, NumberMove, Place, Put,
    RecordedCommand, RestoreError, Restored, Seen,
};
pub use envelope::{ClientAddress, Metadata, Recorded, Stream};
pub use follow::{Consumer, ConsumerError, Follower, Following, Lag, Progress, Urge, chain};
pub use limits::{limited, unhurried};
pub use outage::is_outage;
pub use personal::{ClaimKeys, Fence, FenceError, KeyRing, PersonalError, RingError};
pub use promise::Promise;
pub use read::{NextError, ReadError, Scan, read_in_tx};
pub use snapshot::{Folded, Snapshot};
pub use tail::Shared;
pub use wakeup::Moved;

use committer::{Awaited, Committer};
use engine::Replica;
use futures::{FutureExt, future::BoxFuture};
use keeping::Shelf;
use lease::Leases;
use migrate::Migration;
use personal::PersonKeys;
use sqlx::{PgPool, postgres::PgConnectOptions};
use std::{
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::task::JoinSet;
use uuid::Uuid;
use wakeup::Wakeup;

/// A handle to the store; cheap to clone.
#[derive(Clone)]
pub struct Log {
    pool: PgPool,
    followers: PgPool,
    committer: Committer,
    /// Where the log is an engine's.
    replica: Option<Arc<Replica>>,
    wakeup: Arc<Wakeup>,
    personal: Arc<PersonKeys>,
    leases: Arc<Leases>,
    shelf: Option<Arc<Shelf>>,
    fence: Option<Arc<Fence>>,
    /// They end with the last handle.
    _tasks: Arc<JoinSet<()>>,
}

impl Log {
    /// Applies the log's migrations and starts its committer and its ear for other nodes. PostgreSQL is the log: a database that is
    /// the replica of an engine is refused.
    pub async fn open(options: PgConnectOptions, pool: PgPool) -> Result<Self, sqlx::Error> {
        Self::open_with(options, pool, None).await
    }

    /// The same where the log is an engine's, and PostgreSQL its replica.
    pub async fn open_on(
        options: PgConnectOptions,
        pool: PgPool,
        engine: Arc<dyn Engine>,
    ) -> Result<Self, sqlx::Error> {
        Self::open_with(options, pool, Some(engine)).await
    }

    async fn open_with(
        options: PgConnectOptions,
        pool: PgPool,
        engine: Option<Arc<dyn Engine>>,
    ) -> Result<Self, sqlx::Error> {
        let mut connection = pool.acquire().await?;
        migrate::apply(&mut connection, "log", MIGRATIONS).await?;
        if engine.is_none() {
            engine::is_none_needed(&mut connection).await?;
        }
        drop(connection);
        let leases = Arc::<Leases>::default();
        let wakeup = Arc::new(Wakeup::new(leases.clone()));
        let followers = limits::followers(&pool);
        let replica = engine.map(|engine| Arc::new(Replica::new(engine, wakeup.clone())));
        let mut tasks = JoinSet::new();
        for (name, task) in background(&wakeup, &leases, &followers) {
            tasks.spawn(kept(name, task));
        }
        if let Some(replica) = &replica {
            let (replica, pool) = (replica.clone(), followers.clone());
            let follow = move || engine::keep_following(replica.clone(), pool.clone()).boxed();
            tasks.spawn(kept("following the engine", Box::new(follow)));
        }
        let committer = Committer::new(options, wakeup.clone(), replica.clone());
        Ok(Self {
            personal: Arc::new(PersonKeys::new(pool.clone())),
            pool,
            followers,
            committer,
            replica,
            wakeup,
            leases,
            shelf: None,
            fence: None,
            _tasks: Arc::new(tasks),
        })
    }

    /// With the folder of what was put away: its events are read from there, as if they were in the table.
    #[must_use]
    pub fn with_archive(self, folder: PathBuf) -> Self {
        Self {
            shelf: Some(Arc::new(Shelf::new(folder))),
            ..self
        }
    }

    /// Tells other nodes what was not told yet; for a process about to end.
    pub async fn farewell(&self) -> Result<(), sqlx::Error> {
        self.wakeup.tell(&self.pool).await
    }

    /// Connections for consumers: what they write is to be made again from the log if a crash takes it back.
    pub fn followers(&self) -> &PgPool {
        &self.followers
    }

    /// Up to where this node has heard that a workspace's log goes, while it hears of what other nodes write; `None` when it
    /// does not, or never heard of the workspace.
    pub fn heard(&self, workspace: Uuid) -> Option<i64> {
        self.wakeup.node().and_then(|_| self.wakeup.head(workspace))
    }

    /// How often it was in doubt whether all that was read of the log is still in it: a consumer that goes on from what it
    /// remembers, and not from what it wrote down, begins anew after each.
    pub fn doubts(&self) -> u64 {
        self.wakeup.tail.doubts()
    }

    /// How many batches this handle has written, by the way they took.
    pub fn ways(&self) -> Ways {
        self.committer.ways()
    }

    /// How many other nodes were alive at the last look.
    pub fn others(&self) -> usize {
        self.leases.others()
    }

    /// Whether this node may count on being the only one at work: no other has been for longer than one could be mistaken
    /// about it, and one that comes is not `known_as` anybody before this one has stopped to count on that. Never with an engine:
    /// there the tables' heads may be behind what it has.
    pub fn is_alone(&self) -> bool {
        self.replica.is_none() && self.leases.is_alone()
    }

    /// What this node is called, once all that are at work know that it is there.
    pub fn known_as(&self) -> Option<Uuid> {
        self.leases.known_as()
    }

    /// Appends everything or nothing, and answers when it is durable. Personal values are stored sealed; the events
    /// answered have them open.
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        self.submit(append).await?.answer().await
    }

    /// The same in two steps: when this is done, the append has its place in the line, behind all that were submitted before
    /// in its workspace. Dropped before it is answered, it may be written or not.
    pub async fn submit(&self, append: Append) -> Result<Submitted, AppendError> {
        self.submit_on(append, vec![]).await
    }

    /// The same for one that was decided on what others in the line will leave: unless all of those are written, it is refused as
    /// one whose stream is at another version (0).
    pub async fn submit_on(&self, mut append: Append, builds_on: Vec<Promise>) -> Result<Submitted, AppendError> {
        let (workspace, command) = (append.workspace, append.command);
        let sealed = match (self.personal.seal_append(&mut append).await, command) {
            // A repeat is answered, whoever was erased since the first time.
            (Err(erased @ PersonalError::Erased { .. }), Some(command)) => {
                let known = self.find_command(workspace, command).await?;
                return known.map(|known| Submitted(Stage::Known(known))).ok_or(erased.into());
            }
            (sealed, _) => sealed?,
        };
        Ok(Submitted(Stage::InLine {
            outcome: self.committer.submit(append, sealed, builds_on).await?,
            log: self.clone(),
            workspace,
            command,
        }))
    }
}

/// An append on its way.
#[must_use = "nobody hears what became of it"]
pub struct Submitted(Stage);

enum Stage {
    Known(Appended),
    InLine {
        outcome: Awaited,
        log: Log,
        workspace: Uuid,
        command: Option<CommandId>,
    },
}

/// What needs no writing.
impl From<Appended> for Submitted {
    fn from(known: Appended) -> Self {
        Self(Stage::Known(known))
    }
}

impl Submitted {
    /// What those may build on who are decided on what it will leave; nothing where nothing is to be written.
    pub fn promise(&self) -> Option<Promise> {
        match &self.0 {
            Stage::Known(_) => None,
            Stage::InLine { outcome, .. } => Some(outcome.promise.clone()),
        }
    }

    /// When it is durable, or refused.
    pub async fn answer(self) -> Result<Appended, AppendError> {
        let (outcome, log, workspace, command) = match self.0 {
            Stage::Known(known) => return Ok(known),
            Stage::InLine {
                outcome,
                log,
                workspace,
                command,
            } => (outcome.outcome().await?, log, workspace, command),
        };
        match outcome {
            batch::Outcome::Written(appended) => Ok(appended),
            batch::Outcome::Repeated => {
                let known = match command {
                    Some(command) => log.find_command(workspace, command).await?,
                    None => None,
                };
                known.ok_or(AppendError::Unknown)
            }
        }
    }
}

type Task = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// What goes on beside appending and reading.
fn background(wakeup: &Arc<Wakeup>, leases: &Arc<Leases>, pool: &PgPool) -> Vec<(&'static str, Task)> {
    fn task<F: Future<Output = ()> + Send + 'static>(
        (wakeup, pool): (&Arc<Wakeup>, &PgPool),
        run: impl Fn(Arc<Wakeup>, PgPool) -> F + Send + Sync + 'static,
    ) -> Task {
        let (wakeup, pool) = (wakeup.clone(), pool.clone());
        Box::new(move || run(wakeup.clone(), pool.clone()).boxed())
    }
    let (with, leases) = ((wakeup, pool), leases.clone());
    vec![
        ("telling other nodes", task(with, wakeup::tell::keep_telling)),
        ("listening to other nodes", task(with, wakeup::listen::keep_listening)),
        ("looking at the heads", task(with, wakeup::poll)),
        ("reporting", task(with, follow::report::keep_telling)),
        (
            "keeping leases",
            task(with, move |wakeup, pool| lease::keep(leases.clone(), wakeup, pool)),
        ),
    ]
}

/// A panic is a mistake of ours, and must not end for good what a node lives by.
async fn kept(name: &'static str, task: Task) {
    while AssertUnwindSafe(task()).catch_unwind().await.is_err() {
        tracing::error!(name, "a background task panicked and begins anew");
        tokio::time::sleep(BEGIN_ANEW).await;
    }
}

const BEGIN_ANEW: Duration = Duration::from_secs(1);

/// A poisoned lock guards plain data that no panic leaves half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of schema `log`.
pub const MIGRATIONS: &[Migration] = &[
    Migration::new("0001_log", include_str!("../../migrations/log/0001_log.sql")),
    Migration::new("0002_append", include_str!("../../migrations/log/0002_append.sql")),
    Migration::new("0003_personal", include_str!("../../migrations/log/0003_personal.sql")),
    Migration::new(
        "0004_following",
        include_str!("../../migrations/log/0004_following.sql"),
    ),
    Migration::new(
        "0005_snapshots",
        include_str!("../../migrations/log/0005_snapshots.sql"),
    ),
    Migration::new("0006_archive", include_str!("../../migrations/log/0006_archive.sql")),
    Migration::new("0007_sweep", include_str!("../../migrations/log/0007_sweep.sql")),
    Migration::new("0008_epoch", include_str!("../../migrations/log/0008_epoch.sql")),
    Migration::new(
        "0009_one_state_machine",
        include_str!("../../migrations/log/0009_one_state_machine.sql"),
    ),
    Migration::new("0010_clock", include_str!("../../migrations/log/0010_clock.sql")),
    Migration::new(
        "0011_head_times",
        include_str!("../../migrations/log/0011_head_times.sql"),
    ),
    Migration::new("0012_trees", include_str!("../../migrations/log/0012_trees.sql")),
    Migration::new("0013_turns", include_str!("../../migrations/log/0013_turns.sql")),
    Migration::new(
        "0014_archived_heads",
        include_str!("../../migrations/log/0014_archived_heads.sql"),
    ),
    Migration::new("0015_kept", include_str!("../../migrations/log/0015_kept.sql")),
    Migration::new("0016_commits", include_str!("../../migrations/log/0016_commits.sql")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::Notify;

    #[tokio::test]
    async fn a_background_task_that_panics_begins_anew() {
        let (begun, again) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let task = {
            let (begun, again) = (begun.clone(), again.clone());
            move || {
                let (begun, again) = (begun.clone(), again.clone());
                async move {
                    match begun.fetch_add(1, Ordering::Relaxed) {
                        0 | 1 => panic!("a mistake"),
                        _ => again.notify_one(),
                    }
                }
                .boxed()
            }
        };
        kept("a mistake", Box::new(task)).await;
        again.notified().await;
        assert_eq!(begun.load(Ordering::Relaxed), 3);
    }
}
