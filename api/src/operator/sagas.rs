//! `prometric sagas`: which processes run, what they wait for, and what they owe next.

use super::{Failure, tell};
use crate::{config::Store, serve::open_store};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use sagas::Instance;
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub enum Sagas {
    /// Those that have not come to their end, the oldest first.
    List(List),
    /// One, with its state.
    Show(Show),
}

#[derive(Debug, Args)]
pub struct List {
    /// This workspace instead of all.
    #[arg(long)]
    workspace: Option<Uuid>,
    /// Only those that are so: running, waiting or parked.
    #[arg(long, value_parser = ["running", "waiting", "parked"])]
    status: Option<String>,
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: i64,
    #[command(flatten)]
    store: Store,
}

#[derive(Debug, Args)]
pub struct Show {
    /// What it is about: the deal, the order, the invoice.
    instance: Uuid,
    #[arg(long)]
    workspace: Option<Uuid>,
    #[command(flatten)]
    store: Store,
}

pub async fn run(sagas: Sagas) -> Result<(), Failure> {
    match sagas {
        Sagas::List(list) => list.run().await,
        Sagas::Show(show) => show.run().await,
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let (_, pool) = open_store(&self.store).await?;
        let now = Utc::now();
        for one in sagas::unfinished(&pool, self.workspace, self.status.as_deref(), self.limit).await? {
            let age = now.signed_duration_since(one.started_at).num_minutes();
            let (reason, due) = (one.reason.as_deref().unwrap_or("-"), next(&one, now));
            tell(format_args!(
                "{} {} {} {} {age} min, {reason}; next: {due}",
                one.workspace_id, one.saga, one.instance, one.status
            ))?;
        }
        Ok(())
    }
}

impl Show {
    async fn run(self) -> Result<(), Failure> {
        let (_, pool) = open_store(&self.store).await?;
        let mut found = sagas::instances(&pool, self.instance).await?;
        found.retain(|one| self.workspace.is_none_or(|workspace| workspace == one.workspace_id));
        if found.is_empty() {
            return Err(format!("no process is about {}", self.instance).into());
        }
        Ok(tell(serde_json::to_string_pretty(&found)?)?)
    }
}

/// When it does something by itself.
fn next(one: &Instance, now: DateTime<Utc>) -> String {
    match one.due_at {
        _ if one.owes => "at once".to_owned(),
        Some(due) if due <= now => "due".to_owned(),
        Some(due) => format!("at {}", due.format("%Y-%m-%d %H:%M UTC")),
        None => "when something happens".to_owned(),
    }
}
