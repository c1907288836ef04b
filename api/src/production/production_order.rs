//! Production orders: document 1 §7, document 2 "Production API". Orders create them; here they are read.

use crate::{
    envelope::ErrorEnvelope,
    extract::{Id, May, Pairs, rights::ProductionView},
    problem::Problem,
    state::App,
    view,
};
use axum::{extract::State, response::Response};
use domain::id::ProductionOrderId;
use projections::production::production_order::Row;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

/// The workspace's production orders, newest first.
#[utoipa::path(get, path = "/production/orders", tag = "production", responses((status = 200, description = "A page of production orders")))]
async fn list(State(app): State<App>, caller: May<ProductionView>, Pairs(pairs): Pairs) -> Result<Response, Problem> {
    view::page::<Row>(&app, &caller, &pairs).await
}

/// A production order with its materials and work orders.
#[utoipa::path(get, path = "/production/orders/{id}", tag = "production", params(("id" = Uuid, Path)),
    responses((status = 200, description = "The production order"), (status = 404, body = ErrorEnvelope)))]
async fn get(
    State(app): State<App>,
    caller: May<ProductionView>,
    Id(id): Id<ProductionOrderId>,
) -> Result<Response, Problem> {
    view::one::<Row>(&app, &caller, id, "production_order.missing").await
}
