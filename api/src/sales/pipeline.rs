//! A workspace's own pipelines. Every workspace has one that nobody has to set up, the stages that all deals have; who needs
//! other names, or several ways to sell, sets up more.

use crate::{
    extract::rights::{DealsView, WorkspacesUpdate},
    noun::{self, Answer, Archivable, Asking, Noun},
    openapi::told,
    reply::{Changed, Named},
    state::App,
    view,
};
use aide::axum::{ApiRouter, routing::get_with};
use commands::pipeline;
use domain::{
    id::PipelineId,
    sales::pipeline::{Change, Details, Pipeline, PipelineCommand, PipelineEvent},
};
use projections::sales::pipeline::Row;
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/pipelines",
            get_with(
                view::list::<Row, DealsView>,
                told("The workspace's own pipelines; deals in none of them are in the one that every workspace has"),
            )
            .post_with(
                noun::create::<Pipeline, WorkspacesUpdate>,
                told("A new pipeline: stages under names of one's own, each one of the open stages of deals"),
            ),
        )
        .api_route(
            "/pipelines/{id}",
            get_with(view::details::<Row, DealsView>, told("A pipeline with its stages"))
                .put_with(
                    noun::update::<Pipeline, WorkspacesUpdate>,
                    told("Changes a pipeline; a stage that is named by its id may be called otherwise"),
                )
                .delete_with(
                    noun::archive::<Pipeline, WorkspacesUpdate>,
                    told("Archives a pipeline: no deal enters it any more, those in it go on"),
                ),
        )
}

impl Named for Pipeline {
    const ANSWER: &'static str = "PipelineWritten";
}

impl Noun for Pipeline {
    type Fields = Details;
    type Made = Changed<Self>;
    const UPDATED: &'static str = "Pipeline updated";

    async fn create(Asking { app, context, .. }: Asking<'_>, id: PipelineId, change: Change) -> Answer<Self> {
        Ok(pipeline::create(&app.executor, id, change, context).await?)
    }

    async fn update(Asking { app, context, .. }: Asking<'_>, id: PipelineId, change: Change) -> Answer<Self> {
        Ok(pipeline::update(&app.executor, id, change, context).await?)
    }

    fn made(id: Uuid, version: i64, _event: PipelineEvent) -> Option<Changed<Self>> {
        Some(Changed::new(id, "Pipeline created", version))
    }
}

impl Archivable for Pipeline {
    const ARCHIVE: PipelineCommand = PipelineCommand::Archive;
    const ARCHIVED: &'static str = "Pipeline archived";
}
