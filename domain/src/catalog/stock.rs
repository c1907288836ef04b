//! Stock of one product: on hand, reserved, available, and what it cost. Nothing goes below zero and every change is a
//! movement with a reference. A demand that cannot be met waits in line here, so that goods that arrive reserve themselves
//! for it in the same decision: no reader has to notice, no race can take them away. What is reserved is not there for
//! others: no issue and no count takes it away. That it has become less than it should is told here as well, once each time.

mod holding;

pub use holding::Holding;

use crate::{
    Aggregate, Check, Event, Money, Permission, Quantity, Rejection, Rule, Total, Violations,
    id::{OrderId, ProductId, ProductionOrderId, StockId},
};
use chrono::{DateTime, Utc};
use rpds::RedBlackTreeSetSync;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub const REFERENCE_MAX: usize = 100;
pub const REASON_MAX: usize = 200;

// Vocabulary

#[derive(Debug, Clone)]
pub enum StockCommand {
    Receive {
        product_id: ProductId,
        quantity: Quantity,
        unit_cost: Option<Money>,
        reference: Option<String>,
        reason: Option<String>,
    },
    /// Takes goods out that nobody was promised.
    Issue(Movement, Option<Least>),
    /// So much more, or less, is there than was written down; with the reason.
    Adjust(Movement, Option<Least>),
    /// So much was there at that moment.
    Count(Movement, Moment, Option<Least>),
    Reserve {
        product_id: ProductId,
        demand: Demand,
        quantity: Quantity,
        least: Option<Least>,
    },
}

/// Goods that come or go, and why.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Movement {
    pub product_id: ProductId,
    /// Of an adjustment the difference, which may be below zero; of a count what was found.
    pub quantity: Quantity,
    /// Of what is there in addition; absent, the average.
    pub unit_cost: Option<Money>,
    /// The paper it is written on.
    pub reference: Option<String>,
    pub reason: Option<String>,
}

/// When goods were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub at: DateTime<Utc>,
    /// What has come, less what has gone, since then.
    pub moved_since: Quantity,
}

/// How much of the product should be there for others, and what it is called, looked up with the command.
#[derive(Debug, Clone, PartialEq)]
pub struct Least {
    pub min: Quantity,
    pub code: String,
    pub name: String,
    pub unit: String,
}

/// What goods are wanted for: every supply is pegged to the demand it serves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Demand {
    /// Derived from the order's line or the production order and the product: asking twice is asking once.
    pub id: Uuid,
    pub order_id: OrderId,
    /// The order's line, from 0.
    pub line: u32,
    /// When the goods are material of a production order.
    pub production_order_id: Option<ProductionOrderId>,
    /// Shown in stock movements: the order's or the production order's number.
    pub reference: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data", rename_all_fields = "camelCase")]
pub enum StockEvent {
    #[serde(rename = "stock.received")]
    Received {
        product_id: ProductId,
        quantity: Quantity,
        unit_cost: Option<Money>,
        reference: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    #[serde(rename = "stock.issued")]
    Issued {
        product_id: ProductId,
        quantity: Quantity,
        /// The average at that moment.
        unit_cost: Option<Money>,
        /// What all of it cost.
        cost: Total,
        reference: Option<String>,
        reason: Option<String>,
    },
    #[serde(rename = "stock.adjusted")]
    Adjusted {
        product_id: ProductId,
        /// Below zero, when it is less.
        difference: Quantity,
        unit_cost: Option<Money>,
        /// What the value changes by.
        cost: Total,
        reference: Option<String>,
        reason: Option<String>,
    },
    /// What came and went after that moment stands.
    #[serde(rename = "stock.counted")]
    Counted {
        product_id: ProductId,
        counted: Quantity,
        /// By what was written down until then.
        expected: Quantity,
        difference: Quantity,
        at: DateTime<Utc>,
        unit_cost: Option<Money>,
        /// What the value changes by.
        cost: Total,
        reference: Option<String>,
        reason: Option<String>,
    },
    /// Less is there for others than there should be, since this movement.
    #[serde(rename = "stock.low")]
    Low {
        product_id: ProductId,
        product_code: String,
        product_name: String,
        unit: String,
        available: Quantity,
        min: Quantity,
    },
    /// This much of the demand is now held for it.
    #[serde(rename = "stock.reserved")]
    Reserved {
        product_id: ProductId,
        demand: Demand,
        quantity: Quantity,
    },
    /// This much of the demand waits for goods to arrive.
    #[serde(rename = "stock.short")]
    Short {
        product_id: ProductId,
        demand: Demand,
        missing: Quantity,
    },
}

impl Event for StockEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum StockRejection {
    #[error("more than can be counted")]
    #[rejection(Invalid, "stock.too_much")]
    TooMuch,
    #[error("{available} is there for it")]
    #[rejection(Stock, "stock.not_enough")]
    NotEnough { available: Quantity },
    #[error(transparent)]
    #[rejection(Invalid, "stock.invalid")]
    Invalid(#[from] Violations),
}

// Rules

impl Aggregate for Stock {
    const NAME: &'static str = "stock";
    type Id = StockId;
    type Command = StockCommand;
    type Event = StockEvent;
    type Rejection = StockRejection;

