//! Bills of materials: document 2 "Production API".

use crate::{
    extract::{
        Body, May, Param, Write,
        rights::{ProductionUpdate, ProductionView},
    },
    openapi::told,
    problem::Problem,
    reply::Reply,
    state::App,
    view,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use commands::bom::{self, BillRequest};
use domain::id::ProductId;
use projections::production::bom::Row;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new().api_route(
        "/production/bom/{productId}",
        get_with(view::details_by::<Row, ProductionView, Param<ProductId>>, told("A product's bill of materials with its cost and time")).put_with(
            define,
            told("Defines what a product is made of; production orders that exist keep the version they were planned with"),
        ),
    )
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BomDefined {
    product_id: Uuid,
    message: &'static str,
    version: i64,
}

async fn define(
    State(app): State<App>,
    caller: May<ProductionUpdate>,
    Param(product): Param<ProductId>,
    write: Write,
    Body { value, hash }: Body<BillRequest>,
) -> Result<Reply<BomDefined>, Problem> {
    let context = write.context(&caller, hash);
    let done = bom::define(&app.executor, product, value.into(), &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(BomDefined {
        product_id: product.into(),
        message: "Bill of materials saved",
        version: done.version,
    }))
}
