//! Leases: which node works on which workspaces, for each consumer. They only avoid double work; what is right stays in
//! the hands of the consumers' own cursors and row locks, so that two nodes at one workspace are slow, never wrong.
//!
//! A node is a process as long as its listening session lives. Each keeps a row in `log.nodes`, renewed every second,
//! and holds ranges of workspaces in `log.leases`; whoever finds a row expired or its session gone removes it, and
//! thereby frees what it held. Who shares a consumer with how many others follows from the rows, so every node sees by
//! itself what it should take and what it should give away.

pub(crate) mod lead;
pub(crate) mod range;
pub(crate) mod table;

use crate::{follow::queue::Queue, lock, wakeup::Wakeup};
use lead::Hold;
use range::{RANGES, Ranges, plan};
use sqlx::PgPool;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use table::{Lease, Node, Wanted};
use tokio::sync::Notify;
use uuid::Uuid;

const RENEW: Duration = Duration::from_secs(1);
/// How long a node that went silent is thought to live: with the second until somebody looks, takeover takes 4 s.
const TTL: Duration = Duration::from_secs(3);
/// How long the node itself trusts a renewal, counted from before it was asked for.
const TRUST: Duration = Duration::from_millis(2_500);
/// For one look at the tables.
const PATIENCE: Duration = Duration::from_secs(2);

/// This node's part in the sharing of work.
#[derive(Default)]
pub(crate) struct Leases {
    me: Mutex<Option<Me>>,
    stirred: Notify,
    /// Held while the tables are asked or changed: leaving must not meet a renewal.
    turn: tokio::sync::Mutex<()>,
}

/// This node, under an id that is used for one session only: what an earlier session held belongs to the dead.
#[derive(Debug, Clone)]
struct Me {
    node: Uuid,
    session: i32,
    joined: Option<Instant>,
    /// The others that were alive at the last look.
    others: BTreeSet<Uuid>,
    /// Since when there were none.
    alone: Option<Instant>,
    /// How long that look may be trusted.
    until: Instant,
}

impl Me {
    fn is_trusted(&self) -> bool {
        self.joined.is_some() && Instant::now() < self.until
    }
}

enum Look {
    /// Nothing to share, or nobody to be.
    Idle,
    Kept,
    /// Others think this node dead.
    Removed,
}

impl Leases {
    /// The node listens, on that backend.
    pub fn open_session(&self, session: i32) {
        *lock(&self.me) = Some(Me {
            node: Uuid::now_v7(),
            session,
            joined: None,
            others: BTreeSet::new(),
            alone: None,
            until: Instant::now(),
        });
        self.stir();
    }

    /// Nobody can be heard any more, and others see that the session is gone: everything is let go at once.
    pub fn close_session(&self, queues: &[Arc<Queue>]) {
        *lock(&self.me) = None;
        queues.iter().for_each(|queue| queue.lead(Hold::none()));
    }

    /// Has the leases looked at now.
    pub fn stir(&self) {
        self.stirred.notify_one();
    }

    /// The id of this node as long as it is one.
    pub fn node(&self) -> Option<Uuid> {
        lock(&self.me).as_ref().map(|me| me.node)
    }

    /// How many others were alive at the last look.
    pub fn others(&self) -> usize {
        lock(&self.me).as_ref().map_or(0, |me| me.others.len())
    }

    /// Whether no other node is at work, and none can still think that it is.
    pub fn is_alone(&self) -> bool {
        let alone = |me: &Me| me.alone.is_some_and(|since| since.elapsed() > TRUST) && me.is_trusted();
        lock(&self.me).as_ref().is_some_and(alone)
    }

    /// This node, if all others that are at work know of it by now: none counts on being alone any more.
    pub fn known_as(&self) -> Option<Uuid> {
        let known = |me: &&Me| me.joined.is_some_and(|since| since.elapsed() > TRUST) && me.is_trusted();
        lock(&self.me).as_ref().filter(known).map(|me| me.node)
    }

    /// Gives back what a consumer holds that has ended on this node.
    pub async fn leave(&self, pool: &PgPool, consumer: &str) -> Result<(), sqlx::Error> {
        let _turn = self.turn.lock().await;
        let Some(node) = self.node() else { return Ok(()) };
        if !table::leave(pool, node, consumer).await? {
            self.change(node, |me| me.joined = None);
        }
        Ok(())
    }

    fn change(&self, node: Uuid, body: impl FnOnce(&mut Me)) {
        if let Some(me) = lock(&self.me).as_mut().filter(|me| me.node == node) {
            body(me);
        }
    }
}

/// Keeps this node's leases as long as it has consumers.
pub(crate) async fn keep(leases: Arc<Leases>, wakeup: Arc<Wakeup>, pool: PgPool) {
    loop {
        let looked = match tokio::time::timeout(PATIENCE, leases.look(&pool, &wakeup)).await {
            Ok(looked) => looked,
            Err(elapsed) => Err(sqlx::Error::Protocol(elapsed.to_string())),
        };
        match looked {
            Ok(Look::Idle) => leases.stirred.notified().await,
            Ok(Look::Removed) => {
                tracing::warn!("others took this node for dead; it begins anew");
                wakeup.listen_anew();
                leases.stirred.notified().await;
            }
            Ok(Look::Kept) => wait(&leases.stirred).await,
            Err(error) => {
                tracing::warn!(%error, "the leases could not be renewed");
                wait(&leases.stirred).await;
            }
        }
    }
}

async fn wait(stirred: &Notify) {
    tokio::time::timeout(RENEW, stirred.notified()).await.ok();
}

