//! What is billed and paid.

pub mod invoice;
pub mod vat;
