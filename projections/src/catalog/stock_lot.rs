//! The lots and serial numbers of tracked products: what there is of each and where, and where the rest went. A lot stays when
//! nothing is left of it, for somebody will ask who got it.

use super::{PRODUCT_CODE, PRODUCT_NAME, product};
use crate::{
    column::{Column, ColumnKind as K},
    list::Op,
    table::{Seen, Table},
    view::{Computed, Part, Scope, View},
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Fact, Quantity,
    catalog::stock::{Lot, StockEvent},
    id::derive,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    /// The stock's, with which it last changed.
    pub version: i64,
    pub product_id: Uuid,
    pub number: String,
    /// All that is there, on the way as well.
    pub quantity: Quantity,
    pub in_transit: Quantity,
    pub places: Vec<Lying>,
    /// The last day on which it is good.
    pub expires_on: Option<NaiveDate>,
    pub manufactured_on: Option<NaiveDate>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// So much of it lies there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Lying {
    /// Absent: wherever nobody said.
    pub warehouse_id: Option<Uuid>,
    pub quantity: Quantity,
}

impl Table for Row {
    const NAME: &'static str = "stock_lots";
    const SQL: &'static str = include_str!("../../../migrations/tenant/stock_lots.sql");

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("product_id", K::Uuid),
            Column::new("number", K::Text),
            Column::new("quantity", K::Number),
            Column::new("in_transit", K::Number),
            Column::new("places", K::Json),
            Column::new("expires_on", K::Date).nullable(),
            Column::new("manufactured_on", K::Date).nullable(),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Stock(fact) => fact.lots().iter().map(|lot| key(fact, lot)).collect(),
            _ => vec![],
        }
    }

    /// A lot comes at any version of its product's stream.
    fn begins(_: &Seen, _: Uuid) -> bool {
        false
    }

    fn project(row: &mut Option<Self>, id: Uuid, event: &Seen) {
        let Fact::Stock(fact) = &event.fact else { return };
        let found = fact.lots().iter().find(|lot| match row {
            Some(row) => row.number == lot.number,
            None => key(fact, lot) == id,
        });
        let Some(lot) = found else { return };
        let at = event.recorded.recorded_at;
        let known = row.get_or_insert_with(|| Self {
            id,
            version: 0,
            product_id: fact.product().into(),
            number: lot.number.clone(),
            quantity: Quantity::ZERO,
            in_transit: Quantity::ZERO,
            places: vec![],
            expires_on: None,
            manufactured_on: None,
            created_at: at,
            updated_at: at,
        });
        known.take(fact, lot);
        (known.version, known.updated_at) = (event.recorded.version, at);
    }
}

impl Row {
    fn take(&mut self, event: &StockEvent, lot: &Lot) {
        let moved = event.moved(lot);
        self.expires_on = lot.expires_on.or(self.expires_on);
        self.manufactured_on = lot.manufactured_on.or(self.manufactured_on);
        // What leaves a place for another is still there.
        match event.transfer() {
            Some(_) => self.in_transit = self.in_transit.minus(moved),
            None => self.quantity = self.quantity.plus(moved),
        }
        let Some((place, _)) = event.moves() else { return };
        let warehouse_id = place.map(Uuid::from);
        match self.places.iter_mut().find(|lying| lying.warehouse_id == warehouse_id) {
            Some(lying) => lying.quantity = lying.quantity.plus(moved),
            None => self.places.push(Lying {
                warehouse_id,
                quantity: moved,
            }),
        }
        self.places.retain(|lying| !lying.quantity.is_zero());
    }
}

/// Of a product and a number.
fn key(event: &StockEvent, lot: &Lot) -> Uuid {
    derive(event.product(), &format!("lot {}", lot.number))
}

impl View for Row {
    const SEARCH: &'static str = "reading.folded(t.number)";
    const ALIASES: &'static [(&'static str, &'static str, Op)] = &[("expiringBefore", "expiresOn", Op::Lt)];
    const SHOWN: &'static [Computed] = &[PRODUCT_CODE, PRODUCT_NAME];
    const DETAILS: &'static [Computed] = &[
        // What moved of it, the newest first.
        Computed::new(
            "movements",
            K::Json,
            "(select coalesce(jsonb_agg(jsonb_build_object('id', m.id, 'date', m.effective_date, 'type', m.type, 'quantity', m.of_lot, \
             'warehouseId', m.warehouse_id, 'reference', m.reference, 'reason', m.reason, 'orderId', m.order_id) \
             order by m.created_at desc, m.id desc), '[]') from (select m.*, l.lot->'quantity' as of_lot from {s}.stock_movements m \
             cross join lateral jsonb_array_elements(m.lots) l(lot) where m.product_id = t.product_id \
             and m.lot_numbers @> jsonb_build_array(t.number) and l.lot->>'number' = t.number order by m.created_at desc, m.id desc limit 100) m)",
        ),
        // Who got it: what was sent of it with which order, the newest first.
        Computed::new(
            "orders",
            K::Json,
            "(select coalesce(jsonb_agg(jsonb_build_object('orderId', o.order_id, 'orderNumber', o.reference, 'quantity', o.quantity) \
             order by o.latest desc, o.order_id), '[]') from (select m.order_id, min(m.reference) as reference, max(m.created_at) as latest, \
             sum((l.lot->>'quantity')::numeric) as quantity from {s}.stock_movements m cross join lateral jsonb_array_elements(m.lots) l(lot) \
             where m.product_id = t.product_id and m.lot_numbers @> jsonb_build_array(t.number) and l.lot->>'number' = t.number \
             and m.type = 'OUT' and m.order_id is not null group by m.order_id order by latest desc limit 100) o)",
        ),
    ];
}

impl Part for Row {
    type Whole = product::Row;

    fn of(_schema: &str, product: Uuid) -> Scope {
        Scope {
            condition: Some("t.product_id = {1}::uuid".to_owned()),
            values: vec![product.to_string()],
            ..Scope::default()
        }
    }
}
