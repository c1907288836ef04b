//! A count is of its own moment, whenever it is written down: what has moved since stands, and is looked up in the log.

use super::{
    Answer,
    since::{self, Happened},
};
use crate::{Context, Executor};
use chrono::{DateTime, Utc};
use domain::{
    catalog::stock::{Least, Moment, Movement, StockCommand},
    id::StockId,
};

/// Writes down what was found at that moment; `under` is what the workspace's rules make of it.
pub(super) async fn at(
    executor: &Executor,
    id: StockId,
    at: DateTime<Utc>,
    (movement, least): (Movement, Option<Least>),
    under: impl Fn(StockCommand) -> StockCommand + Send + Sync,
    context: &Context,
) -> Answer {
    let place = movement.warehouse;
    let make = |since: &since::Since| {
        let mut moment = Moment::new(at);
        for Happened { event, recorded_at, .. } in &since.events {
            if event.came_about(*recorded_at) > at {
                moment.pass(event, place);
            }
        }
        Ok(under(StockCommand::Count(movement.clone(), moment, least.clone())))
    };
    since::decide(executor, id, (at, &[]), make, context).await
}
