//! How much of each product lies where: a row for each place where there is some.

use super::{PRODUCT_CODE, PRODUCT_NAME};
use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
    view::{Computed, View},
};
use chrono::{DateTime, Utc};
use domain::{
    Fact, Quantity,
    catalog::stock::{Place, StockEvent},
    id::derive,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub product_id: Uuid,
    /// Absent: wherever nobody said.
    pub warehouse_id: Option<Uuid>,
    pub quantity: Quantity,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "stock_places";
    const SQL: &'static str = include_str!("../../../migrations/tenant/stock_places.sql");

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("product_id", K::Uuid),
            Column::new("warehouse_id", K::Uuid).nullable(),
            Column::new("quantity", K::Number),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Stock(fact) => fact.moves().map(|(place, _)| key(fact, place)).into_iter().collect(),
            _ => vec![],
        }
    }

    /// Goods come to a place at any version of their stock's stream.
    fn begins(_: &Seen, _: Uuid) -> bool {
        false
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Stock(fact) = &event.fact else { return };
        let Some((place, moved)) = fact.moves() else { return };
        let at = event.recorded.recorded_at;
        let (before, created_at) = match row {
            Some(row) => (row.quantity, row.created_at),
            None => (Quantity::ZERO, at),
        };
        let quantity = before.plus(moved);
        *row = (!quantity.is_zero()).then(|| Self {
            id: key,
            product_id: fact.product().into(),
            warehouse_id: place.map(Into::into),
            quantity,
            created_at,
            updated_at: at,
        });
    }
}

/// Of a product and a place.
fn key(event: &StockEvent, place: Place) -> Uuid {
    let place = place.map_or_else(|| "anywhere".to_owned(), |warehouse| warehouse.to_string());
    derive(event.product(), &place)
}

impl View for Row {
    /// Whoever looks for a name asks the products for it.
    const SEARCH: &'static str = "t.product_id::text";
    const SHOWN: &'static [Computed] = &[
        PRODUCT_CODE,
        PRODUCT_NAME,
        Computed::new(
            "warehouseName",
            K::Text,
            "(select w.name from {s}.warehouses w where w.id = t.warehouse_id)",
        )
        .nullable(),
        Computed::new(
            "parentId",
            K::Uuid,
            "(select w.parent_id from {s}.warehouses w where w.id = t.warehouse_id)",
        )
        .nullable(),
    ];
}