    fn permission(_command: &StockCommand) -> Permission {
        Permission::StockUpdate
    }

    fn decide(&self, command: &StockCommand) -> Result<Vec<StockEvent>, StockRejection> {
        match command {
            StockCommand::Receive {
                product_id,
                quantity,
                unit_cost,
                reference,
                reason,
            } => self.receive(Movement {
                product_id: *product_id,
                quantity: *quantity,
                unit_cost: *unit_cost,
                reference: reference.clone(),
                reason: reason.clone(),
            }),
            StockCommand::Issue(movement, least) => self.issue(movement, least.as_ref()),
            StockCommand::Adjust(movement, least) => self.adjust(movement, least.as_ref()),
            StockCommand::Count(movement, moment, least) => self.count(movement, *moment, least.as_ref()),
            StockCommand::Reserve { demand, .. } if self.known.contains(&demand.id) => Ok(vec![]),
            StockCommand::Reserve {
                product_id,
                demand,
                quantity,
                least,
            } => self.reserve(*product_id, demand, *quantity, least.as_ref()),
        }
    }

    fn evolve(mut self, event: &StockEvent) -> Self {
        match event {
            StockEvent::Received { .. }
            | StockEvent::Issued { .. }
            | StockEvent::Adjusted { .. }
            | StockEvent::Counted { .. } => self.holding = self.holding.after(event),
            StockEvent::Low { .. } => {}
            StockEvent::Reserved { demand, quantity, .. } => {
                self.reserved = self.reserved.plus(*quantity);
                self.known.insert_mut(demand.id);
                if let Some(place) = self.line.iter().position(|waiting| waiting.demand.id == demand.id) {
                    let missing = self.line[place].missing.minus(*quantity);
                    if missing.is_positive() {
                        self.line[place].missing = missing;
                    } else {
                        self.line.remove(place);
                    }
                }
            }
            StockEvent::Short { demand, missing, .. } => {
                self.known.insert_mut(demand.id);
                self.line.push(Waiting {
                    demand: demand.clone(),
                    missing: *missing,
                });
            }
        }
        self
    }
}

impl StockEvent {
    pub fn product(&self) -> ProductId {
        match self {
            Self::Received { product_id, .. }
            | Self::Issued { product_id, .. }
            | Self::Adjusted { product_id, .. }
            | Self::Counted { product_id, .. }
            | Self::Low { product_id, .. }
            | Self::Reserved { product_id, .. }
            | Self::Short { product_id, .. } => *product_id,
        }
    }

    /// By how much it changes what is on hand.
    pub fn difference(&self) -> Quantity {
        match self {
            Self::Received { quantity, .. } => *quantity,
            Self::Issued { quantity, .. } => -*quantity,
            Self::Adjusted { difference, .. } | Self::Counted { difference, .. } => *difference,
            Self::Reserved { .. } | Self::Short { .. } | Self::Low { .. } => Quantity::ZERO,
        }
    }
}

impl Stock {
    pub fn on_hand(&self) -> Quantity {
        self.holding.quantity
    }

    pub fn available(&self) -> Quantity {
        self.on_hand().minus(self.reserved)
    }

    fn receive(&self, movement: Movement) -> Result<Vec<StockEvent>, StockRejection> {
        let mut check = movement.texts();
        check.positive_quantity("quantity", movement.quantity);
        check.not_negative("unitCost", movement.unit_cost.unwrap_or_default());
        check.done()?;
        self.can_change(movement.quantity)?;
        let received = StockEvent::Received {
            product_id: movement.product_id,
            quantity: movement.quantity,
            unit_cost: movement.unit_cost,
            reference: movement.reference,
            reason: movement.reason,
        };
        Ok(self.moved(movement.product_id, received, None))
    }

    fn issue(&self, movement: &Movement, least: Option<&Least>) -> Result<Vec<StockEvent>, StockRejection> {
        let mut check = movement.texts();
        check.positive_quantity("quantity", movement.quantity);
        check.done()?;
        self.can_change(-movement.quantity)?;
        let issued = StockEvent::Issued {
            product_id: movement.product_id,
            quantity: movement.quantity,
            unit_cost: self.holding.average(),
            cost: self.holding.cost_out(movement.quantity),
            reference: movement.reference.clone(),
            reason: movement.reason.clone(),
        };
        Ok(self.moved(movement.product_id, issued, least))
    }

    fn adjust(&self, movement: &Movement, least: Option<&Least>) -> Result<Vec<StockEvent>, StockRejection> {
        let difference = movement.quantity;
        let mut check = movement.texts();
        check.that(!difference.is_zero(), "quantity", Rule::NotAllowed);
        check.not_negative("unitCost", movement.unit_cost.unwrap_or_default());
        check.that(movement.reason.is_some(), "reason", Rule::Required);
        check.done()?;
        self.can_change(difference)?;
        let (unit_cost, cost) = self.priced(difference, movement.unit_cost);
        let adjusted = StockEvent::Adjusted {
            product_id: movement.product_id,
            difference,
            unit_cost,
            cost,
            reference: movement.reference.clone(),
            reason: movement.reason.clone(),
        };
        Ok(self.moved(movement.product_id, adjusted, least))
    }

