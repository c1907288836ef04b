//! What goods cost as they go. At the average all pieces cost the same, and the holding says how much. First in, first out,
//! what came in at once lies in a layer of its own, the oldest goes first, and the last piece of a layer takes along whatever
//! is left of its value: so layers add up to the holding, to the last tiyn. Which of the two it is may change while nothing is
//! there, and so no goods ever came in under one and go under the other.

use super::{Holding, Stock, StockEvent, StockRejection};
use crate::{Choice, Money, Quantity, Total, id::ProductId};
use rpds::RedBlackTreeMapSync;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What goods cost that go: as much as all that is there costs on average, or what the oldest that is there came in for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "UPPERCASE")]
pub enum Valuation {
    #[default]
    Average,
    Fifo,
}

/// How a product's stock is valued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Valued {
    pub product_id: ProductId,
    pub valuation: Valuation,
}

/// What came in at once: as much of it as is there, and what that cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    pub quantity: Quantity,
    pub value: Total,
}

/// How goods are valued, and where that asks for it, all layers there are. A state is cloned for each change, and there may be
/// thousands of layers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Layers {
    /// Nobody chose: at the average.
    chosen: Option<Valuation>,
    /// By a number that rises with each that comes.
    there: RedBlackTreeMapSync<u64, Layer>,
}

// Rules

impl Stock {
    pub(super) fn value(&self, valued: Valued) -> Result<Vec<StockEvent>, StockRejection> {
        if self.layers.chosen == Some(valued.valuation) {
            return Ok(vec![]);
        }
        let there = self.on_hand();
        match self.layers.valuation() == valued.valuation || there.is_zero() {
            true => Ok(vec![StockEvent::Valued(valued)]),
            false => Err(StockRejection::NotEmpty { there }),
        }
    }

    /// What one of this much costs if it goes now, and all of it.
    pub(super) fn going(&self, quantity: Quantity) -> (Option<Money>, Total) {
        match self.layers.valuation() {
            Valuation::Average => (self.holding.average(), self.holding.cost_out(quantity)),
            Valuation::Fifo => {
                let cost = self.layers.cost_out(quantity);
                (cost.each(quantity), cost)
            }
        }
    }
}

// Memory

impl Layers {
    pub(super) fn is_chosen(&self) -> bool {
        self.chosen.is_some()
    }

    pub fn valuation(&self) -> Valuation {
        self.chosen.unwrap_or_default()
    }

    /// The oldest first; none at the average.
    pub fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.there.values()
    }

    /// With their numbers.
    pub(super) fn numbered(&self) -> impl DoubleEndedIterator<Item = (u64, Layer)> {
        self.there.iter().map(|(number, layer)| (*number, *layer))
    }

    pub(super) fn replace(&mut self, number: u64, layer: Layer) {
        self.there.insert_mut(number, layer);
    }

    /// What this much of the oldest cost.
    fn cost_out(&self, quantity: Quantity) -> Total {
        self.clone().take(quantity)
    }

    /// After what happened to the stock that was worth so much before.
    #[must_use]
    pub fn after(mut self, event: &StockEvent, before: Holding) -> Self {
        if let StockEvent::Valued(valued) = event {
            self.chosen = Some(valued.valuation);
        }
        let difference = event.difference();
        if self.valuation() == Valuation::Fifo {
            if let StockEvent::Landed(landed) = event {
                self.raise(landed.came_since, landed.raised);
            }
            match difference.is_positive() {
                true => self.add(difference, before.after(event).value.minus(before.value)),
                false => _ = self.take(-difference),
            }
        }
        self
    }

    fn add(&mut self, quantity: Quantity, value: Total) {
        let next = self.there.last().map_or(0, |(newest, _)| newest.saturating_add(1));
        self.there.insert_mut(next, Layer { quantity, value });
    }

    /// Takes the oldest away, and tells what they cost.
    fn take(&mut self, quantity: Quantity) -> Total {
        let (mut missing, mut cost) = (quantity, Total::ZERO);
        while missing.is_positive()
            && let Some((&oldest, &layer)) = self.there.first()
        {
            let taken = layer.part(missing);
            missing = missing.minus(taken.quantity);
            cost = cost.plus(taken.value);
            if taken.quantity == layer.quantity {
                self.there.remove_mut(&oldest);
            } else {
                self.there.insert_mut(oldest, layer.without(taken));
            }
        }
        cost
    }
}

impl Layer {
    /// At most so much of it, and what that cost.
    fn part(self, most: Quantity) -> Self {
        let quantity = self.quantity.min(most);
        Self {
            quantity,
            value: self.value.share(quantity, self.quantity),
        }
    }

    pub(super) fn worth_more(self, value: Total) -> Self {
        Self {
            value: self.value.plus(value),
            ..self
        }
    }

    fn without(self, part: Self) -> Self {
        Self {
            quantity: self.quantity.minus(part.quantity),
            value: self.value.minus(part.value),
        }
    }
}

#[cfg(test)]
mod tests;
