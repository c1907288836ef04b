//! What lies on the shelves, and what moves there (interfaces, "Requests").

mod balance;
mod landed;

use crate::{
    extract::{
        Body, May, Write,
        rights::{ProductsView, StockUpdate},
    },
    openapi::told,
    problem::Problem,
    reply::Created,
    state::App,
    view,
};
use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use axum::extract::State;
use commands::{
    Done,
    stock::{self, Adjustment, Count, Issue, Receipt, Shift, Written},
};
use domain::{
    Quantity,
    catalog::stock::{Stock, StockCommand, StockEvent, Valuation, Valued},
    id::{ProductId, StockId, TransferId},
};
use projections::catalog::{stock_level, stock_lot, stock_movement, stock_place, stock_transfer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

const LEVELS: &str = "What there is of each product: on hand, reserved, available, and what it costs on average";

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/stock",
            get_with(view::list::<stock_level::Row, ProductsView>, told(LEVELS)),
        )
        .api_route(
            "/stock/levels",
            get_with(view::list::<stock_level::Row, ProductsView>, told(LEVELS)),
        )
        .api_route(
            "/stock/balance",
            get_with(
                balance::of_day,
                told("What lay there of each product at the end of a day, and what it was worth, by the days that facts count from"),
            ),
        )
        .api_route(
            "/stock/movements",
            get_with(
                view::list::<stock_movement::Row, ProductsView>,
                told("Every change of the stock, newest first: how much, why, and who"),
            ),
        )
        .api_route(
            "/stock/places",
            get_with(
                view::list::<stock_place::Row, ProductsView>,
                told("How much of each product lies in which warehouse"),
            ),
        )
        .api_route(
            "/stock/lots",
            get_with(
                view::list::<stock_lot::Row, ProductsView>,
                told("The lots and serial numbers of tracked products, newest first: what there is of each, and where"),
            ),
        )
        .api_route(
            "/stock/lots/{id}",
            get_with(
                view::details::<stock_lot::Row, ProductsView>,
                told("A lot: where it lies, what moved of it, and which orders got it"),
            ),
        )
        .api_route(
            "/products/{id}/lots",
            get_with(
                view::list_within::<stock_lot::Row, ProductsView>,
                told("A product's lots or serial numbers, newest first"),
            ),
        )
        .api_route(
            "/stock/transfers",
            get_with(
                view::list::<stock_transfer::Row, ProductsView>,
                told("Goods that were sent from one place to another, newest first"),
            )
            .post_with(
                write_down::<Shift>,
                told("Sends goods from one place to another, at once or on a way of their own"),
            ),
        )
        .api_route(
            "/stock/transfers/arrivals",
            post_with(arrive, told("Says that what was sent is there")),
        )
        .api_route(
            "/stock/receipts",
            post_with(
                write_down::<Receipt>,
                told("Puts goods on stock; production orders that wait for them get them at once"),
            ),
        )
        .api_route(
            "/stock/issues",
            post_with(
                write_down::<Issue>,
                told("Takes goods out of stock; none that are reserved"),
            ),
        )
        .api_route(
            "/stock/adjustments",
            post_with(
                write_down::<Adjustment>,
                told("So much more, or less, is there than was written down, and why"),
            ),
        )
        .api_route(
            "/stock/landed-costs",
            post_with(
                landed::land,
                told(
                    "Spreads what was paid beside the goods over receipts: what falls on goods that are still there raises their worth, the \
                     rest is spent",
                ),
            ),
        )
        .api_route(
            "/stock/valuations",
            post_with(
                value,
                told(
                    "Says what goods of a product cost as they go: the average, or what the oldest came in for. Only while none of it \
                     is there",
                ),
            ),
        )
        .api_route(
            "/stock/counts",
            post_with(
                write_down::<Count>,
                told("So much was there at a moment; what came and went after it stands"),
            ),
        )
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StockReceived {
    product_id: Uuid,
    quantity: Quantity,
    /// How much of it went to demands that were waiting.
    reserved: Quantity,
    version: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StockIssued {
    product_id: Uuid,
    quantity: Quantity,
    version: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StockAdjusted {
    product_id: Uuid,
    /// By how much it was changed.
    difference: Quantity,
    /// How much of it went to demands that were waiting.
    reserved: Quantity,
    version: i64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StockCounted {
    product_id: Uuid,
    counted: Quantity,
    /// By what was written down until then.
    expected: Quantity,
    difference: Quantity,
    /// How much of what was found went to demands that were waiting.
    reserved: Quantity,
    version: i64,
}

/// What people write down of the stock, and what is answered.
trait Answered: Written + DeserializeOwned + JsonSchema + 'static {
    type Answer: Serialize + JsonSchema;

    /// What came of it; `product_id` is its product.
    fn answer(product_id: Uuid, done: &Done<StockEvent>) -> Option<Self::Answer>;
}

async fn write_down<W: Answered>(
    State(app): State<App>,
    caller: May<StockUpdate>,
    write: Write,
    Body { value, hash }: Body<W>,
) -> Result<Created<W::Answer>, Problem> {
    let context = write.context(&caller, hash);
    let done = stock::write_down(&app.executor, value, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    let product = done.events.first().map(|event| event.product().into());
    let answer = product.and_then(|product_id| W::answer(product_id, &done));
    Ok(written.created(answer.ok_or_else(Problem::internal)?))
}

impl Answered for Receipt {
    type Answer = StockReceived;

    fn answer(product_id: Uuid, done: &Done<StockEvent>) -> Option<StockReceived> {
        Some(StockReceived {
            product_id,
            quantity: moved(done),
            reserved: reserved(done),
            version: done.version,
        })
    }
}

impl Answered for Issue {
    type Answer = StockIssued;

    fn answer(product_id: Uuid, done: &Done<StockEvent>) -> Option<StockIssued> {
        Some(StockIssued {
            product_id,
            quantity: -moved(done),
            version: done.version,
        })
    }
}

impl Answered for Adjustment {
    type Answer = StockAdjusted;

    fn answer(product_id: Uuid, done: &Done<StockEvent>) -> Option<StockAdjusted> {
        Some(StockAdjusted {
            product_id,
            difference: moved(done),
            reserved: reserved(done),
            version: done.version,
        })
    }
}

impl Answered for Count {
    type Answer = StockCounted;

    fn answer(product_id: Uuid, done: &Done<StockEvent>) -> Option<StockCounted> {
        done.events.iter().find_map(|event| match event {
            StockEvent::Counted {
                counted,
                expected,
                difference,
                ..
            } => Some(StockCounted {
                product_id,
                counted: *counted,
                expected: *expected,
                difference: *difference,
                reserved: reserved(done),
                version: done.version,
            }),
            _ => None,
        })
    }
}

impl Answered for Shift {
    type Answer = StockTransferred;

    fn answer(product_id: Uuid, done: &Done<StockEvent>) -> Option<StockTransferred> {
        transferred(product_id, done)
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Arrival {
    product_id: ProductId,
    transfer_id: TransferId,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StockTransferred {
    transfer_id: TransferId,
    product_id: Uuid,
    quantity: Quantity,
    status: stock_transfer::Status,
    version: i64,
}

async fn arrive(
    State(app): State<App>,
    caller: May<StockUpdate>,
    write: Write,
    Body { value: arrival, hash }: Body<Arrival>,
) -> Result<Created<StockTransferred>, Problem> {
    let context = write.context(&caller, hash);
    let command = StockCommand::Arrive {
        product_id: arrival.product_id,
        transfer_id: arrival.transfer_id,
    };
    let id = StockId::of(arrival.product_id);
    let done = app.executor.execute::<Stock>(id, &command, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    let answer = transferred(arrival.product_id.into(), &done);
    Ok(written.created(answer.ok_or_else(Problem::internal)?))
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StockValued {
    product_id: ProductId,
    valuation: Valuation,
    version: i64,
}

async fn value(
    State(app): State<App>,
    caller: May<StockUpdate>,
    write: Write,
    Body { value: valued, hash }: Body<Valued>,
) -> Result<Created<StockValued>, Problem> {
    let context = write.context(&caller, hash);
    let done = stock::write_down(&app.executor, valued, &context).await?;
    let written = write.settle(&app, context.workspace, &done).await;
    Ok(written.created(StockValued {
        product_id: valued.product_id,
        valuation: valued.valuation,
        version: done.version,
    }))
}

/// What the last of its events says of a transfer.
fn transferred(product_id: Uuid, done: &Done<StockEvent>) -> Option<StockTransferred> {
    use stock_transfer::Status;
    let (transfer_id, quantity, status) = done.events.iter().rev().find_map(|event| match event {
        StockEvent::Sent {
            transfer_id, quantity, ..
        } => Some((*transfer_id, *quantity, Status::InTransit)),
        StockEvent::Arrived {
            transfer_id, quantity, ..
        } => Some((*transfer_id, *quantity, Status::Arrived)),
        _ => None,
    })?;
    Some(StockTransferred {
        transfer_id,
        product_id,
        quantity,
        status,
        version: done.version,
    })
}

/// By how much what is on hand was changed.
fn moved(done: &Done<StockEvent>) -> Quantity {
    done.events.iter().map(StockEvent::difference).sum()
}

/// How much went to demands that were waiting.
fn reserved(done: &Done<StockEvent>) -> Quantity {
    let reserved = done.events.iter().map(|event| match event {
        StockEvent::Reserved { quantity, .. } => *quantity,
        _ => Quantity::ZERO,
    });
    reserved.sum()
}
