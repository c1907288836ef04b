//! What is billed and paid.

use crate::{Money, fixed::Rate};

/// What amounts are in when nothing else is said (product, "Money, tax, numbers"), and what sums over documents are
/// kept in: amounts of two currencies are never added up as they stand.
pub const CURRENCY_DEFAULT: &str = "KZT";

pub mod exchange_rate;
pub mod invoice;
pub mod terms;
pub mod vat;

/// A document's amount in the base currency, at the rate the document states; `None` when it states none.
pub fn in_base(amount: Money, currency: &str, rate: Option<Rate>) -> Option<Money> {
    if currency == CURRENCY_DEFAULT {
        return Some(amount);
    }
    rate.and_then(|rate| amount.at(rate))
}
