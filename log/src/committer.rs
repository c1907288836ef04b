//! Group commit: appends of all tasks queue up here and whatever waits is written in one transaction, so that under
//! load one fsync carries hundreds and at low load a batch is one append. The transaction locks the heads of the
//! touched workspaces in sorted order, loads what the batch may touch, lets the `Ledger` decide, and writes it.

mod rows;

use crate::{
    Append, AppendError, Appended,
    ledger::{Verdict, Written},
    wakeup::{Moved, Wakeup},
};
use chrono::Utc;
use sqlx::{Connection, PgConnection, PgPool, Postgres, pool::PoolConnection, postgres::PgConnectOptions};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use uuid::Uuid;

/// The most appends that wait; beyond, callers are told to come back.
const QUEUE_MAX: usize = 10_000;
/// The most events in one transaction.
const BATCH_EVENTS_MAX: usize = 500;
/// How long a caller waits for room in the queue.
const ROOM_WAIT: Duration = Duration::from_secs(5);
/// How long one batch may take to be written, and as long to be committed: a connection that hangs is an error.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long an unused connection is taken to be alive.
const TRUSTED: Duration = Duration::from_secs(1);
/// The most bytes of data in one transaction.
const BATCH_BYTES_MAX: usize = 8 << 20;

#[derive(Clone)]
pub(crate) struct Committer(mpsc::Sender<Pending>);

struct Pending {
    append: Append,
    reply: oneshot::Sender<Result<Outcome, AppendError>>,
}

pub(crate) enum Outcome {
    Written(Appended),
    Repeated,
}

/// The committer's connection: plans fixed to index look-ups (a plan made on an empty table would scan), and limits
/// so that a stuck lock is an error and not a silence.
pub(crate) fn connection(options: PgConnectOptions) -> PgConnectOptions {
    options.application_name("prometric-committer").options([
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        ("plan_cache_mode", "force_generic_plan"),
        ("statement_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "10s"),
        ("synchronous_commit", "on"),
    ])
}

impl Committer {
    pub fn start(lane: PgPool, wakeup: Arc<Wakeup>) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_MAX);
        tokio::spawn(run(lane, wakeup, receiver));
        Self(sender)
    }

    pub async fn append(&self, append: Append) -> Result<Outcome, AppendError> {
        append.check()?;
        let (reply, answer) = oneshot::channel();
        let queued = self.0.send_timeout(Pending { append, reply }, ROOM_WAIT).await;
        queued.map_err(|_| AppendError::Overloaded)?;
        // The committer answers everyone it took; without an answer the process is going down in mid-commit.
        answer.await.unwrap_or(Err(AppendError::Unknown))
    }
}

async fn run(lane: PgPool, wakeup: Arc<Wakeup>, mut queue: mpsc::Receiver<Pending>) {
    let (mut held_back, mut last) = (None, Instant::now());
    loop {
        let first = match held_back.take() {
            Some(pending) => pending,
            None => match queue.recv().await {
                Some(pending) => pending,
                None => return,
            },
        };
        let (mut events, mut bytes) = (first.append.event_count(), first.append.bytes());
        let mut batch = vec![first];
        while let Ok(pending) = queue.try_recv() {
            events += pending.append.event_count();
            bytes += pending.append.bytes();
            if events > BATCH_EVENTS_MAX || bytes > BATCH_BYTES_MAX {
                held_back = Some(pending);
                break;
            }
            batch.push(pending);
        }
        commit(&lane, &wakeup, batch, last.elapsed()).await;
        last = Instant::now();
    }
}

