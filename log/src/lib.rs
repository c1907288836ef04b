//! **keeps.** The append-only store on PostgreSQL: append at an expected position, read from a position, follow.
//! Knows bytes and envelopes, not deals. Every workspace owns one log with positions 1, 2, 3, … and a hash chain.

mod append;
mod batch;
mod chain;
mod committer;
mod envelope;
mod follow;
pub mod keeping;
pub mod migrate;
mod personal;
mod queue;
mod read;
mod snapshot;
mod wakeup;

pub use append::{Append, AppendError, Appended, Claim, ClaimAct, CommandId, Guard, NewEvent, Number, StreamAppend};
pub use chain::{ChainError, HASH_ZERO, Verifier};
pub use envelope::{Metadata, Recorded, Stream};
pub use follow::{Consumer, ConsumerError, Progress, Status, chain, follow};
pub use personal::{KeyRing, PersonalError, RingError};
pub use read::{ReadError, Scan, read_in_tx};
pub use snapshot::{Folded, Snapshot};
pub use wakeup::Moved;

use committer::Committer;
use migrate::Migration;
use personal::PersonKeys;
use sqlx::{PgPool, postgres::PgConnectOptions};
use std::sync::Arc;
use wakeup::Wakeup;

/// A handle to the store; cheap to clone.
#[derive(Clone)]
pub struct Log {
    pool: PgPool,
    committer: Committer,
    wakeup: Arc<Wakeup>,
    personal: Arc<PersonKeys>,
}

impl Log {
    /// Applies the log's migrations and starts its committer and its ear for other nodes.
    pub async fn open(options: PgConnectOptions, pool: PgPool) -> Result<Self, sqlx::Error> {
        let mut connection = pool.acquire().await?;
        migrate::apply(&mut connection, "log", MIGRATIONS).await?;
        drop(connection);
        let wakeup = Wakeup::start(pool.clone());
        let committer = Committer::start(&options, &wakeup);
        Ok(Self {
            personal: Arc::new(PersonKeys::new(pool.clone())),
            pool,
            committer,
            wakeup,
        })
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

const MIGRATIONS: &[Migration] = &[
    Migration::new("0001_log", include_str!("../../migrations/log/0001_log.sql")),
    Migration::new("0002_append", include_str!("../../migrations/log/0002_append.sql")),
    Migration::new("0003_personal", include_str!("../../migrations/log/0003_personal.sql")),
    Migration::new(
        "0005_snapshots",
        include_str!("../../migrations/log/0005_snapshots.sql"),
    ),
    Migration::new("0006_archive", include_str!("../../migrations/log/0006_archive.sql")),
];
