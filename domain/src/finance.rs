//! What is billed and paid, and in what.

use crate::{Money, fixed::Rate};

mod currency;
pub mod exchange_rate;
pub mod invoice;
pub mod terms;
pub mod vat;

pub use currency::Currency;

/// A document's amount in the base currency, at the rate the document states; `None` when it states none. Sums over
/// documents are kept in the base currency: amounts of two currencies are never added up as they stand.
pub fn in_base(amount: Money, currency: &Currency, rate: Option<Rate>) -> Option<Money> {
    if currency.is_base() {
        return Some(amount);
    }
    rate.and_then(|rate| amount.at(rate))
}
