//! Goods that arrive (interfaces, "Requests").

use crate::{
    envelope::{Envelope, ErrorEnvelope},
    extract::{Body, May, Write, rights::StockUpdate},
    problem::Problem,
    state::App,
};
use axum::{extract::State, response::Response};
use commands::stock::{self, Receipt};
use domain::{Money, Quantity, catalog::stock::StockEvent, id::ProductId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(receive))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReceiveStock {
    #[schema(value_type = Uuid)]
    product_id: ProductId,
    #[schema(value_type = f64, example = 10)]
    quantity: Quantity,
    #[schema(value_type = Option<f64>, example = 15_000)]
    unit_cost: Option<Money>,
    /// Shown in the product's stock movements.
    #[schema(example = "PO-001")]
    reference: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StockReceived {
    product_id: Uuid,
    #[schema(value_type = f64)]
    quantity: Quantity,
    /// How much of it went to demands that were waiting.
    #[schema(value_type = f64)]
    reserved: Quantity,
    version: i64,
}

/// Puts goods on stock; production orders that wait for them get them at once.
#[utoipa::path(post, path = "/stock/receipts", tag = "products", request_body = ReceiveStock,
    responses((status = 201, body = Envelope<StockReceived>), (status = 400, body = ErrorEnvelope), (status = 404, body = ErrorEnvelope)))]
async fn receive(
    State(app): State<App>,
    caller: May<StockUpdate>,
    write: Write,
    Body { value, hash }: Body<ReceiveStock>,
) -> Result<Response, Problem> {
    let ReceiveStock {
        product_id,
        quantity,
        unit_cost,
        reference,
    } = value;
    let context = write.context(&caller, hash);
    let done = stock::receive(
        &app.executor,
        Receipt {
            product_id,
            quantity,
            unit_cost,
            reference,
        },
        &context,
    )
    .await?;
    let written = write.settle(&app, context.workspace, &done).await;
    let reserved = done.events.iter().map(|event| match event {
        StockEvent::Reserved { quantity, .. } => *quantity,
        StockEvent::Received { .. } | StockEvent::Short { .. } => Quantity::ZERO,
    });
    Ok(written.created(StockReceived {
        product_id: product_id.into(),
        quantity,
        reserved: reserved.sum(),
        version: done.version,
    }))
}
