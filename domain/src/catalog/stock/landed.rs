//! Further costs of goods that came: freight, customs, insurance. They are spread over receipts, and of each receipt's share only
//! what falls on goods that are still there raises the stock's worth; the rest is spent, for goods that went keep the cost that
//! was written for them. The oldest go first, however goods are valued: so what is there of a receipt is what is there in all,
//! less what came after it.

use super::{Layers, Stock, StockEvent, StockRejection};
use crate::{Check, Choice, Quantity, Total, finance::Currency, id::ProductId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub const NOTE_MAX: usize = 200;

/// What is paid for beside the goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "lowercase")]
pub enum LandedKind {
    #[default]
    Freight,
    Customs,
    Insurance,
    Other,
}

/// By what further costs are spread over several receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Choice, Default)]
#[serde(rename_all = "lowercase")]
pub enum SpreadBy {
    #[default]
    Quantity,
    Value,
}

/// What a receipt bears of further costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Landing {
    /// Of all that is spread at once.
    pub id: Uuid,
    pub product_id: ProductId,
    /// The receipt: its event, and so its movement.
    pub receipt_id: Uuid,
    /// How much came with it, …
    pub received: Quantity,
    /// … and how much has come after it.
    pub came_since: Quantity,
    pub kind: LandedKind,
    pub note: Option<String>,
    /// The product's.
    pub currency: Currency,
    /// Its share.
    pub amount: Total,
}

/// A receipt's share of further costs: what it raises, and what is spent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Landed {
    /// Of all that was spread at once.
    pub id: Uuid,
    pub product_id: ProductId,
    /// The receipt's movement.
    pub receipt_id: Uuid,
    pub kind: LandedKind,
    pub note: Option<String>,
    pub currency: Currency,
    pub amount: Total,
    /// How much of the receipt is still there.
    pub remaining: Quantity,
    /// How much has come after it.
    pub came_since: Quantity,
    /// What of the amount raises the worth of the stock.
    pub raised: Total,
    /// What falls on goods that went: an expense of that day.
    pub spent: Total,
}

// Rules

impl Stock {
    pub(super) fn land(&self, landing: &Landing) -> Result<Vec<StockEvent>, StockRejection> {
        let mut check = Check::default();
        check.optional_text("note", landing.note.as_ref(), NOTE_MAX);
        check.done()?;
        let before = self.on_hand().minus(landing.came_since).max(Quantity::ZERO);
        let remaining = before.min(landing.received);
        let raised = landing.amount.share(remaining, landing.received);
        Ok(vec![StockEvent::Landed(Landed {
            id: landing.id,
            product_id: landing.product_id,
            receipt_id: landing.receipt_id,
            kind: landing.kind,
            note: landing.note.clone(),
            currency: landing.currency.clone(),
            amount: landing.amount,
            remaining,
            came_since: landing.came_since,
            raised,
            spent: landing.amount.minus(raised),
        })])
    }
}

/// An amount by weights, each share rounded down to a tiyn; the last takes what is left over. None where nothing weighs anything.
pub fn spread(amount: Total, weights: &[i64]) -> Option<Vec<Total>> {
    let sum: i128 = weights.iter().copied().map(i128::from).sum();
    let (_, others) = weights.split_last().filter(|_| sum > 0)?;
    let share = |weight: &i64| {
        let units = i128::from(amount.units()) * i128::from(*weight) / sum;
        i64::try_from(units).ok().and_then(Total::from_units)
    };
    let mut shares: Vec<Total> = others.iter().map(share).collect::<Option<_>>()?;
    let rest = shares.iter().fold(amount, |rest, share| rest.minus(*share));
    shares.push(rest);
    Some(shares)
}

// Memory

impl Layers {
    /// What falls on goods of that layer which so much came after.
    pub(super) fn raise(&mut self, came_since: Quantity, value: Total) {
        let mut behind = came_since;
        let mut found = None;
        for (number, layer) in self.numbered().rev() {
            found = Some((number, layer));
            if !behind.is_positive() {
                break;
            }
            behind = behind.minus(layer.quantity);
        }
        if let Some((number, layer)) = found {
            self.replace(number, layer.worth_more(value));
        }
    }
}

#[cfg(test)]
mod tests;
