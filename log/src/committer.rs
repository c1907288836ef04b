//! Group commit: whatever waits is written in one transaction, so that under load one fsync carries hundreds of appends
//! and at low load a batch is one append and waits for nobody. Committers are tasks that are hired while there is work
//! (queue.rs), each with a lane of its own: a connection, which the next one takes over.

mod lane;

use crate::{
    Append, AppendError,
    batch::{Heads, Outcome, Prepared, Verdict},
    lock,
    queue::{Queue, Waiting},
    wakeup::{Moved, Wakeup},
};
use futures::FutureExt;
use lane::{Lane, Lost};
use sqlx::postgres::PgConnectOptions;
use std::{
    collections::{BTreeSet, HashMap},
    panic::AssertUnwindSafe,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::timeout;
use uuid::Uuid;

/// A batch that takes longer is stuck, behind somebody's lock for instance, and another committer is hired.
const STUCK: Duration = Duration::from_millis(50);

/// The way into the log; cheap to clone. What waits when the last one is dropped is still committed.
#[derive(Clone)]
pub(crate) struct Committer(Arc<Shared>);

struct Shared {
    queue: Queue,
    heads: Mutex<Heads>,
    /// Last used, first taken: a busy connection is a quick one.
    idle: Mutex<Vec<Lane>>,
    options: PgConnectOptions,
    wakeup: Arc<Wakeup>,
}

impl Committer {
    pub fn new(options: PgConnectOptions, wakeup: Arc<Wakeup>) -> Self {
        Self(Arc::new(Shared {
            queue: Queue::new(),
            heads: Mutex::default(),
            idle: Mutex::default(),
            options,
            wakeup,
        }))
    }

    pub async fn append(&self, append: Append) -> Result<Outcome, AppendError> {
        let (answer, hires) = self.0.queue.push(Prepared::new(append)?).await?;
        if hires {
            self.hire();
        }
        // A committer answers everyone it took; without an answer the process is going down in mid-commit.
        let (prepared, verdict) = answer.await.unwrap_or(Err(AppendError::Unknown))?;
        prepared.settle(verdict)
    }

    fn hire(&self) {
        tokio::spawn(self.clone().work());
    }

    /// Commits until there is nothing left that is worth it.
    async fn work(self) {
        let idle = lock(&self.0.idle).pop();
        let mut lane = idle.unwrap_or_else(|| Lane::new(self.0.options.clone()));
        loop {
            let (batch, hires) = {
                let mut idle = lock(&self.0.idle); // whoever is hired instead finds the lane
                match self.0.queue.take() {
                    Some(taken) => taken,
                    None => return idle.push(lane),
                }
            };
            if hires {
                self.hire();
            }
            let several = batch.len() > 1;
            let workspaces: BTreeSet<Uuid> = batch.iter().map(|waiting| waiting.prepared.append.workspace).collect();
            let was_stuck = self.commit_or_panic(&mut lane, batch, &workspaces).await;
            if self.0.queue.done(workspaces, was_stuck) && several {
                // Those just answered may have more to ask.
                tokio::task::yield_now().await;
            }
        }
    }

    /// A panic costs its batch, whose callers hear that the outcome is unknown, and not the committer. Answers whether it
    /// was stuck in between.
    async fn commit_or_panic(&self, lane: &mut Lane, batch: Vec<Waiting>, workspaces: &BTreeSet<Uuid>) -> bool {
        let (committed, was_stuck) = {
            let mut committing = pin!(AssertUnwindSafe(self.commit(lane, batch)).catch_unwind());
            match timeout(STUCK, committing.as_mut()).await {
                Ok(committed) => (committed, false),
                Err(_) => {
                    if self.0.queue.stuck() {
                        self.hire();
                    }
                    (committing.await, true)
                }
            }
        };
        if committed.is_err() {
            tracing::error!("a committer panicked and goes on");
            lane.hang_up();
            self.0.wakeup.look_at(workspaces.iter().copied());
        }
        was_stuck
    }

    /// Commits a batch and answers each of its callers; those put off wait again.
    async fn commit(&self, lane: &mut Lane, batch: Vec<Waiting>) {
        let refused = match self.try_commit(lane, batch).await {
            Ok(()) => return,
            Err((batch, error)) if batch.len() == 1 => return fail(batch, error),
            // One of them spoils it, which none can by what is checked before: each for itself, then.
            Err((batch, _)) => batch,
        };
        for waiting in refused {
            if let Err((batch, error)) = self.try_commit(lane, vec![waiting]).await {
                fail(batch, error);
            }
        }
    }

    /// Gives the batch back when it was refused.
    async fn try_commit(&self, lane: &mut Lane, batch: Vec<Waiting>) -> Result<(), (Vec<Waiting>, sqlx::Error)> {
        let prepared: Vec<&Prepared> = batch.iter().map(|waiting| &waiting.prepared).collect();
        match lane.write(&prepared, &self.0.heads).await {
            Ok(verdicts) => self.settle(batch, verdicts),
            Err(Lost::Refused(error)) => return Err((batch, error)),
            Err(Lost::Away(error)) => fail(batch, error),
            Err(Lost::Unknown(error)) => self.doubt(batch, &error),
        }
        Ok(())
    }

    fn settle(&self, batch: Vec<Waiting>, verdicts: Vec<Option<Verdict>>) {
        let (mut judged, mut put_off) = (Vec::with_capacity(batch.len()), Vec::new());
        for (waiting, verdict) in batch.into_iter().zip(verdicts) {
            match verdict {
                Some(verdict) => judged.push((waiting, verdict)),
                None => put_off.push(waiting),
            }
        }
        self.0.queue.put_off(put_off, judged.is_empty());
        // In a task of its own, so that the next batch does not wait for it.
        tokio::spawn(self.clone().answer(judged));
    }

    async fn answer(self, judged: Vec<(Waiting, Verdict)>) {
        let (mut workspaces, mut moved) = (BTreeSet::new(), HashMap::new());
        for (Waiting { prepared, .. }, verdict) in &judged {
            workspaces.insert(prepared.append.workspace);
            if let Verdict::Written(placed) = verdict
                && prepared.event_count() > 0
            {
                moved.insert(prepared.append.workspace, placed.position);
            }
        }
        let moved = moved
            .into_iter()
            .map(|(workspace, position)| Moved { workspace, position });
        self.0.wakeup.moved(moved);
        for (Waiting { prepared, reply, .. }, verdict) in judged {
            reply.send(Ok((prepared, verdict))).ok();
        }
        self.0.queue.forget(workspaces);
    }

    /// It may have been written all the same: readers look, and callers may ask by their command ids.
    fn doubt(&self, batch: Vec<Waiting>, error: &sqlx::Error) {
        tracing::error!(error = %error, appends = batch.len(), "the commit's answer was lost");
        let workspaces = batch.iter().map(|waiting| waiting.prepared.append.workspace);
        self.0.wakeup.look_at(workspaces);
        for waiting in batch {
            waiting.reply.send(Err(AppendError::Unknown)).ok();
        }
    }
}

/// The first is told the server's own words, the others that it was so.
fn fail(batch: Vec<Waiting>, error: sqlx::Error) {
    tracing::error!(error = %error, appends = batch.len(), "the batch was not written");
    let words = error.to_string();
    let others = std::iter::repeat_with(|| sqlx::Error::Protocol(words.clone()));
    for (waiting, error) in batch.into_iter().zip(std::iter::once(error).chain(others)) {
        waiting.reply.send(Err(AppendError::Unavailable(error))).ok();
    }
}
