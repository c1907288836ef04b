//! Goods that come back: the order says how they were found, and what is good is in stock at the same instant; who waits for
//! it gets it.

use super::{Answer, shipping::refused};
use crate::{Context, Error, Executor, Unit, stock};
use domain::{
    Aggregate, Quantity,
    catalog::{
        product::Product,
        stock::{Stock, StockCommand},
    },
    id::{OrderId, StockId},
    sales::order::{Condition, Known, Order, OrderCommand, OrderEvent, OrderRejection, Return, Returned},
};
use std::collections::BTreeMap;

/// How often it is decided anew because a stock moved meanwhile.
const ATTEMPTS_MAX: u32 = 64;

/// Takes back what was sent.
pub async fn take_back(executor: &Executor, id: OrderId, back: Return, context: &Context) -> Answer {
    let command = OrderCommand::TakeBack(back);
    let mut answer = Err(Error::Busy);
    for _ in 0..ATTEMPTS_MAX {
        answer = attempt(executor, id, &command, context).await;
        if !matches!(answer, Err(Error::Busy)) {
            break;
        }
    }
    executor.or_first::<Order>(id, context, answer).await
}

async fn attempt(executor: &Executor, id: OrderId, command: &OrderCommand, context: &Context) -> Answer {
    let decided = executor.decide::<Order>(id, command, context).await?;
    let mut unit = Unit::default();
    for event in &decided.events {
        if let (OrderEvent::Returned(returned), Some(order)) = (event, decided.on.state.known()) {
            put_back(executor, order, returned, &mut unit, context).await?;
        }
    }
    executor.append_together(&decided, unit, context).await
}

/// What is good, by product: at the average of what is there, and at what the product is said to cost where nothing is.
async fn put_back(
    executor: &Executor,
    order: &Known,
    returned: &Returned,
    unit: &mut Unit,
    context: &Context,
) -> Result<(), Error<OrderRejection>> {
    stock::is_there(executor, returned.warehouse_id, stock::Way::In, "warehouseId", context).await?;
    let mut good = BTreeMap::new();
    for item in returned.items.iter().filter(|item| item.condition == Condition::Good) {
        let (quantity, _) = good
            .entry(item.product_id)
            .or_insert((Quantity::ZERO, item.product_name.as_str()));
        *quantity = quantity.plus(item.quantity);
    }
    for (product_id, (quantity, name)) in good {
        let product = executor
            .look::<Product, OrderRejection>(context.workspace, product_id)
            .await?
            .state;
        let cost = product.details().and_then(|details| details.cost);
        let id = StockId::of(product_id);
        let stock = executor.load::<Stock, OrderRejection>(context.workspace, id).await?;
        let receive = StockCommand::Receive {
            product_id,
            quantity,
            unit_cost: cost.filter(|_| stock.state.on_hand().is_zero()),
            reference: Some(order.number().to_string()),
            reason: None,
            warehouse: returned.warehouse_id,
        };
        let events = stock.state.decide(&receive);
        let events = events.map_err(|refusal| Error::Rejected(refused(refusal, name)))?;
        unit.add(id, stock.state.as_ref(), stock.version, &events)
            .map_err(Error::Unstorable)?;
    }
    Ok(())
}
