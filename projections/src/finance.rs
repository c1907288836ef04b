//! What is read of invoices and payments.

pub mod invoice;
pub mod payment;
