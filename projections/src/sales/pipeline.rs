//! A workspace's own pipelines, a row each.

use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
    view::View,
};
use chrono::{DateTime, Utc};
use domain::{
    Changes, Fact, Fields,
    sales::pipeline::{Details, PipelineEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub version: i64,
    #[serde(flatten)]
    pub details: Details,
    /// No deal enters it any more.
    pub archived: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "pipelines";
    const SQL: &'static str = include_str!("../../../migrations/tenant/pipelines.sql");

    fn columns() -> Vec<Column> {
        let own = vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("archived", K::Bool),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ];
        own.into_iter().chain(Details::FIELDS.iter().map(Column::of)).collect()
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match event.fact {
            Fact::Pipeline(_) => vec![event.id()],
            _ => vec![],
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Pipeline(fact) = &event.fact else { return };
        let at = event.recorded.recorded_at;
        if let PipelineEvent::Created(details) = fact {
            *row = Some(Self {
                id: key,
                version: 0,
                details: details.as_ref().clone(),
                archived: false,
                created_at: at,
                updated_at: at,
            });
        }
        let Some(pipeline) = row else { return };
        match fact {
            PipelineEvent::Created(_) => {}
            PipelineEvent::Updated(change) => pipeline.details.apply(change),
            PipelineEvent::Archived {} => pipeline.archived = true,
        }
        (pipeline.version, pipeline.updated_at) = (event.recorded.version, at);
    }
}

impl View for Row {
    const SEARCH: &'static str = "reading.folded(t.name)";
}
