//! Stock of one product: on hand, reserved, available, and what it cost. Nothing goes below zero and every change is a
//! movement with a reference. A demand that cannot be met waits in line here, so that goods that arrive reserve themselves
//! for it in the same decision: no reader has to notice, no race can take them away. What is reserved is not there for
//! others: no issue and no count takes it away, only what it is reserved for. That it has become less than it should is told
//! here as well, once each time.

mod dated;
mod effects;
mod holding;
mod landed;
mod layers;
mod line;
mod lots;
mod moment;
mod places;
mod rules;
mod shipping;

pub use dated::{Dated, Terms};
pub use holding::Holding;
pub use landed::{Landed, LandedKind, Landing, NOTE_MAX, SpreadBy, spread};
pub use layers::{Layer, Layers, Valuation, Valued};
pub use lots::{Lot, Named, Tracking};
pub use moment::Moment;
pub use places::{Place, Places};
pub use shipping::{Exchange, Outgoing};

use lots::Lots;

use crate::{
    Aggregate, Event, Money, Permission, Quantity, Rejection, Total, Violations,
    id::{OrderId, ProductId, ProductionOrderId, StockId, TransferId, WarehouseId},
};
use chrono::{DateTime, NaiveDate, Utc};
use rpds::{RedBlackTreeMapSync, RedBlackTreeSetSync};
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
        lots: Named,
        quantity: Quantity,
        unit_cost: Option<Money>,
        reference: Option<String>,
        reason: Option<String>,
        warehouse: Place,
    },
    /// The same under the workspace's rules, and of the day that it names.
    Under(Terms, Box<StockCommand>),
    /// Goods come back for what they went out for, to the last tiyn.
    PutBack(Movement, Total),
    /// From now on what goes costs that; only while nothing is there.
    Value(Valued),
    /// A receipt bears a share of further costs.
    Land(Box<Landing>),
    /// Takes goods out that nobody was promised.
    Issue(Movement, Option<Least>),
    /// So much more, or less, is there than was written down; with the reason.
    Adjust(Movement, Option<Least>),
    /// So much was there at that moment.
    Count(Movement, Moment, Option<Least>),
    /// Sends goods from the movement's place to another.
    Send(Movement, Transfer),
    /// What was sent is there.
    Arrive {
        product_id: ProductId,
        transfer_id: TransferId,
    },
    Reserve {
        product_id: ProductId,
        demand: Demand,
        quantity: Quantity,
        least: Option<Least>,
    },
    /// Goods leave for a customer, out of what is held for the demand.
    Ship(Box<Outgoing>),
    /// The demand is no more: what is held for it is free, and it waits no longer.
    Release { product_id: ProductId, demand: Demand },
    /// The same of some demands, with others in their stead.
    Exchange(Box<Exchange>),
    /// Its pieces are told apart like that from now on.
    Track { product_id: ProductId, tracking: Tracking },
}

/// Goods that come or go, and why.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Movement {
    pub product_id: ProductId,
    pub lots: Named,
    /// Of an adjustment the difference, which may be below zero; of a count what was found.
    pub quantity: Quantity,
    /// Of what is there in addition; absent, the average.
    pub unit_cost: Option<Money>,
    /// The paper it is written on.
    pub reference: Option<String>,
    pub reason: Option<String>,
    /// Where.
    pub warehouse: Place,
}

