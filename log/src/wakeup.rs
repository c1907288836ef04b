//! Who moved: tells this node's consumers at once, other nodes by a coalesced notification outside the append
//! transaction, and looks at the heads now and then in case a notification was lost.

use sqlx::{
    PgPool,
    postgres::{PgListener, PgNotification},
};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::sync::Notify;
use uuid::Uuid;

const CHANNEL: &str = "prometric_log";
/// Notifications to other nodes are gathered this long.
const COALESCE: Duration = Duration::from_millis(20);
/// How often the heads are looked at in case a notification was lost.
const POLL: Duration = Duration::from_secs(5);
/// Workspaces named in one notification; PostgreSQL allows 8000 bytes.
const NAMED_MAX: usize = 100;

/// "This workspace's log now stands at that position."
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    pub workspace: Uuid,
    pub position: i64,
}

/// The workspaces a consumer has yet to look at, each once, and those being looked at, each by one worker.
#[derive(Default)]
pub(crate) struct Dirty {
    queue: Mutex<Queue>,
    changed: Notify,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Uuid>,
    /// In somebody's hands; `true` when it moved meanwhile and has to be looked at again.
    taken: HashMap<Uuid, bool>,
}

impl Dirty {
    pub fn push(&self, workspace: Uuid) {
        let mut queue = lock(&self.queue);
        if let Some(again) = queue.taken.get_mut(&workspace) {
            *again = true;
        } else if !queue.waiting.contains(&workspace) {
            queue.waiting.push_back(workspace);
            self.changed.notify_one();
        }
    }

    /// Takes the next workspace; `done` gives it back.
    pub async fn take(&self) -> Uuid {
        loop {
            if let Some(workspace) = self.pop() {
                return workspace;
            }
            self.changed.notified().await;
        }
    }

    fn pop(&self) -> Option<Uuid> {
        let mut queue = lock(&self.queue);
        let workspace = queue.waiting.pop_front()?;
        queue.taken.insert(workspace, false);
        Some(workspace)
    }

    pub fn done(&self, workspace: Uuid) {
        let again = lock(&self.queue).taken.remove(&workspace);
        if again == Some(true) {
            self.push(workspace);
        }
    }
}

pub(crate) struct Wakeup {
    known: Mutex<HashMap<Uuid, i64>>,
    consumers: Mutex<Vec<Weak<Dirty>>>,
    untold: Mutex<HashMap<Uuid, i64>>,
    something_untold: Notify,
}

impl Wakeup {
    pub fn start(pool: PgPool) -> Arc<Self> {
        let wakeup = Arc::new(Self {
            known: Mutex::default(),
            consumers: Mutex::default(),
            untold: Mutex::default(),
            something_untold: Notify::new(),
        });
        tokio::spawn(tell(wakeup.clone(), pool.clone()));
        tokio::spawn(listen(wakeup.clone(), pool.clone()));
        tokio::spawn(poll(wakeup.clone(), pool));
        wakeup
    }

    /// A queue of workspaces to look at, beginning with every known one.
    pub fn subscribe(&self) -> Arc<Dirty> {
        let dirty = Arc::new(Dirty::default());
        lock(&self.consumers).push(Arc::downgrade(&dirty));
        for workspace in lock(&self.known).keys() {
            dirty.push(*workspace);
        }
        dirty
    }

    /// Whatever they know, every consumer looks at these again: nobody can say how far they got.
    pub fn look_at(&self, workspaces: impl IntoIterator<Item = Uuid>) {
        let consumers: Vec<Arc<Dirty>> = lock(&self.consumers).iter().filter_map(Weak::upgrade).collect();
        for workspace in workspaces {
            consumers.iter().for_each(|dirty| dirty.push(workspace));
        }
    }

    /// After the database was away: it may have lost commits that did not wait for the disk.
    fn look_at_all(&self) {
        let known: Vec<Uuid> = lock(&self.known).keys().copied().collect();
        self.look_at(known);
    }

    /// This node appended.
    pub fn moved(&self, all: impl Iterator<Item = Moved>) {
        for moved in all {
            if self.learn(moved) {
                lock(&self.untold).insert(moved.workspace, moved.position);
            }
        }
        self.something_untold.notify_one();
    }

    /// Wakes the consumers if it is news.
    fn learn(&self, Moved { workspace, position }: Moved) -> bool {
        let mut known = lock(&self.known);
        let before = known.entry(workspace).or_insert(0);
        if *before >= position {
            return false;
        }
        *before = position;
        drop(known);
        lock(&self.consumers).retain(|consumer| match consumer.upgrade() {
            Some(dirty) => {
                dirty.push(workspace);
                true
            }
            None => false,
        });
        true
    }
}

// Three tasks that live as long as the process.

async fn tell(wakeup: Arc<Wakeup>, pool: PgPool) {
    loop {
        wakeup.something_untold.notified().await;
        tokio::time::sleep(COALESCE).await;
        let untold: Vec<(Uuid, i64)> = lock(&wakeup.untold).drain().collect();
        for part in untold.chunks(NAMED_MAX) {
            let payload: Vec<String> = part
                .iter()
                .map(|(workspace, position)| format!("{workspace}:{position}"))
                .collect();
            let notify = sqlx::query("select pg_notify($1, $2)")
                .bind(CHANNEL)
                .bind(payload.join(","));
            if let Err(error) = notify.execute(&pool).await {
                tracing::warn!(error = %error, "other nodes were not notified; they will look by themselves");
            }
        }
    }
}

async fn listen(wakeup: Arc<Wakeup>, pool: PgPool) {
    while !pool.is_closed() {
        if let Err(error) = listen_once(&wakeup, &pool).await {
            tracing::warn!(error = %error, "lost the ear for other nodes; listening again");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Until the connection is lost: then commits may be lost with it, and everybody looks again once it is back.
async fn listen_once(wakeup: &Wakeup, pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    wakeup.look_at_all();
    while let Some(notification) = listener.try_recv().await? {
        parse(&notification).into_iter().for_each(|moved| {
            wakeup.learn(moved);
        });
    }
    Ok(())
}

fn parse(notification: &PgNotification) -> Vec<Moved> {
    let moved = |part: &str| {
        let (workspace, position) = part.split_once(':')?;
        Some(Moved {
            workspace: workspace.parse().ok()?,
            position: position.parse().ok()?,
        })
    };
    notification.payload().split(',').filter_map(moved).collect()
}

async fn poll(wakeup: Arc<Wakeup>, pool: PgPool) {
    while !pool.is_closed() {
        let heads = sqlx::query_as::<_, (Uuid, i64)>("select workspace_id, position from log.heads where position > 0");
        match heads.fetch_all(&pool).await {
            Ok(heads) => heads.into_iter().for_each(|(workspace, position)| {
                wakeup.learn(Moved { workspace, position });
            }),
            Err(error) => tracing::warn!(error = %error, "could not look at the heads"),
        }
        tokio::time::sleep(POLL).await;
    }
}

/// A poisoned lock guards plain maps that no panic leaves half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
