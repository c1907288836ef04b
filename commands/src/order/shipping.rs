//! Shipping: the order says what is sent, and the stocks of it let it go, in one append. So goods leave exactly once, never
//! below zero, and there is no moment at which they are on their way and on the shelf.

use super::Answer;
use crate::{Context, Error, Executor, Unit, anew::known_first, lanes::Turns, stock, warehouse::with_locations};
use domain::{
    Aggregate, Total,
    catalog::{
        product::Product,
        stock::{Demand, Lot, Named, Outgoing, Place, Stock, StockCommand, StockEvent, StockRejection},
    },
    id::{OrderId, ProductId, StockId, derive},
    sales::order::{Dispatch, Known, Order, OrderCommand, OrderEvent, OrderRejection, SentLot, Shipment, Shipped},
    time::local_date,
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Sends an order, or a part of it.
pub async fn ship(executor: &Executor, id: OrderId, dispatch: Dispatch, context: &Context) -> Answer {
    let answer = known_first(|fresh| send(executor, id, &dispatch, fresh, context)).await;
    executor.or_first::<Order>(id, context, answer).await
}

/// Order and stocks have their turn meanwhile: who sends the same goods waits, and both are written by one commit.
async fn send(executor: &Executor, id: OrderId, dispatch: &Dispatch, fresh: bool, context: &Context) -> Answer {
    let command = OrderCommand::Ship(dispatch.clone());
    let turns = turns(executor, id, context).await?;
    let mut decided = executor.decide_in_turn::<Order>(id, &command, fresh, context).await?;
    let mut unit = Unit::default();
    let shipment = decided.events.iter().find_map(|event| match event {
        OrderEvent::Shipped(shipment) => Some(shipment.as_ref()),
        _ => None,
    });
    if let (Some(shipment), Some(order)) = (shipment, decided.on.state.known()) {
        stock::is_there(executor, shipment.warehouse_id, stock::Way::Out, "warehouseId", context).await?;
        let (mut costs, mut lots) = (BTreeMap::new(), BTreeMap::<u32, Vec<SentLot>>::new());
        let named = Named {
            today: Some(local_date(context.now)),
            may_be_expired: dispatch.confirm_expired,
            ..Named::default()
        };
        for (product, going) in outgoing(id, order, shipment, &named) {
            for gone in take(
                executor,
                product,
                (going, shipment.warehouse_id),
                fresh,
                &mut unit,
                context,
            )
            .await?
            {
                let of_line: &mut Total = costs.entry(gone.line).or_default();
                *of_line = of_line.plus(gone.cost);
                if !gone.lots.is_empty() {
                    lots.entry(gone.line).or_default().extend(gone.lots);
                }
            }
        }
        // The same once more, now that it is known what goes and what that cost.
        let costed = OrderCommand::Ship(Dispatch {
            costs,
            lots,
            ..dispatch.clone()
        });
        decided.events = decided.on.state.decide(&costed).map_err(Error::Rejected)?;
    }
    decided.add_to(&mut unit)?;
    executor.append_in_turn(&decided, unit, turns, context).await
}

/// Those of an order and the stocks of all that it sells.
pub(super) async fn turns<'a>(
    executor: &'a Executor,
    id: OrderId,
    context: &Context,
) -> Result<Turns<'a>, Error<OrderRejection>> {
    let known = executor
        .look::<Order, OrderRejection>(context.workspace, id)
        .await?
        .state;
    let products = known.known().map(Known::stocked).unwrap_or_default();
    let stocks = products.into_iter().map(|product| Uuid::from(StockId::of(product)));
    Ok(executor.turns(stocks.chain([id.into()])).await)
}

/// What leaves which stock, with the name that it has on the order; lots that are named are of what is sent itself.
fn outgoing(
    id: OrderId,
    order: &Known,
    shipment: &Shipment,
    named: &Named,
) -> BTreeMap<ProductId, Vec<(Outgoing, String)>> {
    let mut of_products: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (n, item) in shipment.items.iter().enumerate() {
        let Shipped {
            line, quantity, lots, ..
        } = item;
        let (line, quantity) = (*line, *quantity);
        let demanded = order.goods(line, order.ordered(line));
        for (goods, demanded) in order.goods(line, quantity).into_iter().zip(demanded) {
            let product_id = goods.product_id;
            let of_item = match product_id == item.product_id {
                true => format!("item {n}"),
                false => format!("item {n} part {product_id}"),
            };
            let going = Outgoing {
                id: derive(shipment.shipment_id, &of_item),
                product_id,
                demand: Demand::of_line(id, order.number(), line, product_id),
                demanded: demanded.quantity,
                quantity: goods.quantity,
                from: vec![],
                lots: Named {
                    lots: of_product(lots, product_id),
                    ..named.clone()
                },
                least: None,
            };
            let of_product: &mut Vec<_> = of_products.entry(product_id).or_default();
            of_product.push((going, goods.product_name));
        }
    }
    of_products
}

/// What left for a line.
struct Gone {
    line: u32,
    cost: Total,
    lots: Vec<SentLot>,
}

/// What of which line left, and what that cost.
async fn take(
    executor: &Executor,
    product_id: ProductId,
    (all, warehouse): (Vec<(Outgoing, String)>, Place),
    fresh: bool,
    unit: &mut Unit,
    context: &Context,
) -> Result<Vec<Gone>, Error<OrderRejection>> {
    let product = executor
        .look::<Product, OrderRejection>(context.workspace, product_id)
        .await?
        .state;
    let id = StockId::of(product_id);
    let stock = executor
        .in_turn::<Stock, OrderRejection>(context.workspace, id, fresh)
        .await?;
    let from = with_locations(executor, warehouse, &stock.state, context).await?;
    let (mut after, mut events) = (stock.state.as_ref().clone(), Vec::new());
    for (going, name) in all {
        let going = Outgoing {
            from: from.clone(),
            least: product.details().and_then(stock::least),
            ..going
        };
        let left = after.decide(&StockCommand::Ship(Box::new(going)));
        let left = left.map_err(|refusal| Error::Rejected(refused(refusal, &name)))?;
        after = left.iter().fold(after, Stock::evolve);
        events.extend(left);
    }
    unit.change(id, &stock, &events).map_err(Error::Unstorable)?;
    let gone = events.into_iter().filter_map(|event| match event {
        StockEvent::Shipped { demand, cost, lots, .. } => Some(Gone {
            line: demand.line,
            cost,
            lots: lots.into_iter().map(|lot| SentLot::new(product_id, lot)).collect(),
        }),
        _ => None,
    });
    Ok(gone.collect())
}

/// Those of that product, as its stock knows them.
pub(super) fn of_product(lots: &[SentLot], product: ProductId) -> Vec<Lot> {
    let lots = lots.iter().filter(|lot| lot.product_id == product);
    lots.map(SentLot::lot).collect()
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
        StockRejection::LotShort { number, available } => OrderRejection::LotShort {
            product: product.to_owned(),
            lot: number,
            available,
        },
        StockRejection::Expired { number } => OrderRejection::LotExpired {
            product: product.to_owned(),
            lot: number,
        },
        StockRejection::SerialInStock { number } => OrderRejection::SerialInStock {
            product: product.to_owned(),
            lot: number,
        },
        StockRejection::Invalid(violations) => violations.into(),
        // Of what is written down by hand only, and of what a product is.
        StockRejection::NotEnough { .. }
        | StockRejection::NotUnderWay
        | StockRejection::Closed { .. }
        | StockRejection::NotEmpty { .. } => OrderRejection::NothingToShip,
    }
}
