//! A customer as people see it, with what it ordered and owes: by currency as it stands in the documents, and in the
//! base currency at the rate each document states. What states none counts only in its own currency.

use crate::{
    list::Op,
    table::{Column, ColumnKind as K, Seen, Table},
    view::{Computed, View},
};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    Changes, Fact, Money, Total,
    finance::{Currency, in_base, invoice::InvoiceEvent},
    sales::{
        customer::{CustomerEvent, Profile, Status},
        order::{self, OrderEvent},
    },
    time::local_date,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, ops::Neg};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    pub id: Uuid,
    pub version: i64,
    pub customer_number: String,
    pub status: Status,
    #[serde(flatten)]
    pub profile: Profile,
    /// Invoiced and not paid, in the base currency; positive means the customer owes.
    pub balance: Total,
    pub balances: BTreeMap<Currency, Total>,
    pub lifetime_value: Total,
    pub total_orders: u32,
    /// Of those, the ones that `totalRevenue` counts.
    pub valued_orders: u32,
    pub total_revenue: Total,
    pub revenues: BTreeMap<Currency, Total>,
    pub last_order_date: Option<NaiveDate>,
    pub archived: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "customers";
    const COLUMNS: &'static [Column] = &[
        Column::new("id", K::Uuid),
        Column::new("version", K::Number),
        Column::new("customer_number", K::Text),
        Column::new("name", K::Text),
        Column::new("type", K::Text),
        Column::new("status", K::Text),
        Column::new("email", K::Text),
        Column::new("phone", K::Text),
        Column::new("bin", K::Text),
        Column::new("iin", K::Text),
        Column::new("source", K::Text),
        Column::new("segment", K::Text),
        Column::new("rating", K::Number),
        Column::new("credit_limit", K::Number),
        Column::new("payment_terms", K::Text),
        Column::new("contacts", K::Hidden),
        Column::new("addresses", K::Json),
        Column::new("tags", K::Json),
        Column::new("balance", K::Number),
        Column::new("balances", K::Json),
        Column::new("lifetime_value", K::Number),
        Column::new("total_orders", K::Number),
        Column::new("valued_orders", K::Hidden),
        Column::new("total_revenue", K::Number),
        Column::new("revenues", K::Json),
        Column::new("last_order_date", K::Date),
        Column::new("archived", K::Hidden),
        Column::new("created_at", K::Time),
        Column::new("updated_at", K::Time),
    ];

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Customer(_) => vec![event.id()],
            Fact::Order(OrderEvent::Created(order)) => vec![order.customer_id.into()],
            Fact::Invoice(InvoiceEvent::Created(invoice)) => vec![invoice.customer_id.into()],
            Fact::Invoice(InvoiceEvent::PaymentReceived { customer_id, .. }) => vec![(*customer_id).into()],
            _ => vec![],
        }
    }

    fn project(row: &mut Option<Self>, key: Uuid, event: &Seen) {
        let at = event.recorded.recorded_at;
        if let Fact::Customer(CustomerEvent::Created {
            customer_number,
            status,
            profile,
        }) = &event.fact
        {
            *row = Some(Self {
                id: key,
                version: event.recorded.version,
                customer_number: customer_number.to_string(),
                status: *status,
                profile: profile.as_ref().clone(),
                balance: Total::ZERO,
                balances: BTreeMap::new(),
                lifetime_value: Total::ZERO,
                total_orders: 0,
                valued_orders: 0,
                total_revenue: Total::ZERO,
                revenues: BTreeMap::new(),
                last_order_date: None,
                archived: false,
                created_at: at,
                updated_at: at,
            });
        }
        let Some(customer) = row else { return };
        match &event.fact {
            Fact::Customer(fact) => {
                customer.own(fact);
                (customer.version, customer.updated_at) = (event.recorded.version, at);
            }
            Fact::Order(OrderEvent::Created(order)) => customer.order(order, at),
            Fact::Invoice(InvoiceEvent::Created(invoice)) => {
                let base = in_base(invoice.amount, &invoice.currency, invoice.exchange_rate);
                customer.owe(&invoice.currency, invoice.amount, base);
            }
            Fact::Invoice(InvoiceEvent::PaymentReceived {
                amount,
                currency,
                base_amount,
                ..
            }) => {
                let base = if currency.is_base() {
                    Some(*amount)
                } else {
                    *base_amount
                };
                customer.owe(currency, -*amount, base.map(Money::neg));
            }
            _ => {}
        }
    }
}

