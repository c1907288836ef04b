//! Customers, deals and orders over HTTP.

pub mod customer;
pub mod deal;
pub mod interaction;
pub mod order;
