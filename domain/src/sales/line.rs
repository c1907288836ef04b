//! A line of a deal, an order or an invoice, and the arithmetic they share: every total is the sum of its lines.
//!
//! A price is named without tax or with it. Tax inside a price is never taken out of the price, which would be rounded
//! and multiplied: the price times the quantity is what is paid, and the tax is taken out of that.

use super::LineRequest;
use crate::{
    Check, Money, Percent, Quantity, Rule,
    catalog::product::ProductType,
    check::ITEMS_MAX,
    finance::Currency,
    id::{PriceListId, ProductId},
};
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
    /// As it was named: with `vatIncluded` it carries the tax inside.
    pub unit_price: Money,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vat_included: bool,
    pub discount: Percent,
    pub tax: Percent,
    /// What is paid, tax included.
    pub total_price: Money,
    /// How much of it is tax; absent on lines written before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_amount: Option<Money>,
    /// Where the price was taken from, when it was from a price list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price_list: Option<Listed>,
    /// Whether the price is the product's own; one that was named stays, whatever becomes of the catalog.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub catalog_price: bool,
}

/// A price list, and what it was called then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Listed {
    pub id: PriceListId,
    pub name: String,
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
    pub price: Price,
    pub discount: Percent,
    pub tax: Percent,
}

/// What one unit costs, and how that is meant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Price {
    pub amount: Money,
    /// Whether the tax is inside.
    pub vat_included: bool,
    /// The catalog's currency, when the price comes from there; a price the caller names is in the document's.
    pub currency: Option<Currency>,
    /// The price list that it is from.
    pub list: Option<Listed>,
}

impl Price {
    /// Not named by whoever wrote the line.
    fn is_of_catalog(&self) -> bool {
        self.currency.is_some()
    }
}

impl Line {
    /// The same as asked for: without a price, where that was looked up. Nothing of a line without a product.
    pub fn asked(&self) -> Option<LineRequest> {
        let named = !self.catalog_price && self.price_list.is_none();
        Some(LineRequest {
            product_id: self.product_id?,
            quantity: self.quantity,
            unit_price: named.then_some(self.unit_price),
            vat_included: named.then_some(self.vat_included),
            discount: Some(self.discount),
            tax: Some(self.tax),
        })
    }

