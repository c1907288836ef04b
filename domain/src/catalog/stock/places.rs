//! Where a product lies: so much in each warehouse, so much on the way between two, and the rest wherever nobody said. What
//! is on the way is there all the same, and may be promised; only nobody can take it.

use super::StockEvent;
use crate::{
    Quantity,
    id::{TransferId, WarehouseId},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A warehouse, or wherever nobody said.
pub type Place = Option<WarehouseId>;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Places {
    warehouses: BTreeMap<WarehouseId, Quantity>,
    under_way: BTreeMap<TransferId, UnderWay>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct UnderWay {
    pub to: Place,
    pub quantity: Quantity,
}

impl Places {
    /// How much lies there, of so much on hand.
    pub fn at(&self, place: Place, on_hand: Quantity) -> Quantity {
        match place {
            Some(warehouse) => self.warehouses.get(&warehouse).copied().unwrap_or_default(),
            None => {
                let elsewhere: Quantity = self.warehouses.values().copied().sum();
                on_hand.minus(elsewhere).minus(self.moving())
            }
        }
    }

    /// Where it may be taken from, of so much on hand, and how much there: from the warehouses that are named, one after the
    /// other, or else first from wherever nobody said, then from one warehouse after another.
    pub fn lying(&self, from: &[WarehouseId], on_hand: Quantity) -> Vec<(Place, Quantity)> {
        let places: Vec<Place> = match from.is_empty() {
            true => [None].into_iter().chain(self.warehouses().map(Some)).collect(),
            false => from.iter().copied().map(Some).collect(),
        };
        let there = places.into_iter().map(|place| (place, self.at(place, on_hand)));
        there.collect()
    }

    /// Those where there is some.
    pub fn warehouses(&self) -> impl Iterator<Item = WarehouseId> {
        self.warehouses.keys().copied()
    }

    pub fn under_way(&self, transfer: TransferId) -> Option<UnderWay> {
        self.under_way.get(&transfer).copied()
    }

    /// All that is on the way.
    pub fn moving(&self) -> Quantity {
        self.under_way.values().map(|moving| moving.quantity).sum()
    }

    /// After what happened.
    #[must_use]
    pub fn after(mut self, event: &StockEvent) -> Self {
        if let Some((Some(warehouse), quantity)) = event.moves() {
            let there = self.warehouses.entry(warehouse).or_default();
            *there = there.plus(quantity);
        }
        self.warehouses.retain(|_, quantity| !quantity.is_zero());
        match event {
            StockEvent::Sent {
                transfer_id,
                to,
                quantity,
                ..
            } => {
                let moving = UnderWay {
                    to: *to,
                    quantity: *quantity,
                };
                self.under_way.insert(*transfer_id, moving);
            }
            StockEvent::Arrived { transfer_id, .. } => _ = self.under_way.remove(transfer_id),
            StockEvent::Received { .. }
            | StockEvent::Valued(_)
            | StockEvent::Landed(_)
            | StockEvent::Issued { .. }
            | StockEvent::Adjusted { .. }
            | StockEvent::Counted { .. }
            | StockEvent::Shipped { .. }
            | StockEvent::Reserved { .. }
            | StockEvent::Released { .. }
            | StockEvent::Short { .. }
            | StockEvent::Tracked { .. }
            | StockEvent::Low { .. } => {}
        }
        self
    }
}
