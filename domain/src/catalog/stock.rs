//! Stock of one product: on hand, reserved, available. Nothing goes below zero and every change is a movement with a
//! reference. A demand that cannot be met waits in line here, so that goods that arrive reserve themselves for it in
//! the same decision: no reader has to notice, no race can take them away.

mod shipping;

pub use shipping::Issue;

use crate::{
    Aggregate, Check, Event, Money, Permission, Quantity, Rejection, Violations,
    id::{OrderId, ProductId, ProductionOrderId, StockId},
};
use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

// Vocabulary

#[derive(Debug, Clone)]
pub enum StockCommand {
    Receive {
        product_id: ProductId,
        quantity: Quantity,
        unit_cost: Option<Money>,
        reference: Option<String>,
    },
    Reserve {
        product_id: ProductId,
        demand: Demand,
        quantity: Quantity,
    },
    /// Goods leave for a customer, out of what is held for the demand.
    Ship(Box<Issue>),
    /// The demand is no more: what is held for it is free, and it waits no longer.
    Release { product_id: ProductId, demand: Demand },
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
    /// This much of what was held for the demand is on its way.
    #[serde(rename = "stock.shipped")]
    Shipped {
        id: Uuid,
        product_id: ProductId,
        demand: Demand,
        quantity: Quantity,
    },
    /// This much was held for a demand that is no more.
    #[serde(rename = "stock.released")]
    Released {
        product_id: ProductId,
        demand: Demand,
        quantity: Quantity,
    },
}

impl Event for StockEvent {}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Rejection)]
pub enum StockRejection {
    #[error("more than can be counted")]
    #[rejection(Invalid, "stock.too_much")]
    TooMuch,
    #[error("{missing} are missing")]
    #[rejection(Stock, "stock.unavailable")]
    Unavailable { missing: Quantity },
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
            } => {
                let mut check = Check::default();
                check.positive_quantity("quantity", *quantity);
                check.not_negative("unitCost", unit_cost.unwrap_or_default());
                check.optional_text("reference", reference.as_ref(), 100);
                check.done()?;
                self.on_hand.checked_add(*quantity).ok_or(StockRejection::TooMuch)?;
                let received = StockEvent::Received {
                    product_id: *product_id,
                    quantity: *quantity,
                    unit_cost: *unit_cost,
                    reference: reference.clone(),
                };
                let free = self.available().plus(*quantity);
                Ok([received]
                    .into_iter()
                    .chain(self.serve_waiting(*product_id, free))
                    .collect())
            }
            StockCommand::Reserve { demand, .. } if self.known.contains(&demand.id) => Ok(vec![]),
            StockCommand::Reserve {
                product_id,
                demand,
                quantity,
            } => {
                let mut check = Check::default();
                check.positive_quantity("quantity", *quantity);
                check.done()?;
                let held = self.available().min(*quantity);
                let missing = quantity.minus(held);
                let (product_id, demand) = (*product_id, demand.clone());
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
                Ok(reserved.into_iter().chain(short).collect())
            }
            StockCommand::Ship(issue) if self.known.contains(&issue.id) => Ok(vec![]),
            StockCommand::Ship(issue) => self.ship(issue),
            StockCommand::Release { product_id, demand } => Ok(self.release(*product_id, demand)),
        }
    }

    fn evolve(mut self, event: &StockEvent) -> Self {
        match event {
            StockEvent::Received { quantity, .. } => self.on_hand = self.on_hand.plus(*quantity),
            StockEvent::Reserved { demand, quantity, .. } => {
                self.reserved = self.reserved.plus(*quantity);
                self.known.insert_mut(demand.id);
                self.hold(demand.id, self.held(demand.id).plus(*quantity));
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
            StockEvent::Shipped {
                id, demand, quantity, ..
            } => {
                self.known.insert_mut(*id);
                self.on_hand = self.on_hand.minus(*quantity);
                self.reserved = self.reserved.minus(*quantity);
                self.hold(demand.id, self.held(demand.id).minus(*quantity));
            }
            StockEvent::Released { demand, quantity, .. } => {
                // Whoever asks for it later comes too late.
                self.known.insert_mut(demand.id);
                self.reserved = self.reserved.minus(*quantity);
                self.hold(demand.id, Quantity::ZERO);
                self.line.retain(|waiting| waiting.demand.id != demand.id);
            }
        }
        self
    }
}

