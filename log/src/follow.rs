//! Following: one dispatcher per consumer and node hands out workspaces that moved to a bounded number of workers,
//! each workspace to one worker at a time and in turn, so that a busy one does not starve the others. Consumers have
//! workers of their own, so that a slow one does not starve the others either. Work grows with the events, not with
//! workspaces × consumers: leases keep one node per workspace and consumer, and whoever is idle is not asked.

mod agenda;
mod dispatch;
pub(crate) mod queue;
pub(crate) mod report;
mod standing;

pub use agenda::Lag;
pub use standing::Following;

use crate::{Log, lease::range::Ranges};
use async_trait::async_trait;
use queue::Queue;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// How long steps in hand may take to end when a follower is stopped, and as long giving its leases back.
const GRACE: Duration = Duration::from_secs(2);

pub type ConsumerError = Box<dyn std::error::Error + Send + Sync>;

/// Something that follows every workspace's log with a cursor of its own.
#[async_trait]
pub trait Consumer: Send + Sync + 'static {
    /// Stored with positions and leases: never rename.
    fn name(&self) -> &'static str;

    /// Whether nodes share the workspaces among them. `false` for what every node needs for itself, such as a cache:
    /// then each steps through all workspaces, beginning with every known one.
    fn leased(&self) -> bool {
        true
    }

    /// Whether it wants to hear of that workspace at all.
    fn follows(&self, _workspace: Uuid) -> bool {
        true
    }

    /// Takes one bounded step forward in one workspace. The consumer keeps its cursor itself, in the same
    /// transaction as what it writes, and must be safe to call again after any failure, and on two nodes at once:
    /// leases avoid that, and do not exclude it.
    async fn advance(&self, workspace: Uuid) -> Result<Progress, ConsumerError>;

    /// Workspaces that need a step although the cursor has reached the head, after a crash in between.
    async fn unsettled(&self) -> Result<Vec<Uuid>, ConsumerError> {
        Ok(vec![])
    }

    /// Workspaces that need a step because something has become due there; asked every second, on every node, and for as
    /// long as it is due. What the time is, is for the consumer to know: nodes need not agree on it.
    async fn due(&self) -> Result<Vec<Uuid>, ConsumerError> {
        Ok(vec![])
    }

    /// Told once, before the first step.
    fn attach(&self, _urge: Urge) {}
}

/// How far a step came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The consumer's cursor.
    pub position: i64,
    /// There is more to take right now.
    pub more: bool,
}

/// Asks this node's dispatcher for a workspace out of turn, for somebody who waits here.
#[derive(Clone)]
pub struct Urge(Weak<Queue>);

impl Urge {
    /// Has this node take the step if another leads the workspace; otherwise it hears of every event anyway.
    pub fn ask(&self, workspace: Uuid) {
        if let Some(queue) = self.0.upgrade().filter(|queue| !queue.leads(workspace)) {
            queue.look_here_at(workspace);
        }
    }

    /// Whether this node leads the workspace, as far as it knows.
    pub fn leads(&self, workspace: Uuid) -> bool {
        self.0.upgrade().is_some_and(|queue| queue.leads(workspace))
    }

    /// Has this node take a step in any case.
    pub fn insist(&self, workspace: Uuid) {
        if let Some(queue) = self.0.upgrade() {
            queue.look_here_at(workspace);
        }
    }
}

/// A consumer at work on this node. Dropped, it ends at once and gives nothing back, like a node that dies.
pub struct Follower {
    log: Log,
    queue: Arc<Queue>,
    task: JoinHandle<()>,
}

impl Log {
    /// Runs the consumer over all workspaces, at most so many at a time; needs a runtime.
    pub fn follow(&self, consumer: Arc<dyn Consumer>, workers: usize) -> Follower {
        let queue = self.wakeup.subscribe(consumer.clone());
        consumer.attach(Urge(Arc::downgrade(&queue)));
        if !queue.shares() {
            queue.look_for(Ranges::ALL);
        }
        self.leases.stir();
        Follower {
            log: self.clone(),
            task: tokio::spawn(dispatch::run(self.clone(), queue.clone(), workers)),
            queue,
        }
    }
}

impl Follower {
    pub fn name(&self) -> &'static str {
        self.queue.name()
    }

    /// Workspaces whose last step failed on this node, with the reason.
    pub fn failing(&self) -> Vec<(Uuid, String)> {
        self.queue.failing()
    }

    /// Of the workspaces that this node leads.
    pub fn lag(&self) -> Lag {
        self.queue.lag(&self.log.wakeup.heads())
    }

    /// How many of the 16 ranges of workspaces this node leads.
    pub fn ranges(&self) -> usize {
        self.queue.led().len()
    }

    /// Ends after the steps in hand, and has other nodes take over at once.
    pub async fn stop(mut self) {
        self.queue.close();
        if tokio::time::timeout(GRACE, &mut self.task).await.is_err() {
            self.task.abort();
        }
        let given = match tokio::time::timeout(GRACE, self.give_back()).await {
            Ok(given) => given,
            Err(elapsed) => Err(sqlx::Error::Protocol(elapsed.to_string())),
        };
        if let Err(error) = given {
            tracing::warn!(consumer = self.name(), %error, "the leases could not be given back; they will expire");
        }
    }

    async fn give_back(&self) -> Result<(), sqlx::Error> {
        if let Some(node) = self.log.leases.node() {
            report::tell(&self.log.pool, node, std::slice::from_ref(&self.queue)).await?;
        }
        self.log.leases.leave(&self.log.pool, self.queue.name()).await
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.queue.close();
        self.task.abort();
    }
}

/// The error and what caused it, in one line: for the operator's log.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
