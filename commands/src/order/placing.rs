//! What a draft says when it is placed. A draft may have lain about: the prices that were looked up for it are those of the day
//! on which it is placed, and so is what its currency is worth. A price that was named was offered, and stays; so do discount
//! and tax.

use super::{priced, rate};
use crate::{Context, Error, Executor};
use domain::{
    Changes, Patch,
    id::OrderId,
    sales::{
        LineRequest,
        line::{Line, LineDraft},
        order::{Change, Order, OrderCommand, OrderRejection, Status, Step},
    },
};

/// The command that takes an order to that status.
pub(super) async fn step(
    executor: &Executor,
    id: OrderId,
    step: Step,
    context: &Context,
) -> Result<OrderCommand, Error<OrderRejection>> {
    let mut change = Change::default();
    let items = renewed(executor, id, &mut change, step.status, true, context).await?;
    Ok(match items {
        None => OrderCommand::Move(step),
        items => OrderCommand::Update {
            change: Box::new(change),
            items,
            step: Some(step),
        },
    })
}

/// Lines, unless they are others anyway, and rate of the day for a draft that is placed; nothing for what is placed already.
pub(super) async fn renewed(
    executor: &Executor,
    id: OrderId,
    change: &mut Change,
    to: Status,
    lines_stay: bool,
    context: &Context,
) -> Result<Option<Vec<LineDraft>>, Error<OrderRejection>> {
    let order = executor
        .look::<Order, OrderRejection>(context.workspace, id)
        .await?
        .state;
    let draft = order.known().filter(|order| !order.is_placed());
    let (Some(draft), Status::Pending | Status::Confirmed) = (draft, to) else {
        return Ok(None);
    };
    let mut details = draft.details().clone();
    details.apply(change);
    if change.currency.is_keep() {
        change.exchange_rate = Patch::Set(rate(executor, &details.currency, context).await?);
    }
    let asked: Option<Vec<LineRequest>> = draft.items().iter().map(Line::asked).collect();
    let Some(asked) = asked.filter(|_| lines_stay) else {
        return Ok(None);
    };
    priced(executor, Patch::Set(asked), &details, context).await
}
