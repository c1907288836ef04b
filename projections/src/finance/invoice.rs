//! An invoice as people see it. `overdue` is a view of the due date, not a fact.

use crate::{
    Readers,
    column::{Column, ColumnKind as K},
    list::Op,
    sales::customer,
    table::word,
    table::{Seen, Table},
    view::{Computed, Related, View},
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Choice, Fact, Money,
    finance::Currency,
    finance::invoice::{InvoiceEvent, InvoiceKind, Status},
    fixed::Rate,
    sales::line::Line,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

const STATUSES: &[&str] = &["draft", "sent", "partial", "paid", "overdue", "cancelled"];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub version: i64,
    pub invoice_number: String,
    pub kind: InvoiceKind,
    pub state: Status,
    pub customer_id: Uuid,
    pub customer_name: Option<String>,
    pub order_id: Option<Uuid>,
    pub order_number: Option<String>,
    pub deal_id: Option<Uuid>,
    pub items: Vec<Line>,
    pub amount: Money,
    pub paid_amount: Money,
    /// What of it went back.
    pub refunded_amount: Money,
    pub currency: Currency,
    pub exchange_rate: Option<Rate>,
    pub issue_date: NaiveDate,
    pub due_date: NaiveDate,
    pub paid_at: Option<DateTime<Utc>>,
    pub notes: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "invoices";
    const SQL: &'static str = include_str!("../../../migrations/tenant/invoices.sql");
    const FOLD: u32 = 2;

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("invoice_number", K::Text),
            Column::new("kind", K::Choice(InvoiceKind::WORDS)),
            Column::new("state", K::Hidden),
            Column::new("customer_id", K::Uuid),
            Column::new("customer_name", K::Text).nullable(),
            Column::new("order_id", K::Uuid).nullable(),
            Column::new("order_number", K::Text).nullable(),
            Column::new("deal_id", K::Uuid).nullable(),
            Column::new("items", K::Hidden),
            Column::new("amount", K::Number),
            Column::new("paid_amount", K::Number),
            Column::new("refunded_amount", K::Number),
            Column::new("currency", K::Text),
            Column::new("exchange_rate", K::Number).nullable(),
            Column::new("issue_date", K::Date),
            Column::new("due_date", K::Date),
            Column::new("paid_at", K::Time).nullable(),
            Column::new("notes", K::Text).nullable(),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ]
    }

    fn counted(&self) -> Vec<(&'static str, String)> {
        vec![("kind", word(self.kind))]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        if matches!(event.fact, Fact::Invoice(_)) {
            vec![event.id()]
        } else {
            vec![]
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Invoice(fact) = &event.fact else { return };
        let at = event.recorded.recorded_at;
        if let InvoiceEvent::Created(invoice) = fact {
            *row = Some(Self {
                id: key,
                version: 0,
                invoice_number: invoice.invoice_number.to_string(),
                kind: invoice.kind,
                state: invoice.status,
                customer_id: invoice.customer_id.into(),
                customer_name: invoice.customer_name.clone(),
                order_id: invoice.order_id.map(Into::into),
                order_number: invoice.order_number.as_ref().map(ToString::to_string),
                deal_id: invoice.deal_id.map(Into::into),
                items: invoice.items.clone(),
                amount: invoice.amount,
                // Nobody has to pay what is written as paid: a credit note.
                paid_amount: if invoice.status == Status::Paid {
                    invoice.amount
                } else {
                    Money::ZERO
                },
                refunded_amount: Money::ZERO,
                currency: invoice.currency.clone(),
                exchange_rate: invoice.exchange_rate,
                issue_date: invoice.issue_date,
                due_date: invoice.due_date,
                paid_at: None,
                notes: invoice.notes.clone(),
                created_at: at,
                updated_at: at,
            });
        }
        let Some(invoice) = row else { return };
        match fact {
            InvoiceEvent::Created(_) => {}
            InvoiceEvent::PaymentReceived { applied, .. } => {
                invoice.paid_amount = invoice.paid_amount.plus(*applied);
                if invoice.paid_amount < invoice.amount {
                    invoice.state = Status::Partial;
                }
            }
            InvoiceEvent::Paid { .. } => (invoice.state, invoice.paid_at) = (Status::Paid, Some(at)),
            InvoiceEvent::Cancelled(_) => invoice.state = Status::Cancelled,
            InvoiceEvent::Credited(credited) => {
                invoice.state = Status::Cancelled;
                invoice.refunded_amount = credited.refunded;
            }
        }
        (invoice.version, invoice.updated_at) = (event.recorded.version, at);
    }
}

impl View for Row {
    const COUNTED: &'static [&'static str] = &["kind"];
    const SEARCH: &'static str = "t.search_text";
    const ALIASES: &'static [(&'static str, &'static str, Op)] =
        &[("dateFrom", "issueDate", Op::Gte), ("dateTo", "issueDate", Op::Lte)];
    const RELATED: &'static [Related] = &[customer::RELATED];
    const SHOWN: &'static [Computed] = &[
        Computed::new(
            "status",
            K::Choice(STATUSES),
            "reading.invoice_status(t.state, t.due_date)",
        )
        .cases(&[
            ("draft", "t.state = 'draft'"),
            (
                "sent",
                "t.state = 'sent' and t.due_date >= reading.day(reading.moment())",
            ),
            (
                "partial",
                "t.state = 'partial' and t.due_date >= reading.day(reading.moment())",
            ),
            ("paid", "t.state = 'paid'"),
            (
                "overdue",
                "t.state in ('sent', 'partial') and t.due_date < reading.day(reading.moment())",
            ),
            ("cancelled", "t.state = 'cancelled'"),
        ]),
        Computed::new(
            "openAmount",
            K::Number,
            "case when t.state = 'cancelled' then 0 else t.amount - t.paid_amount end",
        ),
        Computed::new(
            "items",
            K::Json,
            "(select coalesce(jsonb_agg(jsonb_build_object('productId', i->'productId', 'description', i->'productName', 'quantity', i->'quantity', \
             'unitPrice', i->'unitPrice', 'vatIncluded', coalesce(i->'vatIncluded', 'false'), 'discount', i->'discount', 'tax', i->'tax', 'taxAmount', i->'taxAmount', 'amount', i->'totalPrice')), '[]') from jsonb_array_elements(t.items) i)",
        ),
        // The newest 20, the oldest of them first.
        Computed::new(
            "payments",
            K::Json,
            "(select coalesce(json_agg(json_build_object('id', p.id, 'paymentNumber', p.payment_number, 'amount', p.amount, 'currency', p.currency, \
             'date', p.date, 'method', p.method) order by p.created_at, p.id), '[]') from \
             (select * from {s}.payments p where p.invoice_id = t.id order by p.created_at desc, p.id desc limit 20) p)",
        ),
    ];
}

/// Those that are for an order.
pub async fn of_order(readers: &Readers, schema: &str, order: Uuid) -> Result<Vec<Uuid>, sqlx::Error> {
    let all = format!("select id from {schema}.invoices where order_id = $1 order by created_at, id");
    let mut session = readers.enter(schema).await?;
    let found = sqlx::query_scalar(AssertSqlSafe(all))
        .bind(order)
        .fetch_all(&mut *session)
        .await?;
    session.leave();
    Ok(found)
}
