//! A product as people see it, with what is on stock and what it used to cost.

use crate::{
    list::Op,
    table::{Column, ColumnKind as K, Seen, Table},
    view::{Computed, View},
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Changes, Fact, Money, Quantity,
    catalog::{
        product::{Details, ProductEvent},
        stock::StockEvent,
    },
    time::local_date,
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
    pub in_stock: Quantity,
    pub reserved: Quantity,
    pub price_history: Vec<PricePoint>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PricePoint {
    pub date: NaiveDate,
    pub price: Money,
    pub cost: Option<Money>,
}

impl Table for Row {
    const NAME: &'static str = "products";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", K::Uuid),
        Column::new("version", K::Number),
        Column::new("code", K::Text),
        Column::new("name", K::Text),
        Column::new("type", K::Text),
        Column::new("status", K::Text),
        Column::new("category", K::Text),
        Column::new("description", K::Text),
        Column::new("unit", K::Text),
        Column::new("price", K::Number),
        Column::new("cost", K::Number),
        Column::new("currency", K::Text),
        Column::new("vat_rate", K::Number),
        Column::new("vat_included", K::Bool),
        Column::new("barcode", K::Text),
        Column::new("min_stock", K::Number),
        Column::new("max_stock", K::Number),
        Column::new("in_stock", K::Number),
        Column::new("reserved", K::Number),
        Column::new("specifications", K::Json),
        Column::new("price_history", K::Hidden),
        Column::new("created_at", K::Time),
        Column::new("updated_at", K::Time),
    ];

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Product(_) => vec![event.id()],
            Fact::Stock(StockEvent::Received { product_id, .. } | StockEvent::Reserved { product_id, .. }) => {
                vec![(*product_id).into()]
            }
            _ => vec![],
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let at = event.recorded.recorded_at;
        if let Fact::Product(ProductEvent::Created(details)) = &event.fact {
            *row = Some(Self {
                id: key,
                version: 0,
                details: details.as_ref().clone(),
                in_stock: Quantity::ZERO,
                reserved: Quantity::ZERO,
                price_history: vec![],
                created_at: at,
                updated_at: at,
            });
        }
        let Some(product) = row else { return };
        match &event.fact {
            Fact::Product(fact) => {
                if let ProductEvent::Updated(change) = fact {
                    product.details.apply(change);
                }
                product.note_price(local_date(at));
                (product.version, product.updated_at) = (event.recorded.version, at);
            }
            Fact::Stock(StockEvent::Received { quantity, .. }) => product.in_stock = product.in_stock.plus(*quantity),
            Fact::Stock(StockEvent::Reserved { quantity, .. }) => product.reserved = product.reserved.plus(*quantity),
            _ => {}
        }
    }
}

impl Row {
    fn note_price(&mut self, date: NaiveDate) {
        let (price, cost) = (self.details.price, self.details.cost);
        let same = self
            .price_history
            .last()
            .is_some_and(|last| (last.price, last.cost) == (price, cost));
        if !same {
            self.price_history.push(PricePoint { date, price, cost });
        }
    }
}

impl View for Row {
    const SEARCH: &'static [&'static str] = &["t.name", "t.code", "t.barcode", "t.description", "t.category"];
    const ALIASES: &'static [(&'static str, &'static str, Op)] =
        &[("minPrice", "price", Op::Gte), ("maxPrice", "price", Op::Lte)];
    const SHOWN: &'static [Computed] = &[
        Computed::new(
            "inventory",
            K::Json,
            "json_build_object('inStock', t.in_stock, 'reserved', t.reserved, 'available', t.in_stock - t.reserved, 'minStock', t.min_stock, 'maxStock', t.max_stock)",
        ),
        Computed::new("available", K::Number, "(t.in_stock - t.reserved)"),
        Computed::new("images", K::Json, "'[]'::json"),
    ];
    const DETAILS: &'static [Computed] = &[
        Computed::new(
            "bom",
            K::Json,
            "coalesce((select jsonb_agg(jsonb_build_object('componentId', c->'materialId', 'componentName', c->'materialName', 'quantity', c->'quantity', 'unit', c->'unit')) \
             from {s}.boms b, jsonb_array_elements(b.components) c where b.id = t.id), '[]')",
        ),
        Computed::new("suppliers", K::Json, "'[]'::json"),
        Computed::new("priceHistory", K::Json, "t.price_history"),
        Computed::new(
            "stockMovements",
            K::Json,
            "(select coalesce(json_agg(m.movement), '[]') from (select json_build_object('id', m.id, 'date', m.created_at, 'type', m.type, 'quantity', m.quantity, \
             'unitCost', m.unit_cost, 'reference', m.reference) as movement from {s}.stock_movements m where m.product_id = t.id order by m.created_at desc, m.id desc limit 100) m)",
        ),
    ];
}
