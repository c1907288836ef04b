//! Group commit: whatever waits is written in one transaction, so that under load one fsync carries hundreds of appends
//! and at low load a batch is one append and waits for nobody. Committers are tasks that are hired while there is work
//! (queue.rs), each with a lane of its own: a connection, which the next one takes over.

mod lane;

use crate::{
    Append, AppendError,
    batch::{Heads, Outcome, Prepared, Verdict, Ways},
    engine::{COMMIT_BYTES_MAX, Replica},
    lock,
    personal::Sealed,
    promise::Promise,
    queue::{BATCH_BYTES_MAX, Queue, Reply, Rest, Waiting},
    wakeup::{Moved, Wakeup},
};
use futures::FutureExt;
use lane::{Lane, Lost};
use sqlx::postgres::PgConnectOptions;
use std::{
    collections::{BTreeSet, HashMap},
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
};
use tokio::sync::{Semaphore, oneshot};
use uuid::Uuid;

/// The way into the log; cheap to clone. What waits when the last one is dropped is still committed.
#[derive(Clone)]
pub(crate) struct Committer(Arc<Shared>);

struct Shared {
    queue: Queue,
    heads: Mutex<Heads>,
    /// Last used, first taken: a busy connection is a quick one.
    idle: Mutex<Vec<Lane>>,
    options: PgConnectOptions,
    /// Where the log is an engine's.
    replica: Option<Arc<Replica>>,
    wakeup: Arc<Wakeup>,
    /// For those who wait for a workspace, which keeps a lane for as long.
    patient: Arc<Semaphore>,
}

/// The most that wait at once.
const PATIENT: usize = 4;
/// What an engine is given at once: names, hashes and quotes make a commit up to three times as long as what is in it.
pub(crate) const ENGINE_BYTES_MAX: usize = COMMIT_BYTES_MAX / 3;

impl Committer {
    pub fn new(options: PgConnectOptions, wakeup: Arc<Wakeup>, replica: Option<Arc<Replica>>) -> Self {
        let bytes_max = if replica.is_some() {
            ENGINE_BYTES_MAX
        } else {
            BATCH_BYTES_MAX
        };
        Self(Arc::new(Shared {
            queue: Queue::new(bytes_max),
            heads: Mutex::default(),
            idle: Mutex::default(),
            options,
            replica,
            wakeup,
            patient: Arc::new(Semaphore::new(PATIENT)),
        }))
    }

    pub fn ways(&self) -> Ways {
        lock(&self.0.heads).ways()
    }

