//! Confirming an order: where its customer has a credit limit, what is to be paid for orders that were confirmed and for this one
//! stays within it, or somebody who may approve orders confirms it. Order and credit are written together, so that two orders
//! at once do not both take what is left.

use super::Answer;
use crate::{Context, Error, Executor, Unit, anew::while_busy};
use domain::{
    Aggregate, Money, Permission,
    finance::invoice::Invoice,
    id::{CreditId, CustomerId, OrderId},
    sales::{
        credit::{Credit, CreditCommand, CreditRejection, Taking},
        customer::Customer,
        order::{Order, OrderCommand, OrderRejection, Status},
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// Carries out a command that may confirm the order; `unpaid` are the customer's others that are known to be so.
pub(super) async fn confirm(
    executor: &Executor,
    id: OrderId,
    command: &OrderCommand,
    unpaid: &[OrderId],
    context: &Context,
) -> Answer {
    let answer = while_busy(|| attempt(executor, id, command, unpaid, context)).await;
    executor.or_first::<Order>(id, context, answer).await
}

async fn attempt(
    executor: &Executor,
    id: OrderId,
    command: &OrderCommand,
    unpaid: &[OrderId],
    context: &Context,
) -> Answer {
    let decided = executor.decide::<Order>(id, command, context).await?;
    let before = decided.on.state.known().is_some_and(|order| order.is_owed());
    let after = decided
        .events
        .iter()
        .fold(decided.on.state.as_ref().clone(), Order::evolve);
    let mut unit = Unit::default();
    let is_confirmed = after.known().is_some_and(|order| order.status() == Status::Confirmed);
    if is_confirmed && !before {
        let amount = after.known().map(|order| order.total()).unwrap_or_default();
        let asked = Asked {
            amount,
            again: false,
            unpaid,
        };
        take(executor, id, &after, &asked, &mut unit, context).await?;
    }
    executor.append_together(&decided, unit, context).await
}

/// What is asked for on credit.
pub(super) struct Asked<'a> {
    /// What is to be paid for the order, in its currency.
    pub amount: Money,
    /// It was taken before, and has become more.
    pub again: bool,
    /// The customer's other orders that are known not to be paid.
    pub unpaid: &'a [OrderId],
}

pub(super) async fn take(
    executor: &Executor,
    id: OrderId,
    order: &Order,
    asked: &Asked<'_>,
    unit: &mut Unit,
    context: &Context,
) -> Result<(), Error<OrderRejection>> {
    let may_exceed = context.actor.may_on(Permission::OrdersApprove, order.belongs());
    let Some((order, customer_id)) = order
        .known()
        .and_then(|order| Some((order, order.details().customer_id?)))
    else {
        return Ok(());
    };
    let (customer_id, customer) = executor
        .lead::<Customer, OrderRejection>(context.workspace, customer_id)
        .await?;
    let customer = customer.state;
    let limit = customer.profile().and_then(|profile| profile.credit_limit);
    let amount = order.in_base(asked.amount).filter(|amount| amount.is_positive());
    let (Some(limit), Some(amount)) = (limit.filter(|limit| limit.is_positive()), amount) else {
        return Ok(());
    };
    let credit_id = CreditId::of(customer_id);
    let credit = executor
        .load::<Credit, OrderRejection>(context.workspace, credit_id)
        .await?;
    let family: BTreeSet<CustomerId> = customer.absorbed().chain([customer_id]).collect();
    let mut others: BTreeSet<OrderId> = credit.state.taken().chain(asked.unpaid.iter().copied()).collect();
    // What those took who were merged into it since is taken from it now.
    for absorbed in customer.absorbed() {
        let theirs = executor
            .load::<Credit, OrderRejection>(context.workspace, CreditId::of(absorbed))
            .await?;
        others.extend(theirs.state.taken());
    }
    let mut open = BTreeMap::new();
    for other in others.into_iter().filter(|other| *other != id) {
        if let Some(left) = to_be_paid(executor, other, &family, context).await? {
            open.insert(other, left);
        }
    }
    let taking = CreditCommand::Take(Box::new(Taking {
        customer_id,
        order_id: id,
        amount,
        limit,
        open,
        may_exceed,
        again: asked.again,
    }));
    let events = credit.state.decide(&taking).map_err(|refusal| {
        let CreditRejection::Exceeded {
            limit,
            exposure,
            amount,
        } = refusal;
        Error::Rejected(OrderRejection::CreditExceeded {
            limit,
            exposure,
            amount,
        })
    })?;
    unit.add(credit_id, credit.state.as_ref(), credit.version, &events)
        .map_err(Error::Unstorable)?;
    Ok(())
}

/// What of a confirmed order of one of those customers, who are one, is still to be paid, in the base currency; nothing of one that states no rate.
async fn to_be_paid(
    executor: &Executor,
    id: OrderId,
    family: &BTreeSet<CustomerId>,
    context: &Context,
) -> Result<Option<Money>, Error<OrderRejection>> {
    let order = executor
        .look::<Order, OrderRejection>(context.workspace, id)
        .await?
        .state;
    let is_theirs = |order: &&domain::sales::order::Known| {
        let customer = order.details().customer_id;
        customer.is_some_and(|customer| family.contains(&customer))
    };
    let Some(order) = order.known().filter(is_theirs).filter(|order| order.is_owed()) else {
        return Ok(None);
    };
    let mut left = Money::ZERO;
    for bill in order.bills(id) {
        let invoice = executor
            .look::<Invoice, OrderRejection>(context.workspace, bill.invoice_id)
            .await?
            .state;
        left = left.plus(match invoice.known() {
            None => bill.amount, // it is not written yet
            Some(invoice) if invoice.is_closed() => Money::ZERO,
            Some(invoice) => invoice.bill().amount.minus(invoice.paid()),
        });
    }
    Ok(order.in_base(left).filter(|left| left.is_positive()))
}