    /// The line that brings a sum to the agreed amount; nothing when it is there already.
    pub fn adjustment(name: &str, difference: Money) -> Option<Self> {
        (!difference.is_zero()).then(|| Self {
            product_id: None,
            product_name: name.to_owned(),
            product_code: None,
            kind: LineType::Adjustment(Adjustment::Adjustment),
            quantity: Quantity::whole(1),
            unit_price: difference,
            vat_included: false,
            discount: Percent::ZERO,
            tax: Percent::ZERO,
            total_price: difference,
            tax_amount: None,
            price_list: None,
            catalog_price: false,
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

/// Checks drafts and computes their totals in the document's currency; what is wrong is told as `{field}[n].…`.
pub fn price(check: &mut Check, field: &str, drafts: &[LineDraft], currency: &Currency) -> Vec<Line> {
    check.list(field, drafts);
    let lines: Vec<Line> = drafts
        .iter()
        .take(ITEMS_MAX)
        .enumerate()
        .map(|(n, draft)| price_one(check, &format!("{field}[{n}]"), draft, currency))
        .collect();
    check.that(sum(&lines).is_some(), field, Rule::TooLarge);
    lines
}

fn price_one(check: &mut Check, at: &str, draft: &LineDraft, currency: &Currency) -> Line {
    let LineDraft {
        product_id,
        product_name,
        product_code,
        kind,
        quantity,
        price,
        discount,
        tax,
    } = draft.clone();
    check.positive_quantity(format!("{at}.quantity"), quantity);
    check.not_negative(format!("{at}.unitPrice"), price.amount);
    check.percent(format!("{at}.discount"), discount);
    check.percent(format!("{at}.tax"), tax);
    let catalog_price = price.is_of_catalog() && price.list.is_none();
    let ours = price.currency.is_none_or(|of_price| of_price == *currency);
    check.that(ours, format!("{at}.unitPrice"), Rule::OtherCurrency);
    let on_top = if price.vat_included { Percent::ZERO } else { tax };
    let total = Money::line_total(quantity, price.amount, discount, on_top);
    check.that(total.is_some(), format!("{at}.unitPrice"), Rule::TooLarge);
    let total_price = total.unwrap_or_default();
    let net = if price.vat_included {
        total_price.without_tax(tax)
    } else {
        Money::line_total(quantity, price.amount, discount, Percent::ZERO)
    };
    Line {
        product_id: Some(product_id),
        product_name,
        product_code,
        kind: LineType::Product(kind),
        quantity,
        unit_price: price.amount,
        vat_included: price.vat_included,
        discount,
        tax,
        total_price,
        tax_amount: net.map(|net| total_price.minus(net)),
        catalog_price,
        price_list: price.list,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Violations;
    use proptest::prelude::*;

    fn tiyn(units: i64) -> Money {
        Money::from_units(units).unwrap()
    }

    fn draft(quantity: i32, price: Money, vat_included: bool, discount: i32, tax: i32) -> LineDraft {
        LineDraft {
            product_id: ProductId::default(),
            product_name: "Laptop".into(),
            product_code: None,
            kind: ProductType::Product,
            quantity: Quantity::whole(quantity),
            price: Price {
                amount: price,
                vat_included,
                currency: None,
                list: None,
            },
            discount: Percent::whole(discount),
            tax: Percent::whole(tax),
        }
    }

    fn priced(draft: LineDraft, currency: &str) -> Result<Line, Violations> {
        let mut check = Check::default();
        let mut lines = price(&mut check, "products", &[draft], &currency.into());
        check.done().map(|()| lines.remove(0))
    }

    /// quantity, price, discount, tax → total, tax of it; with the tax inside the price, and on top of it.
    #[test]
    fn a_price_that_carries_its_tax_times_the_quantity_is_what_is_paid() {
        let table = [
            (3, 10_000, true, 0, 12, 30_000, 3_214),
            (1_000, 10_000, true, 0, 12, 10_000_000, 1_071_429),
            (10, 65_000_000, true, 0, 12, 650_000_000, 69_642_857),
            (7, 9_999, true, 0, 16, 69_993, 9_654),
            (10, 65_000_000, true, 5, 12, 617_500_000, 66_160_714),
            (3, 10_000, true, 100, 12, 0, 0),
            (3, 10_000, true, 0, 0, 30_000, 0),
            // Document 2's own figures: the line names price and tax.
            (10, 65_000_000, false, 5, 12, 691_600_000, 74_100_000),
            (50, 40_000_000, false, 10, 12, 2_016_000_000, 216_000_000),
            (40, 5_000_000, false, 0, 12, 224_000_000, 24_000_000),
        ];
        for (quantity, price, inside, discount, tax, total, tax_amount) in table {
            let line = priced(draft(quantity, tiyn(price), inside, discount, tax), "KZT").unwrap();
            let found = (line.total_price, line.tax_amount, line.unit_price, line.vat_included);
            assert_eq!(found, (tiyn(total), Some(tiyn(tax_amount)), tiyn(price), inside));
        }
    }

    #[test]
    fn a_price_of_another_currency_is_refused_by_name() {
        let of = |currency: Option<&str>| {
            let mut draft = draft(1, Money::whole(15_000), false, 0, 12);
            draft.price.currency = currency.map(Currency::from);
            draft
        };
        let refused = Violations::one("products[0].unitPrice", Rule::OtherCurrency);
        assert_eq!(priced(of(Some("KZT")), "USD"), Err(refused));
        assert!(priced(of(Some("USD")), "USD").is_ok() && priced(of(None), "USD").is_ok());
    }

    #[test]
    fn a_line_written_before_prices_could_carry_tax_is_read_and_stored_as_it_was() {
        let stored = r#"{"productId":null,"productName":"ERP","productCode":null,"type":"PRODUCT","quantity":1,"unitPrice":100,"discount":0,"tax":12,"totalPrice":112}"#;
        let line: Line = serde_json::from_str(stored).unwrap();
        assert!(!line.vat_included);
        assert_eq!(serde_json::to_string(&line).unwrap(), stored);
    }

    proptest! {
        /// Whole pieces at a price that carries its tax: to the tiyn, whatever the rate; and the tax is a part of it.
        #[test]
        fn pieces_times_price_is_exact(quantity in 1..10_000_i32, price in 0..100_000_000_i64, tax in 0..=100_i32) {
            let line = priced(draft(quantity, tiyn(price), true, 0, tax), "KZT").unwrap();
            prop_assert_eq!(line.total_price, tiyn(price * i64::from(quantity)));
            let of_it = line.tax_amount.unwrap();
            prop_assert!(!of_it.is_negative() && of_it <= line.total_price);
        }
    }
}

#[cfg(test)]
mod outcomes;
