//! The shapes of what views compute, for the API's description: the SQL beside each name says how, the types here say
//! what. A test holds the two together by their names, and the black-box tests by real answers.

mod catalog;
mod customers;
mod people;

use crate::{
    column::{ColumnKind, camel_case},
    finance::{exchange_rate, invoice, payment},
    office::notification,
    platform,
    production::{bom, production_order},
    sales::{activity, deal, order, pipeline},
    view::View,
};
use chrono::NaiveDate;
use domain::{
    Money, Percent, Quantity,
    finance::invoice::Status as InvoiceState,
    production::production_order::Status as ProductionStatus,
    sales::{activity::ActivityType, customer::CustomerType, deal::Stage, line::Line, order::Status as OrderStatus},
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
    let known = all.filter(|(_, kind, _)| !matches!(kind, ColumnKind::Json | ColumnKind::Hidden));
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
pub struct DealShown {
    /// Where it stands in one of the workspace's own, as that is called now.
    pub pipeline: Option<PipelineOfDeal>,
    pub metrics: DealMetrics,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipelineOfDeal {
    pub id: Uuid,
    pub name: String,
    pub stage_id: Uuid,
    pub stage_name: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DealMetrics {
    /// Until today, or until it was won or lost.
    pub days_in_pipeline: u32,
    /// Since it entered its stage, or until it was won or lost.
    pub days_in_stage: u32,
    /// Its value by its probability.
    pub weighted_value: Money,
    pub activities_count: u32,
    /// Of what has taken place.
    pub last_activity_date: Option<NaiveDate>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DealDetails {
    pub customer: Option<CustomerOfDeal>,
    pub products: Vec<LineOfDeal>,
    /// Its stays in stages, the oldest first.
    pub timeline: Vec<StayOfDeal>,
    pub orders: Vec<OrderOfDeal>,
    /// The newest.
    pub activities: Vec<ActivityOfDeal>,
    pub documents: Vec<DocumentOfDeal>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActivityOfDeal {
    pub id: Uuid,
    #[serde(rename = "type")]
    pub kind: ActivityType,
    pub subject: String,
    pub date: NaiveDate,
    /// Minutes.
    pub duration: Option<Quantity>,
    pub notes: Option<String>,
    pub outcome: Option<String>,
    pub next_step: Option<String>,
    pub next_step_date: Option<NaiveDate>,
    pub participants: Vec<Uuid>,
    pub author_id: Option<Uuid>,
    pub author_name: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentOfDeal {
    pub id: Uuid,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub url: String,
    pub uploaded_at: NaiveDate,
}

/// A stay in a stage, by days.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StayOfDeal {
    pub stage: Stage,
    pub pipeline_stage_id: Option<Uuid>,
    pub entered_at: NaiveDate,
    pub exited_at: Option<NaiveDate>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct LineOfDeal {
    #[serde(flatten)]
    pub line: Line,
    pub product: ProductOfLine,
}

/// As it was called when the line was written.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProductOfLine {
    pub name: String,
    pub code: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerOfDeal {
    pub id: Uuid,
    pub name: String,
    #[serde(rename = "type")]
    pub kind: CustomerType,
    pub email: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderOfDeal {
    pub id: Uuid,
    pub order_number: String,
    pub status: OrderStatus,
    pub total_amount: Money,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OrderDetails {
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

impl Shape for deal::Row {
    type Shown = DealShown;
    type Details = DealDetails;
}

impl Shape for activity::Row {
    type Shown = Nothing;
    type Details = Nothing;
}

impl Shape for pipeline::Row {
    type Shown = Nothing;
    type Details = Nothing;
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
