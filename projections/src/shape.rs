//! The shapes of what views compute, for the API's description: the SQL beside each name says how, the types here say
//! what. A test holds the two together by their names, and the black-box tests by real answers.

mod catalog;
mod customers;
mod deals;
mod people;

use crate::{
    column::{ColumnKind, camel_case},
    finance::{exchange_rate, invoice, payment},
    office::notification,
    platform,
    production::{bom, production_order},
    sales::order,
    view::View,
};
use chrono::NaiveDate;
use domain::{
    Money, Percent, Quantity, finance::invoice::Status as InvoiceState,
    production::production_order::Status as ProductionStatus,
};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// What a view shows beside its columns.
pub trait Shape: View {
    /// In lists and details.
    type Shown: JsonSchema;
    /// In details only.
    type Details: JsonSchema;
}

/// Something a list is filtered by.
#[derive(Debug, Clone)]
pub struct Filter {
    /// As clients spell it.
    pub name: String,
    pub kind: ColumnKind,
    pub sorted: bool,
}

/// What a view's list can be filtered by.
pub fn filters<V: View>() -> Vec<Filter> {
    let columns = V::columns()
        .into_iter()
        .map(|column| (camel_case(column.name), column.kind, column.kind.is_ordered()));
    let shown = V::SHOWN
        .iter()
        .map(|field| (field.name.to_owned(), field.kind, field.kind.is_ordered()));
    let related = V::RELATED.iter().flat_map(|related| {
        let fields = related.fields.iter();
        fields.map(|(name, kind)| (format!("{}.{name}", related.name), *kind, false))
    });
    let all = columns.chain(shown).chain(related);
    let known = all.filter(|(_, kind, _)| !matches!(kind, ColumnKind::Json | ColumnKind::Custom | ColumnKind::Hidden));
    known
        .map(|(name, kind, sorted)| Filter { name, kind, sorted })
        .collect()
}

/// Nothing.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Nothing {}

/// A list that stays empty until there is something to put in it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NotYet {}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderDetails {
    /// Why it is not confirmed yet, where there is a reason: `credit_limit`.
    pub pending_reason: Option<String>,
    pub status_history: Vec<order::StatusStep>,
    pub production_orders: Vec<ProductionOfOrder>,
    pub invoices: Vec<InvoiceOfOrder>,
    pub shipments: Vec<order::Sent>,
    pub returns: Vec<order::CameBack>,
    pub documents: Vec<NotYet>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductionOfOrder {
    pub id: Uuid,
    pub production_number: String,
    pub product_id: Uuid,
    pub quantity: Quantity,
    pub status: ProductionStatus,
    pub material_state: production_order::MaterialState,
    pub completed_quantity: Quantity,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceOfOrder {
    pub id: Uuid,
    pub invoice_number: String,
    pub amount: Money,
    pub status: InvoiceState,
    pub paid_amount: Money,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceShown {
    /// `overdue` is `sent` or `partial` after the due date.
    pub status: InvoiceStatus,
    /// What is still to be paid.
    pub open_amount: Money,
    pub items: Vec<InvoiceItem>,
    pub payments: Vec<PaymentOfInvoice>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceItem {
    /// Nothing on an adjustment.
    pub product_id: Option<Uuid>,
    pub description: String,
    pub quantity: Quantity,
    pub unit_price: Money,
    pub discount: Percent,
    pub tax: Percent,
    pub amount: Money,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentOfInvoice {
    pub id: Uuid,
    pub payment_number: String,
    pub amount: Money,
    pub date: NaiveDate,
    pub method: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PaymentShown {
    pub customer_name: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BomShown {
    pub product_id: Uuid,
    pub product_name: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductionShown {
    pub shortages: Vec<Shortage>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Shortage {
    pub material_id: Uuid,
    pub material_name: String,
    pub missing: Quantity,
    pub line: u32,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationShown {
    pub read_by: Vec<Uuid>,
}

/// As it stands today.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InvoiceStatus {
    Draft,
    Sent,
    Partial,
    Paid,
    Overdue,
    Cancelled,
}

impl Shape for order::Row {
    type Shown = Nothing;
    type Details = OrderDetails;
}

impl Shape for invoice::Row {
    type Shown = InvoiceShown;
    type Details = Nothing;
}

impl Shape for exchange_rate::Row {
    type Shown = Nothing;
    type Details = Nothing;
}

impl Shape for payment::Row {
    type Shown = PaymentShown;
    type Details = Nothing;
}

impl Shape for bom::Row {
    type Shown = BomShown;
    type Details = Nothing;
}

impl Shape for production_order::Row {
    type Shown = ProductionShown;
    type Details = Nothing;
}

impl Shape for platform::Workspace {
    type Shown = Nothing;
    type Details = Nothing;
}

impl Shape for platform::Organization {
    type Shown = Nothing;
    type Details = Nothing;
}

impl Shape for notification::Row {
    type Shown = NotificationShown;
    type Details = Nothing;
}

#[cfg(test)]
mod tests;
