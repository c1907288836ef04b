//! What is known of a deal besides its stage and lines, and how an update changes it.

use crate::change::set;
use crate::{
    Check, Money, Percent,
    id::{CustomerId, UserId},
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known of a deal besides its stage and lines.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    pub title: String,
    pub description: Option<String>,
    pub customer_id: Option<CustomerId>,
    /// As looked up when the customer was named.
    pub customer_name: Option<String>,
    /// The estimate; absent, it is the sum of the lines.
    pub value: Option<Money>,
    pub currency: String,
    pub probability: Option<Percent>,
    pub expected_close_date: Option<NaiveDate>,
    pub assigned_to: Option<UserId>,
    /// As looked up when the deal was assigned.
    pub assigned_to_name: Option<String>,
    pub source: Option<String>,
    pub competitors: Vec<String>,
    pub tags: Vec<String>,
}

/// The fields an update names.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Change {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Money>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<Percent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_close_date: Option<NaiveDate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned_to: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assigned_to_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub competitors: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
}

impl Details {
    pub(super) fn check(&self, check: &mut Check) {
        check.text("title", &self.title, 200);
        check.optional_text("description", self.description.as_ref(), 5_000);
        if let Some(value) = self.value {
            check.not_negative("value", value);
        }
        if let Some(probability) = self.probability {
            check.percent("probability", probability);
        }
        check.date("expectedCloseDate", self.expected_close_date);
        check.currency("currency", &self.currency);
        check.optional_text("source", self.source.as_ref(), 100);
        check.tags("competitors", &self.competitors);
        check.tags("tags", &self.tags);
    }

    pub fn apply(&mut self, change: &Change) {
        let Change {
            title,
            description,
            customer_id,
            customer_name,
            value,
            currency,
            probability,
            expected_close_date,
            assigned_to,
            assigned_to_name,
            source,
            competitors,
            tags,
        } = change.clone();
        set(&mut self.title, title);
        set(&mut self.currency, currency);
        set(&mut self.competitors, competitors);
        set(&mut self.tags, tags);
        self.description = description.or_else(|| self.description.take());
        if customer_id.is_some() {
            (self.customer_id, self.customer_name) = (customer_id, customer_name);
        }
        self.value = value.or(self.value);
        self.probability = probability.or(self.probability);
        self.expected_close_date = expected_close_date.or(self.expected_close_date);
        if assigned_to.is_some() {
            (self.assigned_to, self.assigned_to_name) = (assigned_to, assigned_to_name);
        }
        self.source = source.or_else(|| self.source.take());
    }
}
