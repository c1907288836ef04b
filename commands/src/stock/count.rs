//! A count is of its own moment, whenever it is written down: what has moved since stands, and is looked up in the log.

use super::{
    Answer,
    since::{self, Happened},
};
use crate::{Context, Executor};
use chrono::{DateTime, Utc};
use domain::{
    Quantity,
    catalog::stock::{Least, Moment, Movement, Place, StockCommand},
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
        let moved_since = since.events.iter().map(|one| moved_after(one, at, place)).sum();
        let moment = Moment { at, moved_since };
        Ok(under(StockCommand::Count(movement.clone(), moment, least.clone())))
    };
    since::decide(executor, id, (at, &[]), make, context).await
}

/// What has come to that place, less what has gone from there, after that moment.
fn moved_after(Happened { event, recorded_at, .. }: &Happened, at: DateTime<Utc>, there: Place) -> Quantity {
    let moved = event
        .moves()
        .filter(|(place, _)| *place == there && event.came_about(*recorded_at) > at);
    moved.map_or(Quantity::ZERO, |(_, quantity)| quantity)
}
