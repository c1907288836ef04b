//! **keeps.** The append-only store on PostgreSQL: append at an expected position, read from a position, follow.
//! Knows bytes and envelopes, not deals. Every workspace owns one log with positions 1, 2, 3, … and a hash chain.

mod append;
mod backoff;
mod chain;
mod committer;
mod envelope;
mod follow;
mod lease;
mod ledger;
pub mod migrate;
mod read;
mod wakeup;

pub use append::{Append, AppendError, Appended, Claim, ClaimAct, CommandId, Guard, NewEvent, Number, StreamAppend};
pub use chain::{ChainError, HASH_ZERO, Verifier};
pub use envelope::{Metadata, Recorded, Stream};
pub use follow::{Consumer, ConsumerError, Follower, Lag, Progress, Urge, chain};
pub use read::read_in_tx;
pub use wakeup::Moved;

use committer::Committer;
use lease::Leases;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::task::JoinSet;
use wakeup::Wakeup;

/// A handle to the store; cheap to clone.
#[derive(Clone)]
pub struct Log {
    pool: PgPool,
    committer: Committer,
    wakeup: Arc<Wakeup>,
    leases: Arc<Leases>,
    /// They end with the last handle.
    _tasks: Arc<JoinSet<()>>,
}

impl Log {
    /// Applies the log's migrations and starts its committer and its ear for other nodes.
    pub async fn open(options: PgConnectOptions, pool: PgPool) -> Result<Self, sqlx::Error> {
        let mut connection = pool.acquire().await?;
        migrate::apply(&mut connection, "log", MIGRATIONS).await?;
        drop(connection);
        let leases = Arc::<Leases>::default();
        let wakeup = Arc::new(Wakeup::new(leases.clone()));
        let mut tasks = JoinSet::new();
        wakeup::start(&wakeup, &pool, &mut tasks);
        tasks.spawn(lease::keep(leases.clone(), wakeup.clone(), pool.clone()));
        tasks.spawn(follow::report::keep_telling(wakeup.clone(), pool.clone()));
        let lane = PgPoolOptions::new()
            .max_connections(1)
            .test_before_acquire(false)
            .acquire_timeout(Duration::from_secs(5))
            .connect_lazy_with(committer::connection(options));
        let committer = Committer::start(lane, wakeup.clone());
        Ok(Self {
            pool,
            committer,
            wakeup,
            leases,
            _tasks: Arc::new(tasks),
        })
    }

    /// Tells other nodes what was not told yet; for a process about to end.
    pub async fn farewell(&self) -> Result<(), sqlx::Error> {
        self.wakeup.tell(&self.pool).await
    }

    /// Appends everything or nothing, and answers when it is durable.
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        let (workspace, command) = (append.workspace, append.command);
        match self.committer.append(append).await? {
            committer::Outcome::Written(appended) => Ok(appended),
            committer::Outcome::Repeated => {
                let known = match command {
                    Some(command) => self.find_command(workspace, command).await?,
                    None => None,
                };
                known.ok_or(AppendError::Unknown)
            }
        }
    }
}

/// A poisoned lock guards plain data that no panic leaves half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const MIGRATIONS: &[migrate::Migration] = &[
    migrate::Migration {
        name: "0001_log",
        sql: include_str!("../../migrations/log/0001_log.sql"),
    },
    migrate::Migration {
        name: "0004_following",
        sql: include_str!("../../migrations/log/0004_following.sql"),
    },
];
