//! Price lists, each with whom it is for and when.

use crate::{
    column::ColumnKind as K,
    plain::{self, Plain, Said},
    view::{Computed, View},
};
use domain::{
    Fact,
    catalog::price_list::{Details, PriceListEvent},
};

pub type Row = plain::Row<Details>;

impl Plain for Details {
    const NAME: &'static str = "price_lists";
    const SQL: &'static str = include_str!("../../../migrations/tenant/price_lists.sql");

    fn said(fact: &Fact) -> Option<Said<'_, Self>> {
        let Fact::PriceList(event) = fact else { return None };
        Some(match event {
            PriceListEvent::Created(details) => Said::Created(details),
            PriceListEvent::Updated(change) => Said::Updated(change.as_ref()),
            PriceListEvent::Archived {} => Said::Archived,
        })
    }
}

impl View for Row {
    const VISIBLE: &'static str = "not t.archived";
    const SEARCH: &'static str = "reading.folded(t.name)";
    const SHOWN: &'static [Computed] = &[
        Computed::new(
            "customerName",
            K::Text,
            "(select c.name from {s}.customers c where c.id = t.customer_id)",
        )
        .nullable(),
        Computed::new(
            "productCount",
            K::Number,
            "(select count(*) from {s}.prices p where p.price_list_id = t.id)",
        ),
    ];
}
