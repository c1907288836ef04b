//! Goods that arrive (interfaces, "Requests").

use crate::{
    extract::{Body, May, Write, rights::StockUpdate},
    openapi::told,
    problem::Problem,
    reply::Created,
    state::App,
};
use aide::axum::{ApiRouter, routing::post_with};
use axum::extract::State;
use commands::stock::{self, Receipt};
use domain::{Quantity, catalog::stock::StockEvent};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new().api_route(
        "/stock/receipts",
        post_with(
            receive,
            told("Puts goods on stock; production orders that wait for them get them at once"),
        ),
    )
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StockReceived {
    product_id: Uuid,
    quantity: Quantity,
    /// How much of it went to demands that were waiting.
    reserved: Quantity,
    version: i64,
}

async fn receive(
    State(app): State<App>,
    caller: May<StockUpdate>,
    write: Write,
    Body { value: receipt, hash }: Body<Receipt>,
) -> Result<Created<StockReceived>, Problem> {
    let (product_id, quantity) = (receipt.product_id.into(), receipt.quantity);
    let context = write.context(&caller, hash);
    let done = stock::receive(&app.executor, receipt, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    let reserved = done.events.iter().map(|event| match event {
        StockEvent::Reserved { quantity, .. } => *quantity,
        StockEvent::Received { .. }
        | StockEvent::Short { .. }
        | StockEvent::Shipped { .. }
        | StockEvent::Released { .. } => Quantity::ZERO,
    });
    Ok(written.created(StockReceived {
        product_id,
        quantity,
        reserved: reserved.sum(),
        version: done.version,
    }))
}
