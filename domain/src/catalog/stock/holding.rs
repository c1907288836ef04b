//! How much of a product is there and what it cost: a moving average. What comes in without a cost comes in at the average,
//! and what goes out takes its share of the whole along, so that nothing is left over when the last piece has gone. However
//! goods are valued as they go, events say what they took and brought, and this is their sum.

use super::StockEvent;
use crate::{Money, Quantity, Total};
use serde::{Deserialize, Serialize};

/// What is on hand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    pub quantity: Quantity,
    /// In the product's currency.
    pub value: Total,
}

impl Holding {
    /// What one costs on average; nothing is known of what is not there.
    pub fn average(&self) -> Option<Money> {
        self.value.each(self.quantity)
    }

    /// What this much would cost to come in: at its own price, or at the average.
    pub fn cost_in(&self, quantity: Quantity, unit_cost: Option<Money>) -> Total {
        match unit_cost {
            Some(price) => quantity.worth(price),
            None => self.value.share(quantity, self.quantity),
        }
    }

    /// What this much of it cost.
    pub fn cost_out(&self, quantity: Quantity) -> Total {
        self.value.share(quantity, self.quantity)
    }

    /// After what happened.
    #[must_use]
    pub fn after(self, event: &StockEvent) -> Self {
        let cost = match event {
            StockEvent::Received {
                quantity,
                unit_cost,
                cost,
                ..
            } => cost.unwrap_or_else(|| self.cost_in(*quantity, *unit_cost)),
            StockEvent::Issued { cost, .. } | StockEvent::Shipped { cost, .. } => -*cost,
            StockEvent::Adjusted { cost, .. } | StockEvent::Counted { cost, .. } => *cost,
            StockEvent::Landed(landed) => landed.raised,
            StockEvent::Valued(_)
            | StockEvent::Sent { .. }
            | StockEvent::Arrived { .. }
            | StockEvent::Reserved { .. }
            | StockEvent::Released { .. }
            | StockEvent::Short { .. }
            | StockEvent::Tracked { .. }
            | StockEvent::Low { .. } => Total::ZERO,
        };
        self.with(event.difference(), cost)
    }

    #[must_use]
    fn with(self, difference: Quantity, cost: Total) -> Self {
        Self {
            quantity: self.quantity.plus(difference),
            value: self.value.plus(cost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn holding(quantity: i32, value: i32) -> Holding {
        Holding {
            quantity: Quantity::whole(quantity),
            value: Total::from(Money::whole(value)),
        }
    }

    fn cents(units: i64) -> Total {
        Total::from_units(units).unwrap()
    }

    /// What is there, what comes or goes, its own price → what the value changes by, and the average afterwards.
    #[test]
    fn the_moving_average() {
        for (before, difference, price, cost, average) in [
            (holding(0, 0), 10, Some(100), cents(100_000), Some(10_000)),
            (holding(10, 1_000), 10, Some(200), cents(200_000), Some(15_000)),
            (holding(10, 1_000), 5, None, cents(50_000), Some(10_000)),
            (holding(0, 0), 5, None, cents(0), Some(0)),
            (holding(3, 100), -1, None, cents(-3_333), Some(3_334)),
            (holding(1, 100), -1, None, cents(-10_000), None),
        ] {
            let difference = Quantity::whole(difference);
            let changed = match difference.is_negative() {
                true => -before.cost_out(-difference),
                false => before.cost_in(difference, price.map(Money::whole)),
            };
            assert_eq!(changed, cost);
            let after = before.with(difference, changed);
            assert_eq!(after.average().map(Money::units), average);
        }
    }

    proptest! {
        #[test]
        fn nothing_is_left_of_the_value_when_nothing_is_left(parts in prop::collection::vec(1_i32..1_000, 1..20), value in 0_i32..1_000_000) {
            let mut holding = holding(parts.iter().sum(), value);
            for part in parts {
                let part = Quantity::whole(part);
                let cost = holding.cost_out(part);
                prop_assert!(!cost.is_negative() && cost <= holding.value);
                holding = holding.with(-part, -cost);
            }
            prop_assert_eq!(holding, Holding::default());
        }
    }
}
