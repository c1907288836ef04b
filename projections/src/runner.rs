//! The runner: takes a batch of one workspace's events, folds the touched rows of all its tables in memory, writes
//! them back and moves the checkpoint, in one statement (write.rs), while the next batch is folded (lane.rs). So a workspace's rows always equal its log at the
//! checkpoint, additive folds count each event once, and a crash repeats nothing. Events come from memory and rows are
//! remembered, as long as this node is the one that writes: then a batch costs one round trip. A workspace whose tables another
//! build has made is left to that build's nodes.

use crate::{
    debt::Debts,
    home::Homes,
    known::Era,
    lane::{Lane, Source},
    model::{BUILD, CHECKPOINT},
    past::Pasts,
    platform::{self, Workspace},
    platform_tables,
    schema::{self, PLATFORM},
    table::{ProjectError, Projector, Seen},
    tenant_tables,
    write::{Mark, write},
};
use async_trait::async_trait;
use domain::{Fact, id::WorkspaceId};
use log::{Consumer, ConsumerError, Log, Progress, Recorded, Shared, Urge};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError, RwLock},
};
use tokio::sync::watch;
use tracing::{Span, debug_span};
use uuid::Uuid;

/// Events folded in one transaction.
pub(crate) const BATCH: i64 = 500;
/// Batches that one step folds at most: other workspaces have their turn.
const BATCHES: usize = 16;

/// Leases are kept apart by build: as long as nodes of two follow the log, each has its own who writes its rows.
static NAME: LazyLock<String> = LazyLock::new(|| format!("{FAMILY}.{}", BUILD.as_str()));
const FAMILY: &str = "projections";

/// A handle to the runner; cheap to clone.
#[derive(Clone)]
pub struct Projections(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub log: Log,
    pub pool: PgPool,
    pub tenant: Vec<Box<dyn Projector>>,
    platform: Vec<Box<dyn Projector>>,
    schemas: Mutex<HashMap<Uuid, String>>,
    pub homes: Homes,
    pub debts: Debts,
    /// Workspaces whose tables are not, or not yet, as this build makes them.
    unserved: RwLock<HashSet<Uuid>>,
    pub pasts: Pasts,
    standings: Mutex<Standings>,
    reached: Mutex<HashMap<Uuid, watch::Sender<i64>>>,
    urge: OnceLock<Urge>,
}

/// Where workspaces' rows stand, as this node wrote them last.
#[derive(Default)]
struct Standings {
    known: HashMap<Uuid, Standing>,
    eras: u64,
}

#[derive(Clone, Copy)]
struct Standing {
    mark: Mark,
    era: Era,
}

impl Projections {
    /// The read models as they are, whatever their shape.
    pub fn new(log: Log, pool: PgPool) -> Self {
        Self(Arc::new(Inner {
            log,
            pool,
            tenant: tenant_tables(),
            platform: platform_tables(),
            schemas: Mutex::default(),
            homes: Homes::default(),
            debts: Debts::default(),
            unserved: RwLock::default(),
            pasts: Pasts::default(),
            standings: Mutex::default(),
            reached: Mutex::default(),
            urge: OnceLock::new(),
        }))
    }

    /// Brings the platform's schema up to date. Workspaces whose tables another build made are not served before `renew`.
    pub async fn open(log: Log, pool: PgPool) -> Result<Self, ProjectError> {
        let mut connection = pool.acquire().await?;
        schema::migrate_platform(&mut connection).await?;
        drop(connection);
        log.retire_consumers(FAMILY, &NAME).await?;
        let projections = Self::new(log, pool);
        let outdated = outdated(&projections.0.pool).await?;
        let unserved = outdated.into_iter().map(|workspace| workspace.id).collect();
        *projections.0.unserved.write().unwrap_or_else(PoisonError::into_inner) = unserved;
        Ok(projections)
    }

    /// Whether a workspace's tables are as this build makes them. If not, somebody else makes them, or will in a moment.
    pub async fn serves(&self, workspace: WorkspaceId) -> Result<bool, ProjectError> {
        match self.0.is_served(workspace.into()) {
            true => Ok(true),
            false => self.still_serves(workspace).await,
        }
    }

    /// The same by what the tables are right now.
    pub async fn still_serves(&self, workspace: WorkspaceId) -> Result<bool, ProjectError> {
        let workspace = workspace.into();
        let schema = self.0.schema(workspace).await?;
        let serves =
            schema::outdated(&self.0.pool, &schema).await?.is_empty() || self.is_untouched(workspace, &schema).await?;
        match serves {
            true => self.0.serve(workspace),
            false => _ = self.0.leave(workspace),
        }
        Ok(serves)
    }

    /// The runner, to be followed with.
    pub fn consumer(&self) -> Arc<dyn Consumer> {
        Arc::new(self.clone())
    }
}

#[async_trait]
impl Consumer for Projections {
    fn name(&self) -> &'static str {
        &NAME
    }

    async fn advance(&self, workspace: Uuid) -> Result<Progress, ConsumerError> {
        let advanced = self.0.advance(workspace).await;
        if advanced.is_err() {
            self.0.forget(workspace); // the tables may be others since
        }
        Ok(advanced?)
    }

    fn attach(&self, urge: Urge) {
        self.0.urge.set(urge).ok();
    }
}

