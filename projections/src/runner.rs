//! The runner: takes a batch of one workspace's events, folds the touched rows of all its tables in memory, writes
//! them back and moves the checkpoint, in one statement (write.rs). So a workspace's rows always equal its log at the
//! checkpoint, additive folds count each event once, and a crash repeats nothing. Events come from memory and rows are
//! remembered, as long as this node is the one that writes: then a batch costs one round trip.

use crate::{
    counts::COUNTS,
    known::Era,
    platform, platform_tables,
    schema::{self, PLATFORM},
    table::{ProjectError, Projector, Seen},
    tenant_tables,
    write::write,
};
use async_trait::async_trait;
use domain::{Fact, id::WorkspaceId, identity::workspace::WorkspaceEvent};
use log::{Consumer, ConsumerError, Log, Progress, Recorded, Shared, Urge};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::watch;
use uuid::Uuid;

/// Events folded in one transaction.
const BATCH: i64 = 500;
/// How long a write waits to be readable before it answers anyway.
const READABLE_WAIT: Duration = Duration::from_secs(10);
/// How long it trusts that somebody else takes the step it waits for.
const PATIENCE: Duration = Duration::from_millis(250);

/// A handle to the runner; cheap to clone.
#[derive(Clone)]
pub struct Projections(Arc<Inner>);

struct Inner {
    log: Log,
    pool: PgPool,
    tenant: Vec<Box<dyn Projector>>,
    platform: Vec<Box<dyn Projector>>,
    schemas: Mutex<HashMap<Uuid, String>>,
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
    position: i64,
    era: Era,
}

/// What a replay compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    pub position: i64,
    /// Tables whose replayed rows differ from the live ones.
    pub differing: Vec<&'static str>,
}

impl Projections {
    /// Brings the platform's schema up to date, and makes anew the rows of each workspace that another build made: what
    /// is served afterwards has this build's shape.
    pub async fn open(log: Log, pool: PgPool) -> Result<Self, ProjectError> {
        let mut connection = pool.acquire().await?;
        schema::migrate_platform(&mut connection).await?;
        let current = schema::current(&mut connection).await?;
        drop(connection);
        let workspaces = platform::workspaces(&pool).await?;
        let inner = Inner {
            log,
            pool,
            tenant: tenant_tables(),
            platform: platform_tables(),
            schemas: Mutex::default(),
            standings: Mutex::default(),
            reached: Mutex::default(),
            urge: OnceLock::new(),
        };
        for workspace in workspaces {
            if !current.contains(&workspace.schema()) {
                inner.renew(workspace.id, &workspace.schema()).await?;
            }
        }
        Ok(Self(Arc::new(inner)))
    }

    /// The runner, to be followed with.
    pub fn consumer(&self) -> Arc<dyn Consumer> {
        Arc::new(self.clone())
    }

    /// Waits until the workspace's read models have reached a position; `false` when they did not in time. Where
    /// another node leads the workspace, this one takes the step itself: the checkpoint's lock lets both be right, and
    /// nobody waits for a message from there.
    pub async fn wait_for(&self, workspace: WorkspaceId, position: i64) -> bool {
        let workspace = workspace.into();
        let mut reached = self.0.with_reached(workspace, watch::Sender::subscribe);
        if *reached.borrow() >= position {
            return true;
        }
        let wait = async {
            self.0.urge(|urge| urge.ask(workspace));
            loop {
                let wait = reached.wait_for(|at| *at >= position);
                match tokio::time::timeout(PATIENCE, wait).await {
                    Ok(reached) => return reached.is_ok(),
                    // The lease may have changed hands meanwhile.
                    Err(_) => self.0.urge(|urge| urge.insist(workspace)),
                }
            }
        };
        tokio::time::timeout(READABLE_WAIT, wait).await.unwrap_or(false)
    }

    /// Folds a workspace's log from zero into a scratch schema, compares its tables with the live ones at the same
    /// position, and drops it again. Nothing else can happen here: sagas and relays are not asked.
    pub async fn verify(&self, workspace: WorkspaceId) -> Result<Replayed, ProjectError> {
        self.0.verify(workspace.into()).await
    }
}

#[async_trait]
impl Consumer for Projections {
    fn name(&self) -> &'static str {
        "projections"
    }

    async fn advance(&self, workspace: Uuid) -> Result<Progress, ConsumerError> {
        Ok(self.0.advance(workspace).await?)
    }

    fn attach(&self, urge: Urge) {
        self.0.urge.set(urge).ok();
    }
}

