//! A production order as people see it. Whether its materials are there is folded from stock's events, each of which
//! names the demand it serves.

use crate::{
    column::{Column, ColumnKind as K},
    list::Op,
    table::word,
    table::{Seen, Table},
    view::{Computed, View},
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Choice, Fact, Quantity,
    catalog::stock::StockEvent,
    production::{
        bom::Component,
        production_order::{Created, Priority, ProductionOrderEvent, Status, WorkOrder},
    },
    time::local_date,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const MATERIAL_STATES: &[&str] = &["none", "partial", "reserved", "shortage"];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub version: i64,
    pub production_number: String,
    pub order_id: Uuid,
    pub order_number: String,
    pub line: u32,
    pub product_id: Uuid,
    pub product_name: String,
    pub quantity: Quantity,
    pub completed_quantity: Quantity,
    pub status: Status,
    pub material_state: MaterialState,
    pub priority: Priority,
    pub bom_version: u32,
    pub materials: Vec<Material>,
    pub work_orders: Vec<WorkOrder>,
    pub start_date: Option<NaiveDate>,
    pub due_date: Option<NaiveDate>,
    pub estimated_completion: Option<NaiveDate>,
    pub notes: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MaterialState {
    None,
    Partial,
    Reserved,
    Shortage,
}

/// A material with how much of it is held and how much is missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Material {
    #[serde(flatten)]
    pub component: Component,
    pub reserved: Quantity,
    pub missing: Quantity,
}

impl Table for Row {
    const NAME: &'static str = "production_orders";
    const SQL: &'static str = include_str!("../../../migrations/tenant/production_orders.sql");

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("production_number", K::Text),
            Column::new("order_id", K::Uuid),
            Column::new("order_number", K::Text),
            Column::new("line", K::Number),
            Column::new("product_id", K::Uuid),
            Column::new("product_name", K::Text),
            Column::new("quantity", K::Number),
            Column::new("completed_quantity", K::Number),
            Column::new("status", K::Choice(Status::WORDS)),
            Column::new("material_state", K::Choice(MATERIAL_STATES)),
            Column::new("priority", K::Choice(Priority::WORDS)),
            Column::new("bom_version", K::Number),
            Column::new("materials", K::Json),
            Column::new("work_orders", K::Json),
            Column::new("start_date", K::Date).nullable(),
            Column::new("due_date", K::Date).nullable(),
            Column::new("estimated_completion", K::Date).nullable(),
            Column::new("notes", K::Text).nullable(),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ]
    }

    fn counted(&self) -> Vec<(&'static str, String)> {
        vec![("status", word(self.status)), ("priority", word(self.priority))]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::ProductionOrder(_) => vec![event.id()],
            Fact::Stock(
                StockEvent::Reserved { demand, .. }
                | StockEvent::Short { demand, .. }
                | StockEvent::Released { demand, .. },
            ) => demand.production_order_id.map(Into::into).into_iter().collect(),
            _ => vec![],
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let at = event.recorded.recorded_at;
        if let Fact::ProductionOrder(ProductionOrderEvent::Created(created)) = &event.fact {
            *row = Some(Self::new(key, created, at));
        }
        let Some(order) = row else { return };
        match &event.fact {
            Fact::ProductionOrder(fact) => {
                if let ProductionOrderEvent::Scheduled { start, finish, .. } = fact {
                    order.status = Status::Scheduled;
                    order.start_date = Some(local_date(*start));
                    order.estimated_completion = Some(local_date(*finish));
                }
                if let ProductionOrderEvent::Cancelled { .. } = fact {
                    order.status = Status::Cancelled;
                }
                (order.version, order.updated_at) = (event.recorded.version, at);
            }
            Fact::Stock(StockEvent::Released {
                product_id, quantity, ..
            }) => order.material((*product_id).into(), |material| {
                material.reserved = material.reserved.minus(*quantity);
                material.missing = Quantity::ZERO;
            }),
            Fact::Stock(StockEvent::Reserved {
                product_id, quantity, ..
            }) => order.material((*product_id).into(), |material| {
                material.reserved = material.reserved.plus(*quantity);
                material.missing = material.missing.minus(*quantity).max(Quantity::ZERO);
            }),
            Fact::Stock(StockEvent::Short {
                product_id, missing, ..
            }) => order.material((*product_id).into(), |material| material.missing = *missing),
            _ => {}
        }
    }
}

impl Row {
    fn new(id: Uuid, created: &Created, at: DateTime<Utc>) -> Self {
        let material = |component: &Component| Material {
            component: component.clone(),
            reserved: Quantity::ZERO,
            missing: Quantity::ZERO,
        };
        Self {
            id,
            version: 0,
            production_number: created.production_number.to_string(),
            order_id: created.order_id.into(),
            order_number: created.order_number.to_string(),
            line: created.line,
            product_id: created.product_id.into(),
            product_name: created.product_name.clone(),
            quantity: created.quantity,
            completed_quantity: Quantity::ZERO,
            status: Status::Pending,
            material_state: MaterialState::None,
            priority: created.priority,
            bom_version: created.bom_version,
            materials: created.materials.iter().map(material).collect(),
            work_orders: created.work_orders.clone(),
            start_date: None,
            due_date: created.due_date,
            estimated_completion: None,
            notes: created.notes.clone(),
            created_at: at,
            updated_at: at,
        }
    }

    fn material(&mut self, product: Uuid, change: impl FnOnce(&mut Material)) {
        if let Some(material) = self
            .materials
            .iter_mut()
            .find(|material| material.component.material_id.uuid() == product)
        {
            change(material);
        }
        let any = |holds: fn(&Material) -> bool| self.materials.iter().any(holds);
        self.material_state = if any(|material| material.missing.is_positive()) {
            MaterialState::Shortage
        } else if !any(|material| material.reserved < material.component.quantity) {
            MaterialState::Reserved
        } else if any(|material| material.reserved.is_positive()) {
            MaterialState::Partial
        } else {
            MaterialState::None
        };
    }
}

impl View for Row {
    const COUNTED: &'static [&'static str] = &["status", "priority"];
    const SEARCH: &'static str =
        "reading.folded(t.production_number || e'\\n' || t.product_name || e'\\n' || t.order_number)";
    const ALIASES: &'static [(&'static str, &'static str, Op)] =
        &[("dateFrom", "createdAt", Op::Gte), ("dateTo", "createdAt", Op::Lte)];
    const SHOWN: &'static [Computed] = &[Computed::new(
        "shortages",
        K::Json,
        "(select coalesce(jsonb_agg(jsonb_build_object('materialId', m->'materialId', 'materialName', m->'materialName', 'missing', m->'missing', 'line', t.line)), '[]') \
         from jsonb_array_elements(t.materials) m where (m->>'missing')::numeric > 0)",
    )];
}
