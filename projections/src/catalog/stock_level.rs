//! What there is of each product: on hand, reserved, and what it cost; too little or not, and how much to order.

use crate::{
    column::{Column, ColumnKind as K},
    table::{Seen, Table},
    view::{Computed, Related, View},
};
use chrono::{DateTime, Utc};
use domain::{
    Choice, Fact, Permission, Quantity, Total,
    catalog::{
        product::{Details, ProductEvent, ProductType, Status},
        stock::{Holding, StockEvent, Valuation},
    },
    finance::Currency,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The product's.
    pub id: Uuid,
    /// The stock's; 0 before anything has moved.
    pub version: i64,
    pub product_code: String,
    pub product_name: String,
    #[serde(rename = "type")]
    pub kind: ProductType,
    pub unit: String,
    pub currency: Currency,
    pub min_stock: Option<Quantity>,
    pub max_stock: Option<Quantity>,
    pub on_hand: Quantity,
    pub reserved: Quantity,
    /// What all of it cost, in the product's currency.
    pub value: Total,
    /// What it costs that goes.
    pub valuation: Valuation,
    /// When something last came or went.
    pub moved_at: Option<DateTime<Utc>>,
    pub archived: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "stock_levels";
    const SQL: &'static str = include_str!("../../../migrations/tenant/stock_levels.sql");

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("product_code", K::Text),
            Column::new("product_name", K::Text),
            Column::new("type", K::Choice(ProductType::WORDS)),
            Column::new("unit", K::Text),
            Column::new("currency", K::Text),
            Column::new("min_stock", K::Number).nullable(),
            Column::new("max_stock", K::Number).nullable(),
            Column::new("on_hand", K::Number),
            Column::new("reserved", K::Number),
            Column::new("value", K::Number)
                .right(Permission::FinanceView)
                .or_right(Permission::StockUpdate),
            Column::new("valuation", K::Choice(Valuation::WORDS)),
            Column::new("moved_at", K::Time).nullable(),
            Column::new("archived", K::Hidden),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Product(_) => vec![event.id()],
            Fact::Stock(fact) => vec![fact.product().into()],
            _ => vec![],
        }
    }

    fn visible(&self) -> bool {
        self.kind.is_stocked() && !self.archived
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let at = event.recorded.recorded_at;
        if let Fact::Product(ProductEvent::Created(details)) = &event.fact {
            *row = Some(Self::begin(key, details, at));
        }
        let Some(level) = row else { return };
        match &event.fact {
            Fact::Product(ProductEvent::Created(_)) => {}
            Fact::Product(ProductEvent::Updated(change)) => {
                change.code.apply(&mut level.product_code);
                change.name.apply(&mut level.product_name);
                change.kind.apply(&mut level.kind);
                change.unit.apply(&mut level.unit);
                change.currency.apply(&mut level.currency);
                change.min_stock.apply(&mut level.min_stock);
                change.max_stock.apply(&mut level.max_stock);
            }
            Fact::Product(ProductEvent::Archived {}) => level.archived = true,
            Fact::Stock(fact) => {
                level.take(fact);
                level.version = event.recorded.version;
                if !fact.difference().is_zero() {
                    level.moved_at = Some(at);
                }
            }
            _ => return,
        }
        level.updated_at = at;
    }
}

impl Row {
    fn begin(id: Uuid, details: &Details, at: DateTime<Utc>) -> Self {
        Self {
            id,
            version: 0,
            product_code: details.code.clone(),
            product_name: details.name.clone(),
            kind: details.kind,
            unit: details.unit.clone(),
            currency: details.currency.clone(),
            min_stock: details.min_stock,
            max_stock: details.max_stock,
            on_hand: Quantity::ZERO,
            reserved: Quantity::ZERO,
            value: Total::ZERO,
            valuation: Valuation::default(),
            moved_at: None,
            archived: false,
            created_at: at,
            updated_at: at,
        }
    }

    fn take(&mut self, event: &StockEvent) {
        if let StockEvent::Valued(valued) = event {
            self.valuation = valued.valuation;
        }
        self.reserved = self.reserved.plus(event.promised());
        let holding = Holding {
            quantity: self.on_hand,
            value: self.value,
        };
        let holding = holding.after(event);
        (self.on_hand, self.value) = (holding.quantity, holding.value);
    }
}

const AVERAGE: &str = "case when t.on_hand > 0 then trim_scale(round(t.value / t.on_hand, 2)) end";
const LOW: &str = "(t.min_stock is not null and t.on_hand - t.reserved < t.min_stock)";
const TO_ORDER: &str = "case when t.min_stock is not null and t.on_hand - t.reserved < t.min_stock \
    then greatest(coalesce(t.max_stock, t.min_stock), t.min_stock) - (t.on_hand - t.reserved) else 0 end";

impl View for Row {
    const VISIBLE: &'static str = "not t.archived and t.type in ('PRODUCT', 'MATERIAL', 'MANUFACTURED')";
    const SEARCH: &'static str = "reading.folded(t.product_name || e'\\n' || t.product_code)";
    const RELATED: &'static [Related] = &[Related {
        name: "product",
        by: "id",
        table: "products",
        owned: None,
        fields: &[("category", K::Text), ("status", K::Choice(Status::WORDS))],
    }];
    const SHOWN: &'static [Computed] = &[
        Computed::new("productId", K::Uuid, "t.id"),
        Computed::new("available", K::Number, "(t.on_hand - t.reserved)"),
        Computed::new("averageCost", K::Number, AVERAGE)
            .nullable()
            .right(Permission::FinanceView)
            .or_right(Permission::StockUpdate),
        Computed::new("belowMin", K::Bool, LOW),
        Computed::new("toOrder", K::Number, TO_ORDER),
    ];
}