impl Inner {
    async fn advance(&self, workspace: Uuid) -> Result<Progress, ProjectError> {
        let schema = self.schema(workspace).await?;
        let Standing { position: from, era } = self.standing(workspace, &schema).await?;
        let events = self.log.next(workspace, from, BATCH).await?;
        let Some(last) = events.last().map(|event| event.position) else {
            return self.confirm(workspace, &schema, from).await;
        };
        let facts = facts(&events)?;
        let seen: Vec<Seen> = seen(&facts, &events);
        let moved = if founds(&seen) {
            // A workspace exists for readers when its schema does: both become visible in one commit.
            let mut tx = self.log.followers().begin().await?;
            found(&mut tx, &seen).await?;
            let moved = self.fold(&mut tx, &schema, Some(era), from, &seen).await?;
            tx.commit().await?;
            moved
        } else {
            let mut connection = self.log.followers().acquire().await?;
            self.fold(&mut connection, &schema, Some(era), from, &seen).await?
        };
        if !moved {
            // Another node has taken this step, or a crash of the database took an earlier one back.
            self.forget(workspace);
            return Ok(Progress {
                position: from,
                more: true,
            });
        }
        self.stands(workspace, last);
        self.publish(workspace, last);
        Ok(Progress {
            position: last,
            more: last - from == BATCH,
        })
    }

    /// Nothing is there to be folded: if the rows really stand where they are remembered to.
    async fn confirm(&self, workspace: Uuid, schema: &str, from: i64) -> Result<Progress, ProjectError> {
        let position = self.checkpoint(schema).await?;
        if position != from {
            self.forget(workspace);
        }
        self.publish(workspace, position);
        Ok(Progress {
            position,
            more: position != from,
        })
    }

    async fn checkpoint(&self, schema: &str) -> Result<i64, sqlx::Error> {
        let position = format!("select position from {schema}.checkpoint");
        sqlx::query_scalar(AssertSqlSafe(position))
            .fetch_one(self.log.followers())
            .await
    }

    /// Where a workspace's rows stand, and the era of what is known of them.
    async fn standing(&self, workspace: Uuid, schema: &str) -> Result<Standing, ProjectError> {
        let nth = {
            let standings = self.standings();
            match standings.known.get(&workspace) {
                Some(known) => return Ok(*known),
                None => standings.eras,
            }
        };
        let standing = Standing {
            position: self.checkpoint(schema).await?,
            era: Era { workspace, nth },
        };
        self.standings().known.insert(workspace, standing);
        Ok(standing)
    }

    fn stands(&self, workspace: Uuid, position: i64) {
        if let Some(known) = self.standings().known.get_mut(&workspace) {
            known.position = position;
        }
    }

    fn forget(&self, workspace: Uuid) {
        let mut standings = self.standings();
        standings.eras += 1;
        standings.known.remove(&workspace);
    }

    fn standings(&self) -> MutexGuard<'_, Standings> {
        self.standings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A workspace's tables as this build wants them, with all that the log tells, in one transaction: a crash leaves
    /// the old ones, and readers on other nodes see either.
    async fn renew(&self, workspace: Uuid, schema: &str) -> Result<(), ProjectError> {
        let mut tx = self.pool.begin().await?;
        log::unhurried(&mut tx).await?;
        if schema::provision(&mut tx, schema).await? {
            let began = Instant::now();
            let position = self.refold(&mut tx, workspace, schema, i64::MAX).await?;
            let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(%workspace, schema, position, milliseconds, "the read models were made anew");
        }
        Ok(tx.commit().await?)
    }

    /// Folds the log from its beginning into empty tables, up to a position; answers where it ended.
    async fn refold(
        &self,
        connection: &mut PgConnection,
        workspace: Uuid,
        schema: &str,
        until: i64,
    ) -> Result<i64, ProjectError> {
        let mut at = 0;
        loop {
            let mut events = log::read_in_tx(connection, workspace, at, BATCH).await?;
            events.retain(|event| event.position <= until);
            let Some(last) = events.last().map(|event| event.position) else {
                return Ok(at);
            };
            self.log.open_personal_in_tx(connection, &mut events).await?;
            let events: Vec<_> = events.into_iter().map(Shared::new).collect();
            let facts = facts(&events)?;
            if !self.fold(connection, schema, None, at, &seen(&facts, &events)).await? {
                return Err(ProjectError::Elsewhere { position: at });
            }
            at = last;
        }
    }