impl Leases {
    async fn look(&self, pool: &PgPool, wakeup: &Wakeup) -> Result<Look, sqlx::Error> {
        let _turn = self.turn.lock().await;
        let queues = wakeup.queues();
        let queues: Vec<Arc<Queue>> = queues.into_iter().filter(|queue| queue.shares()).collect();
        let Some(me) = lock(&self.me).clone().filter(|_| !queues.is_empty()) else {
            return Ok(Look::Idle);
        };
        let consumers: Vec<&str> = queues.iter().map(|queue| queue.name()).collect();
        let until = Instant::now() + TRUST;
        if me.joined.is_none() {
            table::join(pool, me.node, me.session, &consumers, TTL).await?;
            self.change(me.node, |me| me.joined = Some(Instant::now()));
        } else if !table::renew(pool, me.node, &consumers, TTL).await? {
            return Ok(Look::Removed);
        }
        // In this order: who holds a lease and is not among the nodes afterwards is gone for good, and not just coming.
        let leases = table::leases(pool, &consumers).await?;
        let nodes = living(pool).await?;
        if !nodes.iter().any(|node| node.id == me.node) {
            return Ok(Look::Removed);
        }
        let others: BTreeSet<Uuid> = nodes.iter().map(|node| node.id).filter(|id| *id != me.node).collect();
        if !me.others.is_subset(&others) {
            // Perhaps before it could tell what it had written.
            wakeup.look_at_heads();
        }
        if leases.len() < consumers.len() * RANGES {
            // A consumer that came later than its node, or tables that were emptied.
            table::join(pool, me.node, me.session, &consumers, TTL).await?;
            self.stir();
        }
        let survey = Survey { nodes, leases, until };
        self.share(pool, &me, &queues, survey).await?;
        self.change(me.node, |me| {
            me.alone = others.is_empty().then(|| me.alone.unwrap_or_else(Instant::now));
            (me.others, me.until) = (others, until);
        });
        Ok(Look::Kept)
    }

    /// Takes and gives what brings each consumer to its share.
    async fn share(&self, pool: &PgPool, me: &Me, queues: &[Arc<Queue>], survey: Survey) -> Result<(), sqlx::Error> {
        let plans: Vec<_> = queues.iter().map(|queue| survey.plan(me.node, queue.name())).collect();
        let wanted: Vec<Wanted> = queues
            .iter()
            .zip(&plans)
            .flat_map(|(queue, plan)| survey.wanted(queue.name(), plan.take))
            .collect();
        let taken = if wanted.is_empty() {
            vec![]
        } else {
            table::take(pool, me.node, &wanted).await?
        };
        if taken.len() < wanted.len() {
            self.stir(); // another was faster; perhaps there is more
        }
        let mut given = Vec::new();
        for (queue, plan) in queues.iter().zip(&plans) {
            let held = survey.leases.iter().filter(|lease| lease.node == Some(me.node));
            let held = held.chain(&taken).filter(|lease| lease.consumer == queue.name());
            let mut hold = held.fold(Hold::none(), |mut hold, lease| {
                hold.ranges.insert(lease.range);
                hold.epochs[lease.range] = lease.epoch;
                hold
            });
            (hold.node, hold.until, hold.yielding) = (me.node, survey.until, plan.give);
            if self.node() == Some(me.node) {
                queue.lead(hold);
            }
            // Whatever is in hand is finished first; its end has the leases looked at again.
            let idle = plan.give.without(queue.in_hand());
            given.extend(idle.iter().map(|range| (queue.name(), range)));
        }
        if !given.is_empty() {
            table::give(pool, me.node, &given).await?;
        }
        Ok(())
    }
}

/// All nodes but the dead, who are removed in passing.
async fn living(pool: &PgPool) -> Result<Vec<Node>, sqlx::Error> {
    let mut nodes = table::nodes(pool).await?;
    let dead: Vec<Uuid> = nodes.iter().filter(|node| !node.alive).map(|node| node.id).collect();
    if !dead.is_empty() {
        let removed = table::remove(pool, &dead).await?;
        nodes.retain(|node| !removed.contains(&node.id));
    }
    Ok(nodes)
}

/// What the tables said.
struct Survey {
    nodes: Vec<Node>,
    leases: Vec<Lease>,
    /// How long this node may trust it.
    until: Instant,
}

impl Survey {
    fn plan(&self, me: Uuid, consumer: &str) -> range::Plan {
        let rivals: Vec<Uuid> = self
            .nodes
            .iter()
            .filter(|node| node.consumers.iter().any(|name| name == consumer))
            .map(|node| node.id)
            .collect();
        let place = rivals.iter().position(|id| *id == me).unwrap_or(rivals.len());
        let leases = || self.leases.iter().filter(|lease| lease.consumer == consumer);
        let mine: Ranges = leases()
            .filter(|lease| lease.node == Some(me))
            .map(|lease| lease.range)
            .collect();
        let free: Ranges = leases()
            .filter(|lease| lease.node.is_none_or(|node| !rivals.contains(&node)))
            .map(|lease| lease.range)
            .collect();
        plan(mine, free, rivals.len().max(place + 1), place)
    }

    fn wanted(&self, consumer: &'static str, take: Ranges) -> impl Iterator<Item = Wanted> {
        let leases = self.leases.iter().filter(move |lease| lease.consumer == consumer);
        leases
            .filter(move |lease| take.contains(lease.range))
            .map(move |lease| (consumer, lease.range, lease.epoch))
    }
}
