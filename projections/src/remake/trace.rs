//! One row as it was at a moment, folded by itself: nothing is written and nothing else is kept, so it costs one reading of the
//! workspace's log up to there.

use super::history::History;
use crate::{
    past::Moment,
    runner::Projections,
    table::{ProjectError, Seen, Table},
};
use domain::id::WorkspaceId;
use uuid::Uuid;

/// What the events of one row make of it.
pub(crate) trait Trace: Send {
    fn take(&mut self, event: &Seen);

    /// As JSON, under its fields' names.
    fn row(&self) -> Result<Option<String>, ProjectError>;
}

pub(crate) struct OneRow<T> {
    pub id: Uuid,
    pub row: Option<T>,
}

impl<T: Table> Trace for OneRow<T> {
    fn take(&mut self, event: &Seen) {
        let held = self.row.as_ref().and_then(T::held);
        if T::keys(event).contains(&self.id) || (held.is_some() && held == T::concerns(event)) {
            T::project(&mut self.row, self.id, event);
        }
    }

    fn row(&self) -> Result<Option<String>, ProjectError> {
        let text = self.row.as_ref().map(serde_json::to_string).transpose();
        text.map_err(|source| ProjectError::Row { table: T::NAME, source })
    }
}

impl Projections {
    /// A row of a table at a moment, as JSON; nothing, when there was none. The table must be one of a workspace's.
    pub async fn row_at(
        &self,
        workspace: WorkspaceId,
        table: &str,
        id: Uuid,
        moment: Moment,
    ) -> Result<Option<String>, ProjectError> {
        let table = self.0.tenant.iter().find(|known| known.name() == table);
        let mut trace = table.ok_or(ProjectError::NoTable)?.trace(id);
        let mut history = History::until(&self.0.log, workspace.into(), moment.position);
        while let Some(step) = history.next().await? {
            step.seen().iter().for_each(|event| trace.take(event));
        }
        trace.row()
    }
}