/// Commits a batch and answers each of its callers.
async fn commit(lane: &PgPool, wakeup: &Wakeup, batch: Vec<Pending>, idle: Duration) {
    let mut connection = match connect(lane, idle).await {
        Ok(connection) => connection,
        Err(error) => return fail(batch, &error),
    };
    let verdicts = match transact(&mut connection, &batch).await {
        Ok(verdicts) => verdicts,
        Err(lost) => {
            connection.close_on_drop();
            return match lost {
                Lost::Before(error) => fail(batch, &error),
                Lost::AtCommit => doubt(batch, wakeup),
            };
        }
    };
    let mut moved: HashMap<Uuid, i64> = HashMap::new();
    for (pending, verdict) in batch.into_iter().zip(verdicts) {
        let answer = verdict.map(|verdict| match verdict {
            Verdict::Written(Written { position, events }) => {
                if !events.is_empty() {
                    moved.insert(pending.append.workspace, position);
                }
                Outcome::Written(Appended {
                    position,
                    events,
                    repeated: None,
                })
            }
            Verdict::Repeated => Outcome::Repeated,
        });
        pending.reply.send(answer).ok();
    }
    wakeup.moved(
        moved
            .into_iter()
            .map(|(workspace, position)| Moved { workspace, position }),
    );
}

/// Where a transaction got lost.
enum Lost {
    /// Nothing was written.
    Before(sqlx::Error),
    /// The commit was sent; nobody knows.
    AtCommit,
}

async fn transact(connection: &mut PgConnection, batch: &[Pending]) -> Result<Vec<Result<Verdict, AppendError>>, Lost> {
    let written = timeout(PATIENCE, async {
        let mut tx = connection.begin().await?;
        let verdicts = write(&mut tx, batch).await?;
        Ok((tx, verdicts))
    });
    let (tx, verdicts) = match written.await {
        Ok(written) => written.map_err(Lost::Before)?,
        Err(elapsed) => return Err(Lost::Before(sqlx::Error::Protocol(elapsed.to_string()))),
    };
    match timeout(PATIENCE, tx.commit()).await {
        Ok(Ok(())) => Ok(verdicts),
        Ok(Err(_)) | Err(_) => Err(Lost::AtCommit),
    }
}

/// The one connection; after a while without use it is tried first, for it may have died unnoticed.
async fn connect(lane: &PgPool, idle: Duration) -> Result<PoolConnection<Postgres>, sqlx::Error> {
    let mut connection = lane.acquire().await?;
    if idle < TRUSTED {
        return Ok(connection);
    }
    match timeout(PATIENCE, connection.ping()).await {
        Ok(Ok(())) => Ok(connection),
        _ => {
            connection.close_on_drop();
            drop(connection);
            lane.acquire().await
        }
    }
}

/// It may have been written all the same: readers look, and callers may ask by their command ids.
fn doubt(batch: Vec<Pending>, wakeup: &Wakeup) {
    tracing::error!(appends = batch.len(), "the commit's answer was lost");
    wakeup.look_at(batch.iter().map(|pending| pending.append.workspace));
    for pending in batch {
        pending.reply.send(Err(AppendError::Unknown)).ok();
    }
}

fn fail(batch: Vec<Pending>, error: &sqlx::Error) {
    tracing::error!(error = %error, appends = batch.len(), "the batch was not written");
    for pending in batch {
        pending
            .reply
            .send(Err(AppendError::Unavailable(sqlx::Error::Protocol(error.to_string()))))
            .ok();
    }
}

async fn write(tx: &mut PgConnection, batch: &[Pending]) -> Result<Vec<Result<Verdict, AppendError>>, sqlx::Error> {
    let appends: Vec<&Append> = batch.iter().map(|pending| &pending.append).collect();
    let mut ledger = rows::load(tx, &appends).await?;
    let now = Utc::now();
    let verdicts: Vec<_> = appends.iter().map(|append| ledger.enter(append, now)).collect();
    let accepted = appends
        .iter()
        .copied()
        .zip(&verdicts)
        .filter_map(|(append, verdict)| match verdict {
            Ok(Verdict::Written(written)) => Some((append, written)),
            Ok(Verdict::Repeated) | Err(_) => None,
        });
    rows::save(tx, &ledger, &accepted.collect::<Vec<_>>(), now).await?;
    Ok(verdicts)
}