    /// Gives an append its place in the line; `sealed` opens what was sealed in it.
    pub async fn submit(
        &self,
        append: Append,
        sealed: Sealed,
        builds_on: Vec<Promise>,
    ) -> Result<Awaited, AppendError> {
        let prepared = Prepared::new(append)?.with_sealed(sealed).on(builds_on);
        let promise = prepared.promised.promise().clone();
        if self.0.replica.is_some() && prepared.bytes > COMMIT_BYTES_MAX {
            return Err(AppendError::Limit {
                what: "bytes per append",
                max: COMMIT_BYTES_MAX,
            });
        }
        let (answer, hires) = self.0.queue.push(prepared).await?;
        if hires {
            self.hire();
        }
        Ok(Awaited { answer, promise })
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
            self.commit_or_panic(&mut lane, batch, &workspaces).await;
            if self.0.queue.done(workspaces) && several {
                // Those just answered may have more to ask.
                tokio::task::yield_now().await;
            }
        }
    }

    /// A panic costs its batch, whose callers hear that the outcome is unknown, and not the committer.
    async fn commit_or_panic(&self, lane: &mut Lane, batch: Vec<Waiting>, workspaces: &BTreeSet<Uuid>) {
        let committed = AssertUnwindSafe(self.commit(lane, batch)).catch_unwind().await;
        if committed.is_err() {
            tracing::error!("a committer panicked and goes on");
            lane.hang_up();
            self.0.wakeup.tail.clear();
            self.0.wakeup.look_at(workspaces.iter().copied());
        }
    }

    /// Commits a batch and answers each of its callers; those put off wait again.
    async fn commit(&self, lane: &mut Lane, batch: Vec<Waiting>) {
        let refused = match self.try_commit(lane, batch).await {
            Ok(()) => return,
            Err((batch, error)) if batch.len() == 1 => return refuse(batch, error),
            // One of them spoils it, which none can by what is checked before: each for itself, then.
            Err((batch, _)) => batch,
        };
        for waiting in refused {
            if let Err((batch, error)) = self.try_commit(lane, vec![waiting]).await {
                refuse(batch, error);
            }
        }
    }

    /// Gives the batch back when it was refused.
    async fn try_commit(&self, lane: &mut Lane, batch: Vec<Waiting>) -> Result<(), (Vec<Waiting>, sqlx::Error)> {
        let prepared: Vec<&Prepared> = batch.iter().map(|waiting| &waiting.prepared).collect();
        match lane.write(&prepared, &self.0.heads, self.0.replica.as_deref()).await {
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
                Some(verdict) => {
                    if matches!(verdict, Verdict::Written(_)) {
                        waiting.prepared.promised.keep();
                    }
                    judged.push((waiting, verdict));
                }
                None => put_off.push(waiting),
            }
        }
        let well = judged.iter().map(|(waiting, _)| waiting.prepared.append.workspace);
        self.0.queue.went_well(&well.collect());
        if !put_off.is_empty() {
            self.put_off(put_off);
        }
        // In a task of its own, so that the next batch does not wait for it.
        tokio::spawn(self.clone().answer(judged));
    }

    /// Their workspaces are in somebody else's hands.
    fn put_off(&self, appends: Vec<Waiting>) {
        let (rests, late) = self.0.queue.put_off(appends);
        if !late.is_empty() {
            fail(
                late,
                sqlx::Error::Protocol("another node holds the workspace's head".to_owned()),
            );
        }
        for rest in rests {
            tokio::spawn(self.clone().rest(rest));
        }
    }

    /// Until it may be free again, or, when it hardly ever is, in the line of those who want it.
    async fn rest(
        self,
        Rest {
            workspace,
            pause,
            was_long,
        }: Rest,
    ) {
        let patient = self.0.patient.clone().try_acquire_owned().ok().filter(|_| was_long);
        if let Some(_patient) = patient {
            return self.wait_for(workspace).await;
        }
        tokio::time::sleep(pause).await;
        if self.0.queue.rested(workspace) {
            self.hire();
        }
    }

    /// Commits what there is for a workspace as soon as it is free.
    async fn wait_for(&self, workspace: Uuid) {
        let batch = self.0.queue.take_alone(workspace);
        let idle = lock(&self.0.idle).pop();
        let mut lane = idle.unwrap_or_else(|| Lane::new(self.0.options.clone()));
        lane.waits = true;
        let workspaces = BTreeSet::from([workspace]);
        if !batch.is_empty() {
            self.commit_or_panic(&mut lane, batch, &workspaces).await;
        }
        lane.waits = false;
        lock(&self.0.idle).push(lane);
        self.0.queue.done(workspaces);
        if self.0.queue.hires() {
            self.hire();
        }
    }

    async fn answer(self, judged: Vec<(Waiting, Verdict)>) {
        let (mut workspaces, mut moved, mut unknown) = (BTreeSet::new(), HashMap::new(), BTreeSet::new());
        let mut answers = Vec::with_capacity(judged.len());
        for (
            Waiting {
                mut prepared,
                reply,
                room,
                ..
            },
            verdict,
        ) in judged
        {
            let workspace = prepared.append.workspace;
            workspaces.insert(workspace);
            let sealed = std::mem::take(&mut prepared.sealed);
            if verdict == Verdict::Unknown {
                unknown.insert(workspace);
            }
            let mut outcome = prepared.settle(verdict);
            if let Ok(Outcome::Written(appended)) = &mut outcome
                && !appended.events.is_empty()
            {
                moved.insert(workspace, appended.position);
                match sealed.open_appended(appended) {
                    Ok(()) => self.0.wakeup.tail.keep(&appended.events, sealed.heard),
                    Err(error) => outcome = Err(error.into()),
                }
            }
            answers.push((reply, outcome, room));
        }
        let moved = moved
            .into_iter()
            .map(|(workspace, position)| Moved { workspace, position });
        self.0.wakeup.moved(moved);
        if !unknown.is_empty() {
            self.0.wakeup.look_at(unknown);
        }
        for (reply, outcome, _room) in answers {
            reply.send(outcome).ok();
        }
        self.0.queue.forget(workspaces);
    }

    /// It may have been written all the same: readers look, and callers may ask by their command ids.
    fn doubt(&self, batch: Vec<Waiting>, error: &sqlx::Error) {
        tracing::error!(error = %error, appends = batch.len(), "the commit's answer was lost");
        self.0.wakeup.tail.clear(); // the server may come back with less than it had
        let workspaces = batch.iter().map(|waiting| waiting.prepared.append.workspace);
        self.0.wakeup.look_at(workspaces);
        for waiting in batch {
            waiting.reply.send(Err(AppendError::Unknown)).ok();
        }
    }
}

/// The outcome of an append in the line.
pub(crate) struct Awaited {
    answer: oneshot::Receiver<Reply>,
    pub promise: Promise,
}

impl Awaited {
    pub async fn outcome(self) -> Result<Outcome, AppendError> {
        // A committer answers everyone it took; without an answer the process is going down in mid-commit.
        self.answer.await.unwrap_or(Err(AppendError::Unknown))
    }
}

/// A lone append that the server would not have, for whatever is in it.
fn refuse(batch: Vec<Waiting>, error: sqlx::Error) {
    tracing::error!(error = %error, "an append was refused");
    for (waiting, error) in batch.into_iter().zip([error]) {
        waiting.reply.send(Err(AppendError::Refused(error))).ok();
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
