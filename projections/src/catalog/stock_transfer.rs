//! Goods that were sent from one place to another: on their way, or there.

use super::PRODUCT_NAME;
use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
    view::{Computed, View},
};
use chrono::{DateTime, Utc};
use domain::{Fact, Quantity, catalog::stock::StockEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub product_id: Uuid,
    /// Absent: from wherever nobody said.
    pub from_warehouse_id: Option<Uuid>,
    pub to_warehouse_id: Option<Uuid>,
    pub quantity: Quantity,
    pub status: Status,
    pub reference: Option<String>,
    pub reason: Option<String>,
    pub created_by: Option<Uuid>,
    pub arrived_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    InTransit,
    Arrived,
}

const STATUSES: &[&str] = &["in_transit", "arrived"];

impl Table for Row {
    const NAME: &'static str = "stock_transfers";
    const SQL: &'static str = include_str!("../../../migrations/tenant/stock_transfers.sql");

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("product_id", K::Uuid),
            Column::new("from_warehouse_id", K::Uuid).nullable(),
            Column::new("to_warehouse_id", K::Uuid).nullable(),
            Column::new("quantity", K::Number),
            Column::new("status", K::Choice(STATUSES)),
            Column::new("reference", K::Text).nullable(),
            Column::new("reason", K::Text).nullable(),
            Column::new("created_by", K::Uuid).nullable(),
            Column::new("arrived_at", K::Time).nullable(),
            Column::new("created_at", K::Time),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Stock(StockEvent::Sent { transfer_id, .. } | StockEvent::Arrived { transfer_id, .. }) => {
                vec![(*transfer_id).into()]
            }
            _ => vec![],
        }
    }

    fn begins(event: &Seen, _: Uuid) -> bool {
        matches!(&event.fact, Fact::Stock(StockEvent::Sent { .. }))
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let at = event.recorded.recorded_at;
        match (&event.fact, row) {
            (
                Fact::Stock(StockEvent::Sent {
                    product_id,
                    from,
                    to,
                    quantity,
                    reference,
                    reason,
                    ..
                }),
                row,
            ) => {
                let user = event.recorded.meta().actor.strip_prefix("user:").map(str::to_owned);
                *row = Some(Self {
                    id: key,
                    product_id: (*product_id).into(),
                    from_warehouse_id: from.map(Into::into),
                    to_warehouse_id: to.map(Into::into),
                    quantity: *quantity,
                    status: Status::InTransit,
                    reference: reference.clone(),
                    reason: reason.clone(),
                    created_by: user.and_then(|user| user.parse().ok()),
                    arrived_at: None,
                    created_at: at,
                });
            }
            (Fact::Stock(StockEvent::Arrived { .. }), Some(transfer)) => {
                (transfer.status, transfer.arrived_at) = (Status::Arrived, Some(at));
            }
            _ => {}
        }
    }
}

impl View for Row {
    const SEARCH: &'static str = "reading.folded(coalesce(t.reference, '') || e'\\n' || coalesce(t.reason, ''))";
    const SHOWN: &'static [Computed] = &[PRODUCT_NAME];
}
