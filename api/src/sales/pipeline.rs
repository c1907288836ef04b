//! A workspace's own pipelines. Every workspace has one that nobody has to set up, the stages that all deals have; who needs
//! other names, or several ways to sell, sets up more.

use crate::{
    extract::{
        Body, BodyHash, Edit, Id, May, New, Nothing, Write,
        rights::{DealsView, WorkspacesUpdate},
    },
    openapi::told,
    problem::Problem,
    reply::{Created, Reply},
    state::App,
    view,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use commands::pipeline;
use domain::{
    id::PipelineId,
    sales::pipeline::{Details, Pipeline, PipelineCommand},
};
use projections::sales::pipeline::Row;
use schemars::JsonSchema;
use serde::Serialize;
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
                create,
                told("A new pipeline: stages under names of one's own, each one of the open stages of deals"),
            ),
        )
        .api_route(
            "/pipelines/{id}",
            get_with(view::details::<Row, DealsView>, told("A pipeline with its stages"))
                .put_with(
                    update,
                    told("Changes a pipeline; a stage that is named by its id may be called otherwise"),
                )
                .delete_with(
                    archive,
                    told("Archives a pipeline: no deal enters it any more, those in it go on"),
                ),
        )
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct PipelineWritten {
    id: Uuid,
    message: &'static str,
    version: i64,
}

async fn create(
    State(app): State<App>,
    caller: May<WorkspacesUpdate>,
    write: Write,
    Body { value, hash }: Body<New<Details, Nothing>>,
) -> Result<Created<PipelineWritten>, Problem> {
    let context = write.context(&caller, hash);
    let id = Uuid::now_v7().into();
    let done = pipeline::create(&app.executor, id, value.change, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.created(PipelineWritten {
        id: done.id,
        message: "Pipeline created",
        version: done.version,
    }))
}

async fn update(
    State(app): State<App>,
    caller: May<WorkspacesUpdate>,
    Id(id): Id<PipelineId>,
    write: Write,
    Body { value, hash }: Body<Edit<Details, Nothing>>,
) -> Result<Reply<PipelineWritten>, Problem> {
    let context = write.context(&caller, hash);
    let done = pipeline::update(&app.executor, id, value.change, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(PipelineWritten {
        id: done.id,
        message: "Pipeline updated",
        version: done.version,
    }))
}

async fn archive(
    State(app): State<App>,
    caller: May<WorkspacesUpdate>,
    Id(id): Id<PipelineId>,
    write: Write,
) -> Result<Reply<PipelineWritten>, Problem> {
    let context = write.context(&caller, BodyHash::default());
    let done = app
        .executor
        .execute::<Pipeline>(id, &PipelineCommand::Archive, &context)
        .await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(PipelineWritten {
        id: done.id,
        message: "Pipeline archived",
        version: done.version,
    }))
}
