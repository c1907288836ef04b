//! Pipelines: the ids of stages that have none yet; and, for deals, which place of which pipeline a request means.

use crate::{Context, Done, Error, Executor};
use domain::{
    Changes, Patch, Rule, Violations,
    id::{DealId, PipelineId, PipelineStageId},
    sales::{
        deal::{Deal, DealRejection, Place, Stage, Stand},
        pipeline::{Change, Details, Pipeline, PipelineCommand, PipelineEvent, PipelineRejection, PipelineStage},
    },
};
use uuid::Uuid;

type Answer = Result<Done<PipelineEvent>, Error<PipelineRejection>>;

/// Sets up a pipeline.
pub async fn create(executor: &Executor, id: PipelineId, change: Change, context: &Context) -> Answer {
    let details = Details::begin(&known_by(change));
    let command = PipelineCommand::Create(Box::new(details));
    executor.create::<Pipeline>(id, &command, context).await
}

/// Changes a pipeline. Stages that are named by their id keep it, whatever they are called now.
pub async fn update(executor: &Executor, id: PipelineId, change: Change, context: &Context) -> Answer {
    let command = PipelineCommand::Update(Box::new(known_by(change)));
    executor.execute::<Pipeline>(id, &command, context).await
}

fn known_by(mut change: Change) -> Change {
    if let Patch::Set(stages) = &mut change.stages {
        for stage in stages {
            stage.id.get_or_insert_with(|| Uuid::now_v7().into());
        }
    }
    change
}

/// Where a request would have a deal stand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wanted {
    /// Null: the one that every workspace has.
    pub pipeline: Patch<Option<PipelineId>>,
    pub place: Option<PipelineStageId>,
    pub stage: Option<Stage>,
}

impl Wanted {
    /// Whether it says more than a stage.
    pub fn names_a_pipeline(&self) -> bool {
        !self.pipeline.is_keep() || self.place.is_some()
    }

    /// How a deal ends is no place in a pipeline.
    pub fn checked(&self) -> Result<(), Violations> {
        match self.stage.is_some_and(|stage| !stage.is_open()) && self.names_a_pipeline() {
            true => Err(Violations::one("pipelineId", Rule::NotAllowed)),
            false => Ok(()),
        }
    }
}

/// The place that is meant, of a new deal.
pub(crate) async fn begin(
    executor: &Executor,
    wanted: &Wanted,
    context: &Context,
) -> Result<Stand, Error<DealRejection>> {
    find(executor, wanted, &Deal::default(), context).await
}

/// The same of one that is there.
pub(crate) async fn look(
    executor: &Executor,
    deal: DealId,
    wanted: &Wanted,
    context: &Context,
) -> Result<Stand, Error<DealRejection>> {
    let deal = executor
        .load::<Deal, DealRejection>(context.workspace, deal)
        .await?
        .state;
    find(executor, wanted, &deal, context).await
}

async fn find(
    executor: &Executor,
    wanted: &Wanted,
    deal: &Deal,
    context: &Context,
) -> Result<Stand, Error<DealRejection>> {
    let own = deal.place().map(|place| place.pipeline_id);
    let pipeline = match wanted.pipeline {
        Patch::Set(pipeline) => pipeline,
        Patch::Keep => own,
    };
    let now = deal.stage().filter(|stage| stage.is_open());
    // One that is lost goes on where somebody says, and not because its pipeline is another.
    if deal.stage() == Some(Stage::Lost) && wanted.stage.is_none() && wanted.place.is_none() {
        return Err(Error::Rejected(DealRejection::AlreadyLost));
    }
    let Some(id) = pipeline else {
        return match wanted.place {
            Some(_) => Err(unknown("pipelineStageId")),
            None => Ok(Stand {
                to: wanted.stage.or(now).unwrap_or_default(),
                place: None,
            }),
        };
    };
    let found = executor
        .look::<Pipeline, DealRejection>(context.workspace, id)
        .await?
        .state;
    let may_stand_there = found.is_open() || own == Some(id);
    let details = found
        .details()
        .filter(|_| may_stand_there)
        .ok_or_else(|| unknown("pipelineId"))?;
    let there = deal.place().filter(|_| own == Some(id));
    let stays = there.filter(|_| wanted.place.is_none() && (wanted.stage.is_none() || wanted.stage == now));
    if let (Some(place), Some(now)) = (stays, now) {
        return Ok(Stand {
            to: now,
            place: Some(place.clone()),
        });
    }
    let stage = stage_of(details, wanted, now)?;
    let kind_is_another = wanted.stage.is_some_and(|kind| kind != stage.stage);
    let (false, Some(stage_id)) = (kind_is_another, stage.id) else {
        return Err(no_such_stage());
    };
    Ok(Stand {
        to: stage.stage,
        place: Some(Place {
            pipeline_id: id,
            pipeline_name: details.name.clone(),
            stage_id,
            stage_name: stage.name.clone(),
            probability: stage.probability,
        }),
    })
}

/// The one that is named, else the first of the kind, else the first.
fn stage_of<'a>(
    details: &'a Details,
    wanted: &Wanted,
    now: Option<Stage>,
) -> Result<&'a PipelineStage, Error<DealRejection>> {
    match (wanted.place, wanted.stage) {
        (Some(id), _) => details.stage(id).ok_or_else(|| unknown("pipelineStageId")),
        (None, Some(kind)) => details.first_of(kind).ok_or_else(no_such_stage),
        (None, None) => {
            let alike = now.and_then(|kind| details.first_of(kind));
            alike.or(details.stages.first()).ok_or_else(no_such_stage)
        }
    }
}

fn unknown(field: &str) -> Error<DealRejection> {
    Error::NoSuchReference(Violations::one(field, Rule::Unknown))
}

/// The pipeline has none of that kind.
fn no_such_stage() -> Error<DealRejection> {
    Error::Rejected(DealRejection::from(Violations::one("stage", Rule::NotAllowed)))
}