impl Stock {
    pub fn available(&self) -> Quantity {
        self.on_hand.minus(self.reserved)
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

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stock {
    on_hand: Quantity,
    reserved: Quantity,
    /// Every demand there ever was. A state is cloned for each change, and there may be a hundred thousand.
    known: RedBlackTreeSetSync<Uuid>,
    /// How much of it is there for which demand, until it leaves.
    held: RedBlackTreeMapSync<Uuid, Quantity>,
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
mod tests {
    use super::*;
    use crate::{Rule, testing::given};
    use proptest::prelude::*;

    fn demand(n: u128) -> Demand {
        Demand {
            id: Uuid::from_u128(n),
            order_id: OrderId::default(),
            line: 0,
            production_order_id: None,
            reference: "ORD-2026-0001".into(),
        }
    }

    fn receive(quantity: i32) -> StockCommand {
        StockCommand::Receive {
            product_id: ProductId::default(),
            quantity: Quantity::whole(quantity),
            unit_cost: None,
            reference: None,
        }
    }

    fn reserve(n: u128, quantity: i32) -> StockCommand {
        StockCommand::Reserve {
            product_id: ProductId::default(),
            demand: demand(n),
            quantity: Quantity::whole(quantity),
        }
    }

    fn ship(id: u128, n: u128, quantity: i32) -> StockCommand {
        StockCommand::Ship(Box::new(Issue {
            id: Uuid::from_u128(id),
            product_id: ProductId::default(),
            demand: demand(n),
            demanded: Quantity::whole(quantity),
            quantity: Quantity::whole(quantity),
        }))
    }

    fn received(quantity: i32) -> StockEvent {
        StockEvent::Received {
            product_id: ProductId::default(),
            quantity: Quantity::whole(quantity),
            unit_cost: None,
            reference: None,
        }
    }

    fn reserved(n: u128, quantity: i32) -> StockEvent {
        StockEvent::Reserved {
            product_id: ProductId::default(),
            demand: demand(n),
            quantity: Quantity::whole(quantity),
        }
    }

    fn short(n: u128, missing: i32) -> StockEvent {
        StockEvent::Short {
            product_id: ProductId::default(),
            demand: demand(n),
            missing: Quantity::whole(missing),
        }
    }

    #[test]
    fn what_is_there_is_held_and_the_rest_waits() {
        given::<Stock>([received(3)])
            .when(reserve(1, 5))
            .then([reserved(1, 3), short(1, 2)]);
        given::<Stock>([]).when(reserve(1, 5)).then([short(1, 5)]);
    }

    #[test]
    fn arriving_goods_serve_the_line_first_come_first_served() {
        given::<Stock>([short(1, 5), short(2, 5)])
            .when(receive(7))
            .then([received(7), reserved(1, 5), reserved(2, 2)]);
    }

    #[test]
    fn asking_twice_is_asking_once() {
        given::<Stock>([received(5), reserved(1, 5)])
            .when(reserve(1, 5))
            .then([]);
    }

    #[test]
    fn a_negative_receipt_is_refused() {
        given::<Stock>([])
            .when(receive(-1))
            .then_rejected(StockRejection::Invalid(Violations::one("quantity", Rule::NotPositive)));
    }

    proptest! {
        #[test]
        fn nothing_is_ever_promised_twice(commands in prop::collection::vec((0_u8..4, 0_u128..6, 1_i32..50), 0..40)) {
            let mut stock = Stock::default();
            for (nth, (what, n, quantity)) in commands.into_iter().enumerate() {
                let command = match what {
                    0 => receive(quantity),
                    1 => reserve(n, quantity),
                    2 => ship(100 + nth as u128, n, quantity),
                    _ => StockCommand::Release { product_id: ProductId::default(), demand: demand(n) },
                };
                for event in stock.decide(&command).unwrap_or_default() {
                    stock = stock.evolve(&event);
                }
                prop_assert!(!stock.available().is_negative() && !stock.reserved.is_negative() && !stock.on_hand.is_negative());
                let held: Quantity = stock.held.values().copied().sum();
                prop_assert_eq!(held, stock.reserved, "what is reserved is held for somebody");
                let starving = stock.line.iter().any(|waiting| waiting.missing.is_positive());
                prop_assert!(!starving || stock.available().is_zero(), "goods lie free while a demand waits");
            }
        }
    }
}
