//! Where a deal stands: in an open stage, and where that is in a pipeline of the workspace's own, as that was called when the deal
//! got there.

use super::{Circumstances, DealEvent, DealRejection, Known, Loss, Stage, Win};
use crate::{
    Percent, Rule, Violations,
    id::{PipelineId, PipelineStageId},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    pub pipeline_id: PipelineId,
    pub pipeline_name: String,
    pub stage_id: PipelineStageId,
    pub stage_name: String,
    /// How likely a deal is won from there, in percent, where the pipeline says it.
    pub probability: Option<Percent>,
}

impl Place {
    /// What it is known by, whatever it is called.
    pub fn at(&self) -> (PipelineId, PipelineStageId) {
        (self.pipeline_id, self.stage_id)
    }
}

/// Where a deal is to stand.
#[derive(Debug, Clone, PartialEq)]
pub struct Stand {
    /// An open stage, …
    pub to: Stage,
    /// … and where that is; nowhere: in the pipeline that every workspace has.
    pub place: Option<Place>,
}

impl Known {
    /// PUT with a stage, POST stage, win and lose are one behaviour.
    pub(super) fn move_to(&self, to: Stage, now: &Circumstances) -> Result<Vec<DealEvent>, DealRejection> {
        match (self.stage, to) {
            (from, to) if from == to && self.place.is_none() => Ok(vec![]),
            (Stage::Lost, Stage::Lost) => Ok(vec![]),
            (_, Stage::Won) => self.win(&Win {
                now: Box::new(now.clone()),
                ..Win::default()
            }),
            (_, Stage::Lost) => self.lose(&Loss::default()),
            (Stage::Won, _) => Err(DealRejection::AlreadyWon),
            // It is for its pipeline to say which place that is.
            _ if self.place.is_some() => Err(DealRejection::ChangedMeanwhile),
            (from, to) => Ok(vec![DealEvent::StageChanged {
                from,
                to,
                pipeline: None,
            }]),
        }
    }

    /// The same with a place in a pipeline of the workspace's own, or out of one.
    pub(super) fn stand(&self, stand: &Stand) -> Result<Vec<DealEvent>, DealRejection> {
        let Stand { to, place } = stand;
        let is_there = self.stage == *to && self.place.as_ref().map(Place::at) == place.as_ref().map(Place::at);
        match self.stage {
            _ if is_there => Ok(vec![]),
            Stage::Won => Err(DealRejection::AlreadyWon),
            _ if !to.is_open() => Err(Violations::one("stage", Rule::NotAllowed).into()),
            from => Ok(vec![DealEvent::StageChanged {
                from,
                to: *to,
                pipeline: place.clone(),
            }]),
        }
    }
}