/// Where goods are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transfer {
    pub id: TransferId,
    pub to: Place,
    /// There is no way to speak of: they are there at once.
    pub at_once: bool,
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
        /// Where it is tracked: of which lots.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lots: Vec<Lot>,
        quantity: Quantity,
        unit_cost: Option<Money>,
        /// What all of it cost. Absent of old ones: its price times its quantity, or the average of that moment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost: Option<Total>,
        reference: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warehouse_id: Option<WarehouseId>,
        /// The day in Kazakhstan that it counts from; absent: that on which it was recorded.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        effective_date: Option<NaiveDate>,
    },
    /// What goes costs that from now on: nothing was there.
    #[serde(rename = "stock.valued")]
    Valued(Valued),
    /// What a receipt bears of further costs: what is there of it is worth more.
    #[serde(rename = "stock.landed")]
    Landed(Landed),
    #[serde(rename = "stock.issued")]
    Issued {
        product_id: ProductId,
        /// Where it is tracked: of which lots.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lots: Vec<Lot>,
        quantity: Quantity,
        /// What one of it cost, as the stock is valued.
        unit_cost: Option<Money>,
        /// What all of it cost.
        cost: Total,
        reference: Option<String>,
        reason: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warehouse_id: Option<WarehouseId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        effective_date: Option<NaiveDate>,
    },
    #[serde(rename = "stock.adjusted")]
    Adjusted {
        product_id: ProductId,
        /// Where it is tracked: of which lots.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lots: Vec<Lot>,
        /// Below zero, when it is less.
        difference: Quantity,
        unit_cost: Option<Money>,
        /// What the value changes by.
        cost: Total,
        reference: Option<String>,
        reason: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warehouse_id: Option<WarehouseId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        effective_date: Option<NaiveDate>,
    },
    /// What came and went after that moment stands.
    #[serde(rename = "stock.counted")]
    Counted {
        product_id: ProductId,
        /// Where it is tracked: of which lots.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lots: Vec<Lot>,
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
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warehouse_id: Option<WarehouseId>,
    },
    /// They are on their way.
    #[serde(rename = "stock.sent")]
    Sent {
        product_id: ProductId,
        /// Where it is tracked: of which lots.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lots: Vec<Lot>,
        transfer_id: TransferId,
        /// Absent: from wherever nobody said.
        from: Option<WarehouseId>,
        to: Option<WarehouseId>,
        quantity: Quantity,
        reference: Option<String>,
        reason: Option<String>,
    },
    #[serde(rename = "stock.arrived")]
    Arrived {
        product_id: ProductId,
        /// Where it is tracked: of which lots.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lots: Vec<Lot>,
        transfer_id: TransferId,
        to: Option<WarehouseId>,
        quantity: Quantity,
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
    /// This much of what was held for the demand is on its way to a customer.
    #[serde(rename = "stock.shipped")]
    Shipped {
        /// What it leaves with; of goods from several places it is said of each.
        id: Uuid,
        product_id: ProductId,
        /// Where it is tracked: of which lots.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lots: Vec<Lot>,
        demand: Demand,
        quantity: Quantity,
        /// What one of it cost, as the stock is valued.
        unit_cost: Option<Money>,
        /// What all of it cost.
        cost: Total,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        warehouse_id: Option<WarehouseId>,
    },
    /// This much was held for a demand that is no more.
    #[serde(rename = "stock.released")]
    Released {
        product_id: ProductId,
        demand: Demand,
        quantity: Quantity,
    },
    /// Its pieces are told apart like that from now on; nothing of it was there.
    #[serde(rename = "stock.tracked")]
    Tracked { product_id: ProductId, tracking: Tracking },
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
    #[error("no such transfer is on its way")]
    #[rejection(Missing, "stock.not_under_way")]
    NotUnderWay,
    #[error("the books are closed; {first} is the first open day")]
    #[rejection(Conflict, "stock.closed")]
    Closed { first: NaiveDate },
    #[error("{there} is still there")]
    #[rejection(Conflict, "stock.not_empty")]
    NotEmpty { there: Quantity },
    #[error("{missing} are missing")]
    #[rejection(Stock, "stock.unavailable")]
    Unavailable { missing: Quantity },
    #[error("only {available} of lot {number} is there for it")]
    #[rejection(Stock, "stock.lot_short")]
    LotShort { number: String, available: Quantity },
    #[error("lot {number} has expired")]
    #[rejection(Stock, "stock.expired")]
    Expired { number: String },
    #[error("{number} is in stock already")]
    #[rejection(Conflict, "stock.serial_in_stock")]
    SerialInStock { number: String },
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
                lots,
                quantity,
                unit_cost,
                reference,
                reason,
                warehouse,
            } => self.receive(Movement {
                product_id: *product_id,
                lots: lots.clone(),
                quantity: *quantity,
                unit_cost: *unit_cost,
                reference: reference.clone(),
                reason: reason.clone(),
                warehouse: *warehouse,
            }),
            StockCommand::Under(terms, command) => self.under(terms, command),
            StockCommand::PutBack(movement, cost) => self.put_back(movement, *cost),
            StockCommand::Value(valued) => self.value(*valued),
            StockCommand::Land(landing) => self.land(landing),
            StockCommand::Issue(movement, least) => self.issue(movement, least.as_ref()),
            StockCommand::Adjust(movement, least) => self.adjust(movement, least.as_ref()),
            StockCommand::Count(movement, moment, least) => self.count(movement, moment, least.as_ref()),
            StockCommand::Send(movement, transfer) => self.send(movement, *transfer),
            StockCommand::Arrive {
                product_id,
                transfer_id,
            } => self.arrive(*product_id, *transfer_id),
            StockCommand::Reserve { demand, .. } if self.known.contains(&demand.id) => Ok(vec![]),
            StockCommand::Reserve {
                product_id,
                demand,
                quantity,
                least,
            } => self.reserve(*product_id, demand, *quantity, least.as_ref()),
            StockCommand::Ship(going) if self.known.contains(&going.id) => Ok(vec![]),
            StockCommand::Ship(going) => self.ship(going),
            StockCommand::Release { product_id, demand } => Ok(self.release(*product_id, demand)),
            StockCommand::Exchange(exchange) => self.exchange(exchange),
            StockCommand::Track { product_id, tracking } => self.track(*product_id, *tracking),
        }
    }

    fn evolve(mut self, event: &StockEvent) -> Self {
        self.layers = self.layers.after(event, self.holding);
        self.holding = self.holding.after(event);
        self.places = self.places.after(event);
        self.lots = self.lots.after(event);
        self.reserved = self.reserved.plus(event.promised());
        match event {
            StockEvent::Received { .. }
            | StockEvent::Valued(_)
            | StockEvent::Landed(_)
            | StockEvent::Issued { .. }
            | StockEvent::Adjusted { .. }
            | StockEvent::Counted { .. }
            | StockEvent::Sent { .. }
            | StockEvent::Arrived { .. }
            | StockEvent::Tracked { .. }
            | StockEvent::Low { .. } => {}
            StockEvent::Reserved { demand, quantity, .. } => {
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
                self.hold(demand.id, self.held(demand.id).minus(*quantity));
            }
            StockEvent::Released { demand, .. } => {
                // Whoever asks for it later comes too late.
                self.known.insert_mut(demand.id);
                self.hold(demand.id, Quantity::ZERO);
                self.line.retain(|waiting| waiting.demand.id != demand.id);
            }
        }
        self
    }
}

impl Stock {
    pub fn on_hand(&self) -> Quantity {
        self.holding.quantity
    }

    pub fn available(&self) -> Quantity {
        self.on_hand().minus(self.reserved)
    }
}

// Memory

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stock {
    holding: Holding,
    layers: Layers,
    places: Places,
    lots: Lots,
    reserved: Quantity,
    /// Every demand there ever was, and whatever left. A state is cloned for each change, and there may be a hundred thousand.
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
mod tests;

#[cfg(test)]
mod movements;

#[cfg(test)]
mod transfers;
