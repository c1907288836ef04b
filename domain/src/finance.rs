//! What is billed and paid.

/// What amounts are in when nothing else is said (product, "Money, tax, numbers").
pub const CURRENCY_DEFAULT: &str = "KZT";

pub mod invoice;
pub mod vat;
