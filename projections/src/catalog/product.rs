//! A product as people see it, with what is on stock and what it used to cost.

use crate::{
    column::{Column, ColumnKind as K},
    list::Op,
    table::word,
    table::{Seen, Table},
    view::{Computed, Nested, View},
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Changes, Fact, Fields, Money, Permission, Quantity,
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
    const SQL: &'static str = include_str!("../../../migrations/tenant/products.sql");

    fn columns() -> Vec<Column> {
        let own = vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("in_stock", K::Number),
            Column::new("reserved", K::Number),
            Column::new("price_history", K::Hidden),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ];
        let fields = Details::FIELDS.iter().map(|field| match field.name {
            "cost" => Column::of(field)
                .right(Permission::FinanceView)
                .or_right(Permission::StockUpdate),
            _ => Column::of(field),
        });
        own.into_iter().chain(fields).collect()
    }

    fn counted(&self) -> Vec<(&'static str, String)> {
        let category = self.details.category.clone().map(|category| ("category", category));
        [("type", word(self.details.kind)), ("status", word(self.details.status))]
            .into_iter()
            .chain(category)
            .collect()
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Product(_) => vec![event.id()],
            Fact::Stock(
                StockEvent::Received { product_id, .. }
                | StockEvent::Reserved { product_id, .. }
                | StockEvent::Shipped { product_id, .. }
                | StockEvent::Released { product_id, .. },
            ) => vec![(*product_id).into()],
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
            // Out of what was held.
            Fact::Stock(StockEvent::Shipped { quantity, .. }) => {
                product.in_stock = product.in_stock.minus(*quantity);
                product.reserved = product.reserved.minus(*quantity);
            }
            Fact::Stock(StockEvent::Released { quantity, .. }) => product.reserved = product.reserved.minus(*quantity),
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
    const COUNTED: &'static [&'static str] = &["type", "status", "category"];
    const SEARCH: &'static str = "t.search_text";
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
        // The newest last, as they came; what a thing costs is for those who may see its cost.
        Computed::new(
            "priceHistory",
            K::Json,
            "(select coalesce(jsonb_agg(h.point order by h.nth), '[]') from (select p.point, p.nth from jsonb_array_elements(t.price_history) \
             with ordinality p(point, nth) order by p.nth desc limit 20) h)",
        )
        .right(Permission::FinanceView)
        .or_right(Permission::StockUpdate)
        .otherwise(
            "(select coalesce(jsonb_agg(h.point - 'cost' order by h.nth), '[]') from (select p.point, p.nth from jsonb_array_elements(t.price_history) \
             with ordinality p(point, nth) order by p.nth desc limit 20) h)",
        ),
    ];
    const NESTED: &'static [Nested] = &[
        Nested::new(
            "stockMovements",
            "stock_movements",
            "product_id",
            "json_build_object('id', n.id, 'date', reading.day(n.created_at), 'type', n.type, 'quantity', n.quantity, 'unitCost', n.unit_cost, 'reference', n.reference)",
        )
        .right(Permission::FinanceView)
        .or_right(Permission::StockUpdate)
        .otherwise(
            "json_build_object('id', n.id, 'date', reading.day(n.created_at), 'type', n.type, 'quantity', n.quantity, 'reference', n.reference)",
        ),
    ];
}
