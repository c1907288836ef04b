//! An order as people see it, with the axes that follow from facts: what is paid, what is being made.

use super::customer;
use crate::{
    column::{Column, ColumnKind as K},
    list::Op,
    table::word,
    table::{Seen, Table},
    view::{Computed, Nested, Owned, Related, View},
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Choice, Fact, Money, Permission,
    finance::Currency,
    finance::invoice::InvoiceEvent,
    fixed::Rate,
    production::production_order::ProductionOrderEvent,
    sales::{
        customer::Address,
        line::Line,
        order::{OrderEvent, OrderType, Status},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

const PAYMENT_STATUSES: &[&str] = &["unpaid", "partial", "paid"];
const PRODUCTION_STATUSES: &[&str] = &["none", "waiting"];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub version: i64,
    pub order_number: String,
    #[serde(rename = "type")]
    pub kind: OrderType,
    pub status: Status,
    pub customer_id: Uuid,
    pub customer_name: Option<String>,
    pub deal_id: Option<Uuid>,
    pub deal_number: Option<String>,
    pub items: Vec<Line>,
    pub total_amount: Money,
    pub paid_amount: Money,
    pub payment_status: PaymentStatus,
    pub production_status: ProductionStatus,
    pub currency: Currency,
    pub exchange_rate: Option<Rate>,
    pub assigned_to: Option<Uuid>,
    pub shipping_address: Option<Address>,
    pub delivery_date: Option<NaiveDate>,
    pub payment_terms: Option<String>,
    pub notes: Option<String>,
    pub status_history: Vec<StatusStep>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PaymentStatus {
    Unpaid,
    Partial,
    Paid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProductionStatus {
    None,
    Waiting,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusStep {
    pub status: Status,
    pub date: DateTime<Utc>,
    /// Absent when the system did it.
    pub user_id: Option<String>,
}

impl Table for Row {
    const NAME: &'static str = "orders";
    const SQL: &'static str = include_str!("../../../migrations/tenant/orders.sql");

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("order_number", K::Text),
            Column::new("type", K::Choice(OrderType::WORDS)),
            Column::new("status", K::Choice(Status::WORDS)),
            Column::new("customer_id", K::Uuid),
            Column::new("customer_name", K::Text).nullable(),
            Column::new("deal_id", K::Uuid).nullable(),
            Column::new("deal_number", K::Text).nullable(),
            Column::new("items", K::Json),
            Column::new("total_amount", K::Number),
            Column::new("paid_amount", K::Number),
            Column::new("payment_status", K::Choice(PAYMENT_STATUSES)),
            Column::new("production_status", K::Choice(PRODUCTION_STATUSES)),
            Column::new("currency", K::Text),
            Column::new("exchange_rate", K::Number).nullable(),
            Column::new("assigned_to", K::Uuid).nullable(),
            Column::new("shipping_address", K::Json).nullable(),
            Column::new("delivery_date", K::Date).nullable(),
            Column::new("payment_terms", K::Text).nullable(),
            Column::new("notes", K::Text).nullable(),
            Column::new("status_history", K::Hidden),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ]
    }

    fn counted(&self) -> Vec<(&'static str, String)> {
        vec![("status", word(self.status))]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Order(_) => vec![event.id()],
            Fact::Invoice(InvoiceEvent::PaymentReceived {
                order_id: Some(order), ..
            }) => vec![(*order).into()],
            Fact::ProductionOrder(ProductionOrderEvent::Created(created)) => vec![created.order_id.into()],
            _ => vec![],
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        if let Fact::Order(OrderEvent::Created(order)) = &event.fact {
            let at = event.recorded.recorded_at;
            let user_id = event.recorded.meta().actor.strip_prefix("user:").map(str::to_owned);
            *row = Some(Self {
                id: key,
                version: event.recorded.version,
                order_number: order.order_number.to_string(),
                kind: order.kind,
                status: order.status,
                customer_id: order.customer_id.into(),
                customer_name: order.customer_name.clone(),
                deal_id: order.deal_id.map(Into::into),
                deal_number: order.deal_number.as_ref().map(ToString::to_string),
                items: order.items.clone(),
                total_amount: order.total_amount,
                paid_amount: Money::ZERO,
                // What costs nothing is paid.
                payment_status: if order.total_amount.is_zero() {
                    PaymentStatus::Paid
                } else {
                    PaymentStatus::Unpaid
                },
                production_status: ProductionStatus::None,
                currency: order.currency.clone(),
                exchange_rate: order.exchange_rate,
                assigned_to: order.assigned_to.map(Into::into),
                shipping_address: order.shipping_address.clone(),
                delivery_date: order.delivery_date,
                payment_terms: order.payment_terms.clone(),
                notes: order.notes.clone(),
                status_history: vec![StatusStep {
                    status: order.status,
                    date: at,
                    user_id,
                }],
                created_at: at,
                updated_at: at,
            });
        }
        let Some(order) = row else { return };
        match &event.fact {
            Fact::Invoice(InvoiceEvent::PaymentReceived { applied, .. }) => {
                order.paid_amount = order.paid_amount.plus(*applied);
                order.payment_status = if order.paid_amount >= order.total_amount {
                    PaymentStatus::Paid
                } else {
                    PaymentStatus::Partial
                };
            }
            Fact::ProductionOrder(ProductionOrderEvent::Created(_)) => {
                order.production_status = ProductionStatus::Waiting
            }
            _ => {}
        }
    }
}

/// Whose they are.
pub(crate) const OWNED: Option<Owned> = Some(Owned {
    right: Permission::OrdersView,
    user: "assigned_to",
    department: None,
});

impl View for Row {
    const OWNED: Option<Owned> = OWNED;
    const COUNTED: &'static [&'static str] = &["status"];
    const SEARCH: &'static str = "t.search_text";
    const ALIASES: &'static [(&'static str, &'static str, Op)] =
        &[("dateFrom", "createdAt", Op::Gte), ("dateTo", "createdAt", Op::Lte)];
    const RELATED: &'static [Related] = &[customer::RELATED];
    const DETAILS: &'static [Computed] = &[
        Computed::new("statusHistory", K::Json, "t.status_history"),
        Computed::new("shipments", K::Json, "'[]'::json"),
        Computed::new("documents", K::Json, "'[]'::json"),
    ];
    const NESTED: &'static [Nested] = &[
        Nested::new(
            "productionOrders",
            "production_orders",
            "order_id",
            "json_build_object('id', n.id, 'productionNumber', n.production_number, 'productId', n.product_id, 'quantity', n.quantity, \
             'status', n.status, 'materialState', n.material_state, 'completedQuantity', n.completed_quantity)",
        )
        .rest("/production/orders?orderId=")
        .right(Permission::ProductionView),
        Nested::new(
            "invoices",
            "invoices",
            "order_id",
            "json_build_object('id', n.id, 'invoiceNumber', n.invoice_number, 'amount', n.amount, 'currency', n.currency, \
             'status', reading.invoice_status(n.state, n.due_date), 'paidAmount', n.paid_amount)",
        )
        .rest("/finance/invoices?orderId=")
        .right(Permission::FinanceView),
    ];
}
