//! Payments, a row each.

use crate::{
    column::{Column, ColumnKind as K},
    list::Op,
    table::{Seen, Table},
    view::{Computed, View},
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{Fact, Money, finance::Currency, finance::invoice::InvoiceEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub version: i64,
    pub payment_number: String,
    pub invoice_id: Uuid,
    pub invoice_number: String,
    pub customer_id: Uuid,
    pub order_id: Option<Uuid>,
    pub amount: Money,
    pub applied: Money,
    pub credit: Money,
    pub currency: Currency,
    pub method: String,
    pub reference: Option<String>,
    pub date: NaiveDate,
    pub created_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "payments";
    const SQL: &'static str = include_str!("../../../migrations/tenant/payments.sql");

    fn columns() -> Vec<Column> {
        vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("payment_number", K::Text),
            Column::new("invoice_id", K::Uuid),
            Column::new("invoice_number", K::Text),
            Column::new("customer_id", K::Uuid),
            Column::new("order_id", K::Uuid).nullable(),
            Column::new("amount", K::Number),
            Column::new("applied", K::Number),
            Column::new("credit", K::Number),
            Column::new("currency", K::Text),
            Column::new("method", K::Text),
            Column::new("reference", K::Text).nullable(),
            Column::new("date", K::Date),
            Column::new("created_at", K::Time),
        ]
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Invoice(InvoiceEvent::PaymentReceived { payment_id, .. }) => vec![(*payment_id).into()],
            _ => vec![],
        }
    }

    /// An event makes one row, and no other event concerns it.
    fn begins(_: &Seen, _: Uuid) -> bool {
        true
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let Fact::Invoice(InvoiceEvent::PaymentReceived {
            payment_number,
            invoice_id,
            invoice_number,
            customer_id,
            order_id,
            amount,
            applied,
            credit,
            currency,
            method,
            reference,
            date,
            ..
        }) = &event.fact
        else {
            return;
        };
        *row = Some(Self {
            id: key,
            version: 1,
            payment_number: payment_number.to_string(),
            invoice_id: (*invoice_id).into(),
            invoice_number: invoice_number.to_string(),
            customer_id: (*customer_id).into(),
            order_id: order_id.map(Into::into),
            amount: *amount,
            applied: *applied,
            credit: *credit,
            currency: currency.clone(),
            method: method.clone(),
            reference: reference.clone(),
            date: *date,
            created_at: event.recorded.recorded_at,
        });
    }
}

impl View for Row {
    const SEARCH: &'static str =
        "reading.folded(t.payment_number || e'\\n' || t.invoice_number || e'\\n' || coalesce(t.reference, ''))";
    const ALIASES: &'static [(&'static str, &'static str, Op)] =
        &[("dateFrom", "date", Op::Gte), ("dateTo", "date", Op::Lte)];
    const SHOWN: &'static [Computed] = &[Computed::new(
        "customerName",
        K::Json,
        "(select to_json(c.name) from {s}.customers c where c.id = t.customer_id)",
    )];
}
