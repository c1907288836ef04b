//! What is billed and paid, and in what.

mod currency;
pub mod invoice;
pub mod vat;

pub use currency::Currency;
