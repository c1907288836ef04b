//! Bills of materials: document 2 "Production API".

use crate::{
    envelope::{Envelope, ErrorEnvelope},
    extract::{
        Body, May, ProductParam, Write,
        rights::{ProductionUpdate, ProductionView},
    },
    problem::Problem,
    state::App,
    view,
};
use axum::{extract::State, response::Response};
use commands::bom;
use domain::{
    Money, Quantity,
    id::ProductId,
    production::bom::{Bill, Component, Operation},
};
use projections::production::bom::Row;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(get, define))
}

/// What one unit is made of, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DefineBom {
    components: Vec<BomComponent>,
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    operations: Vec<Operation>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BomComponent {
    #[schema(value_type = Uuid)]
    material_id: ProductId,
    #[schema(value_type = f64, example = 5)]
    quantity: Quantity,
    /// Absent, the material's own.
    unit: Option<String>,
    /// Of one unit of the material.
    #[serde(default)]
    #[schema(value_type = Option<f64>, example = 15_000)]
    cost: Money,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BomDefined {
    product_id: Uuid,
    message: &'static str,
    version: i64,
}

/// A product's bill of materials with its cost and time.
#[utoipa::path(get, path = "/production/bom/{productId}", tag = "production", params(("productId" = Uuid, Path)),
    responses((status = 200, description = "The bill of materials"), (status = 404, body = ErrorEnvelope)))]
async fn get(
    State(app): State<App>,
    caller: May<ProductionView>,
    ProductParam(product): ProductParam,
) -> Result<Response, Problem> {
    view::one::<Row>(&app, &caller, product, "bom.missing").await
}

/// Defines what a product is made of; production orders that exist keep the version they were planned with.
#[utoipa::path(put, path = "/production/bom/{productId}", tag = "production", params(("productId" = Uuid, Path)), request_body = DefineBom,
    responses((status = 200, body = Envelope<BomDefined>), (status = 404, body = ErrorEnvelope), (status = 409, body = ErrorEnvelope)))]
async fn define(
    State(app): State<App>,
    caller: May<ProductionUpdate>,
    ProductParam(product): ProductParam,
    write: Write,
    Body { value, hash }: Body<DefineBom>,
) -> Result<Response, Problem> {
    let component = |BomComponent {
                         material_id,
                         quantity,
                         unit,
                         cost,
                     }: BomComponent| {
        let unit = unit.unwrap_or_default();
        Component {
            material_id,
            material_name: String::new(),
            quantity,
            unit,
            cost,
        }
    };
    let bill = Bill {
        components: value.components.into_iter().map(component).collect(),
        operations: value.operations,
    };
    let context = write.context(&caller, hash);
    let done = bom::define(&app.executor, product, bill, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(BomDefined {
        product_id: product.into(),
        message: "Bill of materials saved",
        version: done.version,
    }))
}
