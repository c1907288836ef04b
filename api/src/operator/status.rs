//! `prometric status`: how far everybody is who follows the log, and what holds them up. `GET /admin/status` tells the same.

use super::{Failure, tell};
use crate::{config::Store, serve::open_store};
use chrono::{DateTime, Utc};
use clap::Args;
use log::{Following, Log};
use projections::platform;
use schemars::JsonSchema;
use serde::Serialize;
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

/// How far one consumer is in one workspace.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "ConsumerStatus")]
pub struct Stand {
    workspace: Uuid,
    consumer: String,
    /// Up to where it has seen the log.
    position: i64,
    /// Where the log ends.
    head: i64,
    /// Events between them.
    behind: i64,
    /// For how long the first event that it has not seen has waited.
    seconds: i64,
    state: State,
    /// Of its last step, if it failed.
    error: Option<String>,
    /// That failed since the last success.
    attempts: i32,
    failing_since: Option<DateTime<Utc>>,
}

/// `new`: the workspace is so young that nobody has told yet.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ConsumerState")]
enum State {
    Well,
    Behind,
    Failing,
    New,
}

/// All consumers of all workspaces, or of one.
pub async fn stands(log: &Log, workspace: Option<Uuid>) -> Result<Vec<Stand>, sqlx::Error> {
    let now = Utc::now();
    let following = log.following(workspace).await?;
    Ok(following.into_iter().map(|one| Stand::of(one, now)).collect())
}

impl Stand {
    fn of(one: Following, now: DateTime<Utc>) -> Self {
        let seconds = |since: DateTime<Utc>| now.signed_duration_since(since).num_seconds().max(0);
        let state = match &one {
            one if one.error.is_some() => State::Failing,
            one if !one.is_told => State::New,
            one if one.position < one.head => State::Behind,
            _ => State::Well,
        };
        Self {
            workspace: one.workspace,
            consumer: one.consumer,
            position: one.position,
            head: one.head,
            behind: (one.head - one.position).max(0),
            seconds: one.waits_since.map_or(0, seconds),
            state,
            error: one.error,
            attempts: one.attempts,
            failing_since: one.failing_since,
        }
    }

    fn said(&self) -> String {
        let error = self.error.as_deref().unwrap_or_default();
        match self.state {
            State::Well => "well".to_owned(),
            State::Behind => "behind".to_owned(),
            State::Failing => format!("failing {} times: {error}", self.attempts),
            State::New => "new".to_owned(),
        }
    }
}

pub async fn run(status: Status) -> Result<(), Failure> {
    let (log, pool) = open_store(&status.store).await?;
    let stands = stands(&log, status.workspace).await?;
    if status.json {
        return Ok(tell(serde_json::to_string_pretty(&stands)?)?);
    }
    let workspaces = platform::workspaces(&pool).await?;
    let names: HashMap<Uuid, String> = workspaces
        .into_iter()
        .map(|workspace| (workspace.id, workspace.slug))
        .collect();
    tell(format_args!(
        "{:<36} {:<24} {:<16} {:>10} {:>10} {:>8} {:>8}  state",
        "workspace", "name", "consumer", "position", "head", "behind", "seconds"
    ))?;
    for one in &stands {
        let name = names.get(&one.workspace).map_or("platform", String::as_str);
        tell(format_args!(
            "{:<36} {name:<24} {:<16} {:>10} {:>10} {:>8} {:>8}  {}",
            one.workspace,
            one.consumer,
            one.position,
            one.head,
            one.behind,
            one.seconds,
            one.said()
        ))?;
    }
    Ok(())
}
