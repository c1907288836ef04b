//! `prometric sagas`: which processes run, what they wait for and what they owe next; and what is to become of those that are
//! stuck. A decision is an event like any other: it is recorded here, and whichever node pursues the process hears of it.

use super::{Failure, tell};
use crate::{config::Store, serve::open_store};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand, builder::NonEmptyStringValueParser};
use commands::{Actor, Context, Executor};
use domain::process::ProcessEvent;
use sagas::{Instance, Verdict};
use uuid::Uuid;

#[derive(Debug, Subcommand)]
pub enum Sagas {
    /// Those that have not come to their end, the oldest first.
    List(List),
    /// One, with its state and what was decided on it.
    Show(Show),
    /// Has a step that was refused asked for again, when what stood in its way is mended.
    Retry(OnStep),
    /// Has it go on as if a step that was refused were done.
    Skip(OnStep),
    /// Gives it up: nothing more comes of it. What was done stays.
    Abandon(Decide),
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

#[derive(Debug, Args)]
pub struct Decide {
    /// What it is about: the deal, the order, the invoice.
    instance: Uuid,
    /// The reason, for whoever reads the log.
    #[arg(long)]
    why: String,
    /// Who decides.
    #[arg(long = "as", env = "USER", value_parser = NonEmptyStringValueParser::new())]
    who: String,
    #[arg(long)]
    workspace: Option<Uuid>,
    #[command(flatten)]
    store: Store,
}

#[derive(Debug, Args)]
pub struct OnStep {
    /// Which, where several were refused; `retry` without it means all of them.
    #[arg(long)]
    step: Option<String>,
    #[command(flatten)]
    decide: Decide,
}

pub async fn run(sagas: Sagas) -> Result<(), Failure> {
    match sagas {
        Sagas::List(list) => list.run().await,
        Sagas::Show(show) => show.run().await,
        Sagas::Retry(OnStep { step, decide }) => decide.run(Verdict::Retry, step).await,
        Sagas::Skip(OnStep { step, decide }) => decide.run(Verdict::Skip, step).await,
        Sagas::Abandon(decide) => decide.run(Verdict::Abandon, None).await,
    }
}

impl List {
    async fn run(self) -> Result<(), Failure> {
        let (_, pool) = open_store(&self.store).await?;
        let now = Utc::now();
        for one in sagas::unfinished(&pool, self.workspace, self.status.as_deref(), self.limit).await? {
            let age = now.signed_duration_since(one.started_at).num_minutes();
            let (reason, next) = (one.reason.as_deref().unwrap_or("-"), next(&one, now));
            tell(format_args!(
                "{} {} {} {} {age} min, {reason}; next: {next}",
                one.workspace_id, one.saga, one.instance, one.status
            ))?;
        }
        Ok(())
    }
}

impl Show {
    async fn run(self) -> Result<(), Failure> {
        let (log, pool) = open_store(&self.store).await?;
        let found = sagas::full(&log, &pool, self.workspace, self.instance).await?;
        if found.is_empty() {
            return Err(format!("no process is about {}", self.instance).into());
        }
        Ok(tell(serde_json::to_string_pretty(&found)?)?)
    }
}

impl Decide {
    async fn run(self, verdict: Verdict, step: Option<String>) -> Result<(), Failure> {
        let (log, pool) = open_store(&self.store).await?;
        let found = sagas::instances(&pool, self.workspace, self.instance).await?;
        let Some(on) = found.first() else {
            return Err(format!("no process is about {}", self.instance).into());
        };
        let context = Context {
            correlation: Some(on.instance),
            ..Context::new(on.workspace_id.into(), Actor::Operator(self.who), Utc::now())
        };
        let executor = Executor::new(log.clone());
        let done = sagas::decide(&executor, on, verdict, step, &self.why, &context).await?;
        log.farewell().await?;
        done.events.iter().try_for_each(|event| tell(said(event, on)))?;
        Ok(())
    }
}

fn said(event: &ProcessEvent, on: &Instance) -> String {
    let Instance { saga, instance, .. } = on;
    match event {
        ProcessEvent::StepRefused(refusal) => format!("{saga} {instance}: “{}” is refused", refusal.step),
        ProcessEvent::StepRetried(decision) => format!("{saga} {instance}: “{}” is asked for again", decision.step),
        ProcessEvent::StepSkipped(decision) => format!("{saga} {instance}: “{}” is skipped", decision.step),
        ProcessEvent::Abandoned(_) => format!("{saga} {instance} is given up"),
    }
}

/// What it does next, or who has to.
fn next(one: &Instance, now: DateTime<Utc>) -> String {
    let at_once: Vec<&str> = one
        .steps
        .iter()
        .filter(|step| step.due.is_none())
        .map(|step| step.step.as_str())
        .collect();
    match one.due_at {
        _ if one.owes => format!("at once: {}", at_once.join(", ")),
        _ if !one.refused.is_empty() => format!("retry, skip or abandon: {}", one.refused.join(", ")),
        Some(due) if due <= now => "due".to_owned(),
        Some(due) => format!("at {}", due.format("%Y-%m-%d %H:%M UTC")),
        None => "when something happens".to_owned(),
    }
}
