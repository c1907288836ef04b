//! A line of a deal, an order or an invoice, and the arithmetic they share: every total is the sum of its lines.

use crate::{Check, Money, Percent, Quantity, Rule, catalog::product::ProductType, check::ITEMS_MAX, id::ProductId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Carries what readers need: name, code and kind as they were when the line was written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Absent on an adjustment.
    pub product_id: Option<ProductId>,
    pub product_name: String,
    pub product_code: Option<String>,
    #[serde(rename = "type")]
    pub kind: LineType,
    pub quantity: Quantity,
    pub unit_price: Money,
    pub discount: Percent,
    pub tax: Percent,
    pub total_price: Money,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum LineType {
    Product(ProductType),
    Adjustment(Adjustment),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Adjustment {
    #[serde(rename = "ADJUSTMENT")]
    Adjustment,
}

/// A line as asked for, with its product already looked up.
#[derive(Debug, Clone, PartialEq)]
pub struct LineDraft {
    pub product_id: ProductId,
    pub product_name: String,
    pub product_code: Option<String>,
    pub kind: ProductType,
    pub quantity: Quantity,
    pub unit_price: Money,
    pub discount: Percent,
    pub tax: Percent,
}

impl Line {
    /// The line that brings a sum to the agreed amount; nothing when it is there already.
    pub fn adjustment(name: &str, difference: Money) -> Option<Self> {
        (!difference.is_zero()).then(|| Self {
            product_id: None,
            product_name: name.to_owned(),
            product_code: None,
            kind: LineType::Adjustment(Adjustment::Adjustment),
            quantity: Quantity::whole(1),
            unit_price: difference,
            discount: Percent::ZERO,
            tax: Percent::ZERO,
            total_price: difference,
        })
    }

    /// A product that somebody has to make.
    pub fn is_manufactured(&self) -> bool {
        self.kind == LineType::Product(ProductType::Manufactured)
    }

    /// A product that is taken from the shelf.
    pub fn is_stocked(&self) -> bool {
        matches!(
            self.kind,
            LineType::Product(ProductType::Product | ProductType::Material)
        )
    }
}

pub fn sum(lines: &[Line]) -> Option<Money> {
    Money::checked_sum(lines.iter().map(|line| line.total_price))
}

/// Checks drafts and computes their totals; what is wrong is told as `{field}[n].…`.
pub fn price(check: &mut Check, field: &str, drafts: &[LineDraft]) -> Vec<Line> {
    check.list(field, drafts);
    let lines: Vec<Line> = drafts
        .iter()
        .take(ITEMS_MAX)
        .enumerate()
        .map(|(n, draft)| price_one(check, &format!("{field}[{n}]"), draft))
        .collect();
    check.that(sum(&lines).is_some(), field, Rule::TooLarge);
    lines
}

fn price_one(check: &mut Check, at: &str, draft: &LineDraft) -> Line {
    let LineDraft {
        product_id,
        product_name,
        product_code,
        kind,
        quantity,
        unit_price,
        discount,
        tax,
    } = draft.clone();
    check.positive_quantity(format!("{at}.quantity"), quantity);
    check.not_negative(format!("{at}.unitPrice"), unit_price);
    check.percent(format!("{at}.discount"), discount);
    check.percent(format!("{at}.tax"), tax);
    let total = Money::line_total(quantity, unit_price, discount, tax);
    check.that(total.is_some(), format!("{at}.unitPrice"), Rule::TooLarge);
    let total_price = total.unwrap_or_default();
    Line {
        product_id: Some(product_id),
        product_name,
        product_code,
        kind: LineType::Product(kind),
        quantity,
        unit_price,
        discount,
        tax,
        total_price,
    }
}
