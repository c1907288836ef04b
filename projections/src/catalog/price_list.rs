//! Price lists, each with whom it is for and when.

use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
    view::{Computed, View},
};
use chrono::{DateTime, Utc};
use domain::{
    Changes, Fact, Fields,
    catalog::price_list::{Details, PriceListEvent},
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
    const NAME: &'static str = "price_lists";
    const SQL: &'static str = include_str!("../../../migrations/tenant/price_lists.sql");

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
            Fact::PriceList(_) => vec![event.id()],
            _ => vec![],
        }
    }

    fn visible(&self) -> bool {
        !self.archived
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::PriceList(fact) = &event.fact else { return };
        let (version, at) = (event.recorded.version, event.recorded.recorded_at);
        if let PriceListEvent::Created(details) = fact {
            *row = Some(Self {
                id: key,
                version,
                details: details.as_ref().clone(),
                archived: false,
                created_at: at,
                updated_at: at,
            });
        }
        let Some(list) = row else { return };
        match fact {
            PriceListEvent::Created(_) => {}
            PriceListEvent::Updated(change) => list.details.apply(change),
            PriceListEvent::Archived {} => list.archived = true,
        }
        (list.version, list.updated_at) = (version, at);
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
