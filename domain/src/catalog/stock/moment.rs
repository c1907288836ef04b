//! When goods were counted: what has moved since stands, and of tracked goods it is told of each lot.

use super::{Place, StockEvent};
use crate::Quantity;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moment {
    pub at: DateTime<Utc>,
    /// What has come, less what has gone, since then.
    pub moved_since: Quantity,
    /// The same of lots, by number.
    pub lots_since: BTreeMap<String, Quantity>,
}

impl Moment {
    pub fn new(at: DateTime<Utc>) -> Self {
        Self { at, ..Self::default() }
    }

    /// That happened after it.
    pub fn pass(&mut self, event: &StockEvent, place: Place) {
        let Some((_, moved)) = event.moves().filter(|(at, _)| *at == place) else {
            return;
        };
        self.moved_since = self.moved_since.plus(moved);
        for lot in event.lots() {
            let since = self.lots_since.entry(lot.number.clone()).or_default();
            *since = since.plus(event.moved(lot));
        }
    }
}
