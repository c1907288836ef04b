//! **keeps.** The append-only store on PostgreSQL: append at an expected position, read from a position, follow.
//! Knows bytes and envelopes, not deals. Every workspace owns one log with positions 1, 2, 3, … and a hash chain.

mod append;
mod backoff;
mod batch;
mod chain;
mod committer;
mod envelope;
mod follow;
pub mod keeping;
mod lease;
mod limits;
pub mod migrate;
mod outage;
mod personal;
mod queue;
mod read;
mod snapshot;
mod sweep;
mod wakeup;

pub use append::{Append, AppendError, Appended, Claim, ClaimAct, CommandId, Guard, NewEvent, Number, StreamAppend};
pub use chain::{ChainError, HASH_ZERO, Verifier};
pub use envelope::{Metadata, Recorded, Stream};
pub use follow::{Consumer, ConsumerError, Follower, Lag, Progress, Urge, chain};
pub use limits::{limited, unhurried};
pub use outage::is_outage;
pub use personal::{KeyRing, PersonalError, RingError};
pub use read::{ReadError, Scan, read_in_tx};
pub use snapshot::{Folded, Snapshot};
pub use wakeup::Moved;

use committer::Committer;
use lease::Leases;
use migrate::Migration;
use personal::PersonKeys;
use sqlx::{PgPool, postgres::PgConnectOptions};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::JoinSet;
use wakeup::Wakeup;

/// A handle to the store; cheap to clone.
#[derive(Clone)]
pub struct Log {
    pool: PgPool,
    committer: Committer,
    wakeup: Arc<Wakeup>,
    personal: Arc<PersonKeys>,
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
        let committer = Committer::new(options, wakeup.clone());
        Ok(Self {
            personal: Arc::new(PersonKeys::new(pool.clone())),
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

    /// How many other nodes were alive at the last look.
    pub fn others(&self) -> usize {
        self.leases.others()
    }

    /// Appends everything or nothing, and answers when it is durable. Personal values are stored sealed; the events
    /// answered have them open.
    pub async fn append(&self, mut append: Append) -> Result<Appended, AppendError> {
        let (workspace, command) = (append.workspace, append.command);
        let sealed = self.personal.seal_append(&mut append).await?;
        match self.committer.append(append).await? {
            batch::Outcome::Written(mut appended) => {
                sealed.open(&mut appended.events)?;
                Ok(appended)
            }
            batch::Outcome::Repeated => {
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

const MIGRATIONS: &[Migration] = &[
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
];
