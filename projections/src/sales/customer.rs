//! A customer as people see it, with what it ordered and owes: by currency as it stands in the documents, and in the
//! base currency at the rate each document states. What states none counts only in its own currency.

pub mod mark;
mod together;

use super::order::{exposure, unpaid};
use crate::{
    column::{Column, ColumnKind as K},
    list::Op,
    table::word,
    table::{Seen, Table},
    view::{Computed, Nested, Owned, Reader, Related, View},
};
use chrono::{DateTime, Utc};
use domain::{
    Changes, Choice, Fact, Fields, Money, Permission, Total,
    finance::{Currency, in_base, invoice::InvoiceEvent},
    fixed::Rate,
    sales::{
        customer::{CustomerEvent, CustomerType, Profile, Status},
        order::{self, OrderEvent, Sale},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::AssertSqlSafe;
use std::{collections::BTreeMap, ops::Neg};
use together::{family, last_order_date, newest_invoices, ordered, together, together_by_currency};
use uuid::Uuid;

/// Whatever names a customer is filtered by what that one is.
pub(crate) const RELATED: Related = Related {
    name: "customer",
    by: "customer_id",
    table: "customers",
    owned: OWNED,
    fields: &[
        ("type", K::Choice(CustomerType::WORDS)),
        ("status", K::Choice(Status::WORDS)),
        ("segment", K::Text),
    ],
};

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
    /// No list shows it: that it was archived, or merged into another.
    pub archived: bool,
    /// The one that it is found as now.
    pub merged_into: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Table for Row {
    const NAME: &'static str = "customers";
    const SQL: &'static str = include_str!("../../../migrations/tenant/customers.sql");
    const FOLD: u32 = 3;

    fn columns() -> Vec<Column> {
        let own = vec![
            Column::new("id", K::Uuid),
            Column::new("version", K::Number),
            Column::new("customer_number", K::Text),
            Column::new("status", K::Choice(Status::WORDS)),
            Column::new("balance", K::Number).right(Permission::FinanceView),
            Column::new("balances", K::Json).right(Permission::FinanceView),
            Column::new("lifetime_value", K::Number),
            Column::new("total_orders", K::Number),
            Column::new("valued_orders", K::Hidden),
            Column::new("total_revenue", K::Number),
            Column::new("revenues", K::Json),
            Column::new("archived", K::Hidden),
            Column::new("merged_into", K::Hidden),
            Column::new("created_at", K::Time),
            Column::new("updated_at", K::Time),
        ];
        let fields = Profile::FIELDS.iter().map(|field| match field.name {
            "contacts" => Column::new("contacts", K::Hidden), // shown with their ids
            "creditLimit" => Column::of(field).right(Permission::FinanceView),
            _ => Column::of(field),
        });
        own.into_iter().chain(fields).collect()
    }

    fn visible(&self) -> bool {
        !self.archived
    }

    fn counted(&self) -> Vec<(&'static str, String)> {
        let segment = self.profile.segment.clone().map(|segment| ("segment", segment));
        [("type", word(self.profile.kind)), ("status", word(self.status))]
            .into_iter()
            .chain(segment)
            .collect()
    }

    fn keys(event: &Seen) -> Vec<Uuid> {
        match &event.fact {
            Fact::Customer(fact) => concerned(event.id(), fact),
            Fact::Order(OrderEvent::Created(order) | OrderEvent::Placed(order)) => vec![order.customer_id.into()],
            Fact::Order(OrderEvent::Changed(changed)) => {
                changed.before.iter().map(|sale| sale.customer_id.into()).collect()
            }
            Fact::Order(OrderEvent::Cancelled(cancelled)) => {
                cancelled.sale.iter().map(|sale| sale.customer_id.into()).collect()
            }
            Fact::Invoice(InvoiceEvent::Created(invoice)) => vec![invoice.customer_id.into()],
            Fact::Invoice(InvoiceEvent::PaymentReceived { customer_id, .. }) => vec![(*customer_id).into()],
            Fact::Invoice(InvoiceEvent::Cancelled(invoice)) => {
                invoice.customer_id.map(Into::into).into_iter().collect()
            }
            Fact::Invoice(InvoiceEvent::Credited(invoice)) => vec![invoice.customer_id.into()],
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
                archived: false,
                merged_into: None,
                created_at: at,
                updated_at: at,
            });
        }
        let Some(customer) = row else { return };
        match &event.fact {
            Fact::Customer(fact) => {
                customer.own(event.id(), fact);
                if key != event.id() {
                    return; // it only came along
                }
                (customer.version, customer.updated_at) = (event.recorded.version, at);
            }
            // A draft is none yet.
            Fact::Order(OrderEvent::Created(order)) if order.status == order::Status::Draft => {}
            Fact::Order(OrderEvent::Created(order) | OrderEvent::Placed(order)) => customer.order(order),
            Fact::Order(OrderEvent::Changed(changed)) => {
                if let Some(sale) = &changed.before {
                    customer.order_otherwise(sale, changed.total_amount);
                }
            }
            Fact::Order(OrderEvent::Cancelled(cancelled)) => {
                if let Some(sale) = &cancelled.sale {
                    customer.take_out(sale);
                }
            }
            Fact::Invoice(InvoiceEvent::Created(invoice)) => {
                // What a credit note comes to is not to be paid any more.
                let amount = if invoice.is_credit() {
                    -invoice.amount
                } else {
                    invoice.amount
                };
                let base = in_base(amount, &invoice.currency, invoice.exchange_rate);
                customer.owe(&invoice.currency, amount, base);
            }
            Fact::Invoice(InvoiceEvent::Cancelled(invoice)) => {
                let base = in_base(-invoice.amount, &invoice.currency, invoice.exchange_rate);
                customer.owe(&invoice.currency, -invoice.amount, base);
            }
            Fact::Invoice(InvoiceEvent::Credited(invoice)) => {
                let base = in_base(invoice.refunded, &invoice.currency, invoice.exchange_rate);
                customer.owe(&invoice.currency, invoice.refunded, base);
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
    fn order(&mut self, order: &order::Created) {
        self.total_orders += 1;
        let valued = self.earn(&order.currency, order.total_amount, order.exchange_rate);
        self.valued_orders += u32::from(valued);
    }

    /// For another amount than before. What it comes to in the base currency is rounded as a whole.
    fn order_otherwise(&mut self, sale: &Sale, amount: Money) {
        self.earn(&sale.currency, -sale.total_amount, sale.exchange_rate);
        self.earn(&sale.currency, amount, sale.exchange_rate);
    }

    /// As if it had not been ordered.
    fn take_out(&mut self, sale: &Sale) {
        self.total_orders = self.total_orders.saturating_sub(1);
        let valued = self.earn(&sale.currency, -sale.total_amount, sale.exchange_rate);
        self.valued_orders = self.valued_orders.saturating_sub(u32::from(valued));
    }

    /// Whether it counts in the base currency as well.
    fn earn(&mut self, currency: &Currency, amount: Money, rate: Option<Rate>) -> bool {
        add(&mut self.revenues, currency, amount);
        let base = in_base(amount, currency, rate);
        self.total_revenue = self.total_revenue.plus(base.unwrap_or_default().into());
        self.lifetime_value = self.total_revenue;
        base.is_some()
    }

    fn owe(&mut self, currency: &Currency, amount: Money, base: Option<Money>) {
        add(&mut self.balances, currency, amount);
        self.balance = self.balance.plus(base.unwrap_or_default().into());
    }

    /// What the customer `of` is told of, itself or whom it was merged into.
    fn own(&mut self, of: Uuid, event: &CustomerEvent) {
        match event {
            CustomerEvent::Created { .. } => {}
            CustomerEvent::Updated(change) => self.profile.apply(change),
            CustomerEvent::StatusChanged { to, .. } => self.status = *to,
            CustomerEvent::Archived {} => self.archived = true,
            CustomerEvent::Absorbed { given, .. } => self.profile.absorb(given),
            CustomerEvent::Released { change, .. } => self.profile.apply(change),
            CustomerEvent::Merged { into, .. } => (self.archived, self.merged_into) = (true, Some((*into).into())),
            CustomerEvent::Unmerged { with, .. } => {
                self.merged_into = with.contains(&self.id.into()).then_some(of);
                self.archived = self.merged_into.is_some();
            }
        }
    }
}

/// It, and those that go where it goes: what was merged into it is found as what it is found as.
fn concerned(id: Uuid, event: &CustomerEvent) -> Vec<Uuid> {
    let with = match event {
        CustomerEvent::Merged { with, .. } | CustomerEvent::Unmerged { with, .. } => with.as_slice(),
        _ => &[],
    };
    [id].into_iter().chain(with.iter().map(|with| (*with).into())).collect()
}

fn add(sums: &mut BTreeMap<Currency, Total>, currency: &Currency, amount: Money) {
    let sum = sums.entry(currency.clone()).or_default();
    *sum = sum.plus(amount.into());
}

/// Whose they are.
pub(crate) const OWNED: Option<Owned> = Some(Owned {
    right: Permission::CustomersView,
    user: "assigned_to",
    department: None,
});

impl View for Row {
    const OWNED: Option<Owned> = OWNED;
    const VISIBLE: &'static str = "not t.archived";
    const COUNTED: &'static [&'static str] = &["type", "status", "segment"];
    const PART_OF: Option<&'static str> = Some("merged_into");
    const INSTEAD: &'static [(&'static str, &'static str)] = &[
        ("balance", together!("balance")),
        ("balances", together_by_currency!("balances")),
        ("lifetime_value", together!("lifetime_value")),
        ("total_orders", together!("total_orders")),
        ("total_revenue", together!("total_revenue")),
        ("revenues", together_by_currency!("revenues")),
    ];
    const SEARCH: &'static str = "t.search_text";
    const ALIASES: &'static [(&'static str, &'static str, Op)] = &[
        ("minRevenue", "totalRevenue", Op::Gte),
        ("maxRevenue", "totalRevenue", Op::Lte),
        ("dateFrom", "createdAt", Op::Gte),
        ("dateTo", "createdAt", Op::Lte),
    ];
    const SHOWN: &'static [Computed] = &[
        Computed::new("lastOrderDate", K::Date, last_order_date!()).nullable(),
        // One that was stored without an id has one that follows from the customer's and its place in the list (a UUID of version 8).
        Computed::new(
            "contacts",
            K::Json,
            "(select coalesce(jsonb_agg(jsonb_build_object('id', overlay(overlay(md5(t.id || ' ' || c.nth) placing '8' from 13) placing 'a' from 17)::uuid) \
             || c.contact order by c.nth), '[]') from jsonb_array_elements(t.contacts) with ordinality c(contact, nth))",
        ),
        // Late: one of the newest twenty invoices was paid after its due date, or still is not. Nothing until one is paid or late.
        // A credit note is not to be paid.
        Computed::new(
            "metrics",
            K::Json,
            concat!(
                "(select json_build_object('totalOrders', s.total_orders, 'totalRevenue', s.total_revenue, \
             'averageOrderValue', case when s.valued_orders > 0 then trim_scale(round(s.total_revenue / s.valued_orders, 2)) end, 'lastOrderDate', ",
                last_order_date!(),
                ", \
             'paymentBehavior', (select case when bool_or((coalesce(i.paid_at, reading.moment()) at time zone 'Asia/Almaty')::date > i.due_date) then 'late' \
             when bool_or(i.paid_at is not null) then 'on-time' end from ",
                newest_invoices!(),
                " i)) from ",
                ordered!(),
                ")"
            ),
        ),
    ];
    /// More of them than a list shows. How late: over those of the same invoices that are paid, one paid early being 0 days late.
    const DETAILS: &'static [Computed] = &[
        Computed::new(
            "metrics",
            K::Json,
            concat!(
                "(select json_build_object('totalOrders', min(s.total_orders), 'totalRevenue', min(s.total_revenue), \
         'averageOrderValue', case when min(s.valued_orders) > 0 then trim_scale(round(min(s.total_revenue) / min(s.valued_orders), 2)) end, 'lastOrderDate', ",
                last_order_date!(),
                ", \
         'paymentBehavior', case when bool_or(i.late > 0) then 'late' when bool_or(i.paid_at is not null) then 'on-time' end, \
         'averageDaysLate', trim_scale(round(avg(greatest(i.late, 0)) filter (where i.paid_at is not null), 1)), \
         'invoicesPaid', count(*) filter (where i.paid_at is not null), 'invoicesOverdue', count(*) filter (where i.paid_at is null and i.late > 0), \
         'lifetimeValue', min(s.lifetime_value), 'revenues', ",
                together_by_currency!("revenues"),
                ", \
         'lastActivityDate', (select reading.day(max(a.date)) from ",
                family!(),
                " cross join lateral (select max(a.date) as date from {s}.interactions a where a.customer_id = f.id and a.date <= reading.moment()) a)) \
         from ",
                ordered!(),
                " left join lateral (select i.paid_at, reading.day(coalesce(i.paid_at, reading.moment())) - i.due_date as late from ",
                newest_invoices!(),
                " i) i on true)"
            ),
        ),
        // Those that were merged into it.
        Computed::new(
            "merged",
            K::Json,
            "(select coalesce(json_agg(json_build_object('id', m.id, 'customerNumber', m.customer_number, 'name', m.name) order by m.created_at, m.id), '[]') \
             from {s}.customers m where m.merged_into = t.id)",
        ),
        // In the base currency, at the rate that each order states.
        Computed::new(
            "credit",
            K::Json,
            concat!(
                "(select json_build_object('limit', t.credit_limit, 'exposure', e.exposure, 'available', \
                 case when t.credit_limit > 0 then trim_scale(greatest(t.credit_limit - e.exposure, 0)) end) from \
                 (select trim_scale(",
                exposure!("t.id"),
                ") as exposure) e)"
            ),
        )
        .right(Permission::FinanceView),
    ];
    const NESTED: &'static [Nested] = &[
        Nested::new(
            "deals",
            "deals",
            "customer_id",
            "json_build_object('id', n.id, 'dealNumber', n.deal_number, 'title', n.title, 'value', n.value, 'currency', n.currency, 'stage', n.stage, \
             'closedAt', reading.day(coalesce(n.won_at, n.lost_at)))",
        )
        .rest("/deals?customerId=")
        .right(Permission::DealsView)
        .owned(super::deal::OWNED),
        Nested::new(
            "orders",
            "orders",
            "customer_id",
            "json_build_object('id', n.id, 'orderNumber', n.order_number, 'totalAmount', n.total_amount, 'currency', n.currency, 'status', n.status, \
             'deliveredAt', reading.day(n.delivered_at))",
        )
        .rest("/orders?customerId=")
        .right(Permission::OrdersView)
        .owned(super::order::OWNED),
        Nested::new(
            "invoices",
            "invoices",
            "customer_id",
            "json_build_object('id', n.id, 'invoiceNumber', n.invoice_number, 'amount', n.amount, 'currency', n.currency, \
             'status', reading.invoice_status(n.state, n.due_date), 'paidAt', reading.day(n.paid_at))",
        )
        .rest("/finance/invoices?customerId=")
        .right(Permission::FinanceView),
        // All of them: `/customers/{id}/interactions`.
        Nested::new(
            "activities",
            "interactions",
            "customer_id",
            "json_build_object('id', n.id, 'type', n.type, 'direction', n.direction, 'subject', n.subject, 'date', reading.day(n.date), \
             'userId', n.user_id, 'userName', n.user_name, 'duration', n.duration, 'outcome', n.outcome)",
        ),
    ];
}

/// As which other one a customer is found: what it was merged into.
pub async fn lead(reader: Reader<'_>, id: Uuid) -> Result<Option<Uuid>, sqlx::Error> {
    let sql = format!(
        "select t.merged_into from {}.customers t where t.id = $1",
        reader.schema
    );
    let mut session = reader.enter().await?;
    let found: Option<Option<Uuid>> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(id)
        .fetch_optional(&mut *session)
        .await?;
    session.leave();
    Ok(found.flatten())
}
