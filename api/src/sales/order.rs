//! Orders: document 1 §6, document 2 "Orders API". Won deals place them; here they are read.

use crate::{
    envelope::ErrorEnvelope,
    extract::{Id, May, Pairs, rights::OrdersView},
    problem::Problem,
    state::App,
    view,
};
use axum::{extract::State, response::Response};
use domain::id::OrderId;
use projections::sales::order::Row;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

/// The workspace's orders, newest first.
#[utoipa::path(get, path = "/orders", tag = "orders", responses((status = 200, description = "A page of orders")))]
async fn list(State(app): State<App>, caller: May<OrdersView>, Pairs(pairs): Pairs) -> Result<Response, Problem> {
    view::page::<Row>(&app, &caller, &pairs).await
}

/// An order with its history, production orders and invoices.
#[utoipa::path(get, path = "/orders/{id}", tag = "orders", params(("id" = Uuid, Path)),
    responses((status = 200, description = "The order"), (status = 404, body = ErrorEnvelope)))]
async fn get(State(app): State<App>, caller: May<OrdersView>, Id(id): Id<OrderId>) -> Result<Response, Problem> {
    view::one::<Row>(&app, &caller, id, "order.missing").await
}
