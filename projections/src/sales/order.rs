//! An order as people see it, with the axes that follow from facts: what is sent, billed and paid, what is being made.

use super::customer;
use crate::{
    Readers,
    column::{Column, ColumnKind as K},
    list::Op,
    table::word,
    table::{Seen, Table},
    view::{Computed, Nested, Owned, Related, View},
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Changes, Choice, Fact, Fields, Money, Permission, Quantity,
    finance::invoice::{InvoiceEvent, InvoiceKind},
    production::production_order::ProductionOrderEvent,
    sales::{
        line::Line,
        order::{Created, Details, OrderEvent, ReturnedItem, Shipped, Status},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use std::collections::BTreeSet;
use uuid::Uuid;

const DELIVERY_STATUSES: &[&str] = &["none", "partial", "full"];
const BILLING_STATUSES: &[&str] = &["none", "partial", "full"];
const PAYMENT_STATUSES: &[&str] = &["unpaid", "partial", "paid", "refunded"];
const PRODUCTION_STATUSES: &[&str] = &["none", "waiting"];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub version: i64,
    pub order_number: String,
    pub status: Status,
    #[serde(flatten)]
    pub details: Details,
    pub items: Vec<Line>,
    pub total_amount: Money,
    /// What its invoices come to.
    pub billed_amount: Money,
    pub billing_status: BillingStatus,
    pub paid_amount: Money,
    /// What of it went back to the customer.
    pub refunded_amount: Money,
    pub payment_status: PaymentStatus,
    pub production_status: ProductionStatus,
    /// Production orders for it that are not cancelled.
    pub made_by: BTreeSet<Uuid>,
    pub delivery_status: DeliveryStatus,
    pub shipments: Vec<Sent>,
    pub returns: Vec<CameBack>,
    pub status_history: Vec<StatusStep>,
    /// When it became more than a draft.
    pub placed_at: Option<DateTime<Utc>>,
    pub delivered_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// How much of it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    None,
    Partial,
    Full,
}

/// A shipment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    pub id: Uuid,
    pub tracking_number: Option<String>,
    pub carrier: Option<String>,
    pub status: ShipmentStatus,
    pub estimated_delivery: Option<NaiveDate>,
    pub items: Vec<Shipped>,
    pub shipped_at: DateTime<Utc>,
    pub delivered_at: Option<DateTime<Utc>>,
}

