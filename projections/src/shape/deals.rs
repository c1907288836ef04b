//! Deals, what is done about them, what they offer, and pipelines.

use super::{Nothing, Shape};
use crate::{
    office::custom_field,
    sales::{activity, deal, pipeline, quote},
};
use chrono::NaiveDate;
use domain::{
    Money, Quantity,
    sales::{
        activity::ActivityType,
        customer::CustomerType,
        deal::{QuoteStatus, Stage},
        line::Line,
        order::Status as OrderStatus,
    },
};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

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
    /// Why the order that it became is not confirmed yet.
    pub order_pending_reason: Option<String>,
    /// The newest.
    pub activities: Vec<ActivityOfDeal>,
    pub documents: Vec<DocumentOfDeal>,
    /// The newest.
    pub quotes: Vec<QuoteOfDeal>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuoteOfDeal {
    pub id: Uuid,
    pub number: u32,
    pub status: QuoteStatus,
    pub amount: Money,
    pub currency: String,
    pub valid_until: Option<NaiveDate>,
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
    /// Not there for whoever may not see this customer.
    #[serde(skip_serializing_if = "Option::is_none")]
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

impl Shape for custom_field::Row {
    type Shown = Nothing;
    type Details = Nothing;
}

impl Shape for quote::Row {
    type Shown = Nothing;
    type Details = Nothing;
}
