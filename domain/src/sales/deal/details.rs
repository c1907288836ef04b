//! What is known of a deal besides its stage and lines: the one list of its fields.

use crate::{
    Change, Fields, Money, Percent,
    finance::Currency,
    id::{CustomerId, UserId},
    office::custom_field::Custom,
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known of a deal besides its stage and lines.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields, Change)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    #[field(required, max = 200)]
    pub title: String,
    #[field(max = 5_000)]
    pub description: Option<String>,
    pub customer_id: Option<CustomerId>,
    /// As looked up when the customer was named.
    #[field(looked_up)]
    pub customer_name: Option<String>,
    /// The estimate; absent, it is the sum of the lines.
    #[field(not_negative)]
    pub value: Option<Money>,
    #[field(currency)]
    pub currency: Currency,
    /// Percent.
    #[field(range(0, 100))]
    pub probability: Option<Percent>,
    pub expected_close_date: Option<NaiveDate>,
    /// What is to be done about it next, in a few words.
    #[field(max = 200)]
    pub next_step: Option<String>,
    pub assigned_to: Option<UserId>,
    /// As looked up when the deal was assigned.
    #[field(looked_up)]
    pub assigned_to_name: Option<String>,
    #[field(max = 100)]
    pub source: Option<String>,
    #[field(max = 100)]
    pub competitors: Vec<String>,
    #[field(max = 100)]
    pub tags: Vec<String>,
    /// In the workspace's own fields.
    pub custom: Option<Custom>,
}
