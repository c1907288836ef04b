//! One step for many deals. Each of them succeeds or fails alone, by the same rules and rights as if it were the only one; what
//! became of each is told. Under an `Idempotency-Key` each has a command of its own, so that a repeat carries out what was left
//! undone and nothing twice.

use crate::{
    extract::{Body, May, Write, rights::DealsUpdate},
    i18n::Language,
    problem::Problem,
    reply::Reply,
    state::App,
};
use axum::extract::State;
use commands::{
    Answer, Context, Done, Error, Executor, Unit,
    deal::{self, Beside},
};
use domain::{
    Check, Fields, Patch, Rule,
    id::{DealId, UserId},
    sales::deal::{Change, DealCommand, DealEvent, DealRejection, Loss, Stage},
};
use futures::{StreamExt, stream};
use log::CommandId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// The most deals of one request.
const IDS_MAX: usize = 100;
/// Those under way at once.
const AT_ONCE: usize = 8;

/// Where they are to go; with LOST, why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MoveAll {
    #[schemars(length(min = 1, max = IDS_MAX))]
    ids: Vec<DealId>,
    stage: Stage,
    #[serde(default)]
    #[schemars(length(max = 200))]
    lost_reason: Option<String>,
    #[serde(default)]
    #[schemars(length(max = 200))]
    competitor_won: Option<String>,
    #[serde(default)]
    #[schemars(length(max = 5_000))]
    notes: Option<String>,
}

/// Whose they are to be; null: nobody's.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssignAll {
    #[schemars(length(min = 1, max = IDS_MAX))]
    ids: Vec<DealId>,
    #[serde(default)]
    assigned_to: Patch<Option<UserId>>,
}

/// What became of them, in the order in which they were named.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Bulk {
    succeeded: usize,
    failed: usize,
    results: Vec<OfOne>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct OfOne {
    id: Uuid,
    success: bool,
    /// Afterwards, where it succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<i64>,
    /// Where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Refusal>,
}

/// Why not.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Refusal {
    code: &'static str,
    /// In the language of `Accept-Language`.
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Each offending field with the rule that it breaks.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    rules: BTreeMap<String, &'static str>,
}

type Outcome = Result<Done<DealEvent>, Error<DealRejection>>;

/// What is done with each.
#[derive(Debug, Clone)]
enum Step {
    Move(Box<DealCommand>),
    Assign(Box<Change>),
}

impl Step {
    async fn take(self, executor: Executor, id: DealId, context: Context) -> (DealId, Outcome) {
        let outcome = match self {
            Self::Move(command) => deal::execute(&executor, id, *command, &context).await,
            Self::Assign(change) => deal::update(&executor, id, *change, Beside::default(), &context).await,
        };
        (id, outcome)
    }
}

pub(super) async fn stage(
    State(app): State<App>,
    caller: May<DealsUpdate>,
    language: Language,
    write: Write,
    Body { value, hash }: Body<MoveAll>,
) -> Result<Reply<Bulk>, Problem> {
    let (ids, command) = step(value)?;
    let context = write.context(&caller, hash);
    all(&app, &write, &context, language, ids, Step::Move(Box::new(command))).await
}

pub(super) async fn assign(
    State(app): State<App>,
    caller: May<DealsUpdate>,
    language: Language,
    write: Write,
    Body { value, hash }: Body<AssignAll>,
) -> Result<Reply<Bulk>, Problem> {
    let AssignAll { ids, assigned_to } = value;
    some(&ids)?;
    if assigned_to.is_keep() {
        return Err(Problem::invalid_field("assignedTo", Rule::Required));
    }
    let change = Change {
        assigned_to,
        ..Change::default()
    };
    let context = write.context(&caller, hash);
    all(&app, &write, &context, language, ids, Step::Assign(Box::new(change))).await
}

/// What is wrong with the request itself is told before anything is done.
fn step(asked: MoveAll) -> Result<(Vec<DealId>, DealCommand), Problem> {
    some(&asked.ids)?;
    if asked.stage == Stage::Lost {
        let loss = Loss {
            reason: asked.lost_reason.unwrap_or_default(),
            competitor: asked.competitor_won,
            notes: asked.notes,
        };
        loss.checked().map_err(|wrong| Problem::invalid(wrong.as_slice()))?;
        return Ok((asked.ids, DealCommand::Lose(loss)));
    }
    let mut check = Check::default();
    for (field, given) in [
        ("lostReason", asked.lost_reason.is_some()),
        ("competitorWon", asked.competitor_won.is_some()),
        ("notes", asked.notes.is_some()),
    ] {
        check.that(!given, field, Rule::NotAllowed);
    }
    check.done().map_err(|wrong| Problem::invalid(wrong.as_slice()))?;
    Ok((asked.ids, DealCommand::Move { to: asked.stage }))
}

/// One at least, and no more than the most.
fn some(ids: &[DealId]) -> Result<(), Problem> {
    match ids.len() {
        0 => Err(Problem::invalid_field("ids", Rule::Required)),
        1..=IDS_MAX => Ok(()),
        _ => Err(Problem::invalid_field("ids", Rule::TooMany { max: IDS_MAX })),
    }
}

async fn all(
    app: &App,
    write: &Write,
    context: &Context,
    language: Language,
    ids: Vec<DealId>,
    step: Step,
) -> Result<Reply<Bulk>, Problem> {
    // The key is this request's from now on: under another one it is refused as a whole.
    let nothing = Answer {
        id: Uuid::nil(),
        version: 0,
    };
    let begun = app.executor.commit(Unit::default(), context, &nothing).await;
    let begun = begun.map_err(Error::<DealRejection>::from)?;
    let each = ids
        .into_iter()
        .map(|id| step.clone().take(app.executor.clone(), id, of_one(context, id)));
    let outcomes: Vec<(DealId, Outcome)> = stream::iter(each.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await;
    let positions = outcomes
        .iter()
        .filter_map(|(_, outcome)| Some(outcome.as_ref().ok()?.position));
    let position = positions.max().unwrap_or(begun.position);
    let results: Vec<OfOne> = outcomes
        .into_iter()
        .map(|(id, outcome)| told(id, outcome, language))
        .collect();
    let succeeded = results.iter().filter(|one| one.success).count();
    let written = write.settle_at(app, context.workspace, position, None).await;
    Ok(written.ok(Bulk {
        succeeded,
        failed: results.len() - succeeded,
        results,
    }))
}

/// The request's command, as far as it is about that deal.
fn of_one(context: &Context, id: DealId) -> Context {
    Context {
        command: context.command.as_ref().map(|whole| CommandId {
            id: Uuid::new_v5(&whole.id, id.uuid().as_bytes()),
            request_hash: whole.request_hash,
        }),
        // A version is one deal's.
        expected_version: None,
        ..context.clone()
    }
}

fn told(id: DealId, outcome: Outcome, language: Language) -> OfOne {
    let (version, error) = match outcome {
        Ok(done) => (Some(done.version), None),
        Err(error) => (None, Some(refusal(&Problem::from(error), language))),
    };
    OfOne {
        id: id.into(),
        success: error.is_none(),
        version,
        error,
    }
}

fn refusal(problem: &Problem, language: Language) -> Refusal {
    let rules = problem.violations().iter();
    Refusal {
        code: problem.code().as_str(),
        message: problem.message(language),
        reason: problem.reason().map(str::to_owned),
        rules: rules
            .map(|violation| (violation.field.clone(), violation.rule.code()))
            .collect(),
    }
}
