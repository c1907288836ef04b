//! Warehouses: where goods lie.

use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
    view::{Computed, View},
};
use chrono::{DateTime, Utc};
use domain::{
    Changes, Fact, Fields,
    catalog::warehouse::{Details, WarehouseEvent},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub version: i64,
    #[serde(flatten)]
    pub details: Details,
    pub archived: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "warehouses";
    const SQL: &'static str = include_str!("../../../migrations/tenant/warehouses.sql");

    fn columns() -> Vec<Column> {
        let own = vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("archived", K::Hidden),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ];
        own.into_iter().chain(Details::FIELDS.iter().map(Column::of)).collect()
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match event.fact {
            Fact::Warehouse(_) => vec![event.id()],
            _ => vec![],
        }
    }

    fn visible(&self) -> bool {
        !self.archived
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Warehouse(fact) = &event.fact else { return };
        let (version, at) = (event.recorded.version, event.recorded.recorded_at);
        if let WarehouseEvent::Created(details) = fact {
            *row = Some(Self {
                id: key,
                version,
                details: details.as_ref().clone(),
                archived: false,
                created_at: at,
                updated_at: at,
            });
        }
        let Some(warehouse) = row else { return };
        match fact {
            WarehouseEvent::Created(_) => {}
            WarehouseEvent::Updated(change) => warehouse.details.apply(change),
            WarehouseEvent::Archived {} => warehouse.archived = true,
        }
        (warehouse.version, warehouse.updated_at) = (version, at);
    }
}

impl View for Row {
    const VISIBLE: &'static str = "not t.archived";
    const SEARCH: &'static str =
        "reading.folded(t.name || e'\\n' || coalesce(t.code, '') || e'\\n' || coalesce(t.address, ''))";
    const SHOWN: &'static [Computed] = &[Computed::new(
        "productCount",
        K::Number,
        "(select count(*) from {s}.stock_places p where p.warehouse_id = t.id)",
    )];
}
