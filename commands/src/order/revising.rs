//! Changing what a placed order consists of: what follows from the change is looked up, shown, and decided on as it was looked up.
//! Order, stocks, production orders, invoices and credit are written in one append, the order first: goods that were held for a
//! line that ends are held for the one in its stead, with no moment in between at which others could take them. What is to be
//! made and billed anew is left to those who follow (sagas/src/order_fulfillment.rs, order_billing.rs).

use super::{
    Answer,
    cancellation::{Found, cancellation},
    crediting::{self, Asked},
    priced,
    shipping::refused,
};
use crate::{Actor, Context, Error, Executor, Unit, anew::while_busy, stock};
use domain::{
    Aggregate, Money, Patch,
    catalog::{
        product::Product,
        stock::{Demand, Exchange, Stock, StockCommand},
    },
    check::ITEMS_MAX,
    finance::invoice::{Invoice, InvoiceCommand, Revocation},
    id::{InvoiceId, OrderId, ProductId, StockId, WorkspaceId},
    production::production_order::{ProductionOrder, ProductionOrderCommand},
    sales::{
        line::numbered,
        order::{
            Changed, Known, Order, OrderCommand, OrderEvent, OrderRejection, Revision, RevisionPlan, Stopped,
            WantedLine,
        },
    },
};
use std::collections::BTreeMap;

type Failure = Error<OrderRejection>;

/// What a change would do, for whoever may see the order; `invoices` are those that are known to be for it.
pub async fn revision(
    executor: &Executor,
    id: OrderId,
    asked: Revision,
    invoices: &[InvoiceId],
    context: &Context,
) -> Result<(Found, RevisionPlan), Failure> {
    let found = cancellation(executor, context.workspace, &context.actor, id, invoices).await?;
    let asked = looked_up(executor, id, asked, &found, context).await?;
    let plan = found.order.plan(&asked).map_err(Error::Rejected)?;
    Ok((found, plan))
}

/// The same of a change that leaves all as it is.
pub async fn as_it_stands(
    executor: &Executor,
    workspace: WorkspaceId,
    actor: &Actor,
    id: OrderId,
    invoices: &[InvoiceId],
) -> Result<(Found, RevisionPlan), Failure> {
    let found = cancellation(executor, workspace, actor, id, invoices).await?;
    let lines = numbered(found.order.items());
    let asked = Revision {
        items: lines.map(|(n, _)| WantedLine::kept(n)).collect(),
        id,
        standing: Box::new(found.plan.clone()),
        ..Revision::default()
    };
    let plan = found.order.plan(&asked).map_err(Error::Rejected)?;
    Ok((found, plan))
}

/// Changes an order's lines, with all that follows; `unpaid` are its customer's other orders that are known to be so.
pub async fn change(
    executor: &Executor,
    id: OrderId,
    asked: Revision,
    invoices: &[InvoiceId],
    unpaid: &[OrderId],
    context: &Context,
) -> Answer {
    let answer = while_busy(|| attempt(executor, id, &asked, invoices, unpaid, context)).await;
    executor.or_first::<Order>(id, context, answer).await
}

async fn attempt(
    executor: &Executor,
    id: OrderId,
    asked: &Revision,
    invoices: &[InvoiceId],
    unpaid: &[OrderId],
    context: &Context,
) -> Answer {
    let found = cancellation(executor, context.workspace, &context.actor, id, invoices).await?;
    let asked = looked_up(executor, id, asked.clone(), &found, context).await?;
    let standing = asked.standing.clone();
    let command = OrderCommand::Revise(Box::new(asked));
    let decided = executor.decide::<Order>(id, &command, context).await?;
    let mut unit = Unit::default();
    let after = decided.add_to(&mut unit)?;
    unit.guard(found.guards);
    let changed = decided.events.iter().find_map(|event| match event {
        OrderEvent::Changed(changed) => Some(changed.as_ref()),
        _ => None,
    });
    if let (Some(changed), Some(order)) = (changed, after.known()) {
        exchange(executor, id, order, changed, &mut unit, context).await?;
        for stopped in &changed.production {
            stop(executor, id, stopped, &mut unit, context).await?;
        }
        for invoice in &changed.revoked {
            revoke(executor, id, *invoice, changed, &mut unit, context).await?;
        }
        let was = decided.on.state.known().map(Known::total).unwrap_or_default();
        if order.is_owed() && order.total() > was {
            let paid = Money::checked_sum(standing.invoices.iter().map(|invoice| invoice.paid)).unwrap_or_default();
            let asked = Asked {
                amount: order.total().minus(paid),
                again: true,
                unpaid,
            };
            crediting::take(executor, id, &after, &asked, &mut unit, context).await?;
        }
    }
    executor.append_with(&decided, unit, context).await
}

