//! One row as it was at a moment, folded by itself: nothing is written and nothing else is kept, so it costs one reading of the
//! workspace's log up to there.

use crate::{
    past::Moment,
    runner::{Projections, facts, seen},
    table::{ProjectError, Seen, Table},
};
use domain::id::WorkspaceId;
use futures::{TryStreamExt, future};
use log::Shared;
use std::pin::pin;
use uuid::Uuid;

/// Events that are folded together.
const STEP: usize = 2_000;

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
        let events = self.0.log.replay(workspace.into(), 0);
        let events = events.try_take_while(|event| future::ok(event.position <= moment.position));
        let mut chunks = pin!(events.try_chunks(STEP));
        while let Some(mut events) = chunks.try_next().await.map_err(|error| error.1)? {
            self.0.log.open_personal(&mut events).await?;
            let events: Vec<_> = events.into_iter().map(Shared::new).collect();
            let facts = facts(&events)?;
            seen(&facts, &events).iter().for_each(|event| trace.take(event));
        }
        trace.row()
    }
}
