//! The shapes of customers and of what is said with them.

use super::{Nothing, Shape};
use crate::sales::{customer, interaction};
use chrono::NaiveDate;
use domain::{
    Money, Quantity, Total,
    finance::{Currency, invoice::Status as InvoiceState},
    sales::{
        customer::Contact,
        deal::Stage,
        interaction::{Direction, InteractionType},
        order::Status as OrderStatus,
    },
};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerShown {
    /// The people there.
    pub contacts: Vec<ContactOfCustomer>,
    /// Of the last order that was not cancelled.
    pub last_order_date: Option<NaiveDate>,
    pub metrics: CustomerMetrics,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ContactOfCustomer {
    /// Stays, however the list is sent anew.
    pub id: Uuid,
    #[serde(flatten)]
    pub contact: Contact,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerMetrics {
    pub total_orders: u32,
    pub total_revenue: Total,
    /// Nothing before the first order.
    pub average_order_value: Option<Total>,
    pub last_order_date: Option<NaiveDate>,
    /// Nothing until an invoice is paid or late.
    pub payment_behavior: Option<PaymentBehavior>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerMetricsInFull {
    #[serde(flatten)]
    pub metrics: CustomerMetrics,
    /// Of those of the newest twenty invoices that are paid: days after the due date, none for one that was paid before it.
    pub average_days_late: Option<Quantity>,
    /// Of the newest twenty.
    pub invoices_paid: u32,
    /// Of the newest twenty: due and not paid.
    pub invoices_overdue: u32,
    /// All that was ordered, in the base currency.
    pub lifetime_value: Total,
    /// The same by currency, as it stands in the orders.
    pub revenues: BTreeMap<Currency, Total>,
    /// When something was said with the customer last.
    pub last_activity_date: Option<NaiveDate>,
}

/// Of the newest twenty invoices.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PaymentBehavior {
    OnTime,
    /// One was paid after its due date, or still is not.
    Late,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerDetails {
    pub deals: Vec<DealOfCustomer>,
    pub orders: Vec<OrderOfCustomer>,
    pub invoices: Vec<InvoiceOfCustomer>,
    pub metrics: CustomerMetricsInFull,
    pub credit: CreditOfCustomer,
    /// Customers that were merged into this one: what is theirs is shown as its own.
    pub merged: Vec<MergedCustomer>,
    /// What was said with the customer.
    pub activities: Vec<ActivityOfCustomer>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MergedCustomer {
    pub id: Uuid,
    pub customer_number: String,
    pub name: String,
}

/// In the base currency.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreditOfCustomer {
    /// None, or zero: there is no limit.
    pub limit: Option<Money>,
    /// What is to be paid for confirmed orders.
    pub exposure: Total,
    /// What may still be ordered; nothing where there is no limit.
    pub available: Option<Total>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivityOfCustomer {
    pub id: Uuid,
    #[serde(rename = "type")]
    pub kind: InteractionType,
    pub direction: Option<Direction>,
    pub subject: String,
    pub date: NaiveDate,
    pub user_id: Option<Uuid>,
    pub user_name: Option<String>,
    /// Minutes.
    pub duration: Option<Quantity>,
    pub outcome: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DealOfCustomer {
    pub id: Uuid,
    pub deal_number: String,
    pub title: String,
    pub value: Option<Money>,
    pub stage: Stage,
    /// When it was won or lost.
    pub closed_at: Option<NaiveDate>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderOfCustomer {
    pub id: Uuid,
    pub order_number: String,
    pub total_amount: Money,
    pub status: OrderStatus,
    /// Nothing until deliveries are recorded.
    pub delivered_at: Option<NaiveDate>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceOfCustomer {
    pub id: Uuid,
    pub invoice_number: String,
    pub amount: Money,
    pub status: InvoiceState,
    pub paid_at: Option<NaiveDate>,
}

impl Shape for customer::Row {
    type Shown = CustomerShown;
    type Details = CustomerDetails;
}

impl Shape for interaction::Row {
    type Shown = Nothing;
    type Details = Nothing;
}
