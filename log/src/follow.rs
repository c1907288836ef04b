//! Following: one dispatcher per consumer and node hands out workspaces that moved to a bounded number of workers,
//! each workspace to one worker at a time and in turn, so that a busy one does not starve the others. Work grows
//! with the events, not with workspaces × consumers. A failing workspace is tried again, ever more slowly, and shown.

use crate::{Log, wakeup::Dirty};
use async_trait::async_trait;
use futures::FutureExt;
use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;
use uuid::Uuid;

const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

pub type ConsumerError = Box<dyn std::error::Error + Send + Sync>;

/// Something that follows every workspace's log with a cursor of its own.
#[async_trait]
pub trait Consumer: Send + Sync + 'static {
    fn name(&self) -> &'static str;

    /// Takes one bounded step forward in one workspace. The consumer keeps its cursor itself, in the same
    /// transaction as what it writes, and must be safe to call again after any failure.
    async fn advance(&self, workspace: Uuid) -> Result<Progress, ConsumerError>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There is more to take right now.
    More,
    CaughtUp,
}

/// What stands still, and why; for metrics, the API and operators.
#[derive(Clone, Default)]
pub struct Status(Arc<Mutex<HashMap<Uuid, Failure>>>);

#[derive(Debug, Clone, Default)]
struct Failure {
    attempts: u32,
    error: String,
    /// A retry is on its way.
    waiting: bool,
}

impl Status {
    /// Workspaces whose last step failed, with the reason.
    pub fn failing(&self) -> Vec<(Uuid, String)> {
        self.with(|failures| {
            failures
                .iter()
                .map(|(workspace, failure)| (*workspace, failure.error.clone()))
                .collect()
        })
    }

    fn with<T>(&self, body: impl FnOnce(&mut HashMap<Uuid, Failure>) -> T) -> T {
        body(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes the failure; answers how long to wait before the next try, unless one is on its way already.
    fn failed(&self, workspace: Uuid, error: String) -> Option<Duration> {
        self.with(|failures| {
            let failure = failures.entry(workspace).or_default();
            failure.attempts = failure.attempts.saturating_add(1);
            failure.error = error;
            let pause = RETRY_MIN.saturating_mul(1 << failure.attempts.min(10)).min(RETRY_MAX);
            (!std::mem::replace(&mut failure.waiting, true)).then_some(pause)
        })
    }

    fn retrying(&self, workspace: Uuid) {
        self.with(|failures| {
            if let Some(failure) = failures.get_mut(&workspace) {
                failure.waiting = false;
            }
        });
    }
}

/// Runs the consumer over all workspaces until the task is dropped, with at most `workers` steps at a time.
pub async fn follow(log: Log, consumer: Arc<dyn Consumer>, workers: usize, status: Status) {
    let dirty = log.wakeup.subscribe();
    let permits = Arc::new(Semaphore::new(workers));
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            return;
        };
        let workspace = dirty.take().await;
        let (consumer, dirty, status) = (consumer.clone(), dirty.clone(), status.clone());
        tokio::spawn(async move {
            // A panic must not leave the workspace in nobody's hands.
            let step = AssertUnwindSafe(consumer.advance(workspace)).catch_unwind().await;
            let step = step.unwrap_or_else(|_| Err("the consumer panicked".into()));
            dirty.done(workspace);
            drop(permit);
            settle(consumer.name(), workspace, step, &dirty, &status);
        });
    }
}

fn settle(
    consumer: &'static str,
    workspace: Uuid,
    step: Result<Progress, ConsumerError>,
    dirty: &Arc<Dirty>,
    status: &Status,
) {
    match step {
        Ok(progress) => {
            status.with(|failures| failures.remove(&workspace));
            if progress == Progress::More {
                dirty.push(workspace);
            }
        }
        Err(error) => {
            let error = chain(error.as_ref());
            let Some(pause) = status.failed(workspace, error.clone()) else {
                return;
            };
            tracing::error!(consumer, %workspace, error, ?pause, "a step failed and will be tried again");
            let (dirty, status) = (dirty.clone(), status.clone());
            tokio::spawn(async move {
                tokio::time::sleep(pause).await;
                status.retrying(workspace);
                dirty.push(workspace);
            });
        }
    }
}

/// The error and what caused it, in one line: for the operator's log.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
