//! Invoices: document 1 §8, document 2 "Finance API". Won deals write them; here they are read.

use crate::{extract::rights::FinanceView, openapi::told, state::App, view};
use aide::axum::{ApiRouter, routing::get_with};
use projections::finance::invoice::Row;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/finance/invoices",
            get_with(
                view::list::<Row, FinanceView>,
                told("The workspace's invoices, newest first"),
            ),
        )
        .api_route(
            "/finance/invoices/{id}",
            get_with(
                view::details::<Row, FinanceView>,
                told("An invoice with its lines and payments"),
            ),
        )
}
