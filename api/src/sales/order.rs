//! Orders: document 1 §6, document 2 "Orders API". Won deals place them, or people do. PUT with `status` and POST
//! `/status` are one behaviour.

mod row;

use crate::{
    envelope,
    extract::{
        Body, Caller, Edit, Id, May, New, With, Write,
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
use commands::{
    Context, Done,
    order::{self, Beside, Surroundings},
};
use domain::{
    Money, Patch, Permission,
    finance::Currency,
    id::{InvoiceId, OrderId},
    sales::order::{
        Cancellation, Change, Details, Dispatch, OrderEvent, Plan, Return, Revision, RevisionPlan, Status, Step,
    },
};
use projections::sales::order::{Row, Whose, unpaid_of};
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
            "/orders/{id}/cancellation",
            get_with(
                cancellation,
                told(
                    "What cancelling the order would undo, as far as the caller may see it: reservations, production, invoices; and how much can go back",
                ),
            ),
        )
        .api_route(
            "/orders/{id}/cancel",
            post_with(
                cancel,
                told(
                    "Cancels an order: the plan of `/cancellation` is carried out whole; giving money back takes `FINANCE_UPDATE` as well",
                ),
            ),
        )
        .api_route(
            "/orders/{id}/change",
            get_with(
                standing,
                told("How each line of a placed order stands, and why its lines cannot be changed, as far as they cannot"),
            )
            .post_with(
                change,
                told(
                    "Changes the lines of a placed order, with all that follows: reservations, production, invoices; with `dryRun` the plan alone is answered",
                ),
            ),
        )
        .api_route(
            "/orders/{id}/returns",
            post_with(
                take_back,
                told("Goods that come back, as they are found: good ones are in stock again, damaged ones written off"),
            ),
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

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderReturned {
    id: Uuid,
    return_id: Uuid,
    version: i64,
}

/// What cancelling would undo.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderCancellation {
    id: Uuid,
    status: Status,
    /// Whether it can be cancelled as it stands: not when a part of it was sent.
    possible: bool,
    #[serde(flatten)]
    plan: Plan,
    /// The most that `refundAmount` may be; what does not go back becomes the customer's credit. Absent without `FINANCE_VIEW`.
    #[serde(skip_serializing_if = "Option::is_none")]
    refundable: Option<Money>,
    currency: Currency,
    version: i64,
}

/// A dry run answers the plan.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Revised {
    Planned(Box<OrderRevision>),
    Done(OrderChanged),
}

/// What a change would do.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderRevision {
    id: Uuid,
    status: Status,
    /// Whether it can be carried out as it stands: not while there are obstacles.
    possible: bool,
    #[serde(flatten)]
    plan: RevisionPlan,
    currency: Currency,
    version: i64,
}

/// What the read models know to surround an order that moves there: its own, or that of the customer it is given to.
async fn around(
    app: &App,
    caller: &Caller,
    order: OrderId,
    change: &Change,
    to: Option<Status>,
) -> Result<Surroundings, Problem> {
    if to != Some(Status::Confirmed) {
        let invoices = invoices(app, caller, order, to).await?;
        return Ok(Surroundings {
            invoices,
            ..Surroundings::default()
        });
    }
    let whose = match change.customer_id {
        Patch::Set(Some(customer)) => Whose::Customer(customer.into()),
        _ => Whose::Order(order.into()),
    };
    let home = app.projections.home(&caller.workspace).await?;
    let unpaid = unpaid_of(&app.reads, &home, whose).await?;
    Ok(Surroundings {
        unpaid: unpaid.into_iter().map(OrderId::new).collect(),
        ..Surroundings::default()
    })
}

/// The invoices for the order, when it is to be cancelled.
async fn invoices(app: &App, caller: &Caller, id: OrderId, to: Option<Status>) -> Result<Vec<InvoiceId>, Problem> {
    if to != Some(Status::Cancelled) {
        return Ok(vec![]);
    }
    let home = app.projections.home(&caller.workspace).await?;
    let found = projections::finance::invoice::of_order(&app.reads, &home, id.into()).await?;
    Ok(found.into_iter().map(InvoiceId::new).collect())
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
    let id = Uuid::now_v7().into();
    let around = around(&app, &caller, id, &change, beside.status.as_set().copied()).await?;
    let done = order::create(&app.executor, id, change, beside, &around, &context).await?;
    let said = |id, version, event| match event {
        OrderEvent::Created(order) => Some(OrderCreated {
            id,
            order_number: order.order_number.to_string(),
            status: order.status,
            total_amount: order.total_amount,
            version,
        }),
        _ => None,
    };
    write.made(&app, context.workspace, done, said).await
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
    let around = around(&app, &caller, id, &change, status).await?;
    let done = order::update(&app.executor, id, change, beside, &around, &context).await?;
    Ok(changed(&app, &write, &done, &context, status, "Order updated successfully").await)
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
    let around = around(&app, &caller, id, &Change::default(), status).await?;
    let done = order::go(&app.executor, id, step, &around, &context).await?;
    Ok(changed(&app, &write, &done, &context, status, "Order status changed").await)
}

