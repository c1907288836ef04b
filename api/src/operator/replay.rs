//! `prometric replay`: makes read models again from the log, or compares them with it. Commands may flow meanwhile.

use super::{Failure, tell};
use crate::{config::Store, serve::open_store};
use clap::Args;
use projections::{Compared, Projections, platform};
use std::time::Instant;
use uuid::Uuid;

#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("which").required(true)))]
pub struct Replay {
    /// Of this workspace.
    #[arg(long, group = "which")]
    workspace: Option<Uuid>,
    /// Of all workspaces, one after another.
    #[arg(long, group = "which")]
    all: bool,
    /// Changes nothing: says which tables differ from what the log makes of them.
    #[arg(long, conflicts_with = "undo")]
    verify: bool,
    /// Puts the read models before the last replay back into their place.
    #[arg(long)]
    undo: bool,
    #[command(flatten)]
    store: Store,
}

pub async fn run(replay: Replay) -> Result<(), Failure> {
    let (log, pool) = open_store(&replay.store).await?;
    let projections = Projections::new(log, pool.clone());
    let workspaces = match replay.workspace {
        Some(workspace) => vec![workspace],
        None => platform::workspaces(&pool)
            .await?
            .into_iter()
            .map(|workspace| workspace.id)
            .collect(),
    };
    let mut wrong = 0;
    for workspace in &workspaces {
        wrong += usize::from(!replay.one(&projections, *workspace).await?);
    }
    match wrong {
        0 => Ok(()),
        wrong => Err(format!("{wrong} of {} workspaces are not as they should be", workspaces.len()).into()),
    }
}

impl Replay {
    /// Whether all is well with it.
    async fn one(&self, projections: &Projections, workspace: Uuid) -> Result<bool, Failure> {
        let began = Instant::now();
        if self.verify {
            return verify(projections, workspace).await;
        }
        if self.undo {
            let taken = projections.take_back(workspace.into()).await?;
            let said = if taken {
                "is as it was before the last replay"
            } else {
                "has nothing to go back to"
            };
            tell(format_args!("workspace {workspace} {said}"))?;
            return Ok(taken);
        }
        let position = projections.remake(workspace.into()).await?;
        let seconds = began.elapsed().as_secs_f64();
        tell(format_args!(
            "workspace {workspace}: made anew up to position {position} in {seconds:.1} s"
        ))?;
        Ok(true)
    }
}

async fn verify(projections: &Projections, workspace: Uuid) -> Result<bool, Failure> {
    let replayed = projections.verify(workspace.into()).await?;
    let (tables, position) = (replayed.tables.len(), replayed.position);
    let differing: Vec<&Compared> = replayed.tables.iter().filter(|table| !table.same).collect();
    if differing.is_empty() {
        tell(format_args!(
            "workspace {workspace}: {tables} tables are what the log makes of them up to position {position}"
        ))?;
    }
    for Compared {
        table, live, replayed, ..
    } in &differing
    {
        tell(format_args!(
            "DIFFERS: workspace {workspace}, table {table}: {live} rows, {replayed} by the log at position {position}"
        ))?;
    }
    Ok(differing.is_empty())
}
