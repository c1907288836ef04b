//! Warehouses: where goods lie.

use crate::{
    extract::{
        Body, BodyHash, Edit, Id, May, New, Nothing, With, Write,
        rights::{ProductsView, StockUpdate},
    },
    openapi::told,
    problem::Problem,
    reply::{Created, Reply},
    state::App,
    view,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use domain::{
    Changes,
    catalog::warehouse::{Details, Warehouse, WarehouseCommand, WarehouseEvent},
    id::WarehouseId,
};
use projections::catalog::warehouse::Row;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/warehouses",
            get_with(view::list::<Row, ProductsView>, told("The warehouses, newest first"))
                .post_with(create, told("A new warehouse; only the name is required")),
        )
        .api_route(
            "/warehouses/{id}",
            get_with(view::details::<Row, ProductsView>, told("A warehouse"))
                .put_with(update, told("Changes a warehouse"))
                .delete_with(
                    archive,
                    told("Archives a warehouse: nothing comes there any more; what lies there is still there"),
                ),
        )
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WarehouseCreated {
    id: Uuid,
    name: String,
    version: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct WarehouseChanged {
    id: Uuid,
    message: &'static str,
    version: i64,
}

async fn create(
    State(app): State<App>,
    caller: May<StockUpdate>,
    write: Write,
    Body {
        value: With { change, .. },
        hash,
    }: Body<New<Details, Nothing>>,
) -> Result<Created<WarehouseCreated>, Problem> {
    let context = write.context(&caller, hash);
    let id = WarehouseId::new(Uuid::now_v7());
    let command = WarehouseCommand::Create(Box::new(Details::begin(&change)));
    let done = app.executor.create::<Warehouse>(id, &command, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    let (id, version) = (done.id, done.version);
    let answer = done.events.into_iter().find_map(|event| match event {
        WarehouseEvent::Created(details) => Some(WarehouseCreated {
            id,
            name: details.name,
            version,
        }),
        WarehouseEvent::Updated(_) | WarehouseEvent::Archived {} => None,
    });
    Ok(written.created(answer.ok_or_else(Problem::internal)?))
}

async fn update(
    State(app): State<App>,
    caller: May<StockUpdate>,
    Id(id): Id<WarehouseId>,
    write: Write,
    Body {
        value: With { change, .. },
        hash,
    }: Body<Edit<Details, Nothing>>,
) -> Result<Reply<WarehouseChanged>, Problem> {
    let context = write.context(&caller, hash);
    let command = WarehouseCommand::Update(Box::new(change));
    let done = app.executor.execute::<Warehouse>(id, &command, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(WarehouseChanged {
        id: done.id,
        message: "Warehouse updated successfully",
        version: done.version,
    }))
}

async fn archive(
    State(app): State<App>,
    caller: May<StockUpdate>,
    Id(id): Id<WarehouseId>,
    write: Write,
) -> Result<Reply<WarehouseChanged>, Problem> {
    let context = write.context(&caller, BodyHash::default());
    let command = WarehouseCommand::Archive;
    let done = app.executor.execute::<Warehouse>(id, &command, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(WarehouseChanged {
        id: done.id,
        message: "Warehouse archived",
        version: done.version,
    }))
}
