//! Production orders: document 1 §7, document 2 "Production API". Orders create them; here they are read.

use crate::{extract::rights::ProductionView, openapi::told, state::App, view};
use aide::axum::{ApiRouter, routing::get_with};
use projections::production::production_order::Row;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/production/orders",
            get_with(
                view::list::<Row, ProductionView>,
                told("The workspace's production orders, newest first"),
            ),
        )
        .api_route(
            "/production/orders/{id}",
            get_with(
                view::details::<Row, ProductionView>,
                told("A production order with its materials and work orders"),
            ),
        )
}
