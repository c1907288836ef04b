//! `prometric status`: how far everybody is who follows the log, and what holds them up.

use super::{Failure, tell};
use crate::{config::Store, serve::open_store};
use chrono::{DateTime, Utc};
use clap::Args;
use log::Following;
use projections::platform;
use serde_json::{Value, json};
use std::collections::HashMap;
use uuid::Uuid;

#[derive(Debug, Args)]
pub struct Status {
    /// This workspace instead of all.
    #[arg(long)]
    workspace: Option<Uuid>,
    /// A JSON array instead of a table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: Store,
}

pub async fn run(status: Status) -> Result<(), Failure> {
    let (log, pool) = open_store(&status.store).await?;
    let workspaces = platform::workspaces(&pool).await.unwrap_or_default();
    let names: HashMap<Uuid, String> = workspaces
        .into_iter()
        .map(|workspace| (workspace.id, workspace.slug))
        .collect();
    let mut following = log.following().await?;
    following.retain(|one| status.workspace.is_none_or(|workspace| workspace == one.workspace));
    let now = Utc::now();
    if status.json {
        let all: Vec<Value> = following.iter().map(|one| as_json(one, now)).collect();
        return Ok(tell(serde_json::to_string_pretty(&all)?)?);
    }
    tell(format_args!(
        "{:<36} {:<24} {:<16} {:>10} {:>10} {:>8} {:>8}  state",
        "workspace", "name", "consumer", "position", "head", "behind", "seconds"
    ))?;
    for one in &following {
        let name = names.get(&one.workspace).map_or("platform", String::as_str);
        let (position, head) = (one.position, one.head);
        tell(format_args!(
            "{:<36} {name:<24} {:<16} {position:>10} {head:>10} {:>8} {:>8}  {}",
            one.workspace,
            one.consumer,
            head - position,
            seconds(one, now),
            state(one)
        ))?;
    }
    Ok(())
}

/// For how long the first event that it has not seen has waited.
fn seconds(one: &Following, now: DateTime<Utc>) -> i64 {
    one.waits_since
        .map_or(0, |since| now.signed_duration_since(since).num_seconds().max(0))
}

fn state(one: &Following) -> String {
    match &one.error {
        Some(error) => format!("failing {} times: {error}", one.attempts),
        None if one.position < one.head => "behind".to_owned(),
        None => "well".to_owned(),
    }
}

fn as_json(one: &Following, now: DateTime<Utc>) -> Value {
    json!({
        "workspace": one.workspace, "consumer": one.consumer, "position": one.position, "head": one.head,
        "behind": one.head - one.position, "seconds": seconds(one, now), "attempts": one.attempts, "error": one.error,
        "failingSince": one.failing_since,
    })
}
