//! What is billed and paid.

pub mod invoice;
