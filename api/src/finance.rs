//! Invoices and payments over HTTP.

pub mod invoice;
pub mod payment;
