//! A product's bill of materials as people see it; keyed by the product.

use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
    view::{Computed, View},
};
use chrono::{DateTime, Utc};
use domain::{
    Fact, Money,
    production::bom::{Bill, BomEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub version: i64,
    pub bom_version: u32,
    #[serde(flatten)]
    pub bill: Bill,
    pub total_cost: Money,
    /// Minutes for one unit.
    pub total_time: u64,
    pub updated_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "boms";
    const SQL: &'static str = include_str!("../../../migrations/tenant/boms.sql");

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Hidden),
            Column::new("version", K::Number),
            Column::new("bom_version", K::Number),
            Column::new("components", K::Json),
            Column::new("operations", K::Json),
            Column::new("total_cost", K::Number),
            Column::new("total_time", K::Number),
            Column::new("updated_at", K::Time),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Bom(BomEvent::Defined { product_id, .. }) => vec![(*product_id).into()],
            _ => vec![],
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Bom(BomEvent::Defined {
            version,
            bill,
            total_cost,
            total_time,
            ..
        }) = &event.fact
        else {
            return;
        };
        *row = Some(Self {
            id: key,
            version: event.recorded.version,
            bom_version: *version,
            bill: bill.clone(),
            total_cost: *total_cost,
            total_time: *total_time,
            updated_at: event.recorded.recorded_at,
        });
    }
}

impl View for Row {
    const SEARCH: &'static str = "lower(t.components::text)";
    const SHOWN: &'static [Computed] = &[
        Computed::new("productId", K::Uuid, "t.id"),
        Computed::new(
            "productName",
            K::Json,
            "(select to_json(p.name) from {s}.products p where p.id = t.id)",
        ),
    ];
}
