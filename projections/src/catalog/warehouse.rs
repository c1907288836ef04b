//! Warehouses: where goods lie; and the locations inside of them.

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
    const DETAILS: &'static [Computed] = &[Computed::new(
        "locations",
        K::Json,
        "(select coalesce(jsonb_agg(jsonb_build_object('id', l.id, 'name', l.name, 'code', l.code, 'productCount', \
         (select count(*) from {s}.stock_places p where p.warehouse_id = l.id)) order by l.code, l.name, l.id), '[]') \
         from (select * from {s}.warehouses l where l.parent_id = t.id and not l.archived order by l.code, l.name, l.id limit 1000) l)",
    )];
}
