//! Every change of a product's stock: how much, what for, why, and who.

use super::{PRODUCT_CODE, PRODUCT_NAME};
use crate::{
    column::{Column, ColumnKind as K},
    list::Op,
    table::{Seen, Table},
    view::{Computed, View},
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Fact, Money, Permission, Quantity, Total,
    catalog::stock::{Demand, Landed, LandedKind, Lot, StockEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub product_id: Uuid,
    #[serde(rename = "type")]
    pub kind: Movement,
    /// What came, went, was held or became free; of adjustments and counts the difference, below zero when there was less.
    pub quantity: Quantity,
    /// Where; absent: wherever nobody said.
    pub warehouse_id: Option<Uuid>,
    pub unit_cost: Option<Money>,
    pub reference: Option<String>,
    pub reason: Option<String>,
    /// For which order.
    pub order_id: Option<Uuid>,
    /// Of tracked goods: which lots, …
    pub lots: Vec<Lot>,
    /// … and what they are called, to be found by.
    pub lot_numbers: Vec<String>,
    /// Of a count: what was found, …
    pub counted: Option<Quantity>,
    /// … and when.
    pub counted_at: Option<DateTime<Utc>>,
    /// The day in Kazakhstan that it counts from: that on which it was recorded, unless it told of an earlier one.
    pub effective_date: NaiveDate,
    /// Of a receipt: what was paid for it beside the goods.
    pub landed_costs: Vec<LandedCost>,
    /// Who did it; nobody, where it follows from something else.
    pub created_by: Option<Uuid>,
    pub created_at: DateTime<Utc>,
}

/// A receipt's share of further costs, in the product's currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LandedCost {
    /// Of all that was spread at once.
    pub id: Uuid,
    pub kind: LandedKind,
    pub note: Option<String>,
    pub amount: Total,
    /// What of it raised the worth of the stock.
    pub raised: Total,
    /// What of it fell on goods that had gone.
    pub spent: Total,
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Movement {
    In,
    Out,
    Adjustment,
    Count,
    Reserve,
    Release,
    Sent,
    Arrived,
}

const MOVEMENTS: &[&str] = &[
    "IN",
    "OUT",
    "ADJUSTMENT",
    "COUNT",
    "RESERVE",
    "RELEASE",
    "SENT",
    "ARRIVED",
];

impl Table for Row {
    const NAME: &'static str = "stock_movements";
    const SQL: &'static str = include_str!("../../../migrations/tenant/stock_movements.sql");
    const FOLD: u32 = 4;

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("product_id", K::Uuid),
            Column::new("type", K::Choice(MOVEMENTS)),
            Column::new("quantity", K::Number),
            Column::new("warehouse_id", K::Uuid).nullable(),
            Column::new("unit_cost", K::Number)
                .nullable()
                .right(Permission::FinanceView)
                .or_right(Permission::StockUpdate),
            Column::new("reference", K::Text).nullable(),
            Column::new("reason", K::Text).nullable(),
            Column::new("order_id", K::Uuid).nullable(),
            Column::new("lots", K::Json),
            Column::new("lot_numbers", K::Tags),
            Column::new("counted", K::Number).nullable(),
            Column::new("counted_at", K::Time).nullable(),
            Column::new("effective_date", K::Date),
            Column::new("landed_costs", K::Json)
                .right(Permission::FinanceView)
                .or_right(Permission::StockUpdate),
            Column::new("created_by", K::Uuid).nullable(),
            Column::new("created_at", K::Time),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Stock(
                StockEvent::Short { .. } | StockEvent::Low { .. } | StockEvent::Tracked { .. } | StockEvent::Valued(_),
            ) => vec![],
            // Of a demand that held nothing nothing moves.
            Fact::Stock(StockEvent::Released { quantity, .. }) if !quantity.is_positive() => vec![],
            // It is told with the receipt.
            Fact::Stock(StockEvent::Landed(landed)) => vec![landed.receipt_id],
            Fact::Stock(_) => vec![event.recorded.event_id],
            _ => vec![],
        }
    }

    /// An event makes one row; what a receipt bears of further costs comes later.
    fn begins(event: &Seen, key: Uuid) -> bool {
        event.recorded.event_id == key
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Stock(fact) = &event.fact else { return };
        if let StockEvent::Landed(landed) = fact {
            if let Some(receipt) = row {
                receipt.bear(landed, event.recorded.recorded_at);
            }
            return;
        }
        let user = event.recorded.meta().actor.strip_prefix("user:").map(str::to_owned);
        let mut movement = Self {
            id: key,
            product_id: fact.product().into(),
            kind: Movement::In,
            quantity: fact.difference(),
            warehouse_id: fact.moves().and_then(|(place, _)| place).map(Into::into),
            unit_cost: None,
            reference: None,
            reason: None,
            order_id: None,
            lots: fact.lots().to_vec(),
            lot_numbers: fact.lots().iter().map(|lot| lot.number.clone()).collect(),
            counted: None,
            counted_at: None,
            effective_date: fact.day(event.recorded.recorded_at),
            landed_costs: vec![],
            created_by: user.and_then(|user| user.parse().ok()),
            created_at: event.recorded.recorded_at,
        };
        if movement.take(fact) {
            *row = Some(movement);
        }
    }
}

