//! Rows made again from the log: beside the live ones, which are read and written meanwhile, and then put in their place. What
//! is not finished nobody sees, and the next builder drops it. The rows before are kept until the next time. Nothing but read
//! models can be made again: sagas and relays are not asked.

mod aside;
mod builder;
pub(crate) mod bulk;
mod compare;
mod copy;
mod exchange;
mod forget;
mod history;
pub(crate) mod trace;

pub use compare::{Compared, Difference, Replayed};

use crate::{
    model::{MODELS, Model},
    platform::Workspace,
    runner::{Inner, Projections, outdated},
    schema,
    table::{ProjectError, Projector},
};
pub(crate) use builder::{Beside, Builder};
use domain::id::WorkspaceId;
use sqlx::{AssertSqlSafe, Connection};
use std::{collections::BTreeSet, time::Instant};

/// How far a history is folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub position: i64,
    /// Where the log ended when it began.
    pub head: i64,
}

/// Some of a workspace's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables(BTreeSet<&'static str>);

impl Tables {
    pub fn all() -> Self {
        Self(MODELS.iter().map(|model| model.name).collect())
    }

    /// Tables by their names; one that there is not is answered.
    pub fn named(names: &[String]) -> Result<Self, String> {
        let known = |name: &String| MODELS.iter().find(|model| model.name == name).map(|model| model.name);
        names
            .iter()
            .map(|name| known(name).ok_or_else(|| name.clone()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn of_names(names: Vec<&'static str>) -> Self {
        Self(names.into_iter().collect())
    }

    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().copied()
    }

    fn models(&self) -> impl Iterator<Item = &'static Model> {
        MODELS.iter().filter(|model| self.0.contains(model.name))
    }

    fn of<'a>(&self, tables: &'a [Box<dyn Projector>]) -> impl Iterator<Item = &'a dyn Projector> {
        tables
            .iter()
            .map(AsRef::as_ref)
            .filter(|table| self.0.contains(table.name()))
    }

    fn are_all(&self) -> bool {
        self.0.len() == MODELS.len()
    }

    fn others(&self) -> Self {
        Self(Self::all().names().filter(|name| !self.0.contains(name)).collect())
    }
}

impl Projections {
    /// Makes some of a workspace's tables again; answers the position that they stand at.
    pub async fn remake(
        &self,
        workspace: WorkspaceId,
        tables: Tables,
        told: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<i64, ProjectError> {
        let live = self.0.schema_to_remake(workspace).await?;
        let mut builder = Builder::open(&self.0.pool).await?;
        builder.sweep().await?;
        let beside = Beside::next(workspace.into(), &live, tables);
        builder.begin(&beside).await?;
        builder.fill(&self.0, &beside, i64::MAX, told).await?;
        builder.switch(&self.0, &beside).await
    }

    /// Puts the tables before the last making back into their place, brought up to date, and keeps those that were there
    /// instead; `false`: there are none, or they are of another build.
    pub async fn take_back(&self, workspace: WorkspaceId) -> Result<bool, ProjectError> {
        let live = self.0.schema_to_remake(workspace).await?;
        let before = format!("before_{live}");
        let mut builder = Builder::open(&self.0.pool).await?;
        let mut tx = builder.connection.begin().await?;
        schema::take_role(&mut tx, &live).await?;
        let tables = Tables::of_names(exchange::existing(&mut tx, &before, Tables::all().names()).await?);
        let outdated = schema::outdated(&mut *tx, &before).await?;
        if tables.0.is_empty() || outdated.iter().any(|name| tables.0.contains(name)) {
            return Ok(false);
        }
        let beside = Beside::next(workspace.into(), &live, tables);
        let rename = format!(
            "drop schema if exists {name} cascade; alter schema {before} rename to {name}",
            name = beside.name
        );
        sqlx::raw_sql(AssertSqlSafe(rename)).execute(&mut *tx).await?;
        exchange::exchange(&mut tx, &self.0, &beside).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Makes anew what another build made, of all workspaces; until then this node does not serve them. With `together` none is
    /// put in place before all are made: whoever serves them meanwhile goes on as long as it can.
    pub async fn renew(&self, together: bool) -> Result<(), ProjectError> {
        let mut builder = Builder::open(&self.0.pool).await?;
        builder.sweep().await?;
        let mut made = vec![];
        for workspace in outdated(&self.0.pool).await? {
            let prepared = self.0.prepare(&mut builder, &workspace).await?;
            match prepared {
                Some(beside) if together => made.push(beside),
                Some(beside) => self.0.put_in_place(&mut builder, &beside).await?,
                None => self.0.serve(workspace.id),
            }
        }
        for beside in made {
            self.0.put_in_place(&mut builder, &beside).await?;
        }
        Ok(())
    }
}

impl Inner {
    /// Its schema, which is there. The platform's holds more than read models.
    pub(crate) async fn schema_to_remake(&self, workspace: WorkspaceId) -> Result<String, ProjectError> {
        match workspace {
            WorkspaceId::PLATFORM => Err(ProjectError::Platform),
            workspace => {
                let live = self.schema(workspace.into()).await?;
                if !schema::exists(&self.pool, &live).await? {
                    self.provision(&live).await?;
                }
                Ok(live)
            }
        }
    }

    /// The outdated tables of a workspace made anew, not yet in place; `None`: another builder has done it meanwhile.
    async fn prepare(&self, builder: &mut Builder, workspace: &Workspace) -> Result<Option<Beside>, ProjectError> {
        let (live, workspace) = (workspace.schema(), workspace.id);
        let mut tx = builder.connection.begin().await?;
        schema::take_role(&mut tx, &live).await?;
        tx.commit().await?;
        let Some(beside) = builder.begin_outdated(workspace, &live).await? else {
            return Ok(None);
        };
        let began = Instant::now();
        let position = builder.fill(self, &beside, i64::MAX, &|_| {}).await?;
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let tables = beside.tables.0.len();
        tracing::info!(%workspace, schema = live, position, tables, milliseconds, "read models were made anew");
        Ok(Some(beside))
    }

    async fn put_in_place(&self, builder: &mut Builder, beside: &Beside) -> Result<(), ProjectError> {
        builder.switch(self, beside).await?;
        self.serve(beside.workspace);
        Ok(())
    }
}
