//! Of when a fact tells. What is written down late names the day that it is effective from, and that stands beside the moment
//! of recording: what lay there on a past day is counted by it. It opens nothing again. A day of a closed month is refused; what
//! goes costs what goods cost when it is written down; and what went before keeps the cost that was written then.

use super::{Stock, StockCommand, StockEvent, StockRejection, Valuation, Valued};
use crate::{
    Aggregate, Check, Quantity, Rule, Total, Violations,
    id::ProductId,
    time::{day_start, local_date},
};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::BTreeMap;

/// What a workspace's rules make of what is written down, looked up with the command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub product_id: ProductId,
    /// How goods are valued that come while nothing is there, where nobody chose.
    pub valuation: Valuation,
    /// Absent: of today.
    pub dated: Option<Dated>,
}

/// Of which day something tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dated {
    pub on: NaiveDate,
    pub today: NaiveDate,
    /// The last day that nothing may tell of any more.
    pub closed_through: Option<NaiveDate>,
    /// The least that was there at the end of any day from that one to yesterday. Of today: as much as one likes.
    pub least: Option<Quantity>,
    /// The same of each lot that has moved since, by number.
    pub least_of_lots: BTreeMap<String, Quantity>,
}

// Rules

impl Stock {
    pub(super) fn under(&self, terms: &Terms, command: &StockCommand) -> Result<Vec<StockEvent>, StockRejection> {
        let valued = self.first_valued(terms);
        let mut stock = valued.iter().fold(self.clone(), Self::evolve);
        if let Some(dated) = &terms.dated {
            dated.may_be_told()?;
            stock.lots = stock.lots.at_most(&dated.least_of_lots);
        }
        let events = stock.decide(command)?;
        let moved: Quantity = events.iter().map(StockEvent::difference).sum();
        let events = match &terms.dated {
            None => events,
            Some(dated) => {
                dated.was_there(moved)?;
                events.into_iter().map(|event| event.of(dated.on)).collect()
            }
        };
        let valued = valued.filter(|_| moved.is_positive());
        Ok(valued.into_iter().chain(events).collect())
    }

    /// Where nobody chose and nothing is there, goods that come are valued as the workspace says.
    pub fn takes_policy(&self) -> bool {
        !self.layers.is_chosen() && self.on_hand().is_zero()
    }

    fn first_valued(&self, terms: &Terms) -> Option<StockEvent> {
        let another = terms.valuation != self.layers.valuation();
        (another && self.takes_policy()).then_some(StockEvent::Valued(Valued {
            product_id: terms.product_id,
            valuation: terms.valuation,
        }))
    }
}

impl Dated {
    fn may_be_told(&self) -> Result<(), StockRejection> {
        const FIELD: &str = "effectiveDate";
        let mut check = Check::default();
        check.date(FIELD, Some(self.on));
        check.done()?;
        if self.on > self.today {
            return Err(Violations::one(FIELD, Rule::NotYet).into());
        }
        let closed = self.closed_through.filter(|closed| self.on <= *closed);
        match closed.and_then(|closed| closed.succ_opt()) {
            Some(first) => Err(StockRejection::Closed { first }),
            None => Ok(()),
        }
    }

    /// Nothing goes that was not there then, nor what would be missing on a day since.
    fn was_there(&self, moved: Quantity) -> Result<(), StockRejection> {
        let missing = self.least.filter(|least| least.plus(moved).is_negative());
        match missing {
            Some(least) if moved.is_negative() => Err(StockRejection::NotEnough { available: least }),
            _ => Ok(()),
        }
    }
}

// Memory

impl StockEvent {
    /// Of which day it tells, where it names one.
    pub fn effective_date(&self) -> Option<NaiveDate> {
        match self {
            Self::Received { effective_date, .. }
            | Self::Issued { effective_date, .. }
            | Self::Adjusted { effective_date, .. } => *effective_date,
            Self::Valued(_)
            | Self::Landed(_)
            | Self::Tracked { .. }
            | Self::Counted { .. }
            | Self::Sent { .. }
            | Self::Arrived { .. }
            | Self::Low { .. }
            | Self::Reserved { .. }
            | Self::Short { .. }
            | Self::Shipped { .. }
            | Self::Released { .. } => None,
        }
    }

    /// The day in Kazakhstan that it counts from.
    pub fn day(&self, recorded_at: DateTime<Utc>) -> NaiveDate {
        self.effective_date().unwrap_or_else(|| local_date(recorded_at))
    }

    /// When what it tells came about: a count at its moment, what is told later from its day on.
    pub fn came_about(&self, recorded_at: DateTime<Utc>) -> DateTime<Utc> {
        match (self, self.effective_date()) {
            (Self::Counted { at, .. }, _) => *at,
            (_, Some(day)) if day < local_date(recorded_at) => day_start(day),
            _ => recorded_at,
        }
    }

    /// By how much it changes what the stock is worth. Of old receipts without a price nobody wrote it down.
    pub fn worth(&self) -> Total {
        match self {
            Self::Received {
                quantity,
                unit_cost,
                cost,
                ..
            } => cost.unwrap_or_else(|| quantity.worth(unit_cost.unwrap_or_default())),
            Self::Issued { cost, .. } | Self::Shipped { cost, .. } => -*cost,
            Self::Adjusted { cost, .. } | Self::Counted { cost, .. } => *cost,
            Self::Landed(landed) => landed.raised,
            Self::Valued(_)
            | Self::Tracked { .. }
            | Self::Sent { .. }
            | Self::Arrived { .. }
            | Self::Low { .. }
            | Self::Reserved { .. }
            | Self::Short { .. }
            | Self::Released { .. } => Total::ZERO,
        }
    }

    fn of(mut self, day: NaiveDate) -> Self {
        if let Self::Received { effective_date, .. }
        | Self::Issued { effective_date, .. }
        | Self::Adjusted { effective_date, .. } = &mut self
        {
            *effective_date = Some(day);
        }
        self
    }
}

#[cfg(test)]
mod tests;
