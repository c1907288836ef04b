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
        category::CategoryEvent,
        product::{Details, ImageFile, ProductEvent},
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
    /// What is known of the files among its images.
    pub image_files: Vec<ImageFile>,
    /// Its names in other languages, for the search; a line each.
    pub also_called: Option<String>,
    pub archived: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// So many former prices are kept.
const PRICES_MAX: usize = 200;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PricePoint {
    pub date: NaiveDate,
    pub price: Money,
    pub cost: Option<Money>,
}

impl Table for Row {
    const NAME: &'static str = "products";
    const SQL: &'static str = include_str!("../../../migrations/tenant/products.sql");
    const FOLD: u32 = 5;

    fn columns() -> Vec<Column> {
        let own = vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("in_stock", K::Number),
            Column::new("reserved", K::Number),
            Column::new("price_history", K::Hidden),
            Column::new("image_files", K::Hidden),
            Column::new("also_called", K::Hidden).nullable(),
            Column::new("archived", K::Hidden),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ];
        let fields = Details::FIELDS.iter().map(|field| match field.name {
            "cost" => Column::of(field)
                .right(Permission::FinanceView)
                .or_right(Permission::StockUpdate),
            // Shown with one product only: a list would be long with them.
            "suppliers" | "translations" => Column::new(field.column, K::Hidden),
            _ => Column::of(field),
        });
        own.into_iter().chain(fields).collect()
    }

    fn visible(&self) -> bool {
        !self.archived
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
                StockEvent::Short { .. }
                | StockEvent::Low { .. }
                | StockEvent::Tracked { .. }
                | StockEvent::Valued(_)
                | StockEvent::Landed(_),
            ) => vec![],
            Fact::Stock(fact) => vec![fact.product().into()],
            _ => vec![],
        }
    }

    const HOLDERS: &'static str = "category_id = any($1)";

    /// Products are called by their category's name.
    fn concerns(event: &Seen) -> Option<Uuid> {
        match &event.fact {
            Fact::Category(CategoryEvent::Updated(change)) if !change.name.is_keep() => Some(event.id()),
            _ => None,
        }
    }

    fn held(&self) -> Option<Uuid> {
        self.details.category_id.map(Uuid::from)
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
                image_files: vec![],
                also_called: None,
                archived: false,
                created_at: at,
                updated_at: at,
            });
        }
        let Some(product) = row else { return };
        match &event.fact {
            Fact::Category(CategoryEvent::Updated(change)) => {
                if let Some(name) = change.name.as_set() {
                    product.details.category = Some(name.clone());
                }
            }
            Fact::Product(fact) => {
                match fact {
                    ProductEvent::Created(_) => {}
                    ProductEvent::Updated(change) => product.details.apply(change),
                    ProductEvent::Archived {} => product.archived = true,
                    ProductEvent::ImageAdded { is_primary, file } => {
                        product.details.images.add(file, *is_primary);
                        product.image_files.push(file.as_ref().clone());
                    }
                    ProductEvent::ImageRemoved { image_id, .. } => {
                        product.details.images.remove(*image_id);
                        product.image_files.retain(|file| file.image_id != *image_id);
                    }
                }
                product.note_names();
                product.note_price(local_date(at));
                (product.version, product.updated_at) = (event.recorded.version, at);
            }
            Fact::Stock(fact) => {
                product.in_stock = product.in_stock.plus(fact.difference());
                product.reserved = product.reserved.plus(fact.promised());
            }
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
            let beyond = self.price_history.len().saturating_sub(PRICES_MAX);
            self.price_history.drain(..beyond);
        }
    }

    fn note_names(&mut self) {
        let names = self
            .details
            .translations
            .iter()
            .filter_map(|texts| texts.name.as_deref());
        let names: Vec<&str> = names.collect();
        self.also_called = (!names.is_empty()).then(|| names.join("\n"));
    }
}

impl View for Row {
    const COUNTED: &'static [&'static str] = &["type", "status", "category"];
    const VISIBLE: &'static str = "not t.archived";
    const TRANSLATED: &'static [&'static str] = &["name", "description", "category"];
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
    ];
    const DETAILS: &'static [Computed] = &[
        Computed::new(
            "bom",
            K::Json,
            "coalesce((select jsonb_agg(jsonb_build_object('componentId', c->'materialId', 'componentName', c->'materialName', 'quantity', c->'quantity', 'unit', c->'unit')) \
             from {s}.boms b, jsonb_array_elements(b.components) c where b.id = t.id), '[]')",
        ),
        Computed::new("suppliers", K::Json, "t.suppliers"),
        Computed::new("imageFiles", K::Json, "t.image_files"),
        Computed::new("translations", K::Json, "t.translations"),
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
        // What it came in for, the newest last.
        Computed::new(
            "costHistory",
            K::Json,
            "(select coalesce(jsonb_agg(jsonb_build_object('date', reading.day(m.created_at), 'unitCost', m.unit_cost, 'quantity', m.quantity, \
             'reference', m.reference) order by m.created_at, m.id), '[]') from (select * from {s}.stock_movements m where m.product_id = t.id \
             and m.type = 'IN' and m.unit_cost is not null order by m.created_at desc, m.id desc limit 20) m)",
        )
        .right(Permission::FinanceView)
        .or_right(Permission::StockUpdate),
    ];
    const NESTED: &'static [Nested] = &[
        Nested::new(
            "stockMovements",
            "stock_movements",
            "product_id",
            "json_build_object('id', n.id, 'date', reading.day(n.created_at), 'type', n.type, 'quantity', n.quantity, 'unitCost', n.unit_cost, \
             'reference', n.reference, 'reason', n.reason)",
        )
        .rest("/stock/movements?productId=")
        .right(Permission::FinanceView)
        .or_right(Permission::StockUpdate)
        .otherwise(
            "json_build_object('id', n.id, 'date', reading.day(n.created_at), 'type', n.type, 'quantity', n.quantity, 'reference', n.reference, \
             'reason', n.reason)",
        ),
        Nested::new(
            "listPrices",
            "prices",
            "product_id",
            "json_build_object('priceListId', n.price_list_id, 'tiers', n.tiers)",
        )
        .rest("/prices?productId="),
    ];
}