/// With the products of new lines, at the prices of the day, and with what there is of the order.
async fn looked_up(
    executor: &Executor,
    id: OrderId,
    asked: Revision,
    found: &Found,
    context: &Context,
) -> Result<Revision, Failure> {
    let mut drafts = BTreeMap::new();
    for (n, wanted) in asked.items.iter().enumerate().take(ITEMS_MAX) {
        let Some(request) = wanted.asked() else { continue };
        let lines = priced(executor, Patch::Set(vec![request]), found.order.details(), context).await;
        let lines = lines.map_err(|failure| at_line(failure, n))?;
        drafts.extend(lines.into_iter().flatten().map(|draft| (n, draft)));
    }
    Ok(Revision {
        id,
        drafts,
        standing: Box::new(found.plan.clone()),
        ..asked
    })
}

/// Each new line is looked up alone: what is wrong with it is told of the place that it has in the request.
fn at_line(failure: Failure, n: usize) -> Failure {
    let moved = |field: &str| field.replacen("items[0]", &format!("items[{n}]"), 1);
    match failure {
        Error::NoSuchReference(violations) => Error::NoSuchReference(violations.renamed(moved)),
        Error::Rejected(OrderRejection::Invalid(violations)) => {
            Error::Rejected(OrderRejection::Invalid(violations.renamed(moved)))
        }
        other => other,
    }
}

/// Goods that one line gives back are another's first.
async fn exchange(
    executor: &Executor,
    id: OrderId,
    order: &Known,
    changed: &Changed,
    unit: &mut Unit,
    context: &Context,
) -> Result<(), Failure> {
    for (product_id, Exchange { ends, begins, .. }) in exchanges(id, order, changed) {
        let product = executor
            .look::<Product, OrderRejection>(context.workspace, product_id)
            .await?
            .state;
        let command = StockCommand::Exchange(Box::new(Exchange {
            product_id,
            ends,
            begins,
            least: product.details().and_then(stock::least),
        }));
        let id = StockId::of(product_id);
        let stock = executor.load::<Stock, OrderRejection>(context.workspace, id).await?;
        let name = product
            .details()
            .map(|product| product.name.as_str())
            .unwrap_or_default();
        let events = stock.state.decide(&command);
        let events = events.map_err(|refusal| Error::Rejected(refused(refusal, name)))?;
        unit.change(id, &stock, &events).map_err(Error::Unstorable)?;
    }
    Ok(())
}

/// What ends and begins in which stock. What is to be made is not taken from the shelf.
fn exchanges(id: OrderId, order: &Known, changed: &Changed) -> BTreeMap<ProductId, Exchange> {
    let mut of_products: BTreeMap<ProductId, Exchange> = BTreeMap::new();
    for unheld in &changed.goods {
        let demand = Demand {
            production_order_id: unheld.production_order_id,
            ..Demand::of_line(id, order.number(), unheld.line, unheld.product_id)
        };
        of_products.entry(unheld.product_id).or_default().ends.push(demand);
    }
    let begun = changed.begun.iter().filter_map(|n| Some((*n, order.line(*n)?)));
    for (n, line) in begun.filter(|(_, line)| !line.is_manufactured()) {
        for goods in line.goods(line.quantity) {
            let demand = Demand::of_line(id, order.number(), n, goods.product_id);
            let exchange = of_products.entry(goods.product_id).or_default();
            exchange.begins.push((demand, goods.quantity));
        }
    }
    of_products
}

/// It was looked up in another state, if it does not let itself be stopped.
async fn stop(
    executor: &Executor,
    order_id: OrderId,
    stopped: &Stopped,
    unit: &mut Unit,
    context: &Context,
) -> Result<(), Failure> {
    let id = stopped.production_order_id;
    let made = executor
        .load::<ProductionOrder, OrderRejection>(context.workspace, id)
        .await?;
    let cancel = ProductionOrderCommand::Cancel {
        order_id,
        scrap: stopped.scrap,
    };
    let events = made.state.decide(&cancel).map_err(|_| Error::Busy)?;
    unit.change(id, &made, &events).map_err(Error::Unstorable)?;
    Ok(())
}

/// Nothing was paid on it, or it was looked up in another state.
async fn revoke(
    executor: &Executor,
    order_id: OrderId,
    id: InvoiceId,
    changed: &Changed,
    unit: &mut Unit,
    context: &Context,
) -> Result<(), Failure> {
    let invoice = executor.load::<Invoice, OrderRejection>(context.workspace, id).await?;
    let revoke = InvoiceCommand::Revoke(Revocation {
        order_id,
        deal_id: changed.deal_id,
        refund: Money::ZERO,
        credit_note_id: id.credit_note(),
    });
    let events = invoice.state.decide(&revoke).map_err(|_| Error::Busy)?;
    unit.change(id, &invoice, &events).map_err(Error::Unstorable)?;
    Ok(())
}
