//! Deals: document 1 §4, document 2 "Deals API". PUT with `stage`, POST `/stage`, `/win` and `/lose` are one behaviour.

mod bulk;
mod document;
mod row;
mod summary;

use crate::{
    extract::{
        Body, Caller, Edit, Id, May, New, With, Write,
        rights::{DealsCreate, DealsUpdate, DealsView},
    },
    openapi::told,
    problem::Problem,
    reply::{Created, Reply},
    state::App,
    view,
};
use aide::axum::{
    ApiRouter,
    routing::{delete_with, get_with, post_with},
};
use axum::extract::State;
use chrono::{DateTime, Utc};
use commands::{
    Done,
    deal::{self, Beside},
    pipeline::Wanted,
};
use domain::{
    Patch, Rule,
    id::{DealId, PipelineId, PipelineStageId},
    sales::deal::{DealCommand, DealEvent, Details, Loss, Stage, Win},
};
use projections::sales::deal::{Closed, Row, closed_at};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/deals",
            get_with(
                view::list::<Row, DealsView>,
                told("The workspace's deals, newest first"),
            )
            .post_with(create, told("A new deal, numbered `DL-…`; only the title is required")),
        )
        .api_route(
            "/deals/bulk/stage",
            post_with(
                bulk::stage,
                told("Moves up to 100 deals to a stage; each succeeds or fails alone"),
            ),
        )
        .api_route(
            "/deals/bulk/assign",
            post_with(
                bulk::assign,
                told("Assigns up to 100 deals to a member, or to nobody; each succeeds or fails alone"),
            ),
        )
        .api_route(
            "/deals/metrics",
            get_with(
                summary::of_all,
                told("How deals stand by stage and currency, and how many are won"),
            ),
        )
        .api_route(
            "/deals/lost-reasons",
            get_with(
                summary::of_lost,
                told("Why deals were lost: by reason, by competitor and by month"),
            ),
        )
        .api_route(
            "/deals/{id}",
            get_with(
                view::details::<Row, DealsView>,
                told("A deal with its customer, timeline and orders"),
            )
            .put_with(update, told("Changes a deal; with `stage` it moves as well")),
        )
        .api_route(
            "/deals/{id}/stage",
            post_with(
                stage,
                told("Moves a deal to another stage; LOST needs `/lose` with a reason"),
            ),
        )
        .api_route(
            "/deals/{id}/win",
            post_with(
                win,
                told("Wins a deal: an order, an invoice and production follow by themselves"),
            ),
        )
        .api_route(
            "/deals/{id}/lose",
            post_with(lose, told("Loses a deal, with the reason")),
        )
        .api_route(
            "/deals/{id}/documents",
            post_with(document::attach, told("Adds a document to a deal, by its address")),
        )
        .api_route(
            "/deals/{id}/documents/{documentId}",
            delete_with(document::detach, told("Takes a document off a deal")),
        )
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Move {
    /// Needed, unless a pipeline or a stage of one is named.
    #[serde(default)]
    stage: Option<Stage>,
    /// One of the workspace's own pipelines; null: the one that every workspace has.
    #[serde(default)]
    pipeline_id: Patch<Option<PipelineId>>,
    /// A stage of that pipeline; without it, the first of the deal's kind.
    #[serde(default)]
    pipeline_stage_id: Option<PipelineStageId>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DealCreated {
    id: Uuid,
    /// `DL-2026-0001`.
    deal_number: String,
    title: String,
    stage: Stage,
    version: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DealChanged {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<Stage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    won_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost_at: Option<DateTime<Utc>>,
    /// The order a won deal becomes; it follows within a moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<Uuid>,
    message: &'static str,
    version: i64,
}

async fn create(
    State(app): State<App>,
    caller: May<DealsCreate>,
    write: Write,
    Body {
        value: With { change, beside },
        hash,
    }: Body<New<Details, Beside>>,
) -> Result<Created<DealCreated>, Problem> {
    let context = write.context(&caller, hash);
    let done = deal::create(&app.executor, Uuid::now_v7().into(), change, beside, &context).await?;
    let said = |id, version, event| match event {
        DealEvent::Created {
            deal_number,
            stage,
            details,
            ..
        } => Some(DealCreated {
            id,
            deal_number: deal_number.to_string(),
            title: details.title,
            stage,
            version,
        }),
        _ => None,
    };
    write.made(&app, context.workspace, done, said).await
}

async fn update(
    State(app): State<App>,
    caller: May<DealsUpdate>,
    Id(id): Id<DealId>,
    write: Write,
    Body {
        value: With { change, beside },
        hash,
    }: Body<Edit<Details, Beside>>,
) -> Result<Reply<DealChanged>, Problem> {
    let stage = beside.stage.as_set().copied();
    let context = write.context(&caller, hash);
    let done = deal::update(&app.executor, id, change, beside, &context).await?;
    answer(&app, &write, &caller, &done, stage, "Deal updated successfully").await
}

async fn stage(
    State(app): State<App>,
    caller: May<DealsUpdate>,
    Id(id): Id<DealId>,
    write: Write,
    Body { value, hash }: Body<Move>,
) -> Result<Reply<DealChanged>, Problem> {
    let wanted = Wanted {
        pipeline: value.pipeline_id,
        place: value.pipeline_stage_id,
        stage: value.stage,
    };
    if wanted.stage.is_none() && !wanted.names_a_pipeline() {
        return Err(Problem::invalid_field("stage", Rule::Required));
    }
    let context = write.context(&caller, hash);
    let done = deal::go(&app.executor, id, wanted, &context).await?;
    answer(&app, &write, &caller, &done, value.stage, "Deal stage changed").await
}

async fn win(
    State(app): State<App>,
    caller: May<DealsUpdate>,
    Id(id): Id<DealId>,
    write: Write,
    Body { value, hash }: Body<Win>,
) -> Result<Reply<DealChanged>, Problem> {
    let context = write.context(&caller, hash);
    let done = deal::execute(&app.executor, id, DealCommand::Win(value), &context).await?;
    let message = "Deal marked as won, order created automatically";
    answer(&app, &write, &caller, &done, Some(Stage::Won), message).await
}

async fn lose(
    State(app): State<App>,
    caller: May<DealsUpdate>,
    Id(id): Id<DealId>,
    write: Write,
    Body { value, hash }: Body<Loss>,
) -> Result<Reply<DealChanged>, Problem> {
    let context = write.context(&caller, hash);
    let done = deal::execute(&app.executor, id, DealCommand::Lose(value), &context).await?;
    let message = "Deal marked as lost";
    answer(&app, &write, &caller, &done, Some(Stage::Lost), message).await
}

/// Winning or losing twice answers as the first time did: with the moment it happened.
async fn answer(
    app: &App,
    write: &Write,
    caller: &Caller,
    done: &Done<DealEvent>,
    stage: Option<Stage>,
    message: &'static str,
) -> Result<Reply<DealChanged>, Problem> {
    let written = write.settle(app, caller.workspace_id(), done).await;
    let (mut won_at, mut lost_at) = (None, None);
    if let (Some(Stage::Won | Stage::Lost), None) = (stage, done.at) {
        let home = app.projections.home(&caller.workspace).await?;
        Closed { won_at, lost_at } = closed_at(&app.reads, &home, done.id).await?;
    } else if stage == Some(Stage::Won) {
        won_at = done.at;
    } else if stage == Some(Stage::Lost) {
        lost_at = done.at;
    }
    let order_id = (stage == Some(Stage::Won)).then(|| sagas::deal_won::order_id(done.id).into());
    Ok(written.ok(DealChanged {
        id: done.id,
        stage,
        won_at,
        lost_at,
        order_id,
        message,
        version: done.version,
    }))
}
