//! Customers, deals, what is done about them, and orders over HTTP.

pub mod activity;
pub mod customer;
pub mod deal;
pub mod interaction;
pub mod order;
pub mod pipeline;
pub mod quote;
