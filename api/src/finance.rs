//! Invoices, payments and exchange rates over HTTP.

pub mod exchange_rate;
pub mod invoice;
pub mod payment;
