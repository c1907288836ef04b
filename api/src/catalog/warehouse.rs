//! Warehouses: where goods lie; and the locations inside of them.

use crate::{
    extract::rights::{ProductsView, StockUpdate},
    noun::{self, Answer, Archivable, Asking, Noun},
    openapi::told,
    reply::Named,
    state::App,
    view,
};
use aide::axum::{ApiRouter, routing::get_with};
use domain::{
    catalog::warehouse::{Change, Details, Warehouse, WarehouseCommand, WarehouseEvent},
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
            get_with(view::list::<Row, ProductsView>, told("The warehouses, newest first")).post_with(
                noun::create::<Warehouse, StockUpdate>,
                told("A new warehouse, or a location inside of one; only the name is required"),
            ),
        )
        .api_route(
            "/warehouses/{id}",
            get_with(
                view::details::<Row, ProductsView>,
                told("A warehouse, and its locations"),
            )
            .put_with(noun::update::<Warehouse, StockUpdate>, told("Changes a warehouse"))
            .delete_with(
                noun::archive::<Warehouse, StockUpdate>,
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

impl Named for Warehouse {
    const ANSWER: &'static str = "WarehouseChanged";
}

impl Noun for Warehouse {
    type Fields = Details;
    type Made = WarehouseCreated;
    const UPDATED: &'static str = "Warehouse updated successfully";

    async fn create(Asking { app, context, .. }: Asking<'_>, id: WarehouseId, change: Change) -> Answer<Self> {
        Ok(commands::warehouse::create(&app.executor, id, &change, context).await?)
    }

    async fn update(Asking { app, context, .. }: Asking<'_>, id: WarehouseId, change: Change) -> Answer<Self> {
        let command = WarehouseCommand::Update(Box::new(change));
        Ok(app.executor.execute::<Self>(id, &command, context).await?)
    }

    fn made(id: Uuid, version: i64, event: WarehouseEvent) -> Option<WarehouseCreated> {
        match event {
            WarehouseEvent::Created(details) => Some(WarehouseCreated {
                id,
                name: details.name,
                version,
            }),
            WarehouseEvent::Updated(_) | WarehouseEvent::Archived {} => None,
        }
    }
}

impl Archivable for Warehouse {
    const ARCHIVE: WarehouseCommand = WarehouseCommand::Archive;
    const ARCHIVED: &'static str = "Warehouse archived";
}