/// Each trace that a batch is of sees the batch's folding.
fn fold_spans(events: &[Seen<'_>]) -> Vec<Span> {
    if !trace::is_seen() {
        return vec![];
    }
    let traces: BTreeSet<String> = events
        .iter()
        .filter_map(|event| event.recorded.meta().traceparent)
        .collect();
    let traces = traces.iter().filter_map(|name| name.parse().ok());
    let span = |parent| {
        let span = debug_span!(target: trace::TARGET, parent: None, "fold", batch = events.len());
        trace::continued(&span, Some(&parent));
        span
    };
    traces.map(span).collect()
}

impl Inner {
    async fn advance(&self, workspace: Uuid) -> Result<Progress, ProjectError> {
        let schema = self.schema(workspace).await?;
        let Some(Standing { mark, era }) = self.standing(workspace, &schema).await? else {
            return self.stand_by(workspace, &schema).await;
        };
        let events = self.log.next(workspace, mark.position, BATCH).await?;
        if events.is_empty() {
            return self.confirm(workspace, &schema, mark).await;
        }
        let mut lane = Lane::new(self, schema, era, mark);
        match self.follow(&mut lane, events).await {
            // Another node has taken this step, or a crash of the database took an earlier one back.
            Err(ProjectError::Elsewhere { .. }) => Ok(Progress {
                position: mark.position,
                more: true,
            }),
            followed => followed,
        }
    }

    /// Folds batch after batch as long as there is one at hand, each while the one before is written.
    async fn follow(&self, lane: &mut Lane<'_>, mut events: Vec<Arc<Shared>>) -> Result<Progress, ProjectError> {
        let workspace = lane.era.workspace;
        let mut is_full = false;
        for _ in 0..BATCHES {
            let facts = facts(&events)?;
            let seen = seen(&facts, &events);
            let spans = fold_spans(&seen);
            let Some(last) = events.last().map(|event| event.position) else {
                break;
            };
            let mut changes = vec![];
            for table in self.tables(workspace) {
                let (schema, era) = (lane.schema.clone(), Some(lane.era));
                changes.extend(table.fold(&mut Source::Lane(lane), &schema, era, &seen).await?);
            }
            is_full = last - lane.mark.position == BATCH;
            lane.write(last, changes).await?;
            drop(spans);
            events = match self.log.recent(workspace, last, BATCH) {
                Some(events) => events,
                None => {
                    lane.settle().await?;
                    self.log.recent(workspace, last, BATCH).unwrap_or_default()
                }
            };
        }
        lane.finish().await?;
        let Mark { position, .. } = lane.mark;
        Ok(Progress {
            position,
            more: is_full || !events.is_empty(),
        })
    }

    /// Nothing is there to be folded: if the rows really stand where they are remembered to.
    async fn confirm(&self, workspace: Uuid, schema: &str, mark: Mark) -> Result<Progress, ProjectError> {
        let now = Mark::read(self.log.followers(), schema).await?;
        if now != mark {
            self.forget(workspace);
        }
        self.publish(workspace, now.position);
        Ok(Progress {
            position: now.position,
            more: now != mark,
        })
    }

    /// Another build's nodes write these rows: only how far they are is of interest.
    async fn stand_by(&self, workspace: Uuid, schema: &str) -> Result<Progress, ProjectError> {
        let position = format!("select position from {schema}.{CHECKPOINT}");
        let position = sqlx::query_scalar(AssertSqlSafe(position)).fetch_one(self.log.followers());
        let position = position.await?;
        self.publish(workspace, position);
        Ok(Progress { position, more: false })
    }

    /// Where a workspace's rows stand, and the era of what is known of them; nothing where they are another build's.
    async fn standing(&self, workspace: Uuid, schema: &str) -> Result<Option<Standing>, ProjectError> {
        let nth = {
            let standings = self.standings();
            match standings.known.get(&workspace) {
                Some(known) => return Ok(Some(*known)),
                None => standings.eras,
            }
        };
        if schema != PLATFORM && !self.has_tables(schema).await? {
            if self.leave(workspace) {
                tracing::warn!(%workspace, schema, "its read models are another build's: not served here");
            }
            return Ok(None);
        }
        let standing = Standing {
            mark: Mark::read(self.log.followers(), schema).await?,
            era: Era { workspace, nth },
        };
        self.serve(workspace);
        self.standings().known.insert(workspace, standing);
        Ok(Some(standing))
    }

    /// Whether a workspace's tables are as this build makes them; where there is no schema they come to be.
    async fn has_tables(&self, schema: &str) -> Result<bool, ProjectError> {
        if !schema::exists(self.log.followers(), schema).await? {
            self.provision(schema).await?;
        }
        Ok(schema::outdated(self.log.followers(), schema).await?.is_empty())
    }

    pub(crate) async fn provision(&self, schema: &str) -> Result<(), sqlx::Error> {
        let mut tx = self.log.followers().begin().await?;
        schema::provision(&mut tx, schema).await?;
        tx.commit().await
    }

    fn is_served(&self, workspace: Uuid) -> bool {
        !self
            .unserved
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&workspace)
    }

    /// Whether it was served before.
    fn leave(&self, workspace: Uuid) -> bool {
        self.unserved
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(workspace)
    }

    pub(crate) fn serve(&self, workspace: Uuid) {
        if !self.is_served(workspace) {
            self.unserved
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&workspace);
        }
    }

    /// What was folded up to there is written.
    pub(crate) fn stands(&self, workspace: Uuid, position: i64) {
        if let Some(known) = self.standings().known.get_mut(&workspace) {
            known.mark.position = position;
        }
        self.publish(workspace, position);
    }

    pub(crate) fn forget(&self, workspace: Uuid) {
        let mut standings = self.standings();
        standings.eras += 1;
        standings.known.remove(&workspace);
    }

    fn standings(&self) -> MutexGuard<'_, Standings> {
        self.standings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn urge(&self, body: impl FnOnce(&Urge)) {
        self.urge.get().map(body);
    }

    /// Writes what the events make of these tables, and moves the checkpoint on from there; `false`: it stands elsewhere.
    pub(crate) async fn fold(
        &self,
        connection: &mut PgConnection,
        schema: &str,
        tables: &[&dyn Projector],
        era: Option<Era>,
        from: Mark,
        events: &[Seen<'_>],
    ) -> Result<bool, ProjectError> {
        let Some(last) = events.last() else { return Ok(true) };
        let mut changes = vec![];
        for table in tables {
            let mut source = Source::Connection(&mut *connection);
            changes.extend(table.fold(&mut source, schema, era, events).await?);
        }
        write(connection, schema, from, last.recorded.position, changes).await
    }

    pub(crate) fn tables(&self, workspace: Uuid) -> Vec<&dyn Projector> {
        let tables = match workspace == WorkspaceId::PLATFORM.uuid() {
            true => &self.platform,
            false => &self.tenant,
        };
        tables.iter().map(AsRef::as_ref).collect()
    }

    pub(crate) async fn schema(&self, workspace: Uuid) -> Result<String, ProjectError> {
        if workspace == WorkspaceId::PLATFORM.uuid() {
            return Ok(PLATFORM.to_owned());
        }
        let known = self
            .schemas
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&workspace)
            .cloned();
        if let Some(schema) = known {
            return Ok(schema);
        }
        let found = platform::workspace(&self.pool, workspace)
            .await?
            .ok_or(ProjectError::NoSchema(workspace))?;
        let schema = found.schema();
        self.schemas
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(workspace, schema.clone());
        Ok(schema)
    }

    /// What the checkpoint says, also when a crash of the database took it back.
    fn publish(&self, workspace: Uuid, position: i64) {
        self.with_reached(workspace, |reached| reached.send_replace(position));
    }

    pub(crate) fn with_reached<T>(&self, workspace: Uuid, body: impl FnOnce(&watch::Sender<i64>) -> T) -> T {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        body(reached.entry(workspace).or_insert_with(|| watch::channel(0).0))
    }
}

