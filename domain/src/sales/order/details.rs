//! What is known of an order besides its life and its lines: the one list of its fields.

use super::{Created, OrderType};
use crate::{
    Change, Check, Fields, Patch, Rule,
    finance::{Currency, terms},
    fixed::Rate,
    id::{CustomerId, DealId, UserId},
    office::custom_field::Custom,
    sales::customer::Address,
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known of an order besides its life and its lines.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema, Fields, Change)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    #[serde(rename = "type")]
    pub kind: OrderType,
    #[field(required)]
    pub customer_id: Option<CustomerId>,
    /// As looked up when the customer was named.
    #[field(looked_up)]
    pub customer_name: Option<String>,
    /// The deal that it comes from.
    pub deal_id: Option<DealId>,
    /// As looked up when the deal was named.
    #[field(looked_up)]
    pub deal_number: Option<String>,
    #[field(currency)]
    pub currency: Currency,
    /// What one unit of the currency is worth in the base currency; absent for the latter, and when there was no rate.
    #[field(looked_up)]
    pub exchange_rate: Option<Rate>,
    pub assigned_to: Option<UserId>,
    pub shipping_address: Option<Address>,
    pub delivery_date: Option<NaiveDate>,
    /// Such as NET_30; the customer's, unless others are named.
    #[field(max = 50)]
    pub payment_terms: Option<String>,
    #[field(max = 5_000)]
    pub notes: Option<String>,
    /// In the workspace's own fields.
    pub custom: Option<Custom>,
}

impl Details {
    /// Every field against its limits, and what must be there in any case.
    pub(super) fn check_all(&self, check: &mut Check) {
        self.check("", check);
        check.that(self.customer_id.is_some(), "customerId", Rule::Required);
        let misspelt = self.payment_terms.as_deref().is_some_and(terms::are_misspelt);
        let max = i64::from(terms::NET_DAYS_MAX);
        check.that(!misspelt, "paymentTerms", Rule::OutOfRange { min: 0, max });
    }

    /// The first field that differs of those that people agree on when an order is placed.
    pub(super) fn agreed_otherwise(&self, other: &Self) -> Option<&'static str> {
        let fields = [
            ("type", self.kind == other.kind),
            ("customerId", self.customer_id == other.customer_id),
            ("dealId", self.deal_id == other.deal_id),
            ("currency", self.currency == other.currency),
        ];
        fields.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
    }

    /// The change without what was looked up for a thing that is named again: an order keeps what it was written with.
    pub(super) fn unless_named_again(&self, change: &Change) -> Change {
        let mut change = change.clone();
        if change.customer_id.as_set() == Some(&self.customer_id) {
            change.customer_name = Patch::Keep;
        }
        if change.deal_id.as_set() == Some(&self.deal_id) {
            change.deal_number = Patch::Keep;
        }
        if change.currency.as_set() == Some(&self.currency) {
            change.exchange_rate = Patch::Keep;
        }
        change
    }
}

impl From<&Created> for Details {
    fn from(order: &Created) -> Self {
        Self {
            kind: order.kind,
            customer_id: Some(order.customer_id),
            customer_name: order.customer_name.clone(),
            deal_id: order.deal_id,
            deal_number: order.deal_number.as_ref().map(ToString::to_string),
            currency: order.currency.clone(),
            exchange_rate: order.exchange_rate,
            assigned_to: order.assigned_to,
            shipping_address: order.shipping_address.clone(),
            delivery_date: order.delivery_date,
            payment_terms: order.payment_terms.clone(),
            notes: order.notes.clone(),
            custom: order.custom.clone(),
        }
    }
}
