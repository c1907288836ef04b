//! Every change of a product's stock, with what caused it.

use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
};
use chrono::{DateTime, Utc};
use domain::{Fact, Money, Quantity, catalog::stock::StockEvent};
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
    pub quantity: Quantity,
    pub unit_cost: Option<Money>,
    pub reference: Option<String>,
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Movement {
    In,
    Out,
    Reserve,
    Release,
}

impl Table for Row {
    const NAME: &'static str = "stock_movements";
    const SQL: &'static str = include_str!("../../../migrations/tenant/stock_movements.sql");

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("product_id", K::Uuid),
            Column::new("type", K::Text),
            Column::new("quantity", K::Number),
            Column::new("unit_cost", K::Number).nullable(),
            Column::new("reference", K::Text).nullable(),
            Column::new("created_at", K::Time),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Stock(StockEvent::Received { .. } | StockEvent::Reserved { .. } | StockEvent::Shipped { .. }) => {
                vec![event.recorded.event_id]
            }
            // Of a demand that held nothing nothing moves.
            Fact::Stock(StockEvent::Released { quantity, .. }) if quantity.is_positive() => {
                vec![event.recorded.event_id]
            }
            _ => vec![],
        }
    }

    /// An event makes one row, and no other event concerns it.
    fn begins(_: &Seen, _: Uuid) -> bool {
        true
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Stock(fact) = &event.fact else { return };
        let (product_id, kind, quantity, unit_cost, reference) = match fact {
            StockEvent::Received {
                product_id,
                quantity,
                unit_cost,
                reference,
            } => (*product_id, Movement::In, *quantity, *unit_cost, reference.clone()),
            StockEvent::Reserved {
                product_id,
                demand,
                quantity,
            } => (
                *product_id,
                Movement::Reserve,
                *quantity,
                None,
                Some(demand.reference.clone()),
            ),
            StockEvent::Shipped {
                product_id,
                demand,
                quantity,
                ..
            } => (
                *product_id,
                Movement::Out,
                *quantity,
                None,
                Some(demand.reference.clone()),
            ),
            StockEvent::Released {
                product_id,
                demand,
                quantity,
            } => (
                *product_id,
                Movement::Release,
                *quantity,
                None,
                Some(demand.reference.clone()),
            ),
            StockEvent::Short { .. } => return,
        };
        let created_at = event.recorded.recorded_at;
        *row = Some(Self {
            id: key,
            product_id: product_id.into(),
            kind,
            quantity,
            unit_cost,
            reference,
            created_at,
        });
    }
}
