//! Group commit: whatever waits is written in one transaction, so that under load one fsync carries hundreds of appends
//! and at low load a batch is one append and waits for nobody. Two committers work side by side, over other workspaces
//! when there are several, each on a connection of its own; the transaction is one call of `log.append` (migrations/log).

use crate::{
    Append, AppendError,
    batch::{self, Heads, Outcome, Prepared, Straight, Verdict},
    lock,
    queue::{COMMITTERS, Queue, Waiting},
    wakeup::{Moved, Wakeup},
};
use chrono::Utc;
use futures::FutureExt;
use sqlx::{
    ConnectOptions, Connection, PgConnection,
    postgres::{PgConnectOptions, PgDatabaseError, PgSeverity},
};
use std::{
    collections::{BTreeSet, HashMap},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::time::timeout;
use uuid::Uuid;

/// How long a batch may take before its outcome is called unknown; the server gives up earlier, and says so.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long an unused connection is taken to be alive.
const TRUSTED: Duration = Duration::from_secs(1);
/// Between attempts to connect; callers that come in between hear at once that the store is away.
const RECONNECT_MIN: Duration = Duration::from_millis(50);
const RECONNECT_MAX: Duration = Duration::from_secs(1);
/// How often a batch that lost a deadlock is tried again: two nodes may meet crosswise over new workspaces.
const ATTEMPTS_MAX: u32 = 3;
const DEADLOCK: &str = "40P01";
const INTEGRITY: &str = "23";
const DIVISION_BY_ZERO: &str = "22012";

/// The way into the log; cheap to clone. The committers end when the last one is dropped and nothing waits any more.
#[derive(Clone)]
pub(crate) struct Committer(Arc<Door>);

struct Door(Arc<Queue>);

impl Drop for Door {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Committer {
    pub fn start(options: &PgConnectOptions, wakeup: &Arc<Wakeup>) -> Self {
        let (queue, heads) = (Arc::new(Queue::new()), Arc::<Mutex<Heads>>::default());
        for _ in 0..COMMITTERS {
            let lane = Lane {
                options: connection(options.clone()),
                connection: None,
                used: Instant::now(),
                pause: Duration::ZERO,
                wakeup: wakeup.clone(),
                heads: heads.clone(),
            };
            tokio::spawn(run(lane, queue.clone()));
        }
        Self(Arc::new(Door(queue)))
    }

    pub async fn append(&self, append: Append) -> Result<Outcome, AppendError> {
        let answer = self.0.0.push(Prepared::new(append)?).await?;
        // The committer answers everyone it took; without an answer the process is going down in mid-commit.
        let (prepared, verdict) = answer.await.unwrap_or(Err(AppendError::Unknown))?;
        prepared.settle(verdict)
    }
}

/// A committer's connection: plans fixed to index look-ups (a plan made on an empty table would scan), and limits so
/// that a stuck lock is an error and not a silence.
fn connection(options: PgConnectOptions) -> PgConnectOptions {
    options.application_name("prometric-committer").options([
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        ("plan_cache_mode", "force_generic_plan"),
        ("jit", "off"),
        ("statement_timeout", "10s"),
        ("synchronous_commit", "on"),
    ])
}

/// A panic costs its batch, whose callers hear that the outcome is unknown, and not the committer.
async fn run(mut lane: Lane, queue: Arc<Queue>) {
    while let Some(batch) = queue.take().await {
        let workspaces: BTreeSet<Uuid> = batch.iter().map(|waiting| waiting.prepared.append.workspace).collect();
        let committed = AssertUnwindSafe(lane.commit(batch)).catch_unwind().await;
        if committed.is_err() {
            tracing::error!("a committer panicked and goes on");
            lane.connection = None;
            lane.wakeup.look_at(workspaces.iter().copied());
        }
        queue.done(workspaces);
    }
}

struct Lane {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
    used: Instant,
    /// How long to wait before the next attempt to connect; zero while all is well.
    pause: Duration,
    wakeup: Arc<Wakeup>,
    heads: Arc<Mutex<Heads>>,
}

/// Why a batch was not committed, as far as anybody knows.
enum Lost {
    /// Nothing was written. Something in the batch itself may be the cause.
    Refused(sqlx::Error),
    /// Nothing was written: the store cannot be reached, or cannot write.
    Away(sqlx::Error),
    /// It was sent and the answer lost.
    Unknown(sqlx::Error),
}

impl Lane {
    /// Commits a batch and answers each of its callers.
    async fn commit(&mut self, batch: Vec<Waiting>) {
        match self.write(&batch).await {
            Ok(verdicts) => self.answer(batch, verdicts),
            Err(Lost::Refused(_)) if batch.len() > 1 => {
                // One of them spoils it, which none can by what is checked before: each for itself, then.
                for waiting in batch {
                    Box::pin(self.commit(vec![waiting])).await;
                }
            }
            Err(Lost::Refused(error) | Lost::Away(error)) => fail(batch, &error),
            Err(Lost::Unknown(error)) => self.doubt(batch, &error),
        }
    }

    async fn write(&mut self, batch: &[Waiting]) -> Result<Vec<Verdict>, Lost> {
        let prepared: Vec<&Prepared> = batch.iter().map(|waiting| &waiting.prepared).collect();
        let (mut attempts, heads) = (0, self.heads.clone());
        loop {
            attempts += 1;
            let connection = self.connect().await.map_err(Lost::Away)?;
            let called = timeout(PATIENCE, call(connection, &prepared, &heads)).await;
            self.used = Instant::now();
            let lost = match called {
                Ok(Ok(verdicts)) => return Ok(verdicts),
                Ok(Err(error)) => judge(error),
                Err(elapsed) => Lost::Unknown(sqlx::Error::Io(elapsed.into())),
            };
            match lost {
                Lost::Refused(error) if has_code(&error, DEADLOCK) && attempts < ATTEMPTS_MAX => {}
                Lost::Refused(error) => return Err(Lost::Refused(error)),
                other => {
                    self.connection = None;
                    return Err(other);
                }
            }
        }
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
        if self.used.elapsed() < self.pause {
            return Err(sqlx::Error::Io(std::io::ErrorKind::NotConnected.into()));
        }
        let connected = timeout(PATIENCE, self.options.connect()).await;
        self.used = Instant::now();
        match connected.unwrap_or_else(|elapsed| Err(sqlx::Error::Io(elapsed.into()))) {
            Ok(connection) => {
                self.pause = Duration::ZERO;
                Ok(connection)
            }
            Err(error) => {
                self.pause = (self.pause * 2).clamp(RECONNECT_MIN, RECONNECT_MAX);
                tracing::error!(error = %error, again_in = ?self.pause, "the store cannot be reached");
                Err(error)
            }
        }
    }

    fn answer(&self, batch: Vec<Waiting>, verdicts: Vec<Verdict>) {
        let mut moved: HashMap<Uuid, i64> = HashMap::new();
        for (Waiting { prepared, reply, .. }, verdict) in batch.into_iter().zip(verdicts) {
            if let Verdict::Written(placed) = &verdict
                && prepared.event_count() > 0
            {
                moved.insert(prepared.append.workspace, placed.position);
            }
            reply.send(Ok((prepared, verdict))).ok();
        }
        let moved = moved
            .into_iter()
            .map(|(workspace, position)| Moved { workspace, position });
        self.wakeup.moved(moved);
    }

    /// It may have been written all the same: readers look, and callers may ask by their command ids.
    fn doubt(&self, batch: Vec<Waiting>, error: &sqlx::Error) {
        tracing::error!(error = %error, appends = batch.len(), "the commit's answer was lost");
        self.wakeup
            .look_at(batch.iter().map(|waiting| waiting.prepared.append.workspace));
        for waiting in batch {
            waiting.reply.send(Err(AppendError::Unknown)).ok();
        }
    }
}

/// Straight, if this node knows where the workspaces stand; else by `log.append`, trusting at first: hardly ever is a new
/// stream or command there already, and not to look for it saves a fifth.
async fn call(
    connection: &mut PgConnection,
    batch: &[&Prepared],
    heads: &Mutex<Heads>,
) -> Result<Vec<Verdict>, sqlx::Error> {
    let plan = Straight::plan(batch, &lock(heads), Utc::now());
    let mut trusting = true;
    if let Some(straight) = plan {
        match straight.call(connection).await {
            Ok(verdicts) => {
                lock(heads).moved(straight.heads());
                return Ok(verdicts);
            }
            Err(error) if has_code(&error, INTEGRITY) || has_code(&error, DIVISION_BY_ZERO) => {
                lock(heads).doubt(batch);
                trusting = false;
            }
            Err(error) => return Err(error),
        }
    }
    let judged = match batch::call(connection, batch, trusting).await {
        Err(error) if trusting && has_code(&error, INTEGRITY) => batch::call(connection, batch, false).await,
        judged => judged,
    };
    let verdicts = judged?;
    lock(heads).learn(batch, &verdicts);
    Ok(verdicts)
}

fn fail(batch: Vec<Waiting>, error: &sqlx::Error) {
    tracing::error!(error = %error, appends = batch.len(), "the batch was not written");
    for waiting in batch {
        let error = sqlx::Error::Protocol(error.to_string());
        waiting.reply.send(Err(AppendError::Unavailable(error))).ok();
    }
}

/// What the server refuses is not written; once it ends the connection (a terminated backend may have committed just
/// before) or is silent, nobody knows.
fn judge(error: sqlx::Error) -> Lost {
    let told = error
        .as_database_error()
        .and_then(|told| told.try_downcast_ref::<PgDatabaseError>());
    match told.map(|told| (told.severity(), told.code())) {
        None | Some((PgSeverity::Fatal | PgSeverity::Panic, _)) => Lost::Unknown(error),
        // Read-only (a standby), out of disk or memory, being cancelled or shut down, I/O errors: not the batch's fault.
        Some((_, code))
            if ["25", "53", "57", "58", "XX"]
                .iter()
                .any(|class| code.starts_with(class)) =>
        {
            Lost::Away(error)
        }
        Some(_) => Lost::Refused(error),
    }
}

/// Whether the server told a code of that class.
fn has_code(error: &sqlx::Error, class: &str) -> bool {
    let told = error.as_database_error().and_then(|told| told.code());
    told.is_some_and(|code| code.starts_with(class))
}
