//! `prometric log`: events as they are stored, personal values sealed; and the tables made again from an engine that has them.

use super::{Failure, tell, whose::Whose};
use crate::{config::Store, serve::open_store};
use clap::{Args, Subcommand};
use log::Recorded;
use serde_json::{Value, json, value::RawValue};
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub enum History {
    /// One event.
    Show(Show),
    /// The newest events, a JSON object a line.
    Tail(Tail),
    /// Makes PostgreSQL's tables again from the streams of the log's engine.
    Restore(Restore),
    /// Hands workspaces whose log began in PostgreSQL over to the log's engine.
    HandOver(HandOver),
}

#[derive(Debug, Args)]
pub struct Show {
    position: i64,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    store: Store,
}

#[derive(Debug, Args)]
pub struct Tail {
    #[command(flatten)]
    whose: Whose,
    /// How many.
    #[arg(short = 'n', long, default_value_t = 10, value_parser = clap::value_parser!(i64).range(0..=1_000_000))]
    lines: i64,
    /// Goes on with those to come, until it is interrupted.
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    store: Store,
}

#[derive(Debug, Args)]
pub struct Restore {
    /// The engine, as in LOG_ENGINE: esdb://user:password@host:2113?tls=true
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
    #[command(flatten)]
    store: Store,
}

#[derive(Debug, Args)]
pub struct HandOver {
    /// The engine, as in LOG_ENGINE: esdb://user:password@host:2113?tls=true
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    #[command(flatten)]
    store: Store,
}

const PAGE: i64 = 500;
/// How long nothing is asked after nothing was there.
const PAUSE: Duration = Duration::from_millis(200);

pub async fn run(history: History) -> Result<(), Failure> {
    match history {
        History::Show(show) => show.run().await,
        History::Tail(tail) => tail.run().await,
        History::Restore(restore) => restore.run().await,
        History::HandOver(hand_over) => hand_over.run().await,
    }
}

impl Show {
    async fn run(self) -> Result<(), Failure> {
        let (log, _) = open_store(&self.store).await?;
        let workspace = self.whose.only(&log).await?;
        let events = log.read(workspace, self.position.saturating_sub(1), 1).await?;
        match events.first().filter(|event| event.position == self.position) {
            Some(event) => Ok(tell(serde_json::to_string_pretty(&shown(event)?)?)?),
            None => Err(format!("workspace {workspace} has no position {}", self.position).into()),
        }
    }
}

impl Tail {
    async fn run(self) -> Result<(), Failure> {
        let (log, _) = open_store(&self.store).await?;
        let workspace = self.whose.only(&log).await?;
        let mut at = (log.head(workspace).await? - self.lines).max(0);
        loop {
            let events = log.read(workspace, at, PAGE).await?;
            for event in &events {
                tell(shown(event)?)?;
            }
            match events.last() {
                Some(last) => at = last.position,
                None if self.follow => tokio::time::sleep(PAUSE).await,
                None => return Ok(()),
            }
        }
    }
}

impl Restore {
    /// What is there already stays; stopped in between, it goes on.
    async fn run(mut self) -> Result<(), Failure> {
        if let Some(from) = self.from {
            self.store.engine.log_engine = from;
        }
        let (log, _) = open_store(&self.store).await?;
        let restored = log.recover().await?;
        Ok(tell(format_args!(
            "{} workspaces are in PostgreSQL: {} commits, {} events",
            restored.workspaces, restored.commits, restored.events
        ))?)
    }
}

impl HandOver {
    /// Servers that know of no engine are ended before: what they append meanwhile would be in no stream.
    async fn run(mut self) -> Result<(), Failure> {
        if let Some(to) = self.to {
            self.store.engine.log_engine = to;
        }
        let (log, _) = open_store(&self.store).await?;
        let workspaces = log.hand_over().await?;
        Ok(tell(format_args!("{workspaces} workspaces were handed over"))?)
    }
}

fn shown(event: &Recorded) -> Result<Value, serde_json::Error> {
    let raw = |text: &str| serde_json::from_str::<Box<RawValue>>(text);
    Ok(json!({
        "workspace": event.workspace,
        "position": event.position,
        "stream": {"category": event.category, "id": event.stream_id, "version": event.version},
        "id": event.event_id,
        "type": event.event_type,
        "schema": event.schema,
        "recordedAt": event.recorded_at,
        "data": raw(&event.data)?,
        "metadata": raw(&event.metadata)?,
        "hash": hex::encode(event.hash),
    }))
}
