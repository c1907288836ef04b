//! What is read of invoices and payments.

pub mod exchange_rate;
pub mod invoice;
pub mod payment;
