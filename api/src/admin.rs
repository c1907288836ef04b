//! A workspace's own operations, for whoever administers it: how far its consumers are, which processes run, and what is to
//! become of those that are stuck. The same as `prometric status` and `prometric sagas` tell and do, of this workspace.

use crate::{
    envelope::{self, Listed},
    extract::{
        Body, BodyHash, Caller, Id, May, NoQuery, Write,
        rights::{OperationsUpdate, OperationsView},
    },
    openapi::told,
    operator::status::{self, Stand},
    problem::Problem,
    reply::Reply,
    state::App,
};
use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use axum::extract::State;
use domain::field::LINE;
use domain::process::{ProcessEvent, ProcessRejection, STEP_MAX, WHY_MAX};
use sagas::{Full, Instance, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The most processes that are listed.
const LIMIT: i64 = 1_000;
/// A text of several lines with something in it to be read.
const FILLED: &str =
    r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$";

pub fn router() -> ApiRouter<App> {
    let about_status = told("How far everybody is who follows the workspace's log, and what holds them up");
    let about_list = told("The processes that have not come to their end, the oldest first, a thousand at most");
    let about_show = told("The process about that deal, order or invoice, with what was refused and decided");
    let about_retry = told("Has the steps that were refused asked for again, or the named one");
    let about_skip = told("Has the process go on as if the refused step were done");
    let about_abandon = told("Gives the process up; what was done stays");
    ApiRouter::new()
        .api_route("/admin/status", get_with(status, about_status))
        .api_route("/admin/sagas", get_with(list, about_list))
        .api_route("/admin/sagas/{id}", get_with(show, about_show))
        .api_route("/admin/sagas/{id}/retry", post_with(on_step::<RETRY>, about_retry))
        .api_route("/admin/sagas/{id}/skip", post_with(on_step::<SKIP>, about_skip))
        .api_route("/admin/sagas/{id}/abandon", post_with(abandon, about_abandon))
}

/// A decision on a step.
#[derive(Debug, Deserialize, JsonSchema)]
struct OnStep {
    /// For whoever reads the log.
    #[schemars(length(min = 1, max = WHY_MAX), regex(pattern = FILLED))]
    why: String,
    /// Which, where several were refused.
    #[schemars(length(max = STEP_MAX), regex(pattern = LINE))]
    step: Option<String>,
}

/// A decision on all of it.
#[derive(Debug, Deserialize, JsonSchema)]
struct OnAll {
    /// For whoever reads the log.
    #[schemars(length(min = 1, max = WHY_MAX), regex(pattern = FILLED))]
    why: String,
}

/// What was decided.
#[derive(Debug, Serialize, JsonSchema)]
struct Decided {
    /// What the process is about.
    id: Uuid,
    saga: String,
    /// On which steps; none: on all of it.
    steps: Vec<String>,
}

async fn status(
    State(app): State<App>,
    caller: May<OperationsView>,
    _: NoQuery,
) -> Result<Reply<Listed<Vec<Stand>>>, Problem> {
    let stands = status::stands(&app.log, Some(caller.workspace_id().uuid())).await?;
    Ok(Reply::of(envelope::ok(Listed::all(stands))))
}

async fn list(
    State(app): State<App>,
    caller: May<OperationsView>,
    _: NoQuery,
) -> Result<Reply<Listed<Vec<Instance>>>, Problem> {
    let workspace = caller.workspace_id().uuid();
    let unfinished = sagas::unfinished(&app.pool, Some(workspace), None, LIMIT).await?;
    Ok(Reply::of(envelope::ok(Listed::all(unfinished))))
}

async fn show(State(app): State<App>, caller: May<OperationsView>, Id(id): Id<Uuid>) -> Result<Reply<Full>, Problem> {
    let workspace = caller.workspace_id().uuid();
    let found = sagas::full(&app.log, &app.pool, Some(workspace), id).await;
    let found = found.map_err(commands::Error::<ProcessRejection>::from)?;
    let found = found.into_iter().next().ok_or_else(missing)?;
    Ok(Reply::of(envelope::ok(found)))
}

/// Which of the two that are said of a step.
const RETRY: bool = true;
const SKIP: bool = false;

async fn on_step<const AGAIN: bool>(
    State(app): State<App>,
    caller: May<OperationsUpdate>,
    Id(id): Id<Uuid>,
    write: Write,
    Body { value, hash }: Body<OnStep>,
) -> Result<Reply<Decided>, Problem> {
    let OnStep { why, step } = value;
    let verdict = if AGAIN { Verdict::Retry } else { Verdict::Skip };
    decide(&app, &caller, &write, hash, id, Word(verdict, step, why)).await
}

async fn abandon(
    State(app): State<App>,
    caller: May<OperationsUpdate>,
    Id(id): Id<Uuid>,
    write: Write,
    Body { value, hash }: Body<OnAll>,
) -> Result<Reply<Decided>, Problem> {
    let word = Word(Verdict::Abandon, None, value.why);
    decide(&app, &caller, &write, hash, id, word).await
}

/// What, on which step, and why.
struct Word(Verdict, Option<String>, String);

async fn decide(
    app: &App,
    caller: &Caller,
    write: &Write,
    hash: BodyHash,
    id: Uuid,
    Word(verdict, step, why): Word,
) -> Result<Reply<Decided>, Problem> {
    let mut context = write.context(caller, hash);
    context.correlation.get_or_insert(id);
    let found = sagas::instances(&app.pool, Some(context.workspace.uuid()), id).await?;
    let on = found.first().ok_or_else(missing)?;
    let done = sagas::decide(&app.executor, on, verdict, step, &why, &context).await?;
    let steps = done.events.iter().filter_map(step_of).collect();
    let written = write.settle(app, context.workspace, &done).await;
    let saga = on.saga.clone();
    Ok(written.ok(Decided { id, saga, steps }))
}

fn step_of(event: &ProcessEvent) -> Option<String> {
    match event {
        ProcessEvent::StepRetried(decision) | ProcessEvent::StepSkipped(decision) => Some(decision.step.clone()),
        ProcessEvent::StepRefused(_) | ProcessEvent::Abandoned(_) => None,
    }
}

fn missing() -> Problem {
    Problem::missing("process.missing")
}
