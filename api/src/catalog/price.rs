//! What products cost in price lists.

use crate::{
    extract::{
        Body, May, Write,
        rights::{ProductsUpdate, ProductsView},
    },
    openapi::told,
    problem::Problem,
    reply::Created,
    state::App,
    view,
};
use aide::axum::{ApiRouter, routing::get_with};
use axum::extract::State;
use commands::price::{self, Pricing};
use projections::catalog::price::Row;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new().api_route(
        "/prices",
        get_with(
            view::list::<Row, ProductsView>,
            told("What products cost in price lists, newest first"),
        )
        .post_with(
            set,
            told("Sets what a product costs in a list, from which quantity on; nothing takes it out of the list"),
        ),
    )
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PricesSet {
    price_list_id: Uuid,
    product_id: Uuid,
    /// Of all the product's prices in lists.
    version: i64,
}

async fn set(
    State(app): State<App>,
    caller: May<ProductsUpdate>,
    write: Write,
    Body { value: pricing, hash }: Body<Pricing>,
) -> Result<Created<PricesSet>, Problem> {
    let (price_list_id, product_id) = (pricing.price_list_id.into(), pricing.product_id.into());
    let context = write.context(&caller, hash);
    let done = price::set(&app.executor, pricing, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.created(PricesSet {
        price_list_id,
        product_id,
        version: done.version,
    }))
}
