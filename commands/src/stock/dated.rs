//! What the workspace's rules make of what is written down: how goods are valued that come first, and whether a day may still be
//! told of. What tells of an earlier day is decided on what has happened since, so that nothing goes that was not there then.

use super::{
    Answer, Refusal,
    since::{self, Happened, Since},
};
use crate::{Context, Executor, anew::while_busy};
use chrono::NaiveDate;
use domain::{
    Quantity,
    catalog::{
        stock::{Dated, Stock, StockCommand, Terms},
        stock_policy::StockPolicy,
    },
    id::{ProductId, StockId, StockPolicyId},
    time::{day_start, local_date},
};
use log::Guard;
use std::collections::BTreeMap;

/// The rules, for what tells of today: they say how goods are valued that come while nothing is there. A stock that has some
/// needs none.
pub(super) async fn terms(
    executor: &Executor,
    product_id: ProductId,
    context: &Context,
) -> Result<Option<Terms>, Refusal> {
    let stock = executor
        .look::<Stock, _>(context.workspace, StockId::of(product_id))
        .await?;
    if !stock.state.takes_policy() {
        return Ok(None);
    }
    let id = StockPolicyId::only();
    let policy = executor
        .look::<StockPolicy, _>(context.workspace, id)
        .await?
        .state
        .policy();
    Ok(Some(Terms {
        product_id,
        valuation: policy.valuation,
        dated: None,
    }))
}

/// Writes down what tells of that day.
pub(super) async fn of(
    executor: &Executor,
    product_id: ProductId,
    on: NaiveDate,
    command: StockCommand,
    context: &Context,
) -> Answer {
    while_busy(|| attempt(executor, product_id, on, &command, context)).await
}

/// Months may be closed meanwhile: then it is looked up anew.
async fn attempt(
    executor: &Executor,
    product_id: ProductId,
    on: NaiveDate,
    command: &StockCommand,
    context: &Context,
) -> Answer {
    let id = StockPolicyId::only();
    let loaded = executor.load::<StockPolicy, _>(context.workspace, id).await?;
    let policy = loaded.state.policy();
    let guards = [Guard {
        stream_id: id.into(),
        version: loaded.version,
    }];
    let today = local_date(context.now);
    let under = |least: Option<Least>| {
        let least = least.unwrap_or_default();
        let terms = Terms {
            product_id,
            valuation: policy.valuation,
            dated: Some(Dated {
                on,
                today,
                closed_through: policy.closed_through,
                least: least.there,
                least_of_lots: least.lots,
            }),
        };
        StockCommand::Under(terms, Box::new(command.clone()))
    };
    let id = StockId::of(product_id);
    // Of a day that is refused, or of today, nobody has to look back.
    if on >= today || policy.closed_through.is_some_and(|closed| on <= closed) {
        return executor
            .execute_guarded::<Stock>(id, &under(None), &guards, context)
            .await;
    }
    let make = |since: &Since| Ok(under(Some(Least::since(since, on))));
    since::decide(executor, id, (day_start(on), &guards), make, context).await
}

/// The least that was there at the end of any day from one on.
#[derive(Default)]
struct Least {
    /// Absent: nobody looked back.
    there: Option<Quantity>,
    /// Of each lot that has moved since, by number.
    lots: BTreeMap<String, Quantity>,
}

impl Least {
    fn since(Since { stock, events }: &Since, on: NaiveDate) -> Self {
        let (mut all, mut lots) = (Days::default(), BTreeMap::<&str, Days>::new());
        for Happened { event, recorded_at, .. } in events {
            let day = event.day(*recorded_at);
            all.pass(day, event.difference());
            // What goes to another place is still there.
            let lots_moved = event.lots().iter().filter(|_| event.transfer().is_none());
            for lot in lots_moved {
                lots.entry(&lot.number).or_default().pass(day, event.moved(lot));
            }
        }
        let lots = lots
            .into_iter()
            .map(|(number, days)| (number.to_owned(), days.least(stock.of_lot(number), on)));
        Self {
            there: Some(all.least(stock.on_hand(), on)),
            lots: lots.collect(),
        }
    }
}

/// What came, less what went, on each day.
#[derive(Default)]
struct Days(BTreeMap<NaiveDate, Quantity>);

impl Days {
    fn pass(&mut self, day: NaiveDate, moved: Quantity) {
        let of_day = self.0.entry(day).or_default();
        *of_day = of_day.plus(moved);
    }

    /// The least at the end of any day from that one on, where so much is there now.
    fn least(&self, now: Quantity, on: NaiveDate) -> Quantity {
        let (mut there, mut least) = (now, now);
        for (_, moved) in self.0.iter().rev().take_while(|(day, _)| **day > on) {
            there = there.minus(*moved);
            least = least.min(there);
        }
        least
    }
}
