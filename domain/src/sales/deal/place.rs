//! Where a deal stands in a pipeline of the workspace's own, as that was called when the deal got there.

use super::Stage;
use crate::{
    Percent,
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