impl Row {
    fn bear(&mut self, landed: &Landed, at: DateTime<Utc>) {
        self.landed_costs.push(LandedCost {
            id: landed.id,
            kind: landed.kind,
            note: landed.note.clone(),
            amount: landed.amount,
            raised: landed.raised,
            spent: landed.spent,
            created_at: at,
        });
    }

    /// What the event says of it; whether it is a movement at all.
    fn take(&mut self, event: &StockEvent) -> bool {
        match event {
            StockEvent::Received {
                unit_cost,
                reference,
                reason,
                ..
            } => self.told(Movement::In, *unit_cost, reference.as_ref(), reason.as_ref()),
            StockEvent::Issued {
                quantity,
                unit_cost,
                reference,
                reason,
                ..
            } => {
                self.quantity = *quantity;
                self.told(Movement::Out, *unit_cost, reference.as_ref(), reason.as_ref());
            }
            StockEvent::Adjusted {
                unit_cost,
                reference,
                reason,
                ..
            } => self.told(Movement::Adjustment, *unit_cost, reference.as_ref(), reason.as_ref()),
            StockEvent::Counted {
                counted,
                at,
                unit_cost,
                reference,
                reason,
                ..
            } => {
                (self.counted, self.counted_at) = (Some(*counted), Some(*at));
                self.told(Movement::Count, *unit_cost, reference.as_ref(), reason.as_ref());
            }
            StockEvent::Reserved { demand, quantity, .. } => {
                self.quantity = *quantity;
                self.told_of(demand, Movement::Reserve, None);
            }
            StockEvent::Shipped {
                demand,
                quantity,
                unit_cost,
                ..
            } => {
                self.quantity = *quantity;
                self.told_of(demand, Movement::Out, *unit_cost);
            }
            StockEvent::Released { demand, quantity, .. } => {
                self.quantity = *quantity;
                self.told_of(demand, Movement::Release, None);
            }
            StockEvent::Sent {
                quantity,
                reference,
                reason,
                ..
            } => {
                self.quantity = *quantity;
                self.told(Movement::Sent, None, reference.as_ref(), reason.as_ref());
            }
            StockEvent::Arrived { quantity, .. } => {
                self.quantity = *quantity;
                self.told(Movement::Arrived, None, None, None);
            }
            StockEvent::Short { .. }
            | StockEvent::Low { .. }
            | StockEvent::Tracked { .. }
            | StockEvent::Valued(_)
            | StockEvent::Landed(_) => return false,
        }
        true
    }

    fn told_of(&mut self, demand: &Demand, kind: Movement, unit_cost: Option<Money>) {
        self.order_id = Some(demand.order_id.into());
        self.told(kind, unit_cost, Some(&demand.reference), None);
    }

    fn told(&mut self, kind: Movement, unit_cost: Option<Money>, reference: Option<&String>, reason: Option<&String>) {
        (self.kind, self.unit_cost) = (kind, unit_cost);
        (self.reference, self.reason) = (reference.cloned(), reason.cloned());
    }
}

impl View for Row {
    const SEARCH: &'static str = "reading.folded(coalesce(t.reference, '') || e'\\n' || coalesce(t.reason, ''))";
    const ALIASES: &'static [(&'static str, &'static str, Op)] =
        &[("dateFrom", "createdAt", Op::Gte), ("dateTo", "createdAt", Op::Lte)];
    const SHOWN: &'static [Computed] = &[PRODUCT_CODE, PRODUCT_NAME];
}
