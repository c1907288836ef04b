//! Shipping: the order says what is sent, and the stocks of it let it go, in one append. So goods leave exactly once, never
//! below zero, and there is no moment at which they are on their way and on the shelf.

use super::Answer;
use crate::{Context, Error, Executor, Unit, stock};
use domain::{
    Aggregate,
    catalog::{
        product::Product,
        stock::{Demand, Outgoing, Stock, StockCommand, StockRejection},
    },
    id::{OrderId, ProductId, StockId, derive},
    sales::order::{Dispatch, Known, Order, OrderCommand, OrderEvent, OrderRejection, Shipment, Shipped},
};
use std::collections::BTreeMap;

/// How often it is decided anew because a stock moved meanwhile.
const ATTEMPTS_MAX: u32 = 64;

/// Sends an order, or a part of it.
pub async fn ship(executor: &Executor, id: OrderId, dispatch: Dispatch, context: &Context) -> Answer {
    let command = OrderCommand::Ship(dispatch);
    let mut answer = Err(Error::Busy);
    for _ in 0..ATTEMPTS_MAX {
        answer = send(executor, id, &command, context).await;
        if !matches!(answer, Err(Error::Busy)) {
            break;
        }
    }
    executor.or_first::<Order>(id, context, answer).await
}

async fn send(executor: &Executor, id: OrderId, command: &OrderCommand, context: &Context) -> Answer {
    let decided = executor.decide::<Order>(id, command, context).await?;
    let mut unit = Unit::default();
    let shipment = decided.events.iter().find_map(|event| match event {
        OrderEvent::Shipped(shipment) => Some(shipment.as_ref()),
        _ => None,
    });
    if let (Some(shipment), Some(order)) = (shipment, decided.on.state.known()) {
        stock::is_there(executor, shipment.warehouse_id, stock::Way::Out, "warehouseId", context).await?;
        for (product, going) in outgoing(id, order, shipment) {
            take(executor, product, going, &mut unit, context).await?;
        }
    }
    executor.append_together(&decided, unit, context).await
}

/// What leaves which stock, with the name that it has on the order.
fn outgoing<'a>(id: OrderId, order: &Known, shipment: &'a Shipment) -> BTreeMap<ProductId, Vec<(Outgoing, &'a str)>> {
    let mut of_products: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (n, item) in shipment.items.iter().enumerate() {
        let Shipped {
            line,
            product_id,
            ref product_name,
            quantity,
        } = *item;
        let going = Outgoing {
            id: derive(shipment.shipment_id, &format!("item {n}")),
            product_id,
            demand: Demand::of_line(id, order.number(), line, product_id),
            demanded: order.ordered(line),
            quantity,
            warehouse: shipment.warehouse_id,
            least: None,
        };
        let of_product = of_products.entry(product_id).or_default();
        of_product.push((going, product_name.as_str()));
    }
    of_products
}

async fn take(
    executor: &Executor,
    product_id: ProductId,
    all: Vec<(Outgoing, &str)>,
    unit: &mut Unit,
    context: &Context,
) -> Result<(), Error<OrderRejection>> {
    let product = executor
        .look::<Product, OrderRejection>(context.workspace, product_id)
        .await?
        .state;
    let id = StockId::of(product_id);
    let stock = executor.load::<Stock, OrderRejection>(context.workspace, id).await?;
    let (mut after, mut events) = (stock.state.as_ref().clone(), Vec::new());
    for (going, name) in all {
        let going = Outgoing {
            least: product.details().and_then(stock::least),
            ..going
        };
        let left = after.decide(&StockCommand::Ship(Box::new(going)));
        let left = left.map_err(|refusal| Error::Rejected(refused(refusal, name)))?;
        after = left.iter().fold(after, Stock::evolve);
        events.extend(left);
    }
    unit.add(id, stock.state.as_ref(), stock.version, &events)
        .map_err(Error::Unstorable)?;
    Ok(())
}

/// What a stock refuses, in the words of the order.
pub(super) fn refused(refusal: StockRejection, product: &str) -> OrderRejection {
    match refusal {
        StockRejection::Unavailable { missing } => OrderRejection::OutOfStock {
            product: product.to_owned(),
            missing,
        },
        StockRejection::TooMuch => OrderRejection::NoRoom {
            product: product.to_owned(),
        },
        StockRejection::Invalid(violations) => violations.into(),
        // Of issues and transfers only.
        StockRejection::NotEnough { .. } | StockRejection::NotUnderWay => OrderRejection::NothingToShip,
    }
}
