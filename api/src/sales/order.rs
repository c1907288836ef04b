//! Orders: document 1 §6, document 2 "Orders API". Won deals place them, or people do. PUT with `status` and POST
//! `/status` are one behaviour.

use crate::{
    extract::{
        Body, Edit, Id, May, New, With, Write,
        rights::{OrdersCreate, OrdersUpdate, OrdersView},
    },
    openapi::told,
    problem::Problem,
    reply::{Created, Reply},
    state::App,
    view,
};
use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use axum::extract::State;
use commands::order::{self, Beside};
use domain::{
    Money,
    id::OrderId,
    sales::order::{Details, Dispatch, OrderEvent, Status, Step},
};
use projections::sales::order::Row;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/orders",
            get_with(
                view::list::<Row, OrdersView>,
                told("The workspace's orders, newest first"),
            )
            .post_with(
                create,
                told("A new order, numbered `ORD-…`: a draft, pending or confirmed; what follows from it follows by itself"),
            ),
        )
        .api_route(
            "/orders/{id}",
            get_with(
                view::details::<Row, OrdersView>,
                told("An order with its history, production orders and invoices"),
            )
            .put_with(
                update,
                told("Changes an order that nobody works on yet; with `status` it moves as well"),
            ),
        )
        .api_route(
            "/orders/{id}/status",
            post_with(status, told("Moves an order to another status")),
        )
        .api_route(
            "/orders/{id}/ship",
            post_with(
                ship,
                told("Sends an order, or the `items` that are named: the goods leave stock at the same instant"),
            ),
        )
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderCreated {
    id: Uuid,
    /// `ORD-2026-0001`.
    order_number: String,
    status: Status,
    total_amount: Money,
    version: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderChanged {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    message: &'static str,
    version: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderShipped {
    id: Uuid,
    /// `processing` while something is left.
    status: Status,
    shipment_id: Uuid,
    version: i64,
}

async fn create(
    State(app): State<App>,
    caller: May<OrdersCreate>,
    write: Write,
    Body {
        value: With { change, beside },
        hash,
    }: Body<New<Details, Beside>>,
) -> Result<Created<OrderCreated>, Problem> {
    let context = write.context(&caller, hash);
    let done = order::create(&app.executor, Uuid::now_v7().into(), change, beside, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    let (id, version) = (done.id, done.version);
    let answer = done.events.into_iter().find_map(|event| match event {
        OrderEvent::Created(order) => Some(OrderCreated {
            id,
            order_number: order.order_number.to_string(),
            status: order.status,
            total_amount: order.total_amount,
            version,
        }),
        _ => None,
    });
    Ok(written.created(answer.ok_or_else(Problem::internal)?))
}

async fn update(
    State(app): State<App>,
    caller: May<OrdersUpdate>,
    Id(id): Id<OrderId>,
    write: Write,
    Body {
        value: With { change, beside },
        hash,
    }: Body<Edit<Details, Beside>>,
) -> Result<Reply<OrderChanged>, Problem> {
    let context = write.context(&caller, hash);
    let status = beside.status.as_set().copied();
    let done = order::update(&app.executor, id, change, beside, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(OrderChanged {
        id: done.id,
        status,
        message: "Order updated successfully",
        version: done.version,
    }))
}

async fn status(
    State(app): State<App>,
    caller: May<OrdersUpdate>,
    Id(id): Id<OrderId>,
    write: Write,
    Body { value: step, hash }: Body<Step>,
) -> Result<Reply<OrderChanged>, Problem> {
    let context = write.context(&caller, hash);
    let status = Some(step.status);
    let done = order::go(&app.executor, id, step, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(OrderChanged {
        id: done.id,
        status,
        message: "Order status changed",
        version: done.version,
    }))
}

async fn ship(
    State(app): State<App>,
    caller: May<OrdersUpdate>,
    Id(id): Id<OrderId>,
    write: Write,
    Body { value, hash }: Body<Dispatch>,
) -> Result<Reply<OrderShipped>, Problem> {
    let context = write.context(&caller, hash);
    let dispatch = Dispatch {
        id: Uuid::now_v7().into(),
        ..value
    };
    let done = order::ship(&app.executor, id, dispatch, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    let (mut status, mut shipment) = (Status::Processing, None);
    for event in &done.events {
        match event {
            OrderEvent::Shipped(sent) => shipment = Some(sent.shipment_id),
            OrderEvent::StatusChanged { to, .. } => status = *to,
            _ => {}
        }
    }
    Ok(written.ok(OrderShipped {
        id: done.id,
        status,
        shipment_id: shipment.ok_or_else(Problem::internal)?.into(),
        version: done.version,
    }))
}
