//! The shapes of what views compute, for the API's description: the SQL beside each name says how, the types here say
//! what. A test holds the two together by their names, and the black-box tests by real answers.

mod people;

use crate::{
    catalog::{product, stock_movement},
    column::{ColumnKind, camel_case},
    finance::{exchange_rate, invoice, payment},
    office::notification,
    platform,
    production::{bom, production_order},
    sales::{customer, deal, order},
    view::View,
};
use chrono::NaiveDate;
use domain::{
    Money, Percent, Quantity, Total,
    finance::invoice::Status as InvoiceState,
    production::production_order::Status as ProductionStatus,
    sales::{
        customer::{Contact, CustomerType},
        deal::Stage,
        line::Line,
        order::Status as OrderStatus,
    },
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
pub struct CustomerShown {
    /// The people there.
    pub contacts: Vec<ContactOfCustomer>,
    pub metrics: CustomerMetrics,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ContactOfCustomer {
    /// Follows from the customer and the place in the list.
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
    pub activities: Vec<NotYet>,
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

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DealShown {
    pub metrics: DealMetrics,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DealMetrics {
    /// Until today, or until it was won or lost.
    pub days_in_pipeline: u32,
    /// 0 until there are activities.
    pub activities_count: u32,
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
    pub activities: Vec<NotYet>,
    pub documents: Vec<NotYet>,
}

/// A stay in a stage, by days.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StayOfDeal {
    pub stage: Stage,
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
pub struct ProductShown {
    pub inventory: Inventory,
    /// In stock and not reserved.
    pub available: Quantity,
    pub images: Vec<NotYet>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    pub in_stock: Quantity,
    pub reserved: Quantity,
    pub available: Quantity,
    pub min_stock: Option<Quantity>,
    pub max_stock: Option<Quantity>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProductDetails {
    pub bom: Vec<Part>,
    pub suppliers: Vec<NotYet>,
    pub price_history: Vec<product::PricePoint>,
    pub stock_movements: Vec<MovementOfProduct>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    pub component_id: Uuid,
    pub component_name: String,
    pub quantity: Quantity,
    pub unit: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MovementOfProduct {
    pub id: Uuid,
    pub date: NaiveDate,
    #[serde(rename = "type")]
    pub kind: stock_movement::Movement,
    pub quantity: Quantity,
    pub unit_cost: Option<Money>,
    pub reference: Option<String>,
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

impl Shape for customer::Row {
    type Shown = CustomerShown;
    type Details = CustomerDetails;
}

impl Shape for deal::Row {
    type Shown = DealShown;
    type Details = DealDetails;
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

impl Shape for product::Row {
    type Shown = ProductShown;
    type Details = ProductDetails;
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