    /// What was found, against what was written down until then; what has moved since stands.
    fn count(
        &self,
        movement: &Movement,
        Moment { at, moved_since }: Moment,
        least: Option<&Least>,
    ) -> Result<Vec<StockEvent>, StockRejection> {
        let counted = movement.quantity;
        let mut check = movement.texts();
        check.that(!counted.is_negative(), "quantity", Rule::Negative);
        check.not_negative("unitCost", movement.unit_cost.unwrap_or_default());
        check.done()?;
        let expected = self.on_hand().minus(moved_since);
        let difference = counted.minus(expected);
        self.can_change(difference)?;
        let (unit_cost, cost) = self.priced(difference, movement.unit_cost);
        let counted = StockEvent::Counted {
            product_id: movement.product_id,
            counted,
            expected,
            difference,
            at,
            unit_cost,
            cost,
            reference: movement.reference.clone(),
            reason: movement.reason.clone(),
        };
        Ok(self.moved(movement.product_id, counted, least))
    }

    fn reserve(
        &self,
        product_id: ProductId,
        demand: &Demand,
        quantity: Quantity,
        least: Option<&Least>,
    ) -> Result<Vec<StockEvent>, StockRejection> {
        let mut check = Check::default();
        check.positive_quantity("quantity", quantity);
        check.done()?;
        let held = self.available().min(quantity);
        let missing = quantity.minus(held);
        let reserved = held.is_positive().then(|| StockEvent::Reserved {
            product_id,
            demand: demand.clone(),
            quantity: held,
        });
        let short = missing.is_positive().then(|| StockEvent::Short {
            product_id,
            demand: demand.clone(),
            missing,
        });
        let low = self.low(product_id, self.available().minus(held), least);
        Ok(reserved.into_iter().chain(short).chain(low).collect())
    }

    /// Nothing goes below zero, nothing that is promised goes away, and there is an end to what can be counted.
    fn can_change(&self, difference: Quantity) -> Result<(), StockRejection> {
        let available = self.available();
        if difference.is_negative() && available.plus(difference).is_negative() {
            return Err(StockRejection::NotEnough { available });
        }
        let after = self.on_hand().checked_add(difference);
        after.map(drop).ok_or(StockRejection::TooMuch)
    }

    /// What one of a difference costs, and what the value changes by. Less costs what it did on average.
    fn priced(&self, difference: Quantity, unit_cost: Option<Money>) -> (Option<Money>, Total) {
        let own = unit_cost.filter(|_| difference.is_positive());
        let cost = self.holding.cost_of(difference, own);
        (own.or_else(|| self.holding.average()), cost)
    }

    /// A movement with what follows from it: who waits is served, and that little is left is told.
    fn moved(&self, product_id: ProductId, movement: StockEvent, least: Option<&Least>) -> Vec<StockEvent> {
        let free = self.available().plus(movement.difference());
        let served = self.serve_waiting(product_id, free);
        let low = self.low(product_id, free, least);
        [movement].into_iter().chain(served).chain(low).collect()
    }

    /// Whether there was enough for others, and is no more.
    fn low(&self, product_id: ProductId, available: Quantity, least: Option<&Least>) -> Option<StockEvent> {
        let Least { min, code, name, unit } = least?;
        let fell = self.available() >= *min && available < *min;
        fell.then(|| StockEvent::Low {
            product_id,
            product_code: code.clone(),
            product_name: name.clone(),
            unit: unit.clone(),
            available,
            min: *min,
        })
    }

    /// First come, first served.
    fn serve_waiting(&self, product_id: ProductId, mut free: Quantity) -> Vec<StockEvent> {
        let mut served = Vec::new();
        for waiting in &self.line {
            let quantity = waiting.missing.min(free);
            if quantity.is_zero() {
                break;
            }
            free = free.minus(quantity);
            served.push(StockEvent::Reserved {
                product_id,
                demand: waiting.demand.clone(),
                quantity,
            });
        }
        served
    }
}

impl Movement {
    fn texts(&self) -> Check {
        let mut check = Check::default();
        check.optional_text("reference", self.reference.as_ref(), REFERENCE_MAX);
        check.optional_text("reason", self.reason.as_ref(), REASON_MAX);
        check
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stock {
    holding: Holding,
    reserved: Quantity,
    /// Every demand there ever was. A state is cloned for each change, and there may be a hundred thousand.
    known: RedBlackTreeSetSync<Uuid>,
    /// Those with something missing, in the order they came.
    line: Vec<Waiting>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Waiting {
    demand: Demand,
    missing: Quantity,
}

#[cfg(test)]
mod outcomes;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod movements;
