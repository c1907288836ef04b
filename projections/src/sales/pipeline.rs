//! A workspace's own pipelines, a row each.

use crate::{
    plain::{self, Plain, Said},
    view::View,
};
use domain::{
    Fact,
    sales::pipeline::{Details, PipelineEvent},
};

pub type Row = plain::Row<Details>;

impl Plain for Details {
    const NAME: &'static str = "pipelines";
    const SQL: &'static str = include_str!("../../../migrations/tenant/pipelines.sql");
    const ARCHIVED: Option<&'static str> = Some("No deal enters it any more.");

    fn said(fact: &Fact) -> Option<Said<'_, Self>> {
        let Fact::Pipeline(event) = fact else { return None };
        Some(match event {
            PipelineEvent::Created(details) => Said::Created(details),
            PipelineEvent::Updated(change) => Said::Updated(change.as_ref()),
            PipelineEvent::Archived {} => Said::Archived,
        })
    }
}

impl View for Row {
    const SEARCH: &'static str = "reading.folded(t.name)";
}