    fn urge(&self, body: impl FnOnce(&Urge)) {
        self.urge.get().map(body);
    }

    /// Writes what the events make of all tables, and moves the checkpoint on from there; `false`: it stands elsewhere.
    async fn fold(
        &self,
        connection: &mut PgConnection,
        schema: &str,
        era: Option<Era>,
        from: i64,
        events: &[Seen<'_>],
    ) -> Result<bool, ProjectError> {
        let Some(last) = events.last() else { return Ok(true) };
        let tables = if event_is_platforms(last) {
            &self.platform
        } else {
            &self.tenant
        };
        let mut changes = vec![];
        for table in tables {
            changes.extend(table.fold(connection, schema, era, events).await?);
        }
        write(connection, schema, (from, last.recorded.position), changes).await
    }

    async fn schema(&self, workspace: Uuid) -> Result<String, ProjectError> {
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

    fn with_reached<T>(&self, workspace: Uuid, body: impl FnOnce(&watch::Sender<i64>) -> T) -> T {
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        body(reached.entry(workspace).or_insert_with(|| watch::channel(0).0))
    }

    async fn verify(&self, workspace: Uuid) -> Result<Replayed, ProjectError> {
        let live = self.schema(workspace).await?;
        // Not `tenant_…`, which could be another workspace's.
        let scratch = format!("replay_{live}");
        let mut tx = self.pool.begin().await?;
        log::unhurried(&mut tx).await?;
        // The lock holds the live rows still at their position.
        let lock = format!("select position from {live}.checkpoint for update");
        let until: i64 = sqlx::query_scalar(AssertSqlSafe(lock)).fetch_one(&mut *tx).await?;
        sqlx::raw_sql(AssertSqlSafe(format!("create schema {scratch}")))
            .execute(&mut *tx)
            .await?;
        schema::create_tables(&mut tx, &scratch).await?;
        self.refold(&mut tx, workspace, &scratch, until).await?;
        let mut differing = Vec::new();
        for table in self.tenant.iter().map(|table| table.name()).chain([COUNTS]) {
            // A count of none is as good as none.
            let rows = |schema: &str| match table {
                COUNTS => format!("select * from {schema}.{table} where total <> 0"),
                _ => format!("table {schema}.{table}"),
            };
            let (live, scratch) = (rows(&live), rows(&scratch));
            let compare = format!("select exists (({live} except {scratch}) union all ({scratch} except {live}))");
            if sqlx::query_scalar(AssertSqlSafe(compare)).fetch_one(&mut *tx).await? {
                differing.push(table);
            }
        }
        tx.rollback().await?;
        Ok(Replayed {
            position: until,
            differing,
        })
    }
}

/// What the events say; decoded once for all who follow on this node.
fn facts(events: &[Arc<Shared>]) -> Result<Vec<Arc<Fact>>, ProjectError> {
    let fact = |event: &Arc<Shared>| {
        let decode = |event: &Recorded| Fact::decode(&event.category, &event.event_type, event.schema, &event.data);
        let position = event.position;
        let fact = event.meaning(decode);
        fact.map_err(|source| ProjectError::Event { position, source })
    };
    events.iter().map(fact).collect()
}

fn seen<'a>(facts: &'a [Arc<Fact>], events: &'a [Arc<Shared>]) -> Vec<Seen<'a>> {
    let seen = |(fact, event): (&'a Arc<Fact>, &'a Arc<Shared>)| Seen { fact, recorded: event };
    facts.iter().zip(events).map(seen).collect()
}

/// Whether a workspace begins with one of them.
fn founds(events: &[Seen]) -> bool {
    events
        .iter()
        .any(|event| matches!(event.fact, Fact::Workspace(WorkspaceEvent::Created(_))))
}

async fn found(connection: &mut PgConnection, events: &[Seen<'_>]) -> Result<(), ProjectError> {
    for event in events {
        if let Fact::Workspace(WorkspaceEvent::Created(created)) = event.fact {
            schema::provision(connection, &platform::schema_of(&created.slug)).await?;
        }
    }
    Ok(())
}

fn event_is_platforms(event: &Seen) -> bool {
    event.recorded.workspace == WorkspaceId::PLATFORM.uuid()
}
