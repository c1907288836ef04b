//! Who moved: tells this node's consumers at once, other nodes by a coalesced notification outside the append
//! transaction. Nothing is lost for good: what could not be told is told later, a node that could not listen compares
//! all positions when it can again, and the heads are looked at when a node vanished, and now and then in any case.

pub(crate) mod listen;
pub(crate) mod tell;

use crate::{
    follow::{Consumer, queue::Queue},
    lease::Leases,
    lock,
    tail::Tail,
    wrong::{self, Variant::WakeupLost},
};
use sqlx::PgPool;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};
use tokio::sync::Notify;
use uuid::Uuid;

/// How often the heads are looked at while all is well; it costs one reading of a table with a row per workspace.
const POLL: Duration = Duration::from_secs(30);
/// The same as long as commits may have happened that nobody told of.
const POLL_UNEASY: Duration = Duration::from_secs(3);
/// How long a commit whose answer was lost may still happen: longer than any statement may take.
const UNEASY: Duration = Duration::from_secs(60);

/// "This workspace's log now stands at that position."
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    pub workspace: Uuid,
    pub position: i64,
}

pub(crate) struct Wakeup {
    leases: Arc<Leases>,
    /// What this node has committed lately.
    pub tail: Tail,
    heads: Mutex<HashMap<Uuid, i64>>,
    queues: Mutex<Vec<Weak<Queue>>>,
    /// What other nodes have yet to hear; 0 when nobody can say how far they got.
    untold: Mutex<HashMap<Uuid, i64>>,
    telling: tokio::sync::Mutex<()>,
    something_untold: Notify,
    poll_now: Notify,
    uneasy_until: Mutex<Option<Instant>>,
    listen_anew: Notify,
}

impl Wakeup {
    pub fn new(leases: Arc<Leases>) -> Self {
        Self {
            leases,
            tail: Tail::default(),
            heads: Mutex::default(),
            queues: Mutex::default(),
            untold: Mutex::default(),
            telling: tokio::sync::Mutex::default(),
            something_untold: Notify::new(),
            poll_now: Notify::new(),
            uneasy_until: Mutex::default(),
            listen_anew: Notify::new(),
        }
    }

    /// A queue that hears of everything from now on.
    pub fn subscribe(&self, consumer: Arc<dyn Consumer>) -> Arc<Queue> {
        let queue = Arc::new(Queue::new(consumer));
        lock(&self.queues).push(Arc::downgrade(&queue));
        queue
    }

    /// Those that are open.
    pub fn queues(&self) -> Vec<Arc<Queue>> {
        let mut queues = lock(&self.queues);
        queues.retain(|queue| queue.upgrade().is_some_and(|queue| !queue.is_closed()));
        queues.iter().filter_map(Weak::upgrade).collect()
    }

    /// Where the logs stand, as far as this node has heard.
    pub fn heads(&self) -> HashMap<Uuid, i64> {
        lock(&self.heads).clone()
    }

    /// Where one of them stands.
    pub fn head(&self, workspace: Uuid) -> Option<i64> {
        lock(&self.heads).get(&workspace).copied()
    }

    /// This node's id, as long as it is one.
    pub fn node(&self) -> Option<Uuid> {
        self.leases.node()
    }

    /// This node appended. Others are told even if it is no news here: the heads may just have been looked at.
    pub fn moved(&self, all: impl Iterator<Item = Moved>) {
        for moved in all {
            self.learn(moved);
            self.tell_later(moved);
        }
        self.something_untold.notify_one();
    }

    /// The heads were looked at: what nobody told of is told now.
    fn found(&self, all: impl Iterator<Item = Moved>) {
        for moved in all {
            if self.learn(moved) {
                self.tell_later(moved);
            }
        }
        self.something_untold.notify_one();
    }

    /// Whatever they know, every consumer looks at these again, on every node: nobody can say how far they got, or
    /// whether they will get further yet.
    pub fn look_at(&self, workspaces: impl IntoIterator<Item = Uuid>) {
        for workspace in workspaces {
            self.look_here_at(workspace);
            self.tell_later(Moved { workspace, position: 0 });
        }
        *lock(&self.uneasy_until) = Some(Instant::now() + UNEASY);
        self.something_untold.notify_one();
        self.poll_now.notify_one();
    }

    /// Something may have been written that nobody told of.
    pub fn look_at_heads(&self) {
        self.poll_now.notify_one();
    }

    /// Gives up the session and opens another.
    pub fn listen_anew(&self) {
        self.listen_anew.notify_one();
    }

    fn look_here_at(&self, workspace: Uuid) {
        self.queues().iter().for_each(|queue| queue.look_at(workspace));
    }

    fn tell_later(&self, Moved { workspace, position }: Moved) {
        let mut untold = lock(&self.untold);
        let told = untold.entry(workspace).or_insert(position);
        *told = if position == 0 || *told == 0 {
            0
        } else {
            position.max(*told)
        };
    }

    /// Wakes the consumers if it is news.
    fn learn(&self, Moved { workspace, position }: Moved) -> bool {
        let before = {
            let mut heads = lock(&self.heads);
            let head = heads.entry(workspace).or_insert(0);
            if *head >= position {
                return false;
            }
            std::mem::replace(head, position)
        };
        if !wrong::is(WakeupLost) {
            let queues = self.queues();
            queues.iter().for_each(|queue| queue.moved(workspace, before, position));
        }
        true
    }

    fn is_uneasy(&self) -> bool {
        lock(&self.uneasy_until).is_some_and(|until| Instant::now() < until)
    }
}

/// The fallback. What it finds is told to others as well: whoever wrote it did not.
pub(crate) async fn poll(wakeup: Arc<Wakeup>, pool: PgPool) {
    while !pool.is_closed() {
        let pause = if wakeup.is_uneasy() { POLL_UNEASY } else { POLL };
        tokio::time::timeout(pause, wakeup.poll_now.notified()).await.ok();
        // Without a session nothing is led here, and all is compared when there is one again.
        if wakeup.node().is_none() || wakeup.queues().is_empty() {
            continue;
        }
        match heads(&pool).await {
            Ok(heads) => wakeup.found(heads.into_iter()),
            Err(error) => tracing::warn!(%error, "could not look at the heads"),
        }
    }
}

async fn heads(pool: &PgPool) -> Result<Vec<Moved>, sqlx::Error> {
    let heads = "select workspace_id, position from log.heads where position > 0";
    let heads: Vec<(Uuid, i64)> = sqlx::query_as(heads).fetch_all(pool).await?;
    let moved = |(workspace, position)| Moved { workspace, position };
    Ok(heads.into_iter().map(moved).collect())
}