/// What came back together, as it was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CameBack {
    pub id: Uuid,
    pub reason: Option<String>,
    pub items: Vec<ReturnedItem>,
    pub returned_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShipmentStatus {
    InTransit,
    Delivered,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BillingStatus {
    None,
    Partial,
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PaymentStatus {
    Unpaid,
    Partial,
    Paid,
    /// What was paid went back, or became the customer's credit.
    Refunded,
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
    /// What was said of it.
    #[serde(default)]
    pub note: Option<String>,
}

impl Table for Row {
    const NAME: &'static str = "orders";
    const SQL: &'static str = include_str!("../../../migrations/tenant/orders.sql");
    const FOLD: u32 = 3;

    fn columns() -> Vec<Column> {
        let own = vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("order_number", K::Text),
            Column::new("status", K::Choice(Status::WORDS)),
            Column::new("items", K::Json),
            Column::new("total_amount", K::Number),
            Column::new("billed_amount", K::Number),
            Column::new("billing_status", K::Choice(BILLING_STATUSES)),
            Column::new("paid_amount", K::Number),
            Column::new("refunded_amount", K::Number),
            Column::new("payment_status", K::Choice(PAYMENT_STATUSES)),
            Column::new("production_status", K::Choice(PRODUCTION_STATUSES)),
            Column::new("made_by", K::Hidden),
            Column::new("delivery_status", K::Choice(DELIVERY_STATUSES)),
            Column::new("shipments", K::Hidden),
            Column::new("returns", K::Hidden),
            Column::new("status_history", K::Hidden),
            Column::new("placed_at", K::Time).nullable(),
            Column::new("delivered_at", K::Time).nullable(),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ];
        let fields = Details::FIELDS.iter().map(|field| match field.name {
            "customerId" => Column::new("customer_id", K::Uuid), // never empty once it is an order
            _ => Column::of(field),
        });
        own.into_iter().chain(fields).collect()
    }

    fn counted(&self) -> Vec<(&'static str, String)> {
        vec![("status", word(self.status))]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        let of_order = match &event.fact {
            Fact::Order(_) => return vec![event.id()],
            Fact::Invoice(InvoiceEvent::Created(invoice)) => invoice.order_id,
            Fact::Invoice(InvoiceEvent::PaymentReceived { order_id, .. }) => *order_id,
            Fact::Invoice(InvoiceEvent::Cancelled(invoice)) => invoice.order_id,
            Fact::Invoice(InvoiceEvent::Credited(invoice)) => invoice.order_id,
            Fact::ProductionOrder(ProductionOrderEvent::Created(created)) => Some(created.order_id),
            Fact::ProductionOrder(ProductionOrderEvent::Cancelled { order_id }) => Some(*order_id),
            _ => None,
        };
        of_order.map(Into::into).into_iter().collect()
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let at = event.recorded.recorded_at;
        if let Fact::Order(OrderEvent::Created(order)) = &event.fact {
            *row = Some(Self::new(key, order, at));
        }
        let Some(order) = row else { return };
        match &event.fact {
            Fact::Order(fact) => {
                order.apply(fact, event);
                (order.version, order.updated_at) = (event.recorded.version, at);
            }
            Fact::Invoice(InvoiceEvent::Created(invoice)) if invoice.kind == InvoiceKind::Credit => {
                order.billed_amount = order.billed_amount.minus(invoice.amount);
            }
            Fact::Invoice(InvoiceEvent::Created(invoice)) => {
                order.billed_amount = order.billed_amount.plus(invoice.amount);
            }
            Fact::Invoice(InvoiceEvent::Cancelled(invoice)) => {
                order.billed_amount = order.billed_amount.minus(invoice.amount);
            }
            Fact::Invoice(InvoiceEvent::Credited(invoice)) => {
                order.refunded_amount = order.refunded_amount.plus(invoice.refunded);
            }
            Fact::Invoice(InvoiceEvent::PaymentReceived { applied, .. }) => {
                order.paid_amount = order.paid_amount.plus(*applied);
            }
            Fact::ProductionOrder(ProductionOrderEvent::Created(_)) => {
                order.made_by.insert(event.id());
            }
            Fact::ProductionOrder(ProductionOrderEvent::Cancelled { .. }) => {
                order.made_by.remove(&event.id());
            }
            _ => {}
        }
        order.derive();
    }
}

impl Row {
    fn new(id: Uuid, order: &Created, at: DateTime<Utc>) -> Self {
        Self {
            id,
            version: 0,
            order_number: order.order_number.to_string(),
            status: order.status,
            details: order.into(),
            items: order.items.clone(),
            total_amount: order.total_amount,
            billed_amount: Money::ZERO,
            billing_status: BillingStatus::None,
            paid_amount: Money::ZERO,
            refunded_amount: Money::ZERO,
            payment_status: PaymentStatus::Unpaid,
            production_status: ProductionStatus::None,
            made_by: BTreeSet::new(),
            delivery_status: DeliveryStatus::None,
            shipments: vec![],
            returns: vec![],
            status_history: vec![],
            placed_at: None,
            delivered_at: None,
            created_at: at,
            updated_at: at,
        }
    }

    fn apply(&mut self, fact: &OrderEvent, event: &Seen) {
        match fact {
            OrderEvent::Created(order) => self.enter(order.status, None, event),
            OrderEvent::Updated {
                change,
                items,
                total_amount,
            } => {
                self.details.apply(change);
                if let Some(items) = items {
                    self.items.clone_from(items);
                }
                self.total_amount = total_amount.unwrap_or(self.total_amount);
            }
            OrderEvent::Changed(changed) => {
                self.items.clone_from(&changed.items);
                self.total_amount = changed.total_amount;
            }
            // Which status that is says the event behind it.
            OrderEvent::Placed(_) => {}
            OrderEvent::StatusChanged { to, note, .. } => self.enter(*to, note.clone(), event),
            OrderEvent::Shipped(shipment) => self.shipments.push(Sent {
                id: shipment.shipment_id.into(),
                tracking_number: shipment.tracking_number.clone(),
                carrier: shipment.carrier.clone(),
                status: ShipmentStatus::InTransit,
                estimated_delivery: shipment.estimated_delivery,
                items: shipment.items.iter().map(without_cost).collect(),
                shipped_at: event.recorded.recorded_at,
                delivered_at: None,
            }),
            OrderEvent::Returned(returned) => self.returns.push(CameBack {
                id: returned.return_id.into(),
                reason: returned.reason.clone(),
                items: returned
                    .items
                    .iter()
                    .map(|item| ReturnedItem {
                        cost: None,
                        ..item.clone()
                    })
                    .collect(),
                returned_at: event.recorded.recorded_at,
            }),
            OrderEvent::Cancelled(cancelled) => self.enter(Status::Cancelled, cancelled.reason.clone(), event),
            OrderEvent::Completed { note, .. } => self.enter(Status::Completed, note.clone(), event),
        }
    }

    fn enter(&mut self, status: Status, note: Option<String>, event: &Seen) {
        let date = event.recorded.recorded_at;
        self.status = status;
        if !matches!(status, Status::Draft | Status::Cancelled) {
            self.placed_at.get_or_insert(date);
        }
        if status == Status::Delivered {
            self.delivered_at = Some(date);
            for shipment in &mut self.shipments {
                (shipment.status, shipment.delivered_at) = (ShipmentStatus::Delivered, Some(date));
            }
        }
        self.status_history.push(StatusStep {
            status,
            date,
            user_id: event.recorded.meta().actor.strip_prefix("user:").map(str::to_owned),
            note,
        });
    }

    /// What costs nothing is paid, and never billed.
    fn derive(&mut self) {
        self.payment_status = match self.paid_amount {
            paid if self.status == Status::Cancelled && paid.is_positive() => PaymentStatus::Refunded,
            paid if paid >= self.total_amount => PaymentStatus::Paid,
            paid if paid.is_positive() => PaymentStatus::Partial,
            _ => PaymentStatus::Unpaid,
        };
        self.production_status = match self.made_by.is_empty() {
            true => ProductionStatus::None,
            false => ProductionStatus::Waiting,
        };
        let ordered: Quantity = self
            .items
            .iter()
            .filter(|line| line.is_shipped())
            .map(|line| line.quantity)
            .sum();
        let sent = self.shipments.iter().flat_map(|shipment| &shipment.items);
        self.delivery_status = match sent.map(|item| item.quantity).sum::<Quantity>() {
            sent if !sent.is_positive() => DeliveryStatus::None,
            sent if sent < ordered => DeliveryStatus::Partial,
            _ => DeliveryStatus::Full,
        };
        self.billing_status = match self.billed_amount {
            billed if !billed.is_positive() => BillingStatus::None,
            billed if billed < self.total_amount => BillingStatus::Partial,
            _ => BillingStatus::Full,
        };
    }
}

/// Those that were confirmed and are not paid, of whatever customer; an index is made for it.
macro_rules! unpaid {
    () => {
        "o.status in ('confirmed', 'processing', 'shipped', 'delivered', 'completed') and o.payment_status in ('unpaid', 'partial')"
    };
}
pub(super) use unpaid;

/// What that customer, and who was merged into it, has to pay for confirmed orders, in the base currency, at the rate that each
/// order states.
macro_rules! exposure {
    ($customer:literal) => {
        concat!(
            "(select coalesce(sum(round((o.total_amount - o.paid_amount) * case when o.currency = 'KZT' then 1 else o.exchange_rate end, 2)), 0) \
             from {s}.orders o where o.customer_id in (select ",
            $customer,
            " union all select m.id from {s}.customers m where m.merged_into = ",
            $customer,
            ") and ",
            unpaid!(),
            ")"
        )
    };
}
pub(super) use exposure;

/// Why a pending order of that customer waits for somebody's word, if it does: confirmed, it would be beyond the limit.
macro_rules! pending_reason {
    ($order:literal, $customer:literal) => {
        concat!(
            "(select case when c.credit_limit > 0 and ",
            exposure!("c.id"),
            " + round(",
            $order,
            ".total_amount * case when ",
            $order,
            ".currency = 'KZT' then 1 else ",
            $order,
            ".exchange_rate end, 2) > c.credit_limit then 'credit_limit' end from {s}.customers c \
             where c.id = (select coalesce(k.merged_into, k.id) from {s}.customers k where k.id = ",
            $customer,
            ") and ",
            $order,
            ".status = 'pending')"
        )
    };
}
pub(super) use pending_reason;

/// The orders of a customer that were confirmed and are not paid, or of that order's customer; none where credit has no limit.
pub async fn unpaid_of(readers: &Readers, schema: &str, whose: Whose) -> Result<Vec<Uuid>, sqlx::Error> {
    let (customer, id) = match whose {
        Whose::Customer(id) => ("$1".to_owned(), id),
        Whose::Order(id) => (
            format!("(select b.customer_id from {schema}.orders b where b.id = $1)"),
            id,
        ),
    };
    let unpaid = unpaid!();
    // Of all who are found as one; of nobody whose credit has no limit, for then it is not asked how much they owe.
    let all = format!(
        "with lead as (select k.id from {schema}.customers c join {schema}.customers k on k.id = coalesce(c.merged_into, c.id) \
         where c.id = {customer} and k.credit_limit > 0) \
         select o.id from {schema}.orders o where o.customer_id in \
         (select l.id from lead l union all select m.id from {schema}.customers m join lead l on m.merged_into = l.id) \
         and {unpaid} order by o.id"
    );
    let mut session = readers.enter(schema).await?;
    let found = sqlx::query_scalar(AssertSqlSafe(all))
        .bind(id)
        .fetch_all(&mut *session)
        .await?;
    session.leave();
    Ok(found)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    Customer(Uuid),
    /// Of whoever ordered that.
    Order(Uuid),
}

/// What goods cost is not for everybody who sees an order.
fn without_cost(item: &Shipped) -> Shipped {
    Shipped {
        cost: None,
        ..item.clone()
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
        Computed::new("shipments", K::Json, "t.shipments"),
        Computed::new("returns", K::Json, "t.returns"),
        Computed::new("documents", K::Json, "'[]'::json"),
        Computed::new("pendingReason", K::Text, pending_reason!("t", "t.customer_id")).nullable(),
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

#[cfg(test)]
mod tests;
