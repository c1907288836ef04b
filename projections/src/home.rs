//! Where a request reads, and when: a workspace's rows are read once they show all that was answered, whoever answered it. Who
//! writes waits for its rows only where nobody here could wait for them in their stead (decision 50).

use crate::{
    platform::Workspace,
    runner::Projections,
    schema::{self, EMPTY},
    table::ProjectError,
};
use domain::id::WorkspaceId;
use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;
use uuid::Uuid;

/// How long somebody waits for a write to be readable before they go on anyway.
const READABLE_WAIT: Duration = Duration::from_secs(10);
/// How many positions rows may be behind what was answered.
const BEHIND_MAX: i64 = 1_000;
/// How long it trusts that somebody else takes the step it waits for.
const PATIENCE: Duration = Duration::from_millis(250);

/// Workspaces that have tables, and in which no write of another node is unseen that it has answered.
#[derive(Default)]
pub(crate) struct Homes(Mutex<Known>);

/// As long as this node is known under that name.
#[derive(Default)]
struct Known {
    node: Option<Uuid>,
    workspaces: HashSet<Uuid>,
}

impl Homes {
    fn have(&self, node: Option<Uuid>, workspace: Uuid) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        node.is_some() && known.node == node && known.workspaces.contains(&workspace)
    }

    /// All is readable there that others had answered when this node was known already.
    fn add(&self, node: Option<Uuid>, workspace: Uuid) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.node != node {
            *known = Known {
                node,
                workspaces: HashSet::new(),
            };
        }
        known.workspaces.insert(workspace);
    }
}

impl Projections {
    /// Where a workspace's rows are read now, once they show all that was answered: the schema, and the role of the same name.
    pub async fn home(&self, workspace: &Workspace) -> Result<String, ProjectError> {
        let (id, schema) = (workspace.id, workspace.schema());
        let node = self.0.log.known_as();
        if self.0.homes.have(node, id) {
            self.pay(id).await;
            return Ok(schema);
        }
        if self.is_untouched(id, &schema).await? {
            return Ok(EMPTY.clone());
        }
        // Its first events may be being folded, or others may have answered for some.
        let head = self.0.log.head(id).await?;
        self.wait_for(id.into(), head).await;
        self.0.homes.add(node, id);
        Ok(schema)
    }

    /// After a write that goes as far as that in its log: whoever reads through `home` from now on sees it. The rows need
    /// not be written for that while no other node reads, as long as they are not far behind; the platform's are read without
    /// asking. `false` when they were to be written, and were not in time.
    pub async fn show(&self, workspace: WorkspaceId, position: i64) -> bool {
        let reached = self.0.with_reached(workspace.into(), |reached| *reached.borrow());
        let may_owe = workspace != WorkspaceId::PLATFORM && self.0.log.is_alone();
        if !may_owe || !self.0.debts.owe(workspace.into(), position, reached) {
            return self.wait_for(workspace, position).await;
        }
        self.wait_for(workspace, position - BEHIND_MAX).await
    }

    /// Waits until all is readable that was answered.
    async fn pay(&self, workspace: Uuid) {
        let Some(position) = self.0.debts.of(workspace) else {
            return;
        };
        if !self.wait_for(workspace.into(), position).await {
            tracing::warn!(%workspace, position, "the read models have not reached in time what was answered");
            self.0.debts.write_off(workspace, position);
        }
    }

    /// Nothing has happened in it, and so it has no tables yet.
    pub(crate) async fn is_untouched(&self, workspace: Uuid, schema: &str) -> Result<bool, ProjectError> {
        let mut connection = self.0.pool.acquire().await?;
        let untouched = schema::untouched(&mut connection, &[(workspace, schema.to_owned())]).await?;
        Ok(!untouched.is_empty())
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
}