/// Workspaces whose rows are of another build's shape, or not there at all although something has happened in them.
pub async fn outdated(pool: &PgPool) -> Result<Vec<Workspace>, ProjectError> {
    let mut connection = pool.acquire().await?;
    if !schema::exists(&mut *connection, PLATFORM).await? {
        return Ok(vec![]);
    }
    let current = schema::current(&mut connection).await?;
    drop(connection);
    let mut workspaces = touched(pool).await?;
    workspaces.retain(|workspace| !current.contains(&workspace.schema()));
    Ok(workspaces)
}

/// Workspaces in which something has happened: the others have no tables.
pub async fn touched(pool: &PgPool) -> Result<Vec<Workspace>, ProjectError> {
    let mut workspaces = platform::workspaces(pool).await?;
    let all: Vec<_> = workspaces
        .iter()
        .map(|workspace| (workspace.id, workspace.schema()))
        .collect();
    let untouched = schema::untouched(&mut *pool.acquire().await?, &all).await?;
    workspaces.retain(|workspace| !untouched.contains(&workspace.id));
    Ok(workspaces)
}

/// What the events say; decoded once for all who follow on this node.
pub(crate) fn facts(events: &[Arc<Shared>]) -> Result<Vec<Arc<Fact>>, ProjectError> {
    let fact = |event: &Arc<Shared>| {
        let decode = |event: &Recorded| Fact::decode(&event.category, &event.event_type, event.schema, &event.data);
        let position = event.position;
        let fact = event.meaning(decode);
        fact.map_err(|source| ProjectError::Event { position, source })
    };
    events.iter().map(fact).collect()
}

pub(crate) fn seen<'a>(facts: &'a [Arc<Fact>], events: &'a [Arc<Shared>]) -> Vec<Seen<'a>> {
    let seen = |(fact, event): (&'a Arc<Fact>, &'a Arc<Shared>)| Seen { fact, recorded: event };
    facts.iter().zip(events).map(seen).collect()
}