impl Row {
    fn order(&mut self, order: &order::Created, at: DateTime<Utc>) {
        self.total_orders += 1;
        self.last_order_date = Some(local_date(at));
        add(&mut self.revenues, &order.currency, order.total_amount);
        if let Some(base) = in_base(order.total_amount, &order.currency, order.exchange_rate) {
            self.valued_orders += 1;
            self.total_revenue = self.total_revenue.plus(base.into());
            self.lifetime_value = self.total_revenue;
        }
    }

    fn owe(&mut self, currency: &Currency, amount: Money, base: Option<Money>) {
        add(&mut self.balances, currency, amount);
        self.balance = self.balance.plus(base.unwrap_or_default().into());
    }

    fn own(&mut self, event: &CustomerEvent) {
        match event {
            CustomerEvent::Created { .. } => {}
            CustomerEvent::Updated(change) => self.profile.apply(change),
            CustomerEvent::StatusChanged { to, .. } => self.status = *to,
            CustomerEvent::Archived {} => self.archived = true,
        }
    }
}

fn add(sums: &mut BTreeMap<Currency, Total>, currency: &Currency, amount: Money) {
    let sum = sums.entry(currency.clone()).or_default();
    *sum = sum.plus(amount.into());
}

impl View for Row {
    const VISIBLE: &'static str = "not t.archived";
    const SEARCH: &'static [&'static str] = &["t.name", "t.email", "t.phone", "t.bin", "t.iin", "t.customer_number"];
    const ALIASES: &'static [(&'static str, &'static str, Op)] = &[
        ("minRevenue", "totalRevenue", Op::Gte),
        ("maxRevenue", "totalRevenue", Op::Lte),
        ("dateFrom", "createdAt", Op::Gte),
        ("dateTo", "createdAt", Op::Lte),
    ];
    const SHOWN: &'static [Computed] = &[
        // A contact is nothing by itself: its id follows from the customer's and its place in the list (a UUID of version 8).
        Computed::new(
            "contacts",
            K::Json,
            "(select coalesce(jsonb_agg(jsonb_build_object('id', overlay(overlay(md5(t.id || ' ' || c.nth) placing '8' from 13) placing 'a' from 17)::uuid) \
             || c.contact order by c.nth), '[]') from jsonb_array_elements(t.contacts) with ordinality c(contact, nth))",
        ),
        // Late: one of the newest twenty invoices was paid after its due date, or still is not. Nothing until one is paid or late.
        Computed::new(
            "metrics",
            K::Json,
            "json_build_object('totalOrders', t.total_orders, 'totalRevenue', t.total_revenue, \
             'averageOrderValue', case when t.valued_orders > 0 then trim_scale(round(t.total_revenue / t.valued_orders, 2)) end, 'lastOrderDate', t.last_order_date, \
             'paymentBehavior', (select case when bool_or((coalesce(i.paid_at, now()) at time zone 'Asia/Almaty')::date > i.due_date) then 'late' \
             when bool_or(i.paid_at is not null) then 'on-time' end from (select * from {s}.invoices i \
             where i.customer_id = t.id and i.state in ('sent', 'partial', 'paid') order by i.created_at desc limit 20) i))",
        ),
    ];
    const DETAILS: &'static [Computed] = &[
        Computed::new(
            "deals",
            K::Json,
            "(select coalesce(json_agg(json_build_object('id', d.id, 'dealNumber', d.deal_number, 'title', d.title, 'value', d.value, 'stage', d.stage, \
             'closedAt', to_char(coalesce(d.won_at, d.lost_at) at time zone 'Asia/Almaty', 'YYYY-MM-DD')) order by d.created_at desc), '[]') from {s}.deals d where d.customer_id = t.id)",
        ),
        Computed::new(
            "orders",
            K::Json,
            "(select coalesce(json_agg(json_build_object('id', o.id, 'orderNumber', o.order_number, 'totalAmount', o.total_amount, 'status', o.status, 'deliveredAt', null) \
             order by o.created_at desc), '[]') from {s}.orders o where o.customer_id = t.id)",
        ),
        Computed::new(
            "invoices",
            K::Json,
            "(select coalesce(json_agg(json_build_object('id', i.id, 'invoiceNumber', i.invoice_number, 'amount', i.amount, 'status', i.state, 'paidAt', to_char(i.paid_at at time zone 'Asia/Almaty', 'YYYY-MM-DD')) \
             order by i.created_at desc), '[]') from {s}.invoices i where i.customer_id = t.id)",
        ),
        Computed::new("activities", K::Json, "'[]'::json"),
    ];
}