/// What is answered; `status` where it was moved.
async fn changed(
    app: &App,
    write: &Write,
    done: &Done<OrderEvent>,
    context: &Context,
    status: Option<Status>,
    message: &'static str,
) -> Reply<OrderChanged> {
    let written = write.settle(app, context.workspace, done).await;
    written.ok(OrderChanged {
        id: done.id,
        status,
        message,
        version: done.version,
    })
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

/// As much of a plan as the caller may see, and how much can go back, which invoices tell.
fn shown(mut plan: Plan, caller: &Caller) -> (Plan, Option<Money>) {
    if !caller.standing.may(Permission::ProductionView) {
        plan.production.clear();
    }
    if caller.standing.may(Permission::FinanceView) {
        let refundable = plan.refundable();
        return (plan, Some(refundable));
    }
    plan.invoices.clear();
    (plan, None)
}

async fn cancellation(
    State(app): State<App>,
    caller: May<OrdersView>,
    Id(id): Id<OrderId>,
) -> Result<Reply<OrderCancellation>, Problem> {
    let invoices = invoices(&app, &caller, id, Some(Status::Cancelled)).await?;
    let (workspace, actor) = (caller.workspace_id(), caller.actor());
    let found = order::cancellation(&app.executor, workspace, &actor, id, &invoices).await?;
    let (plan, refundable) = shown(found.plan, &caller);
    Ok(Reply::of(envelope::ok(OrderCancellation {
        id: id.into(),
        status: found.order.status(),
        possible: found.order.may_be_cancelled(),
        plan,
        refundable,
        currency: found.order.details().currency.clone(),
        version: found.version,
    })))
}

async fn cancel(
    State(app): State<App>,
    caller: May<OrdersUpdate>,
    Id(id): Id<OrderId>,
    write: Write,
    Body { value, hash }: Body<Cancellation>,
) -> Result<Reply<OrderChanged>, Problem> {
    if value.refund_amount.is_some_and(Money::is_positive) {
        caller.require(Permission::FinanceUpdate)?;
    }
    let context = write.context(&caller, hash);
    let invoices = invoices(&app, &caller, id, Some(Status::Cancelled)).await?;
    let done = order::cancel(&app.executor, id, value, &invoices, &context).await?;
    Ok(changed(
        &app,
        &write,
        &done,
        &context,
        Some(Status::Cancelled),
        "Order cancelled successfully",
    )
    .await)
}

/// As much of a plan as the caller may see.
fn planned(found: &order::Found, mut plan: RevisionPlan, caller: &Caller) -> OrderRevision {
    let possible = plan.obstacles.is_empty();
    if !caller.standing.may(Permission::ProductionView) {
        plan.production.clear();
    }
    if !caller.standing.may(Permission::FinanceView) {
        plan.invoices.clear();
        plan.bill = None;
    }
    OrderRevision {
        id: found.id.into(),
        status: found.order.status(),
        possible,
        plan,
        currency: found.order.details().currency.clone(),
        version: found.version,
    }
}

/// What would be if every line stayed.
async fn standing(
    State(app): State<App>,
    caller: May<OrdersView>,
    Id(id): Id<OrderId>,
) -> Result<Reply<OrderRevision>, Problem> {
    let invoices = invoices(&app, &caller, id, Some(Status::Cancelled)).await?;
    let (workspace, actor) = (caller.workspace_id(), caller.actor());
    let (found, plan) = order::as_it_stands(&app.executor, workspace, &actor, id, &invoices).await?;
    Ok(Reply::of(envelope::ok(planned(&found, plan, &caller))))
}

async fn change(
    State(app): State<App>,
    caller: May<OrdersUpdate>,
    Id(id): Id<OrderId>,
    write: Write,
    Body { value, hash }: Body<Revision>,
) -> Result<Reply<Revised>, Problem> {
    let context = write.context(&caller, hash);
    let invoices = invoices(&app, &caller, id, Some(Status::Cancelled)).await?;
    if value.dry_run {
        let (found, plan) = order::revision(&app.executor, id, value, &invoices, &context).await?;
        let planned = planned(&found, plan, &caller);
        return Ok(Reply::of(envelope::ok(Revised::Planned(Box::new(planned)))));
    }
    let around = around(&app, &caller, id, &Change::default(), Some(Status::Confirmed)).await?;
    let done = order::change(&app.executor, id, value, &invoices, &around.unpaid, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.ok(Revised::Done(OrderChanged {
        id: done.id,
        status: None,
        message: "Order changed successfully",
        version: done.version,
    })))
}

async fn take_back(
    State(app): State<App>,
    caller: May<OrdersUpdate>,
    Id(id): Id<OrderId>,
    write: Write,
    Body { value, hash }: Body<Return>,
) -> Result<Created<OrderReturned>, Problem> {
    let context = write.context(&caller, hash);
    let back = Return {
        id: Uuid::now_v7().into(),
        ..value
    };
    let done = order::take_back(&app.executor, id, back, &context).await?;
    let said = |id, version, event| match event {
        OrderEvent::Returned(returned) => Some(OrderReturned {
            id,
            return_id: returned.return_id.into(),
            version,
        }),
        _ => None,
    };
    write.made(&app, context.workspace, done, said).await
}
