//! How a deal ends: won, with everything its order and invoice need, or lost, with the reason.

use super::{DealEvent, DealRejection, Known, Stage};
use crate::{
    Fields, Money, Number,
    finance::Currency,
    fixed::Rate,
    id::{CustomerId, UserId},
    office::custom_field::Custom,
    sales::line::{self, Line},
};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::field::constrain::<Self>)]
pub struct Win {
    pub actual_close_date: Option<NaiveDate>,
    /// What was agreed; a difference from the lines becomes an adjustment line.
    #[field(not_negative)]
    pub final_amount: Option<Money>,
    #[field(max = 5_000)]
    pub notes: Option<String>,
    #[serde(skip)]
    pub now: Box<Circumstances>,
}

/// What winning takes from elsewhere, as looked up at that moment: the documents of a won deal bear the customer's name
/// and terms of the day, and say what their currency is worth.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Circumstances {
    /// The deal's customer, if it is still there.
    pub customer: Option<Buyer>,
    /// Days to pay.
    pub payment_days: Option<u32>,
    /// A currency and its rate of the day; absent when there is none on record, or for the base currency.
    pub rate: Option<(Currency, Rate)>,
    /// Keys of the workspace's own fields that orders have as deals have them.
    pub inherited: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Buyer {
    pub id: CustomerId,
    pub name: String,
    pub payment_terms: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = crate::field::constrain::<Self>)]
pub struct Loss {
    /// One of `LossReason`, or another in one's own words.
    #[serde(default, rename = "lostReason")]
    #[field(required, max = 200)]
    pub reason: String,
    #[serde(rename = "competitorWon")]
    #[field(max = 200)]
    pub competitor: Option<String>,
    #[field(max = 5_000)]
    pub notes: Option<String>,
}

/// Everything the order and the invoice of a won deal need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Won {
    pub from: Stage,
    pub deal_number: Number,
    pub title: String,
    pub customer_id: CustomerId,
    pub customer_name: Option<String>,
    /// The deal's lines, and an adjustment when another amount was agreed.
    pub items: Vec<Line>,
    /// The sum of the items.
    pub amount: Money,
    pub currency: Currency,
    pub assigned_to: Option<UserId>,
    pub actual_close_date: Option<NaiveDate>,
    pub notes: Option<String>,
    /// The customer's, such as NET_30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_terms: Option<String>,
    /// Days to pay, by the terms or by the setting of the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_days: Option<u32>,
    /// What one unit of the currency is worth in the base currency; absent for the latter, and when there was no rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange_rate: Option<Rate>,
    /// In those of the workspace's own fields that orders have as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Custom>,
}

impl Known {
    pub(super) fn win(&self, win: &Win) -> Result<Vec<DealEvent>, DealRejection> {
        match self.stage {
            Stage::Won => return Ok(vec![]), // the first order is the answer
            Stage::Lost => return Err(DealRejection::AlreadyLost),
            Stage::Lead | Stage::Qualified | Stage::Proposal | Stage::Negotiation | Stage::Closing => {}
        }
        win.checked()?;
        let lines = line::sum(&self.products).unwrap_or_default();
        let amount = self.agreed(win.final_amount, lines);
        let items = self.items_for(amount.unwrap_or_default(), lines);
        let won = self.won(win, items, amount)?;
        Ok(vec![DealEvent::Won(Box::new(won))])
    }

    /// The lines, and what brings them to the amount.
    pub(super) fn items_for(&self, amount: Money, lines: Money) -> Vec<Line> {
        let name = if self.products.is_empty() {
            self.details.title.as_str()
        } else {
            "Adjustment"
        };
        let adjustment = Line::adjustment(name, amount.minus(lines));
        self.products.iter().cloned().chain(adjustment).collect()
    }

    /// What the documents that follow need; without an amount nothing was sold.
    pub(super) fn won(&self, win: &Win, items: Vec<Line>, amount: Option<Money>) -> Result<Won, DealRejection> {
        let customer_id = self.details.customer_id.ok_or(DealRejection::NoCustomer)?;
        let Circumstances {
            customer,
            payment_days,
            rate,
            inherited,
        } = win.now.as_ref();
        let customer_is_another = customer.as_ref().is_some_and(|customer| customer.id != customer_id);
        let currency_is_another = rate.as_ref().is_some_and(|(of, _)| *of != self.details.currency);
        if customer_is_another || currency_is_another {
            return Err(DealRejection::ChangedMeanwhile);
        }
        let amount = amount.ok_or(DealRejection::NothingSold)?;
        let customer_name = customer.as_ref().map(|customer| customer.name.clone());
        Ok(Won {
            from: self.stage,
            deal_number: self.number.clone(),
            title: self.details.title.clone(),
            customer_id,
            customer_name: customer_name.or_else(|| self.details.customer_name.clone()),
            items,
            amount,
            currency: self.details.currency.clone(),
            assigned_to: self.details.assigned_to,
            actual_close_date: win.actual_close_date,
            notes: win.notes.clone(),
            payment_terms: customer.as_ref().and_then(|customer| customer.payment_terms.clone()),
            payment_days: *payment_days,
            exchange_rate: rate.as_ref().map(|(_, rate)| *rate),
            custom: self.details.custom.as_ref().and_then(|custom| custom.only(inherited)),
        })
    }

    /// What a won deal is worth: a line is something sold, even when it is given away.
    pub(super) fn agreed(&self, named: Option<Money>, lines: Money) -> Option<Money> {
        if self.products.is_empty() {
            return named.or(self.details.value).filter(|amount| amount.is_positive());
        }
        Some(named.unwrap_or(lines))
    }

    pub(super) fn lose(&self, loss: &Loss) -> Result<Vec<DealEvent>, DealRejection> {
        match self.stage {
            Stage::Lost => return Ok(vec![]),
            Stage::Won => return Err(DealRejection::AlreadyWon),
            Stage::Lead | Stage::Qualified | Stage::Proposal | Stage::Negotiation | Stage::Closing => {}
        }
        loss.checked()?;
        Ok(vec![DealEvent::Lost {
            from: self.stage,
            reason: loss.reason.clone(),
            competitor: loss.competitor.clone(),
            notes: loss.notes.clone(),
        }])
    }
}
