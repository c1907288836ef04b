//! Goods that come back: the order says how they were found, and what is good is in stock at the same instant; who waits for
//! it gets it.

use super::{
    Answer,
    shipping::{of_product, refused, turns},
};
use crate::{Context, Error, Executor, Unit, anew::known_first, stock};
use domain::{
    Aggregate, Total,
    catalog::{
        product::Product,
        stock::{Movement, Named, Stock, StockCommand},
    },
    id::{OrderId, StockId},
    sales::{
        line::Goods,
        order::{Condition, Known, Order, OrderCommand, OrderEvent, OrderRejection, Return, Returned},
    },
};
use std::collections::BTreeMap;

/// Takes back what was sent.
pub async fn take_back(executor: &Executor, id: OrderId, back: Return, context: &Context) -> Answer {
    let command = OrderCommand::TakeBack(back);
    let answer = known_first(|fresh| attempt(executor, id, &command, fresh, context)).await;
    executor.or_first::<Order>(id, context, answer).await
}

/// In turn, as what is sent.
async fn attempt(executor: &Executor, id: OrderId, command: &OrderCommand, fresh: bool, context: &Context) -> Answer {
    let turns = turns(executor, id, context).await?;
    let decided = executor.decide_in_turn::<Order>(id, command, fresh, context).await?;
    let mut unit = Unit::default();
    for event in &decided.events {
        if let (OrderEvent::Returned(returned), Some(order)) = (event, decided.on.state.known()) {
            put_back(executor, order, returned, fresh, &mut unit, context).await?;
        }
    }
    decided.add_to(&mut unit)?;
    executor.append_in_turn(&decided, unit, turns, context).await
}

/// What is good, by product: for what it cost when it was sent. Where that was not kept, at the average of what is there, and
/// at what the product is said to cost where nothing is.
async fn put_back(
    executor: &Executor,
    order: &Known,
    returned: &Returned,
    fresh: bool,
    unit: &mut Unit,
    context: &Context,
) -> Result<(), Error<OrderRejection>> {
    stock::is_there(executor, returned.warehouse_id, stock::Way::In, "warehouseId", context).await?;
    let mut good: BTreeMap<_, Vec<(Goods, Option<Total>, Named)>> = BTreeMap::new();
    for item in returned.items.iter().filter(|item| item.condition == Condition::Good) {
        for goods in order.goods(item.line, item.quantity) {
            // What a bundle cost is not known of each of its parts.
            let own = item.cost.filter(|_| goods.product_id == item.product_id);
            let named = Named {
                lots: of_product(&item.lots, goods.product_id),
                otherwise: Some(order.number().to_string()),
                ..Named::default()
            };
            good.entry(goods.product_id).or_default().push((goods, own, named));
        }
    }
    for (product_id, items) in good {
        let product = executor
            .look::<Product, OrderRejection>(context.workspace, product_id)
            .await?
            .state;
        let cost = product.details().and_then(|details| details.cost);
        let id = StockId::of(product_id);
        let stock = executor
            .in_turn::<Stock, OrderRejection>(context.workspace, id, fresh)
            .await?;
        let (mut after, mut events) = (stock.state.as_ref().clone(), Vec::new());
        for (item, then, lots) in items {
            let reference = Some(order.number().to_string());
            let back = match then {
                Some(then) => {
                    let movement = Movement {
                        product_id,
                        lots,
                        quantity: item.quantity,
                        reference,
                        warehouse: returned.warehouse_id,
                        ..Movement::default()
                    };
                    StockCommand::PutBack(movement, then)
                }
                None => StockCommand::Receive {
                    product_id,
                    lots,
                    quantity: item.quantity,
                    unit_cost: cost.filter(|_| after.on_hand().is_zero()),
                    reference,
                    reason: None,
                    warehouse: returned.warehouse_id,
                },
            };
            let received = after.decide(&back);
            let received = received.map_err(|refusal| Error::Rejected(refused(refusal, &item.product_name)))?;
            after = received.iter().fold(after, Stock::evolve);
            events.extend(received);
        }
        unit.change(id, &stock, &events).map_err(Error::Unstorable)?;
    }
    Ok(())
}
