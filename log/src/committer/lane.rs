//! A connection that batches are written over, one at a time: kept while it is good, and what may be said of a batch when
//! it is not.

use crate::{
    backoff,
    batch::{self, Failure, Heads, Prepared, Verdict},
    engine::{EngineError, Replica},
    is_outage,
    wrong::{self, Variant::*},
};
use sqlx::{
    ConnectOptions, Connection, PgConnection,
    postgres::{PgConnectOptions, PgDatabaseError, PgSeverity},
};
use std::{
    io::ErrorKind,
    sync::Mutex,
    time::{Duration, Instant},
};
use tokio::time::{error::Elapsed, timeout};

/// How long a batch may take before its outcome is called unknown; a server that is well gives up earlier, and says so.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long an unused connection is taken to be alive.
const TRUSTED: Duration = Duration::from_secs(1);
/// Between attempts to connect; callers that come in between hear at once that the store is away.
const RECONNECT_MIN: Duration = Duration::from_millis(50);
const RECONNECT_MAX: Duration = Duration::from_secs(1);
/// How often a batch is tried that was not written for no fault of its own.
const ATTEMPTS_MAX: u32 = 5;
/// Two nodes may meet crosswise over new workspaces.
const DEADLOCK: &str = "40P01";

pub(super) struct Lane {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    /// Whether it waits for what is in other hands.
    pub waits: bool,
    used: Instant,
    /// Attempts to connect that failed in a row, and until when not to try again.
    failures: u32,
    rests_until: Instant,
}

/// Why a batch was not committed, as far as anybody knows.
pub(super) enum Lost {
    /// Nothing was written. Something in the batch itself may be the cause.
    Refused(sqlx::Error),
    /// Nothing was written: the store cannot be reached, or cannot write.
    Away(sqlx::Error),
    /// It was sent and the answer lost.
    Unknown(sqlx::Error),
}

impl Lane {
    pub fn new(options: PgConnectOptions) -> Self {
        let now = Instant::now();
        Self {
            options: on_lane(options),
            connection: None,
            waits: false,
            used: now,
            failures: 0,
            rests_until: now,
        }
    }

    /// See `batch::write`, and `batch::write_through` where there is a replica.
    pub async fn write(
        &mut self,
        batch: &[&Prepared],
        heads: &Mutex<Heads>,
        replica: Option<&Replica>,
    ) -> Result<Vec<Option<Verdict>>, Lost> {
        let (mut attempts, waits) = (0, self.waits);
        loop {
            attempts += 1;
            let connection = self.connect().await.map_err(Lost::Away)?;
            let written = async {
                match replica {
                    None => Ok(batch::write(connection, batch, heads, waits).await?),
                    Some(replica) => batch::write_through(connection, batch, heads, replica, waits).await,
                }
            };
            let written = timeout(PATIENCE, written).await;
            self.used = Instant::now();
            let lost = match written {
                Ok(Ok(verdicts)) => return Ok(verdicts),
                Ok(Err(Failure::Tables(error))) if is_passing(&error) && attempts < ATTEMPTS_MAX => continue,
                Ok(Err(failure)) => Lost::with(failure),
                Err(elapsed) => Lost::Unknown(too_late(elapsed)),
            };
            if !matches!(lost, Lost::Refused(_)) {
                self.hang_up();
            }
            return Err(lost);
        }
    }

    pub fn hang_up(&mut self) {
        self.connection = None;
    }

    /// The connection at hand; after a while without use it is tried first, for it may have died unnoticed.
    async fn connect(&mut self) -> Result<&mut PgConnection, sqlx::Error> {
        let mut at_hand = self.connection.take();
        if let Some(connection) = at_hand.as_mut().filter(|_| self.used.elapsed() > TRUSTED) {
            let alive = timeout(PATIENCE, connection.ping()).await;
            at_hand = at_hand.filter(|_| matches!(alive, Ok(Ok(()))));
        }
        let connection = match at_hand {
            Some(connection) => connection,
            None => self.reconnect().await?,
        };
        Ok(self.connection.insert(connection))
    }

    async fn reconnect(&mut self) -> Result<PgConnection, sqlx::Error> {
        if Instant::now() < self.rests_until {
            return Err(sqlx::Error::Io(ErrorKind::NotConnected.into()));
        }
        let connected = timeout(PATIENCE, open(&self.options)).await;
        match connected.map_err(too_late).flatten() {
            Ok(connection) => {
                self.failures = 0;
                Ok(connection)
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                let pause = backoff::pause(self.failures, RECONNECT_MIN, RECONNECT_MAX);
                self.rests_until = Instant::now() + pause;
                tracing::error!(error = %error, again_in = ?pause, "the store cannot be reached");
                Err(error)
            }
        }
    }
}

/// Plans fixed to index look-ups (a plan made on an empty table would scan), and limits: a stuck lock is an error and not
/// a silence, and a node that vanishes in the middle of a batch does not keep its workspaces.
fn on_lane(options: PgConnectOptions) -> PgConnectOptions {
    options.application_name("prometric-committer").options([
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        ("plan_cache_mode", "force_generic_plan"),
        ("jit", "off"),
        ("statement_timeout", "10s"),
        ("lock_timeout", "50ms"), // nobody holds a head for longer who means well: see batch/write.rs
        ("idle_in_transaction_session_timeout", "5s"),
        ("default_transaction_isolation", "read committed"),
    ])
}

/// A commit that does not wait for the disk would be no commit; what is stricter is the operator's choice.
async fn open(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let mut connection = options.connect().await?;
    let on = "select set_config('synchronous_commit', 'on', false) \
        where current_setting('synchronous_commit') in ('off', 'local')";
    sqlx::raw_sql(on).execute(&mut connection).await?;
    if wrong::is(AnsweredBeforeTheDisk) {
        sqlx::raw_sql("set synchronous_commit = off")
            .execute(&mut connection)
            .await?;
    }
    Ok(connection)
}

fn too_late(elapsed: Elapsed) -> sqlx::Error {
    sqlx::Error::Io(elapsed.into())
}

impl Lost {
    fn with(failure: Failure) -> Self {
        match failure {
            Failure::Tables(error) => Self::by(error),
            Failure::Engine(error @ EngineError::Refused(_)) => Self::Refused(error.into()),
            Failure::Engine(error @ EngineError::Away(_)) => Self::Away(error.into()),
            // Nothing is appended there until somebody has seen to it.
            Failure::Differs { .. } => Self::Away(sqlx::Error::Io(std::io::Error::other(failure))),
            Failure::Late(error) => Self::Unknown(error),
        }
    }

    /// What the server refuses is not written; once it ends the connection (a terminated backend may have committed just
    /// before) or is silent, nobody knows.
    fn by(error: sqlx::Error) -> Self {
        let told = error
            .as_database_error()
            .and_then(|told| told.try_downcast_ref::<PgDatabaseError>());
        match told.map(PgDatabaseError::severity) {
            None if wrong::is(LostTakenForRefused) => Self::Away(error),
            None | Some(PgSeverity::Fatal | PgSeverity::Panic) => Self::Unknown(error),
            Some(_) if is_outage(&error) => Self::Away(error),
            Some(_) => Self::Refused(error),
        }
    }
}

/// Asked again, it may be well: so is what violates a key although it was looked at just before.
fn is_passing(error: &sqlx::Error) -> bool {
    batch::has_code(error, DEADLOCK) || batch::is_conflict(error)
}
