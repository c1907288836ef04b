//! Warehouses: where goods lie.

use crate::{
    column::ColumnKind as K,
    plain::{self, Plain, Said},
    view::{Computed, View},
};
use domain::{
    Fact,
    catalog::warehouse::{Details, WarehouseEvent},
};

pub type Row = plain::Row<Details>;

impl Plain for Details {
    const NAME: &'static str = "warehouses";
    const SQL: &'static str = include_str!("../../../migrations/tenant/warehouses.sql");

    fn said(fact: &Fact) -> Option<Said<'_, Self>> {
        let Fact::Warehouse(event) = fact else { return None };
        Some(match event {
            WarehouseEvent::Created(details) => Said::Created(details),
            WarehouseEvent::Updated(change) => Said::Updated(change.as_ref()),
            WarehouseEvent::Archived {} => Said::Archived,
        })
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
