//! Invoices: document 1 §8, document 2 "Finance API". Won deals write them; here they are read.

use crate::{
    envelope::ErrorEnvelope,
    extract::{Id, May, Pairs, rights::FinanceView},
    problem::Problem,
    state::App,
    view,
};
use axum::{extract::State, response::Response};
use domain::id::InvoiceId;
use projections::finance::invoice::Row;
use utoipa_axum::{router::OpenApiRouter, routes};

pub fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

/// The workspace's invoices, newest first.
#[utoipa::path(get, path = "/finance/invoices", tag = "finance", responses((status = 200, description = "A page of invoices")))]
async fn list(State(app): State<App>, caller: May<FinanceView>, Pairs(pairs): Pairs) -> Result<Response, Problem> {
    view::page::<Row>(&app, &caller, &pairs).await
}

/// An invoice with its lines and payments.
#[utoipa::path(get, path = "/finance/invoices/{id}", tag = "finance", params(("id" = Uuid, Path)),
    responses((status = 200, description = "The invoice"), (status = 404, body = ErrorEnvelope)))]
async fn get(State(app): State<App>, caller: May<FinanceView>, Id(id): Id<InvoiceId>) -> Result<Response, Problem> {
    view::one::<Row>(&app, &caller, id, "invoice.missing").await
}
