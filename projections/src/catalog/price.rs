//! What products cost in price lists: a row for each product in each list it is in.

use super::{PRODUCT_CODE, PRODUCT_NAME};
use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
    view::{Computed, View},
};
use chrono::{DateTime, Utc};
use domain::{
    Fact,
    catalog::price::{PriceEvent, Tier},
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
    pub price_list_id: Uuid,
    /// From the least quantity up.
    pub tiers: Vec<Tier>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "prices";
    const SQL: &'static str = include_str!("../../../migrations/tenant/prices.sql");

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("product_id", K::Uuid),
            Column::new("price_list_id", K::Uuid),
            Column::new("tiers", K::Json),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Price(PriceEvent::Set {
                product_id,
                price_list_id,
                ..
            }) => vec![derive(*product_id, &price_list_id.to_string())],
            _ => vec![],
        }
    }

    /// A product comes into a list at any version of its prices' stream.
    fn begins(_: &Seen, _: Uuid) -> bool {
        false
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Price(PriceEvent::Set {
            product_id,
            price_list_id,
            tiers,
        }) = &event.fact
        else {
            return;
        };
        let at = event.recorded.recorded_at;
        let created_at = row.as_ref().map_or(at, |row| row.created_at);
        *row = (!tiers.is_empty()).then(|| Self {
            id: key,
            product_id: (*product_id).into(),
            price_list_id: (*price_list_id).into(),
            tiers: tiers.clone(),
            created_at,
            updated_at: at,
        });
    }
}

impl View for Row {
    /// Whoever looks for a name asks the products for it.
    const SEARCH: &'static str = "t.product_id::text";
    const SHOWN: &'static [Computed] = &[PRODUCT_CODE, PRODUCT_NAME];
}
