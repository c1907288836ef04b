//! Orders: document 1 §6, document 2 "Orders API". Won deals place them; here they are read.

use crate::{extract::rights::OrdersView, openapi::told, state::App, view};
use aide::axum::{ApiRouter, routing::get_with};
use projections::sales::order::Row;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/orders",
            get_with(
                view::list::<Row, OrdersView>,
                told("The workspace's orders, newest first"),
            ),
        )
        .api_route(
            "/orders/{id}",
            get_with(
                view::details::<Row, OrdersView>,
                told("An order with its history, production orders and invoices"),
            ),
        )
}
